import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, found, type Secrets } from './disk.ts';
import { Life } from './life.ts';
import { sealedIn, signalSecrets } from './signal.ts';

let life: Life;
/** Where the engine on the sandbox keeps its database. */
let folder: string;
beforeAll(async () => {
  life = await Life.begin();
  folder = join(life.victim.folder, 'sandbox');
  await life.live();
}, 120_000);
afterAll(() => life?.close());

/** The key file holds the key, and nothing else does. */
const onDisk = () => filesIn(life.victim.folder, ['sandbox/encryption.key']);
let signal: Secrets;

/** All that the engine has said, by where it was said. */
function said(): { path: string; bytes: Buffer }[] {
  const proc = `/proc/${life.victim.pid}`;
  const listed = existsSync(proc) ? ['cmdline', 'comm', 'stat', 'status'] : [];
  return [
    { path: 'the log', bytes: Buffer.from(life.victim.output) },
    ...listed.map((name) => ({ path: `the process list (${name})`, bytes: readFileSync(join(proc, name)) })),
    ...life.answers,
    ...life.receiver.requests
      // A QR code is told by the event that is for telling it.
      .filter(({ event }) => event.event !== 'qrcode.updated')
      .map(({ path, headers, body, event }) => {
        // Clients of WasenderApi compare this header with the secret itself.
        const { 'x-webhook-signature': _, ...others } = headers;
        const shown = path === '/' ? others : headers;
        return { path: `webhook ${event.event}`, bytes: Buffer.from(`${body}\n${JSON.stringify(shown)}`) };
      }),
  ];
}

test('no secret is in the log, an answer, a webhook, a page, a figure or the process list', async () => {
  const places = said();
  await life.victim.kill();
  signal = signalSecrets(folder);
  const secrets = { ...life.sealed, ...life.handed, ...signal };
  const bytes = places.reduce((sum, place) => sum + place.bytes.length, 0);
  console.log(
    `${Object.keys(secrets).length} secrets searched in ${places.length} places, ${Math.round(bytes / 1024)} KB: the log (${life.victim.output.split('\n').length} lines), ${life.answers.length} answers, ${life.receiver.requests.length} webhooks; ${life.shown.length} answers that are made to show a secret left out`,
  );
  expect(found(secrets, places)).toEqual([]);

  // That there was something to find, and that it would have been found.
  expect(Object.keys(signal).length).toBeGreaterThan(1500);
  expect(Object.keys(life.sealed).length).toBeGreaterThan(15);
  expect(life.victim.output).toContain('delivery attempt');
  expect(new Set(life.answers.map(({ path }) => path.split(' ').at(-1))).size).toBeGreaterThan(5);
  const leaky = { path: 'leak', bytes: Buffer.from(`x${JSON.stringify(life.sealed['proxyPassword'])}`) };
  expect(found(secrets, [leaky])).toEqual(['proxyPassword in leak']);
  const [name, key] = Object.entries(signal)[0]!;
  for (const form of ['base64', 'hex', 'base64url'] as const) {
    const bytes = Buffer.from(`{"key":"${Buffer.from(key).toString(form)}"}`);
    expect(found({ [name]: key }, [{ path: form, bytes }])).toEqual([`${name} in ${form}`]);
  }
}, 60_000);

test('no secret is in any byte of the data folder: after kill -9, after SIGTERM, after another life', async () => {
  const secrets = { ...life.sealed, ...signal };
  const search = (when: string) => {
    const files = onDisk();
    const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
    const where = files.map(({ path }) => path.replace('sandbox/', '')).filter((path) => !path.startsWith('files/'));
    console.log(
      `${when}: ${Object.keys(secrets).length} secrets searched in ${files.length} files (${where.join(', ')} and others), ${Math.round(bytes / 1024)} KB`,
    );
    expect(files.map(({ path }) => path)).toContain('sandbox/warbler.db');
    expect(found({ one: 'Hello choir' }, files)).not.toEqual([]);
    expect(found(secrets, files)).toEqual([]);
  };
  search('after kill -9');
  life.victim.launch();
  await life.victim.ready();
  await life.victim.stop();
  Object.assign(secrets, signalSecrets(folder));
  search('after SIGTERM');
}, 60_000);

test('of a session that was deleted not even what was sealed is left', async () => {
  life.victim.launch();
  await life.victim.ready();
  const before = sealedIn(folder, 'session_id = 2', ['auth_creds', 'auth_keys', 'subscriptions', 'events']);
  expect(Object.keys(before).length).toBeGreaterThan(500);
  await life.ask('DELETE', '/api/whatsapp-sessions/2');
  await life.victim.stop();
  expect(found(before, onDisk())).toEqual([]);
  expect(Object.keys(sealedIn(folder, 'session_id = 1', ['auth_keys'])).length).toBeGreaterThan(500);
}, 60_000);
