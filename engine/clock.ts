/** Time, for everything that paces, counts or plans. Tests hand the engine a clock that they can advance. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Runs once, when that time has come; answers what calls it off. Does not keep the process alive. */
  at(time: number, run: () => void): () => void;
}

/** Node's timers take no more than 24.8 days: longer ones are waited for in parts. */
const LONGEST_MS = 86_400_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  at(time, run) {
    let timer: NodeJS.Timeout;
    const wait = () => {
      const left = time - Date.now();
      timer = left > LONGEST_MS ? setTimeout(wait, LONGEST_MS) : setTimeout(run, Math.max(0, left));
      timer.unref();
    };
    wait();
    return () => clearTimeout(timer);
  },
};
