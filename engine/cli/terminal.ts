/** A clean stop takes less, and Docker waits no longer before it kills. */
const STOP_DEADLINE_MS = 10_000;

export function print(lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** For people, beside what a program may keep. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Stops once, cleanly, within a deadline; a second signal does not wait. */
export function onSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const handle = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}
