// A sandbox in a process of its own, straight from its TypeScript sources, for tests that kill it.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Called by Node, in the thread that loads modules: TypeScript is translated on the way in. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const { transform } = await import('@swc/core');
  const source = await readFile(fileURLToPath(url), 'utf8');
  const { code } = await transform(source, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
}

if (process.argv[2] !== undefined && process.send) {
  register(import.meta.url);
  const { startSandbox } = await import('../../engine/sandbox/index.ts');
  for (const level of ['info', 'warn', 'error', 'log']) console[level] = () => {};
  const sandbox = await startSandbox({ port: Number(process.argv[3]), dataDir: process.argv[2] });
  process.send({ port: sandbox.port, rootKey: sandbox.rootKey });
}
