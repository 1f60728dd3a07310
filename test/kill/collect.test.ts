import { Receiver, type Answer, type ReceivedRequest } from '../engine/receiver.ts';
import { FRIEND, OWN, Victim, pause, until } from './victim.ts';

const KILLS = Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 5);
const FRIENDS = [FRIEND, '15550100003'];
const QUIET_S = 1;

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

/** What the receiver has taken, by the id of the request: the ids of the messages in it. */
const taken = new Map<string, string[]>();
/** Every request of the same id has to be the same, also those that were not taken. */
const bodies = new Map<string, string>();
let [repeated, changed] = [0, 0];
let well = false;

/** Fails at random, and then takes the batch or does not, whatever it answers. */
async function moody({ event, body }: ReceivedRequest): Promise<Answer> {
  const before = bodies.get(event.id);
  if (before !== undefined && before !== body) changed += 1;
  bodies.set(event.id, body);
  const mood = well ? 1 : Math.random();
  if (mood < 0.2) return 500;
  if (mood < 0.25) return 404;
  if (mood < 0.6) await pause(Math.random() * 60);
  if (taken.has(event.id)) repeated += 1;
  else
    taken.set(
      event.id,
      event.collected!.map(({ id }) => id),
    );
  // Some have it, and the engine does not hear of it.
  return mood < 0.7 ? 'break' : 200;
}

test(
  `${KILLS} kills while bursts are collected, fixed and delivered: each message comes, once, and each batch stays what it was`,
  async () => {
    receiver.answer = moody;
    const register = () =>
      victim.ask('POST', '/api/webhooks', {
        ...{ url: receiver.origin, events: ['messages.received'], collect: QUIET_S },
      });
    expect((await register()).status).toBe(201);
    for (const phone of FRIENDS.slice(1)) victim.sandbox.addPhone({ phone });
    let sent = 0;
    const burst = async () => {
      for (const from of FRIENDS) {
        for (let n = 0; n <= Math.random() * 3; n += 1) {
          await victim.sandbox.send(from, { to: OWN, text: `message ${sent++}` });
        }
      }
    };
    for (let life = 0; life < KILLS; life += 1) {
      await until(
        () => 'the engine to come back',
        () => victim.online,
      );
      // Whatever pauses the failures have earned are over with it.
      await register();
      await burst();
      // Bursts are over after a second: half of the lives end about then, as they are fixed and posted.
      await pause(life % 2 === 0 ? QUIET_S * 1000 + Math.random() * 150 : Math.random() * 300);
      await victim.kill();
      victim.launch();
    }
    await victim.ready();
    well = true;
    await register();
    const log = async () => {
      const events = await victim.all<{ event: string; id: string }>('/api/whatsapp-sessions/1/events', 'seq');
      return events.filter(({ event }) => event === 'messages.received').map(({ id }) => id);
    };
    await until(
      () => 'every message to be in the log',
      async () => (await log()).length === sent,
    );
    await until(() => 'the last delivery', victim.delivered);

    const events = await log();
    const came = [...taken.values()].flat();
    const lost = events.filter((id) => !came.includes(id));
    const doubled = came.filter((id, index) => came.indexOf(id) !== index);
    const largest = Math.max(...[...taken.values()].map(({ length }) => length));
    console.log(
      `kill test (bursts): ${victim.kills} kills, ${events.length} messages in ${taken.size} batches of up to ${largest}, ` +
        `${repeated} batches repeated, ${changed} changed, ${lost.length} lost, ${doubled.length} doubled`,
    );
    expect({ lost, doubled, changed }).toEqual({ lost: [], doubled: [], changed: 0 });
    expect(events).toHaveLength(sent);
    // Some were really collected.
    expect(taken.size).toBeLessThan(sent);
    expect(largest).toBeGreaterThan(1);
  },
  30 * 60_000,
);
