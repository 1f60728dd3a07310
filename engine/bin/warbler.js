#!/usr/bin/env node
/**
 * The command as npm links it. It is no part of the build, because npm links only what is there when it installs; and
 * without a link `npx warbler` asks the registry for a package of that name.
 */
import { existsSync } from 'node:fs';

const built = new URL('../dist/cli.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  process.stderr.write('The engine is not built yet. In the checkout: npm run build:engine\n');
  process.exitCode = 2;
}
