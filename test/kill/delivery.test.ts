import { Receiver, type Answer, type ReceivedRequest } from '../engine/receiver.ts';
import { FRIEND, OWN, Victim, pause, until } from './victim.ts';

const KILLS = Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 3);
const MESSAGES_PER_LIFE = 3;
const FRIENDS = [FRIEND, '15550100003', '15550100004'];

let victim: Victim;
let receiver: Receiver;
beforeAll(async () => {
  victim = await Victim.start();
  receiver = await Receiver.start();
}, 60_000);
afterAll(async () => {
  await victim?.close();
  await receiver?.close();
});

/** What the receiver has taken, by event and redelivery: what it remembers, as n8n's trigger does. */
const taken = new Map<string, { chat: string; seq: number }>();
let repeated = 0;
let well = false;
let recover = () => {};
const recovery = new Promise<void>((resolve) => {
  recover = () => {
    well = true;
    resolve();
  };
});

/** Fails and stalls at random, and then takes the event or does not, whatever it answers. */
async function moody({ event }: ReceivedRequest): Promise<Answer> {
  const mood = well ? 1 : Math.random();
  if (mood < 0.15) return 500;
  if (mood < 0.2) return 'break';
  if (mood < 0.25) return 404;
  if (mood < 0.3) {
    // Longer than any life lasts; a receiver that is well again has forgotten whom it kept waiting.
    await recovery;
    return 'break';
  }
  if (mood < 0.6) await pause(Math.random() * 60);
  const name = `${event.id}#${event.redelivery ?? 0}`;
  if (taken.has(name)) repeated += 1;
  else taken.set(name, { chat: event.jid!, seq: event.seq });
  // Some have it, and the engine does not hear of it.
  return mood < 0.65 ? 'break' : 200;
}

test(
  `${KILLS} kills while events are delivered to a receiver that fails and stalls: each comes, in order, and so does each replay that was accepted`,
  async () => {
    receiver.answer = moody;
    const register = () =>
      victim.ask('POST', '/api/whatsapp-sessions/1/webhooks', { url: receiver.origin, events: ['messages.received'] });
    const { body } = await register();
    const webhook = `/api/whatsapp-sessions/1/webhooks/${(body['data'] as { id: string }).id}`;
    for (const phone of FRIENDS.slice(1)) victim.sandbox.addPhone({ phone });
    const log = async () => {
      const events = await victim.all<{ event: string; id: string }>('/api/whatsapp-sessions/1/events', 'seq');
      return events.filter(({ event }) => event === 'messages.received');
    };
    /** Ids of the events that an accepted replay is about, with the redelivery that they were to get at the least. */
    let sent = 0;
    let replays = 0;
    let asked = 0;
    for (let life = 0; life < KILLS; life += 1) {
      await until(
        () => 'the engine to come back',
        () => victim.online,
      );
      // Whatever pauses the failures have earned are over with it, as when a workflow is activated: something is always
      // under way when the kill comes.
      await register();
      for (let n = 0; n < MESSAGES_PER_LIFE; n += 1) {
        const from = FRIENDS[sent % FRIENDS.length]!;
        await victim.sandbox.send(from, { to: OWN, text: `message ${sent++}` });
        await pause(Math.random() * 15);
      }
      if (life % 4 === 3) {
        const { status, body: answer } = await victim.ask('POST', `${webhook}/replay`, {
          from: '2020-01-01T00:00:00Z',
        });
        if (status === 200) {
          replays += 1;
          asked += (answer['data'] as { events: number }).events;
        }
      }
      await pause(Math.random() * 60);
      await victim.kill();
      victim.launch();
    }
    await victim.ready();
    recover();
    await register();
    await until(
      () => 'every message to be in the log',
      async () => (await log()).length === sent,
    );
    await until(() => 'the last delivery', victim.delivered);

    const events = await log();
    const lost = events.filter(({ id }) => ![...taken.keys()].some((name) => name.startsWith(`${id}#`)));
    const counted = await victim.all<{ event_id: string; redeliveries: number }>(
      '/api/whatsapp-sessions/1/deliveries',
      'id',
    );
    const sum = counted.reduce((total, { redeliveries }) => total + redeliveries, 0);
    // The last time an event was asked for is the one that has to have come.
    const missing = counted.filter(({ event_id: id, redeliveries }) => !taken.has(`${id}#${redeliveries}`));
    const disordered = [...new Set([...taken.values()].map(({ chat }) => chat))].filter((chat) => !inOrder(chat));
    console.log(
      `kill test: ${victim.kills} kills, ${events.length} events, ${replays} replays of ${asked} events accepted, ` +
        `${taken.size} taken, ${lost.length} lost, ${missing.length} replayed and lost, ` +
        `${disordered.length} chats out of order, ${repeated} repeats dropped`,
    );
    expect(events).toHaveLength(sent);
    expect({ lost, missing, disordered }).toEqual({ lost: [], missing: [], disordered: [] });
    expect(sum).toBeGreaterThanOrEqual(asked);
    expect(replays).toBeGreaterThan(0);
    expect(taken.size).toBeLessThanOrEqual(events.length + sum);
  },
  60 * 60_000,
);

/** Whether the events of a chat came in order, each time: those that nobody had asked for, and each redelivery. */
function inOrder(chat: string): boolean {
  const times = new Map<string, number[]>();
  for (const [name, one] of taken) {
    if (one.chat !== chat) continue;
    const time = name.split('#')[1]!;
    times.set(time, [...(times.get(time) ?? []), one.seq]);
  }
  return [...times.values()].every((seqs) => String(seqs) === String([...seqs].sort((a, b) => a - b)));
}
