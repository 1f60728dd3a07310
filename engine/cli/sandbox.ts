import { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { onSignal, print } from './terminal.ts';

export const sandbox = new Command('sandbox')
  .description('start the WhatsApp sandbox alone, for any WhatsApp Web client')
  .action(async () => {
    const { engineLog } = await import('../main.ts');
    const { startSandbox } = await import('../sandbox/index.ts');
    const config = loadConfig({ sandbox: true });
    const port = config.sandbox?.own ? config.sandbox.port : 3211;
    const sandbox = await startSandbox({
      port,
      dataDir: `${config.dataDir}/sandbox`,
      logger: engineLog(config.logLevel),
    });
    onSignal(() => sandbox.close());
    print([
      `WhatsApp sandbox  ${sandbox.socketUrl}  (any WhatsApp Web client: set its WebSocket URL to this)`,
      `Control API       ${sandbox.url}/sandbox`,
      `Root key          ${sandbox.rootKey}  (of the Noise certificates, for clients that check them)`,
    ]);
  });
