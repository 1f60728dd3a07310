import { isInstalled } from './install.mjs';

/** A program that a suite needs besides Node.js. */
export interface Program {
  name: string;
  isThere: boolean;
  /** How to install it, for a person to read. */
  how: string;
}

export const n8nProgram: Program = { name: 'n8n', isThere: isInstalled(), how: 'node test/n8n/install.mjs' };

/**
 * A suite that needs other programs: skipped, and called so, where one is missing. The command that asks for the suite
 * by name says so in `WARBLER_REQUIRE`, and then it fails instead.
 */
export function withPrograms(required: string, programs: Program[], name: string, tests: () => void): void {
  const missing = programs.filter(({ isThere }) => !isThere);
  if (missing.length === 0) return describe(name, tests);
  const say = ({ name, how }: Program) => `${name} is not installed; to install it: ${how}`;
  if (process.env['WARBLER_REQUIRE'] === required) throw new Error(missing.map(say).join('\n'));
  process.stderr.write(`Skipped: ${name} (${missing.map(say).join('. ')})\n`);
  describe.skip(name, tests);
}

/** A suite in the real n8n; `npm run test:n8n` asks for it. */
export function withN8n(name: string, tests: () => void): void {
  withPrograms('n8n', [n8nProgram], name, tests);
}
