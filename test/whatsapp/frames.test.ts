import { deflateSync } from 'node:zlib';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

// Only now: see stage.ts.
const { encodeBinaryNode } = await import('@whiskeysockets/baileys');

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

const frame = (bytes: Uint8Array) =>
  stage.sandbox.sendStanza({ phone: OWN, frame: Buffer.from(bytes).toString('base64') });

/** A group's new subject, which makes an event. */
function subject(text: string): Buffer {
  const attrs = { from: '120363000000000001@g.us', type: 'w:gp2', id: text, t: '1', participant: '99@lid' };
  return Buffer.from(
    encodeBinaryNode({ tag: 'notification', attrs, content: [{ tag: 'subject', attrs: { subject: text } }] }),
  );
}
const compressed = (plain: Buffer) => Buffer.concat([Buffer.of(2), deflateSync(plain.subarray(1))]);

test.each([
  ['cut off', Buffer.of(0, 248, 1)],
  ['empty', Buffer.alloc(0)],
  ['of unknown tokens', Buffer.of(0, 248, 2, 239, 255, 255)],
  ['said to be compressed, and not', Buffer.of(2, 1, 2, 3)],
])('a frame that is %s is passed over, and the next message comes in', async (what, bytes) => {
  frame(bytes);
  await stage.sandbox.send(FRIEND, { to: OWN, text: `behind a frame ${what}` });
  await stage.until((events) => textsOf(events).includes(`behind a frame ${what}`));
  expect(await stage.status()).toBe('connected');
});

test('a frame that has to be unpacked first is not overtaken', async () => {
  const texts = Array.from({ length: 20 }, (_, n) => `subject ${n}`);
  for (const [n, text] of texts.entries()) frame(n % 2 === 0 ? compressed(subject(text)) : subject(text));
  const told = await stage.until((events) => {
    const subjects = events
      .filter(({ event }) => event === 'groups.update')
      .map(({ data }) => (data as { subject?: string }[])[0]?.subject);
    return subjects.includes(texts.at(-1)) && subjects;
  });
  expect(told).toEqual(texts);
});
