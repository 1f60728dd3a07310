import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Libsql from 'libsql';
import { Receiver, type Answer, type ReceivedRequest } from '../engine/receiver.ts';
import { FRIEND, OWN, Victim, pause, until } from './victim.ts';

const KILLS = Math.max(15, Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 4));
const WREN = '15550100003';
const PEOPLE = [FRIEND, WREN];

let victim: Victim;
let receiver: Receiver;
beforeAll(async () => {
  victim = await Victim.start({ WARBLER_PACE: 'off' });
  receiver = await Receiver.start();
  victim.sandbox.addPhone({ phone: WREN, name: 'Wren' });
}, 60_000);
afterAll(async () => {
  await victim?.close();
  await receiver?.close();
});

/** What was told of each inquiry, by event: what a receiver remembers that drops repeats of an id. */
const told = new Map<string, Map<string, { status: string; text?: string }>>();
let repeated = 0;
let well = false;

/** What is still missing when no more comes. */
async function missing<T>(what: string, look: () => T[] | Promise<T[]>): Promise<T[]> {
  await until(
    () => what,
    async () => (await look()).length === 0,
  ).catch(() => {});
  return look();
}

/** A waiting execution that is not always there yet, and does not always get its answer out. */
async function moody({ event }: ReceivedRequest): Promise<Answer> {
  const mood = well ? 1 : Math.random();
  if (mood < 0.3) return 409;
  await pause(Math.random() * 30);
  const { inquiryId, status, answer } = event.data as {
    inquiryId: string;
    status: string;
    answer?: { text?: string; choice?: string; approved?: boolean };
  };
  const known = told.get(inquiryId) ?? new Map<string, { status: string; text?: string }>();
  if (known.has(event.id)) repeated += 1;
  const text = answer?.text ?? answer?.choice ?? answer?.approved;
  known.set(event.id, { status, ...(text !== undefined && { text: String(text) }) });
  told.set(inquiryId, known);
  return mood < 0.45 ? 'break' : 200;
}

/** Kills in the very moment in which a message that comes in is on the disk: what belongs to it has to be there, too. */
async function killWhenStored(): Promise<void> {
  const database = new Libsql(join(victim.folder, 'sandbox', 'warbler.db'), { readonly: true });
  const statement = database.prepare('SELECT count(*) AS count FROM messages WHERE from_me = 0');
  const count = () => (statement.get([]) as { count: number }).count;
  const before = count();
  const deadline = Date.now() + 30_000;
  while (count() === before && Date.now() < deadline) await turn();
  await victim.kill();
  database.close();
}

/** A question that somebody is to answer. */
interface Question {
  phone: string;
  question: string;
  kind: 'text' | 'choice' | 'approval';
  id: string;
}

interface Asked {
  id: string;
  msgId: number;
  /** What the person was seen to answer first; what the caller has to be told. */
  answer: string;
}

