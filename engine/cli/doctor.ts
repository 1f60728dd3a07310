import { Command } from 'commander';
import { ConfigError, readSettings, type Settings } from '../config.ts';
import { checkData } from './doctor/data.ts';
import { bad, good, type Finding } from './doctor/finding.ts';
import { checkMachine } from './doctor/machine.ts';
import { checkAddresses, checkWhatsApp } from './doctor/reach.ts';
import { print } from './terminal.ts';

export const doctor = new Command('doctor')
  .description('look for what is wrong, and say what to do; changes nothing, and works while the engine runs')
  .option('--sandbox', 'at the engine on the sandbox')
  .action(async ({ sandbox = false }: { sandbox?: boolean }) => {
    const findings = await examine(sandbox);
    print(findings.flatMap(({ is, what, then }) => [`${MARKS[is]}  ${what}`, ...(then ? [`      ${then}`] : [])]));
    const wrong = findings.filter(({ is }) => is === 'bad').length;
    print(['', wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`]);
    process.exitCode = wrong === 0 ? 0 : 1;
  });

const MARKS = { good: 'ok  ', note: 'note', bad: 'BAD ' } as const;

async function examine(sandbox: boolean): Promise<Finding[]> {
  let settings: Settings;
  try {
    settings = readSettings({ sandbox });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [...(await checkMachine()), bad(error.message, 'The engine does not start like this.')];
  }
  const data = await checkData(settings);
  return [
    ...(await checkMachine()),
    good('The settings can be read'),
    ...data.findings,
    ...(await checkAddresses(settings, data.taken)),
    ...(settings.sandbox ? [] : await checkWhatsApp(settings, data.proxies)),
  ];
}
