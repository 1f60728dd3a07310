import { Receiver } from '../engine/receiver.ts';
import { FRIEND, OWN, Victim, pause, until } from './victim.ts';

/** `npm run test:kill` sets this higher. */
const KILLS = Number(process.env['WARBLER_KILLS'] ?? 50);
const MESSAGES_PER_LIFE = 4;

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

test(
  `${KILLS} kills while ${KILLS * MESSAGES_PER_LIFE} messages come in: what WhatsApp saw acknowledged arrives, each event once, in order, without a new scan`,
  async () => {
    const { status } = await victim.ask('POST', '/api/whatsapp-sessions/1/webhooks', {
      url: receiver.origin,
      events: ['messages.received'],
    });
    expect(status).toBe(201);

    const sent: string[] = [];
    const send = async () => {
      const text = `message ${sent.length}`;
      sent.push((await victim.sandbox.send(FRIEND, { to: OWN, text })).id);
    };
    for (let life = 0; life < KILLS; life++) {
      // Half of the lives end while messages come in live, half while what waited is delivered at login, some before.
      const live = Math.random() < 0.5;
      if (live)
        await until(
          () => 'the engine to come back',
          () => victim.online,
        );
      for (let n = 0; n < MESSAGES_PER_LIFE; n++) {
        await send();
        await pause(Math.random() * 10);
      }
      if (!live)
        await Promise.race([
          until(
            () => 'the engine to come back',
            () => victim.online,
          ),
          pause(2000 * Math.random()),
        ]);
      await pause(Math.random() * 40);
      await victim.kill();
      victim.launch();
    }

    const received = () => receiver.requests.map(({ event }) => event);
    const acknowledged = () =>
      victim.sandbox
        .messages(FRIEND, { limit: 10_000 })
        .filter(({ devices }) =>
          devices?.some(({ device, status }) => device.startsWith(`${OWN}:`) && status !== 'sent'),
        )
        .map(({ id }) => id);
    const idOf = (event: { data: unknown }) => (event.data as { messages: { key: { id: string } } }).messages.key.id;
    const open = () =>
      victim.sandbox.messages(FRIEND, { limit: 10_000 }).filter(({ id }) => !acknowledged().includes(id));
    await until(
      () => `the acknowledgement of ${JSON.stringify(open().map(({ text, devices }) => [text, devices]))}`,
      () => acknowledged().length === sent.length,
    );
    await until(() => 'the last delivery', victim.delivered);

    // A receiver that remembers ids.
    const events = [...new Map(received().map((event) => [event.id, event])).values()];
    const lost = acknowledged().filter((id) => !events.some((event) => idOf(event) === id));
    const doubled = events.length - new Set(events.map(idOf)).size;
    console.log(
      `kill test: ${victim.kills} kills, ${sent.length} sent, ${acknowledged().length} acknowledged, ${lost.length} lost, ` +
        `${doubled} doubled, ${received().length - events.length} repeated deliveries`,
    );
    expect(lost).toEqual([]);
    expect(doubled).toBe(0);
    expect(events.map(idOf)).toEqual(sent);
    const { body } = await victim.ask('GET', '/api/whatsapp-sessions/1/events?limit=500');
    expect((body['data'] as { event: string }[]).filter(({ event }) => event === 'qrcode.updated')).toHaveLength(1);
    // Nor did any of these lives print a session record, private keys and all, as libsignal does.
    expect(victim.output).not.toMatch(/privKey|SessionEntry|Closing session/);
  },
  30 * 60_000,
);