test(
  `${KILLS} kills between question, answer and callback: every answer is told, to whoever remembers ids once, and no question is asked twice`,
  async () => {
    receiver.answer = moody;
    const asked: Asked[] = [];
    let refused = 0;
    let answered = 0;
    const text = () => `question ${asked.length + refused}`;
    const seen = (phone: string, question: string) =>
      victim.sandbox.messages(phone, { limit: 10_000 }).filter((one) => one.text === question);

    /** Asks somebody, and has them answer as soon as they see it: a vote, a reaction or a message. */
    const ask = async (phone: string, n: number): Promise<Question | undefined> => {
      const question = text();
      const kind = (['text', 'choice', 'approval'] as const)[n % 3]!;
      const { status, body } = await victim.ask('POST', '/api/inquiries', {
        ...{ to: phone, kind, text: question, callbackUrl: `${receiver.origin}/${asked.length + refused}` },
        ...(kind === 'choice' && { options: ['Friday', 'Saturday'] }),
      });
      // What was not answered may have been accepted all the same; nobody knows its id.
      if (status !== 201) {
        refused += 1;
        return;
      }
      const { id, msgId } = body['data'] as { id: string; msgId: number };
      asked.push({
        id,
        msgId,
        answer: kind === 'approval' ? 'true' : kind === 'choice' ? 'Saturday' : `answer to ${id}`,
      });
      return { phone, question, kind, id };
    };
    const answer = async ({ phone, kind, id }: Question, question: string) => {
      if (kind === 'text') {
        return victim.sandbox.send(phone, { to: OWN, text: `answer to ${id}`, replyTo: question });
      }
      const about = { chat: OWN, id: question };
      if (kind === 'choice') return victim.sandbox.gestures.vote(phone, { ...about, options: ['Saturday'] });
      return victim.sandbox.gestures.react(phone, { ...about, emoji: '👍' });
    };
    const arrival = async ({ phone, question }: Question) => {
      await until(
        () => `${question} to arrive`,
        () => seen(phone, question).length > 0,
      );
      return seen(phone, question)[0]!.id;
    };
    const reply = async (one: Question) => {
      await answer(one, await arrival(one));
      answered += 1;
    };

    for (let life = 0; life < KILLS; life += 1) {
      await until(
        () => 'the engine to come back',
        () => victim.online,
      );
      await victim.ready();
      const open = [];
      for (const [index, phone] of PEOPLE.entries()) {
        const one = await ask(phone, life + index);
        if (one) open.push(one);
      }
      // Before the question has left, while it is answered, when the answer has just come, or while it is told.
      const when = life % 4;
      if (when === 0) await pause(Math.random() * 30);
      else await Promise.all(open.map(arrival));
      const answering = when === 0 ? [] : open.map(reply);
      if (when === 2 && open.length > 0) await killWhenStored();
      await Promise.all(answering);
      if (when === 3) await pause(Math.random() * 80);
      if (!victim.gone) await victim.kill();
      // The engine is away while these are answered.
      const left = when === 0 ? open.filter(({ phone, question }) => seen(phone, question).length > 0) : [];
      await Promise.all(left.map(reply));
      victim.launch();
      await Promise.all(open.filter((one) => when === 0 && !left.includes(one)).map(reply));
    }
    well = true;
    await victim.ready();
    const status = async ({ id }: Asked) =>
      ((await victim.ask('GET', `/api/inquiries/${id}`)).body['data'] as { status: string } | undefined)?.status;
    const unanswered = await missing('the answers', async () => {
      const statuses = await Promise.all(asked.map(status));
      return asked.filter((_, index) => statuses[index] !== 'answered');
    });
    // Whatever pauses the receiver's moods have earned are over with it.
    const waiting = await victim.ask('GET', '/api/whatsapp-sessions/1/deliveries?status=failed&limit=500');
    for (const { id } of waiting.body['data'] as { id: number }[]) {
      await victim.ask('POST', `/api/whatsapp-sessions/1/deliveries/${id}/redeliver`);
    }
    await missing('what is to be told', () => asked.filter((one) => !unanswered.includes(one) && !told.has(one.id)));
    await until(() => 'the last delivery', victim.delivered);

    const toldOf = ({ id }: Asked) => [...(told.get(id)?.values() ?? [])];
    const lost = asked.filter((one) => !toldOf(one).some(({ text: words }) => words === one.answer));
    const twice = asked.filter((one) => toldOf(one).length > 1);
    const doubled = PEOPLE.flatMap((phone) => victim.sandbox.messages(phone, { limit: 10_000 }).map((one) => one.text))
      .filter((one) => String(one).startsWith('question '))
      .filter((one, index, all) => all.indexOf(one) !== index);
    console.log(
      `kill test: ${victim.kills} kills, ${asked.length} questions accepted, ${answered} answered, ` +
        `${lost.length} answers lost, ${twice.length} told twice, ${doubled.length} questions doubled, ${repeated} repeats dropped`,
    );
    expect({ lost, twice, doubled }).toEqual({ lost: [], twice: [], doubled: [] });
    expect(answered).toBe(asked.length);
    expect(asked.length).toBeGreaterThan(KILLS);
    expect(victim.kills).toBe(KILLS);
  },
  10 * 60_000,
);
