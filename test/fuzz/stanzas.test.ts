import { pino } from 'pino';
import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage, textsOf } from '../whatsapp/stage.ts';
import type { Cast, Hostile, Written } from './hostile-stanzas.ts';

// Only now: see stage.ts.
const { hostile } = await import('./hostile-stanzas.ts');

/** How many, and from which seed: the same ones each time, unless others are asked for. */
const SEED = Number(process.env['WARBLER_FUZZ_SEED'] ?? 1);
const RUNS = Number(process.env['WARBLER_FUZZ_STANZAS'] ?? 1000);
const BATCH = 100;

const lines: string[] = [];
/** The last event that was looked at. */
let seen = 0;
let stage: Stage;
let cast: Cast;
beforeAll(async () => {
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  stage = await Stage.open({ log });
  cast = await acquaintance();
});
afterAll(() => stage?.close());

/** Something of everything has happened once: real stanzas to be changed, and messages to be about. */
async function acquaintance(): Promise<Cast> {
  const { sandbox } = stage;
  const group = sandbox.groups.create({ creator: OWN, subject: 'Team', participants: [FRIEND] }).jid;
  const ids: string[] = [];
  for (const to of [OWN, group]) {
    const { id } = await sandbox.send(FRIEND, { to, text: 'hello' });
    const poll = await sandbox.send(FRIEND, { to, poll: { question: 'Seeds?', options: ['Yes', 'No'] } });
    ids.push(id, poll.id);
  }
  for (const to of [FRIEND, group]) {
    const answer = await stage.send(to, 'hi');
    ids.push((answer.body.data as { id: string }).id);
  }
  const [id] = ids;
  await sandbox.gestures.react(FRIEND, { chat: OWN, id: id!, emoji: '👍' });
  await sandbox.gestures.edit(FRIEND, { chat: OWN, id: id!, text: 'hello there' });
  await sandbox.read(FRIEND, { chat: OWN });
  await sandbox.account.setAbout(FRIEND, { text: 'Busy' });
  sandbox.groups.setSubject(group, { by: OWN, subject: 'The team' });
  sandbox.groups.change(group, 'promote', { by: OWN, participants: [FRIEND] });
  sandbox.calls.hangUp(FRIEND, sandbox.calls.start(FRIEND, { to: OWN }));
  await stage.until((events) => events.filter(({ event }) => event === 'call').length >= 2);
  const people = { own: OWN, ownLid: sandbox.phone(OWN).lid, friend: FRIEND, friendLid: sandbox.phone(FRIEND).lid };
  return { ...people, group, ids };
}

const recorded = (): Written[] =>
  stage.sandbox
    .stanzas({ phone: OWN, limit: 20_000 })
    .filter(({ direction }) => direction === 'out')
    .map(({ stanza }) => stanza as Written)
    .filter(({ tag }) => tag !== undefined)
    .map((stanza) => ({ ...stanza, attrs: stanza.attrs ?? {} }));

async function give(one: Hostile): Promise<void> {
  const { sandbox } = stage;
  if ('plaintext' in one) {
    const to = one.in === 'group' ? cast.group : OWN;
    await sandbox.sendBytes(FRIEND, { to, bytes: Buffer.from(one.plaintext).toString('base64') });
  } else if ('frame' in one) {
    sandbox.sendStanza({ phone: OWN, frame: Buffer.from(one.frame).toString('base64') });
  } else sandbox.sendStanza({ phone: OWN, node: one.node });
}

/** A message comes in and one goes out, each once. */
async function goesOn(what: string): Promise<void> {
  await stage.untilStatus(({ status }) => status === 'connected');
  await stage.sandbox.send(FRIEND, { to: OWN, text: `in ${what}` });
  // What the batch has told is long; it is not read over and over.
  await stage.untilTrue(async () => {
    const events = await stage.engine.store.events.list(1, { after: seen, limit: 1000 });
    seen = events.at(-1)?.seq ?? seen;
    return textsOf(events).includes(`in ${what}`);
  });
  const { status, body } = await stage.send(FRIEND, `out ${what}`);
  expect([status, body]).toEqual([200, expect.anything()]);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === `out ${what}`));
}

/** The shape that every event has, whatever it was made from. */
function misshapen(event: EventEnvelope): string | undefined {
  const json = JSON.stringify(event);
  try {
    expect(JSON.parse(json)).toEqual(event);
    const { messages } = event.data as { messages?: Record<string, unknown> | Record<string, unknown>[] };
    for (const message of messages === undefined ? [] : [messages].flat()) {
      expect(message['key']).toMatchObject({ id: expect.stringMatching(/./), remoteJid: expect.stringMatching(/@/) });
      expect(message['messageTimestamp']).toEqual(expect.any(Number));
      expect(message['messageBody']).toEqual(expect.any(String));
    }
    return undefined;
  } catch (error) {
    return `${json.slice(0, 500)}: ${(error as Error).message.slice(0, 500)}`;
  }
}

test(
  'whatever WhatsApp sends, the session goes on, and nothing is told that is not so shaped',
  async () => {
    const all = hostile(recorded(), cast, { seed: SEED, runs: RUNS });
    console.log(`stanzas: ${all.length}, seed ${SEED}`);
    let connections = 0;
    for (let from = 0; from < all.length; from += BATCH) {
      const what = `${from} of seed ${SEED}`;
      for (const one of all.slice(from, from + BATCH)) {
        await stage.untilStatus(({ status }) => status === 'connected');
        await give(one).catch((error: { code?: string }) => {
          if (error.code !== 'not-connected' && error.code !== 'invalid-stanza') throw error;
        });
      }
      await goesOn(what);
    }
    const events = await stage.events();
    connections = events.filter(({ event }) => event === 'session.status').length;
    const texts = textsOf(events).filter((text) => text.startsWith('in '));
    expect(texts).toEqual([...new Set(texts)]);
    expect(events.flatMap((event) => misshapen(event) ?? [])).toEqual([]);
    const unhandled = lines.filter((line) => /unhandled|uncaught/i.test(line));
    const leaked = lines.filter((line) => /privKey|privateKey|rootKey|chainKey|mediaKey/.test(line));
    console.log(
      `stanzas: ${all.length} hostile, ${events.length} events, ${connections} changes of status, ${lines.length} lines of log, ${unhandled.length} unhandled, ${leaked.length} with keys`,
    );
    expect({ unhandled, leaked }).toEqual({ unhandled: [], leaked: [] });
  },
  30_000 + RUNS * 60,
);
