import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FRIEND, TOKEN } from '../whatsapp/stage.ts';
import { file } from './files.ts';
import { ENDPOINTS, type EndpointFixture } from './fixtures.ts';
import { must, OWN, SAMPLE, World } from './world.ts';

/**
 * The documented commands, run by the real curl: the address and the keys are changed, and whatever the documentation
 * writes for the reader to fill in is filled in.
 */
let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.tidy();
  // One of the commands blocks whom the others write to.
  if (world.sandbox.account.blocklist(OWN).length > 0) world.sandbox.account.unblock(OWN, { phone: SAMPLE });
});
afterAll(() => world?.close());

const run = promisify(execFile);
const HAS_CURL = spawnSync('curl', ['--version']).status === 0;

/** What stands for something of the reader's own, and how to get that. Asked for only where it occurs. */
const BLANKS: [string | RegExp, (fixture: EndpointFixture) => string | Promise<string>][] = [
  [/https:\/\/(?:www\.)?(?:wasenderapi|example)\.com\/(?=[\w-]+\.\w+)/g, () => world.files.url('')],
  [/https:\/\/(?:www\.)?wasenderapi\.com/g, () => world.stage.engine.url],
  [/YOUR_PERSONAL_ACCESS_TOKEN/g, () => TOKEN],
  [/\{whatsappSession\}|my-session-123/g, (fixture) => session(fixture)],
  [/\{msgId\}|(?<="replyTo": )12345/g, async () => String((await sent()).msgId)],
  ['failed-msg-id-123', failed],
  [/\{groupJid\}|123456789-987654321@g\.us/g, () => world.group([OWN, SAMPLE, FRIEND])],
  [/\{contactPhoneNumber\}|\{phone_number\}/g, () => SAMPLE],
  ['123456789@newsletter', () => world.channel(OWN, SAMPLE)],
  [
    'SAMPLE_INVITE_CODE',
    () => world.sandbox.groups.create({ creator: SAMPLE, subject: 'Come', participants: [] }).inviteCode,
  ],
  ['1234567890@lid', () => world.sandbox.phone(SAMPLE).lid],
  ['0987654321@s.whatsapp.net', () => `${FRIEND}@s.whatsapp.net`],
  ['111111111@s.whatsapp.net', () => `${SAMPLE}@s.whatsapp.net`],
  ['222222222@s.whatsapp.net', () => `${FRIEND}@s.whatsapp.net`],
  ['number1', () => (asksToAdd ? world.newPhone() : SAMPLE)],
  ['number2', () => (asksToAdd ? world.newPhone() : FRIEND)],
  ['Sample Phone_number', () => `+${world.newPhone()}`],
  ['Sample Webhook_url', () => 'http://127.0.0.1:9/webhook'],
  ['ip:port', () => '127.0.0.1:1080'],
  ['path/to/your/image.jpg', () => join(import.meta.dirname, 'files/image.jpg')],
  ['/9j/4AAQSkZJRgABAQE...', () => file('image.jpg').toString('base64')],
  ['3EB06A5E244031B4A5D1', async () => (await received({ text: 'blue ticks?' })).key.id],
];

/** A session in the state that the endpoint needs; its key stands in the commands that show one. */
let apiKey = '';
async function session({ path }: EndpointFixture): Promise<string> {
  const connected = /restart|disconnect|-logs/.test(path ?? '');
  const made = await world.session({ connected });
  if (connected) await send({ text: 'for the log' }, made.apiKey);
  if (path?.endsWith('/qrcode')) await world.account('POST', `/api/whatsapp-sessions/${made.id}/connect`);
  apiKey = made.apiKey;
  return String(made.id);
}

const send = (body: object, key: string) =>
  world.request('POST', '/api/send-message', { to: SAMPLE, wait: true, ...body }, key);
async function sent(): Promise<{ msgId: number }> {
  return (await send({ text: 'the first' }, world.apiKey)).body.data as { msgId: number };
}
async function failed(): Promise<string> {
  const { body } = await send({ to: '+15559990000', text: 'nobody' }, world.apiKey);
  return String((body['details'] as { msgId: number }).msgId);
}

interface Received {
  key: { id: string };
  message: { imageMessage: { url: string; mediaKey: string } };
}
async function received(content: Record<string, unknown>): Promise<Received> {
  const { id } = await world.sandbox.send(SAMPLE, { to: OWN, ...content });
  return world.stage.until((events) =>
    events
      .filter(({ event }) => event === 'messages.received')
      .map(({ data }) => (data as { messages: Received }).messages)
      .find(({ key }) => key.id === id),
  );
}

let asksToAdd = false;

/** The command with its blanks filled in, as a shell takes it. */
async function filled(fixture: EndpointFixture, documented: string): Promise<string> {
  // Documented on one line: a backslash and a space stand where a line ended.
  let command = documented.replaceAll('\\ ', '\\\n');
  apiKey = world.apiKey;
  asksToAdd = fixture.path?.endsWith('/add') === true;
  if (command.includes('YOUR_MEDIA_KEY')) {
    const imageUrl = `data:image/jpeg;base64,${file('image.jpg').toString('base64')}`;
    const { key, message } = await received({ imageUrl });
    command = command
      .replace('YOUR_UNIQUE_MESSAGE_ID', key.id)
      .replace('URL_OF_ENCRYPTED_IMAGE', message.imageMessage.url)
      .replace('YOUR_MEDIA_KEY', message.imageMessage.mediaKey);
  }
  for (const [blank, fill] of BLANKS) {
    const occurs = typeof blank === 'string' ? command.includes(blank) : command.search(blank) >= 0;
    if (!occurs) continue;
    const value = await fill(fixture);
    command = command.replaceAll(blank, () => value);
  }
  return command.replaceAll('YOUR_API_KEY', apiKey);
}

const COMMANDS = [...ENDPOINTS.values()].flatMap((fixture) =>
  fixture.curl.map((command, n) => ({
    name: `${fixture.title}${fixture.curl.length > 1 ? `, ${n + 1}` : ''}`,
    fixture,
    command,
  })),
);

(HAS_CURL ? describe : describe.skip)('documented commands, run by curl (skipped where there is none)', () => {
  test.each(COMMANDS)('$name', async ({ fixture, command }) => {
    const line = `${await filled(fixture, command)} -sS -w '\n%{http_code}'`;
    const { stdout } = await run('sh', ['-c', line]);
    const [status, ...lines] = stdout.split('\n').reverse();
    const text = lines.reverse().join('\n');
    must(status!.startsWith('2'), `${status}: ${text}\n${line.slice(0, 500)}`);
    const examples = fixture.responses.map(({ body }) => body as Record<string, unknown>);
    const success = examples.find((body) => body['success'] !== false);
    const answer = (text ? JSON.parse(text) : {}) as Record<string, unknown>;
    expect(Object.keys(answer)).toEqual(expect.arrayContaining(Object.keys(success ?? {})));
    expect(answer['success']).toBe(success?.['success'] ?? answer['success']);
  });
});

test('every documented endpoint has a command', () => {
  const without = [...ENDPOINTS.values()].filter(({ path, curl }) => path && curl.length === 0);
  expect(without).toEqual([]);
});
