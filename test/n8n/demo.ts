/**
 * `npm run demo`: a simulated phone writes to WhatsApp, a workflow in a real n8n answers, and one can watch. Starts the
 * engine on its sandbox and an n8n with the built package. Both keep their data in ./data/demo (or `--data FOLDER`) for
 * the next time, and stay until Ctrl-C; with `--once` until the first echo. Whatever happens, everything that was
 * started here is ended; the exit code is 1 after a failure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Engine, Phone } from './engine.ts';
import { folder as n8nFolder, isInstalled } from './install.mjs';
import { ended, freePort, N8n, type Owner, root, until, type Workflow } from './n8n.ts';
import { tell, Watch } from './watch.ts';

const GREETING = 'Hello from Robin';
const ECHO_TIMEOUT_MS = 60_000;

/** What stays the same from run to run: `demo.json` in the data folder, readable by its owner only. */
interface Kept {
  token: string;
  owner: Owner;
}

/** A failure that a person can do something about: shown without a stack. */
class Failure extends Error {}

/** Undoes what was started, the latest first. */
const undo: Array<() => Promise<unknown>> = [];

const signalled = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});
const failure = await Promise.race([
  signalled,
  demo().catch((error: Error) => (error instanceof Failure ? error.message : error.stack)),
]);
if (undo.length > 0) tell('demo', 'stopping …');
for (const step of undo) await step();
if (failure) process.stderr.write(`\n${failure}\n`);
process.exit(failure ? 1 : 0);

async function demo(): Promise<void> {
  const { once, data } = options();
  if (!isInstalled()) await installN8n();
  const kept = keptIn(data);
  const engine = await startEngine(data, kept);
  const n8n = await startN8n(data, kept, engine);
  const workflow = await echoWorkflow(n8n, engine);
  const phone = await friendOf(engine);
  const watch = new Watch(phone, n8n, workflow);
  undo.unshift(async () => watch.stop());
  await watch.skip();
  await phone.send(await engine.number(), GREETING);
  await until('the echo', async () => (await watch.sawEchoOf(GREETING)) || undefined, ECHO_TIMEOUT_MS).catch(
    noEcho(n8n, workflow),
  );
  if (once) return;
  process.stdout.write(await whatNext(engine, n8n, phone, workflow, kept.owner));
  await Promise.race([watch.untilStopped(), engine.ended(), n8n.ended()]);
  throw new Failure('The engine or n8n has ended. Start again with: npm run demo');
}

function options(): { once: boolean; data: string } {
  try {
    const { values } = parseArgs({ options: { once: { type: 'boolean' }, data: { type: 'string' } } });
    return { once: values.once ?? false, data: resolve(values.data ?? join(root, 'data', 'demo')) };
  } catch (error) {
    throw new Failure(`${(error as Error).message}. There are: --once, --data FOLDER`);
  }
}

