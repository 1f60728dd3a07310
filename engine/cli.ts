#!/usr/bin/env node
import { Command } from 'commander';
import { doctor } from './cli/doctor.ts';
import { key } from './cli/key.ts';
import { sandbox } from './cli/sandbox.ts';
import { start } from './cli/start.ts';
import { token } from './cli/token.ts';
import { ConfigError } from './config.ts';
import { EngineError } from './errors.ts';
import { StoreError } from './store/sqlite/index.ts';
import { VERSION } from './version.ts';

const program = new Command('warbler').description('WhatsApp for n8n on your own machine').version(VERSION);
for (const command of [start, sandbox, token, key, doctor]) program.addCommand(command);

program.parseAsync().catch((error: unknown) => {
  const expected = error instanceof ConfigError || error instanceof StoreError || error instanceof EngineError;
  process.stderr.write(`${expected ? wordsOf(error) : ((error as Error).stack ?? String(error))}\n`);
  process.exit(expected ? 2 : 1);
});

/** What is wrong, by field where that is known: a person at a terminal sees nothing else. */
function wordsOf(error: Error): string {
  const fields = error instanceof EngineError ? error.fields : undefined;
  return fields ? Object.values(fields).flat().join(' ') : error.message;
}
