import { Command } from 'commander';
import { join } from 'node:path';
import { KEY_FILE, loadConfig, newEncryptionKey, storeFolder } from '../config.ts';
import { Seal } from '../store/seal.ts';
import { rotateKey } from '../store/sqlite/index.ts';
import { print } from './terminal.ts';

export const key = new Command('key').description('manage the key that seals what is secret on the disk');

key
  .command('rotate')
  .description('seal everything under a new key, while the engine is stopped')
  .option('--sandbox', 'that of the engine on the sandbox')
  .action(({ sandbox = false }: { sandbox?: boolean }) => {
    const next = newEncryptionKey();
    const config = loadConfig({ sandbox });
    const folder = storeFolder(config);
    const { sealed, unreadable, wiped } = rotateKey(folder, new Seal(config.encryptionKey), next);
    print([
      `${sealed} secrets in ${folder} are sealed under the new key.`,
      ...(unreadable > 0 ? [`${unreadable} could not be opened with the old key either, and stay unreadable.`] : []),
      ...(wiped
        ? []
        : ['What was under the old key is wiped by the next start with as much free disk as the database has.']),
      next.keepIn === 'file'
        ? `The new key is in ${join(folder, KEY_FILE)}. Backups from before need the key that lies in them.`
        : 'Now set WARBLER_ENCRYPTION_KEY to it, and unset WARBLER_NEW_ENCRYPTION_KEY; an encryption.key in the folder is of no use any more. Backups from before need the old key.',
    ]);
  });
