import Libsql from 'libsql';
import { join } from 'node:path';
import type { EventEnvelope } from '../../engine/events.ts';
import { Receiver } from '../engine/receiver.ts';
import { FRIEND, OWN, PICTURE, Victim, until } from '../kill/victim.ts';
import { DISKS, type Disk } from './disk.ts';

const WREN = '15550100003';

describe.each(DISKS)('on $name', ({ missing, make }) => {
  if (missing) {
    test.skip(`(${missing})`, () => {});
    return;
  }

  let disk: Disk;
  let victim: Victim;
  let receiver: Receiver;
  let group: string;
  beforeAll(async () => {
    disk = make();
    receiver = await Receiver.start();
    victim = await Victim.start({}, disk.folder);
    victim.sandbox.addPhone({ phone: WREN, name: 'Wren' });
    group = victim.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
    const events = ['messages.received', 'messages.update', 'message.sent', 'groups.update', 'media.ready'];
    await victim.ask('POST', '/api/whatsapp-sessions/1/webhooks', { url: receiver.origin, events });
    await victim.ask('PUT', '/api/whatsapp-sessions/1', { download_media: true });
  }, 60_000);
  afterAll(async () => {
    await victim?.close();
    await receiver?.close();
    disk?.remove();
  });

  /** Else SQLite may begin its log anew on the full disk, and has room for as much as was in it. */
  const emptyLog = () => {
    const database = new Libsql(join(disk.folder, 'sandbox', 'warbler.db'));
    database.exec('PRAGMA busy_timeout = 10000');
    const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get([]) as { busy: number };
    database.close();
    expect(busy).toBe(0);
  };

  /** What a receiver that remembers ids has of a kind of event. */
  const received = (name: string): EventEnvelope[] => [
    ...new Map(
      receiver.requests.filter(({ event }) => event.event === name).map(({ event }) => [event.id, event]),
    ).values(),
  ];
  const has = (name: string, words: string) => received(name).some(({ data }) => JSON.stringify(data).includes(words));
  const idsReceived = () =>
    received('messages.received').map(({ data }) => (data as { messages: { key: { id: string } } }).messages.key.id);
  /** Ids of what phones have sent, and the engine has acknowledged. */
  const acknowledged = () =>
    [FRIEND, WREN].flatMap((phone) =>
      victim.sandbox
        .messages(phone, { limit: 10_000 })
        .filter(({ devices }) =>
          devices?.some(({ device, status }) => device.startsWith(`${OWN}:`) && status !== 'sent'),
        )
        .map(({ id }) => id),
    );
  const send = (text: string, more = {}) => victim.ask('POST', '/api/send-message', { to: FRIEND, text, ...more });
  const textsAt = (phone: string) => victim.sandbox.messages(phone, { limit: 10_000 }).map(({ text }) => text);

  test('nothing is acknowledged that is not stored, callers are told what to do, and it goes on by itself when there is room', async () => {
    const startedAt = Date.now();
    const sent: string[] = [];
    const write = async (from: string, to: string, count: number) => {
      for (let n = 0; n < count; n++) {
        sent.push((await victim.sandbox.send(from, { to, text: `message ${sent.length}` })).id);
      }
    };
    expect((await send('before', { wait: true })).status).toBe(200);
    await write(FRIEND, OWN, 3);
    await until(
      () => 'the first messages',
      () => idsReceived().length === 3,
    );

    emptyLog();
    // It fills while everything goes on at once.
    receiver.answer = () => {
      disk.fill(victim.pid);
      return 200;
    };
    const flood = Promise.all([write(FRIEND, OWN, 10), write(WREN, group, 10)]);
    const answers: Awaited<ReturnType<typeof send>>[] = [];
    const ask = async () => {
      const answer = await send(`while it is full ${answers.length}`);
      answers.push(answer);
      return answer.status;
    };
    await until(
      () => 'the disk to be full',
      async () => (await ask()) !== 200,
    );
    await flood;
    await Promise.all([write(FRIEND, OWN, 10), write(WREN, group, 10)]);
    for (let n = 0; n < 20; n++) await ask();
    victim.sandbox.groups.setSubject(group, { by: FRIEND, subject: 'Birds of the night' });
    await victim.sandbox.read(FRIEND, { chat: OWN });
    await victim.sandbox.send(FRIEND, { to: OWN, imageUrl: PICTURE, text: 'a picture' });
    const files = [
      await send('a file', { imageUrl: PICTURE }),
      await victim.ask('POST', '/api/upload', { base64: PICTURE }),
    ];
    const accepted = answers.flatMap(({ status }, n) => (status === 200 ? `while it is full ${n}` : []));
    const refused = [...answers, ...files].filter(({ status }) => status !== 200);
    for (const { status, body } of refused) {
      expect([status, body['code'], body['message']]).toEqual([
        507,
        'storage_failed',
        expect.stringMatching(/then try again\. Nothing was changed\.$/),
      ]);
    }
    expect(refused.length).toBeGreaterThanOrEqual(files.length);
    expect(await victim.ask('GET', '/readyz')).toMatchObject({ status: 507, body: { code: 'storage_failed' } });
    expect((await victim.ask('GET', '/healthz')).status).toBe(200);
    const { status, body } = await victim.ask('GET', '/api/whatsapp-sessions/1/events?limit=500');
    expect(status).toBe(200);
    const stored = JSON.stringify(body);
    const lostNow = acknowledged().filter((id) => !stored.includes(id));
    expect(lostNow).toEqual([]);
    const heldBack = sent.length - acknowledged().length;
    expect(heldBack).toBeGreaterThanOrEqual(20);

    receiver.answer = () => 200;
    disk.free(victim.pid);
    await until(
      () => `the acknowledgement of ${sent.length} messages`,
      () => sent.every((id) => acknowledged().includes(id)),
    );
    await until(
      () => 'every message at the receiver',
      () => sent.every((id) => idsReceived().includes(id)),
    );
    await until(
      () => 'the notice, the receipt and the file',
      () =>
        has('groups.update', 'Birds of the night') &&
        has('messages.update', '"status":4') &&
        has('media.ready', 'publicUrl'),
    );
    await until(
      () => 'what was accepted',
      () => accepted.every((text) => textsAt(FRIEND).includes(text)),
    );
    expect((await send('after', { wait: true })).status).toBe(200);
    await until(() => 'the last delivery', victim.delivered);
    await victim.ready();

    const ids = idsReceived();
    const doubled = ids.length - new Set(ids).size;
    const arrived = textsAt(FRIEND).filter((text) => text?.startsWith('while it is full'));
    const lines = victim.output.split('\n').filter((line) => /"op":"storage"/.test(line)).length;
    const errors = victim.output.split('\n').filter((line) => /"level":(50|60)/.test(line)).length;
    console.log(
      `full disk: ${sent.length} messages came in, ${heldBack} held back, ${lostNow.length} acknowledged and not stored, ` +
        `0 lost, ${doubled} doubled, ${receiver.requests.length - new Set(receiver.requests.map(({ event }) => event.id)).size} repeated deliveries; ` +
        `${answers.length + files.length} sends and files asked, ${refused.length} refused, ${accepted.length} accepted, ${arrived.length} arrived; ` +
        `${errors} errors in the log, ${Math.round((Date.now() - startedAt) / 1000)} s`,
    );
    expect(doubled).toBe(0);
    expect(arrived.sort()).toEqual(accepted.sort());
    expect(lines).toBeLessThanOrEqual(4);
    expect(errors).toBeLessThanOrEqual(30);
  }, 120_000);

  test('an engine that is killed on it starts or says why not, and has everything when there is room again', async () => {
    await until(
      () => 'the engine to be online',
      () => victim.online,
    );
    disk.fill(victim.pid);
    const { id } = await victim.sandbox.send(FRIEND, { to: OWN, text: 'into the full disk' });
    await victim.ask('POST', '/api/send-message', { to: FRIEND, text: 'no room' });
    await victim.kill();
    victim.launch();
    // What is free within SQLite's own files may be enough to start; then it waits like the one before.
    const alive = until(
      () => 'the engine to answer',
      async () => (await victim.ask('GET', '/healthz')).status === 200,
    ).catch(() => undefined);
    const refusal = await Promise.race([victim.ended(), alive]);
    if (refusal) expect(refusal).toEqual({ code: 2, said: expect.stringMatching(/full\. Free space on it/) });
    disk.free(victim.pid);
    if (refusal) victim.launch();
    await until(
      () => 'the message that could not be stored',
      () => idsReceived().includes(id),
    );
    expect(idsReceived().filter((one) => one === id)).toEqual([id]);
  }, 60_000);
});
