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
    const ask = async (phone: string, n: number) => {
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
    const reply = async (one: NonNullable<Awaited<ReturnType<typeof ask>>>) => {
      await until(
        () => `${one.question} to arrive`,
        () => seen(one.phone, one.question).length > 0,
      );
      const [message] = seen(one.phone, one.question);
      const at = { chat: OWN, id: message!.id };
      if (one.kind === 'text') {
        await victim.sandbox.send(one.phone, { to: OWN, text: `answer to ${one.id}`, replyTo: message!.id });
      } else if (one.kind === 'choice') {
        await victim.sandbox.gestures.vote(one.phone, { ...at, options: ['Saturday'] });
      } else {
        await victim.sandbox.gestures.react(one.phone, { ...at, emoji: '👍' });
      }
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
      // Before the question has left, while it is answered, or while the answer is told.
      const when = life % 3;
      if (when === 0) await pause(Math.random() * 30);
      else await Promise.all(open.map(reply));
      if (when === 2) await pause(Math.random() * 80);
      await victim.kill();
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
    for (const one of asked) {
      await until(
        () => `${one.id} to be answered`,
        async () => (await status(one)) === 'answered',
      );
    }
    // Whatever pauses the receiver's moods have earned are over with it.
    const waiting = await victim.ask('GET', '/api/whatsapp-sessions/1/deliveries?status=failed&limit=500');
    for (const { id } of waiting.body['data'] as { id: number }[]) {
      await victim.ask('POST', `/api/whatsapp-sessions/1/deliveries/${id}/redeliver`);
    }
    await until(
      () => `${asked.filter(({ id }) => !told.has(id)).length} answers to be told`,
      () => asked.every(({ id }) => told.has(id)),
    );
    await until(() => 'the last delivery', victim.delivered);

    const lost = asked.filter(({ id, answer }) => ![...told.get(id)!.values()].some((one) => one.text === answer));
    const twice = asked.filter(({ id }) => told.get(id)!.size > 1);
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