async function installN8n(): Promise<void> {
  tell('n8n', `not here yet: installing it once, 2.4 GB and about five minutes, into ${n8nFolder}`);
  const installer = join(root, 'test', 'n8n', 'install.mjs');
  const child = spawn(process.execPath, [installer], { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  undo.unshift(() => endGroup(child));
  await ended(child);
  if (child.exitCode === 0) return;
  throw new Failure(`n8n could not be installed. It needs the package registry and 3 GB in ${n8nFolder}
(elsewhere: WARBLER_N8N_DIR), and Python, make and a C++ compiler where no ready-made SQLite fits.
"npm run demo" goes on where this stopped; "npm run sandbox" tries the engine without n8n.`);
}

/** The installer runs npm, which would outlive it. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid && child.exitCode === null && child.signalCode === null) process.kill(-child.pid);
  await ended(child);
}

function keptIn(data: string): Kept {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const file = join(data, 'demo.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Kept;
  const password = `Demo-${randomBytes(9).toString('base64url')}1`;
  const kept = { token: randomBytes(32).toString('hex'), owner: { email: 'demo@warbler.example', password } };
  writeFileSync(file, JSON.stringify(kept, null, 2), { mode: 0o600 });
  return kept;
}

async function startEngine(data: string, { token }: Kept): Promise<Engine> {
  const port = await portFrom('WARBLER_PORT', 3210);
  const sandboxPort = await portFrom('WARBLER_SANDBOX_PORT', 3211);
  const engine = await Engine.create({ data: join(data, 'engine'), token, port, sandboxPort });
  undo.unshift(() => engine.stop());
  await explained(engine.launch());
  tell('engine', `ready on ${engine.url}, with a WhatsApp sandbox`);
  return engine;
}

async function startN8n(data: string, { owner }: Kept, engine: Engine): Promise<N8n> {
  const n8n = await N8n.create({ home: join(data, 'n8n'), port: await portFrom('N8N_PORT', 5678), owner });
  // Had n8n another port last time, nobody listens there now, or somebody else.
  for (const { id, url } of await engine.subscriptions()) {
    if (!url.startsWith(n8n.url)) await engine.call('DELETE', `/api/whatsapp-sessions/1/webhooks/${id}`);
  }
  undo.unshift(() => n8n.stop());
  tell('n8n', 'starting, which takes up to a minute …');
  await explained(n8n.open());
  tell('n8n', `ready on ${n8n.url}, with the package installed`);
  return n8n;
}

/** What a program says when it cannot start is for a person to read; our stack is not. */
async function explained(start: Promise<void>): Promise<void> {
  await start.catch((error: Error) => {
    throw new Failure(error.message);
  });
}

/** The port that is wished for; a free one when another program has it. */
async function portFrom(variable: string, usual: number): Promise<number> {
  const wished = Number(process.env[variable] || usual);
  if (!Number.isInteger(wished) || wished < 1 || wished > 65_535) throw new Failure(`${variable} is not a port.`);
  const isFree = await new Promise<boolean>((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(wished, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  if (isFree) return wished;
  const free = await freePort();
  tell('demo', `port ${wished} is taken, ${free} is used instead (or choose one: ${variable})`);
  return free;
}

/**
 * The example in n8n, active: as it was left the last time, or imported now. One that is there is deactivated first: if
 * the engine has moved since, n8n failed to activate it at its start and would try again only later.
 */
async function echoWorkflow(n8n: N8n, engine: Engine): Promise<Workflow> {
  const example = JSON.parse(readFileSync(join(root, 'examples', 'echo.json'), 'utf8')) as Workflow;
  const credential = await n8n.keepCredential({ url: engine.url, token: engine.token });
  const kept = await n8n.findWorkflow(example.name);
  const workflow = kept ?? (await n8n.createWorkflow(example, credential));
  if (kept) await explained(n8n.deactivate(kept));
  await explained(n8n.activate(workflow));
  tell('n8n', `${kept ? 'found' : 'imported'} and activated the workflow "${workflow.name}" (examples/echo.json)`);
  return workflow;
}

/** The sandbox has two phones from the start: that of session 1, and a friend's. */
async function friendOf(engine: Engine): Promise<Phone> {
  const own = await engine.number();
  const phones = await engine.sandbox<Array<{ phone: string; name: string }>>('GET', '/phones');
  const friend = phones.find(({ phone }) => !own.endsWith(phone));
  if (!friend) throw new Failure('The sandbox has no second phone. Remove the data folder to start afresh.');
  return new Phone(engine, friend.phone);
}

function noEcho(n8n: N8n, workflow: Workflow): () => never {
  return () => {
    throw new Failure(`No echo came back within ${ECHO_TIMEOUT_MS / 1000} s. Is the workflow "${workflow.name}" still
the one of examples/echo.json? Delete it in n8n (${n8n.url}/workflow/${workflow.id})
or remove the data folder, and it is imported anew.`);
  };
}

async function whatNext(engine: Engine, n8n: N8n, phone: Phone, workflow: Workflow, owner: Owner): Promise<string> {
  const there = `${engine.sandboxUrl}/phones/${phone.number}`;
  return `
Look at the workflow   ${n8n.url}/workflow/${workflow.id}
  e-mail               ${owner.email}
  password             ${owner.password}

Write again from Robin's phone, and read it:
  curl ${there}/send -H 'Content-Type: application/json' -d '{"to": "${await engine.number()}", "text": "Hello again"}'
  curl ${there}/messages

Ctrl-C stops everything. What happens meanwhile is shown here:

`;
}
