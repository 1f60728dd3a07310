import type { Logger } from 'pino';

export type Contain = <A extends unknown[], R>(what: string, work: (...args: A) => R) => (...args: A) => R | undefined;

/**
 * What others call, and may not be harmed by: whatever is thrown in it, at once or later, is told to the log and goes no
 * further, neither to Baileys' emitters nor to other sessions. `undefined` is answered then.
 */
export function boundary(log: Logger): Contain {
  return (what, work) => {
    const failed = (error: unknown): undefined => {
      log.error({ err: error, in: what }, 'failed, and goes no further');
      return undefined;
    };
    return (...args) => {
      try {
        const answer = work(...args);
        return answer instanceof Promise ? (answer.catch(failed) as typeof answer) : answer;
      } catch (error) {
        return failed(error);
      }
    };
  };
}

/** The same for everything that an object does. */
export function contained<T extends object>(contain: Contain, all: T): T {
  return Object.fromEntries(
    Object.entries(all).map(([name, work]) => [name, contain(name, work as (...args: unknown[]) => unknown)]),
  ) as T;
}
