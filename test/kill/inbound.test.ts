import { Receiver } from '../engine/receiver.ts';
import { FRIEND, OWN, PICTURE, Victim, pause, until } from './victim.ts';

/** `npm run test:kill` sets this higher. */
const KILLS = Number(process.env['WARBLER_KILLS'] ?? 50);
const MESSAGES_PER_LIFE = 4;
const WREN = '15550100003';

let victim: Victim;
let receiver: Receiver;
let group: string;
let scans: number;
beforeAll(async () => {
  victim = await Victim.start();
  receiver = await Receiver.start();
  victim.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  group = victim.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
  await victim.ask('PUT', '/api/whatsapp-sessions/1', { download_media: true });
  scans = await victim.scans();
}, 60_000);
afterAll(async () => {
  await victim?.close();
  await receiver?.close();
});

test(
  `${KILLS} kills while ${KILLS * MESSAGES_PER_LIFE} messages come in, from people and in a group, with receipts and files: what WhatsApp saw acknowledged arrives, each event once, in order, without a new scan`,
  async () => {
    const { status } = await victim.ask('POST', '/api/whatsapp-sessions/1/webhooks', {
      url: receiver.origin,
      events: ['messages.received', 'media.ready'],
    });
    expect(status).toBe(201);

    /** By the chat that they are in, in the order in which they were sent. */
    const sent = { person: [] as string[], group: [] as string[] };
    const pictures: string[] = [];
    let count = 0;
    const send = async () => {
      const text = `message ${count++}`;
      if (Math.random() < 0.25) {
        sent.group.push((await victim.sandbox.send(WREN, { to: group, text })).id);
        return;
      }
      const picture = Math.random() < 0.1;
      const content = picture ? { text, imageUrl: PICTURE } : { text };
      const { id } = await victim.sandbox.send(FRIEND, { to: OWN, ...content });
      sent.person.push(id);
      if (picture) pictures.push(id);
    };
    /** What we have written, and the friend reads: a receipt is told by WhatsApp once. */
    const written: number[] = [];
    const write = async () => {
      const { status: answer, body } = await victim.ask('POST', '/api/send-message', {
        to: FRIEND,
        text: 'to be read',
      });
      if (answer === 200) written.push((body['data'] as { msgId: number }).msgId);
    };
    for (let life = 0; life < KILLS; life++) {
      // Half of the lives end while messages come in live, half while what waited is delivered at login, some before.
      const live = Math.random() < 0.5;
      if (live) {
        await until(
          () => 'the engine to come back',
          () => victim.online,
        );
        await write();
      }
      for (let n = 0; n < MESSAGES_PER_LIFE; n++) {
        await send();
        await pause(Math.random() * 10);
      }
      await victim.sandbox.read(FRIEND, { chat: OWN });
      if (!live) {
        await Promise.race([
          until(
            () => 'the engine to come back',
            () => victim.online,
          ),
          pause(2000 * Math.random()),
        ]);
      }
      await pause(Math.random() * 40);
      await victim.kill();
      victim.launch();
    }

    const received = (name: string) => receiver.requests.flatMap(({ event }) => (event.event === name ? event : []));
    const all = [...sent.person, ...sent.group];
    const known = new Set(all);
    /** How each message that was sent stands with the own devices: one look at the phones, which cost the sandbox time. */
    const standings = () =>
      [FRIEND, WREN]
        .flatMap((phone) => victim.sandbox.messages(phone, { limit: 10_000 }))
        .filter(({ id, fromMe }) => fromMe && known.has(id))
        .map(({ id, text, chat, devices }) => ({
          id,
          name: `${text} in ${chat}`,
          acknowledged: devices?.some(({ device, status: at }) => device.startsWith(`${OWN}:`) && at !== 'sent'),
        }));
    const acknowledged = () => standings().flatMap((one) => (one.acknowledged ? one.id : []));
    const idOf = (event: { data: unknown }) => (event.data as { messages: { key: { id: string } } }).messages.key.id;
    const open = () => standings().flatMap((one) => (one.acknowledged ? [] : one.name));
    await until(
      () => `the acknowledgement of ${open().join(', ')}`,
      () => open().length === 0,
    ).catch(async (error: Error) => {
      const { body } = await victim.ask('GET', '/api/status');
      throw new Error(
        `${error.message}; the session: ${JSON.stringify(body)}; the engine: ${victim.output.slice(-6000)}`,
      );
    });
    await victim.ready();
    await victim.sandbox.idle();
    const statusOf = async (msgId: number) => {
      const { body } = await victim.ask('GET', `/api/messages/${msgId}/info`);
      return (body['data'] as { status: number } | undefined)?.status;
    };
    const unread = async () => {
      const statuses = await Promise.all(written.map(statusOf));
      return written.filter((_, n) => statuses[n] !== 4);
    };
    await until(
      () => `all that was written to be read`,
      async () => {
        // What was accepted last may arrive only now. What was read before is not read again.
        await victim.sandbox.read(FRIEND, { chat: OWN });
        return (await unread()).length === 0;
      },
    );
    await until(
      () => 'the files',
      () =>
        pictures.every((id) =>
          received('media.ready').some(({ data }) => (data as { messageId: string }).messageId === id),
        ),
    );
    await until(() => 'the last delivery', victim.delivered);

    // A receiver that remembers ids.
    const events = [...new Map(received('messages.received').map((event) => [event.id, event])).values()];
    const files = new Set(received('media.ready').map(({ id }) => id));
    const ids = events.map(idOf);
    const lost = acknowledged().filter((id) => !ids.includes(id));
    const doubled = ids.length - new Set(ids).size;
    const newScans = (await victim.scans()) - scans;
    console.log(
      `kill test (inbound): ${victim.kills} kills, ${all.length} sent (${sent.group.length} in a group, ${pictures.length} with a file), ` +
        `${acknowledged().length} acknowledged, ${written.length} read by the friend, ` +
        `${received('messages.received').length - events.length} repeated deliveries, ` +
        `${lost.length} lost, ${doubled} doubled, ${newScans} new scans`,
    );
    expect(lost).toEqual([]);
    expect(doubled).toBe(0);
    expect(ids.filter((id) => sent.person.includes(id))).toEqual(sent.person);
    expect(ids.filter((id) => sent.group.includes(id))).toEqual(sent.group);
    expect(files.size).toBe(pictures.length);
    expect(newScans).toBe(0);
    // Nor did any of these lives print a session record, private keys and all, as libsignal does.
    expect(victim.output).not.toMatch(/privKey|SessionEntry|Closing session/);
  },
  60 * 60_000,
);
