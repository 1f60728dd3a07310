import { isInstalled } from './install.mjs';

const HOW = 'node test/n8n/install.mjs';

/**
 * A suite that needs the real n8n: skipped, and called so, where it is not installed. `npm run test:n8n` asks for it by
 * name (`WARBLER_REQUIRE=n8n`) and fails instead.
 */
export function withN8n(name: string, tests: () => void): void {
  if (isInstalled()) return describe(name, tests);
  if (process.env['WARBLER_REQUIRE'] === 'n8n') throw new Error(`n8n is not installed. Run: ${HOW}`);
  process.stderr.write(`Skipped: ${name} (n8n is not installed; to install it: ${HOW})\n`);
  describe.skip(name, tests);
}
