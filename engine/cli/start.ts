import { Command } from 'commander';
import { loadConfig, storeFolder, type Config } from '../config.ts';
import type { RunningEngine } from '../main.ts';
import { VERSION } from '../version.ts';
import { onSignal, print } from './terminal.ts';

const READY_MS = 20_000;

export const start = new Command('start')
  .description('start the engine on the real WhatsApp')
  .option('--sandbox', 'on the built-in WhatsApp sandbox instead: no phone, no internet')
  .action(async ({ sandbox = false }: { sandbox?: boolean }) => {
    // Only now: commands that need no engine do not wait for its modules.
    const { engineLog, startEngine } = await import('../main.ts');
    const phones = await import('../sandbox-mode.ts');
    const config = loadConfig({ sandbox });
    const log = engineLog(config.logLevel);
    process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
    // A file that may not grow (ulimit -f) is storage_failed; unheard, the signal would end the process.
    process.on('SIGXFSZ', () => {});
    // Nobody knows what it has left half done in memory; on disk everything is whole. Whoever runs us starts us again.
    process.on('uncaughtException', (error) => {
      log.fatal({ err: error }, 'uncaught exception: the engine ends');
      process.exit(1);
    });
    const starting = startEngine(config, { log });
    onSignal(async () => (await starting).stop());
    const engine = await starting;
    await Promise.race([engine.ready, new Promise((resolve) => setTimeout(resolve, READY_MS).unref())]);
    print(block(config, engine, phones));
  });

type Phones = Pick<typeof import('../sandbox-mode.ts'), 'FIRST_PHONE' | 'FRIEND_PHONE'>;

/** What a person who just started the engine needs to know. The README explains each line. */
function block(config: Config, { url, newToken, sandboxUrl }: RunningEngine, phones: Phones): string[] {
  return [
    '',
    `Warbler ${VERSION}${sandboxUrl ? ' on the WhatsApp sandbox' : ''}`,
    '',
    `  Engine   ${url}`,
    `  Docs     ${url}/docs`,
    `  Data     ${storeFolder(config)}`,
    ...(newToken
      ? [`  Token    ${newToken}`, '           Shown only now, only its hash is kept. Paste it into n8n.']
      : []),
    ...(sandboxUrl ? [`  Sandbox  ${sandboxUrl}/sandbox`, ...tryIt(url, newToken, sandboxUrl, phones)] : []),
    '',
  ];
}

function tryIt(
  url: string,
  newToken: string | undefined,
  sandboxUrl: string,
  { FIRST_PHONE, FRIEND_PHONE }: Phones,
): string[] {
  const json = "-H 'Content-Type: application/json'";
  return [
    '',
    `Session 1 is linked to the simulated phone +${FIRST_PHONE}; +${FRIEND_PHONE} is a friend’s. Try:`,
    '',
    `  ${newToken ? `TOKEN=${newToken}` : 'TOKEN=…   # the one printed at the first start, or your WARBLER_TOKEN'}`,
    `  curl ${url}/api/send-message -H "Authorization: Bearer $TOKEN" -H 'X-Warbler-Session: 1' ${json} -d '{"to": "+${FRIEND_PHONE}", "text": "Hello!", "wait": true}'`,
    `  curl ${sandboxUrl}/sandbox/phones/${FRIEND_PHONE}/messages`,
    `  curl ${sandboxUrl}/sandbox/phones/${FRIEND_PHONE}/send ${json} -d '{"to": "+${FIRST_PHONE}", "text": "Hello back!"}'`,
    `  curl ${url}/api/whatsapp-sessions/1/events -H "Authorization: Bearer $TOKEN"`,
  ];
}
