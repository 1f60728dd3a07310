import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { n8nProgram, withPrograms } from '../n8n/suite.ts';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The browser of this machine, or the one that `WARBLER_CHROMIUM` names. */
export const chromiumCommand =
  process.env['WARBLER_CHROMIUM'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => COMMANDS.map((command) => join(folder, command)))
    .find(canRun);

const chromiumProgram = {
  name: 'Chromium',
  isThere: chromiumCommand !== undefined && canRun(chromiumCommand),
  how: 'apt-get install chromium, or name the command of one that is there in WARBLER_CHROMIUM',
};

/** A suite in n8n's editor in a real browser; `npm run test:browser` asks for it. */
export function withBrowser(name: string, tests: () => void): void {
  withPrograms('browser', [chromiumProgram, n8nProgram], name, tests);
}
