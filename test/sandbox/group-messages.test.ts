import { beforeAll, describe, expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import { textOf, type Client, type Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { StubType } = proto.WebMessageInfo;
let ada: PhoneInfo;
let bob: PhoneInfo;
const memories = new Map<string, Memory>();

beforeAll(async () => {
  [ada, bob] = [world.phone('Ada'), world.phone('Bob')];
  for (const phone of [ada, bob]) {
    const client = await world.linked(phone);
    memories.set(phone.phone, client.memory);
    await client.disconnect();
  }
});

/** The same device in most tests: pairing anew each time would be most of the work. */
async function online(phone: PhoneInfo, ...more: Parameters<typeof connect>[1][]): Promise<Client> {
  return connect(memories.get(phone.phone)!, more[0]);
}

async function connect(memory: Memory, options?: ConstructorParameters<typeof Client>[2]): Promise<Client> {
  const client = world.client(memory, options).connect();
  await client.opened();
  return client;
}

const inGroup = (phone: PhoneInfo, chat: string) => world.sandbox.messages(phone.phone, { chat });
const textsOf = (phone: PhoneInfo, chat: string) => inGroup(phone, chat).map(({ text }) => text);

/** Waits until a text is on a phone. */
const arrived = (phone: PhoneInfo, chat: string, text: string) =>
  eventually(`"${text}" is there`, () => inGroup(phone, chat).find((message) => message.text === text));

/** How often a client sent a stanza that contains this. */
const sent = (device: string, what: string): number =>
  world.sandbox
    .stanzas({ device, limit: 20_000 })
    .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes(what)).length;

/**
 * Who has received or read a message, as a client was told. Baileys takes it for reading when our own phone says that
 * it has its copy of what a client has sent: that is left out with `others`.
 */
function receipts(client: Client, id: string, what: 'receiptTimestamp' | 'readTimestamp', others = true): Set<string> {
  const own = others ? [client.jid, client.lid].map((jid) => jid.replace(/:\d+/, '')) : [];
  const updates = client.events.flatMap((one) => (one.event === 'message-receipt.update' ? one.data : []));
  const ofThis = updates.filter(({ key, receipt }) => key.id === id && receipt[what]);
  return new Set(
    ofThis.flatMap(({ receipt: { userJid = '' } }) => (own.includes(userJid ?? '') ? [] : [userJid ?? ''])),
  );
}

describe.each(['lid', 'pn'] as const)('in a group in %s addressing', (addressing) => {
  const group = (creator: PhoneInfo, ...others: PhoneInfo[]) =>
    world.sandbox.groups.create({
      creator: creator.phone,
      subject: 'Engines',
      participants: others.map(({ phone }) => phone),
      addressing,
    });
  const named = (phone: PhoneInfo) => (addressing === 'lid' ? phone.lid : phone.jid);
  const otherName = (phone: PhoneInfo) => (addressing === 'lid' ? phone.jid : phone.lid);

  test("a client's text reaches every phone", async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online(ada);
    const { jid } = group(ada, grace, joan);
    const message = await client.socket.sendMessage(jid, { text: 'hello, all' });
    for (const phone of [ada, grace, joan]) {
      await arrived(phone, jid, 'hello, all');
      expect(inGroup(phone, jid)).toMatchObject([
        { id: message!.key.id, chat: jid, chatLid: null, from: ada.jid, fromDevice: client.jid, addressing },
      ]);
    }
  });

  test("a phone's text reaches a client, which sees who wrote it", async () => {
    const grace = world.phone('Grace');
    const client = await online(ada);
    const { jid } = group(grace, ada);
    const { id } = await world.sandbox.send(grace.phone, { to: jid, text: 'welcome' });
    const message = await client.text('welcome');
    expect(message.key).toMatchObject({
      id,
      remoteJid: jid,
      fromMe: false,
      participant: named(grace),
      participantAlt: otherName(grace),
      addressingMode: addressing,
    });
    expect(message.pushName).toBe('Grace');
  });

  test('clients and phones talk to each other, in order', async () => {
    const grace = world.phone();
    const [mine, his] = [await online(ada), await online(bob)];
    const { jid } = group(grace, ada, bob);
    const said: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (const [name, client, other] of [
        ['ada', mine, his],
        ['bob', his, mine],
      ] as const) {
        await client.socket.sendMessage(jid, { text: `${name} ${round}` });
        await Promise.all([other.text(`${name} ${round}`), arrived(grace, jid, `${name} ${round}`)]);
        said.push(`${name} ${round}`);
      }
      await world.sandbox.send(grace.phone, { to: jid, text: `grace ${round}` });
      await Promise.all([mine.text(`grace ${round}`), his.text(`grace ${round}`)]);
      said.push(`grace ${round}`);
    }
    expect(textsOf(grace, jid)).toEqual(said);
    expect(textsOf(bob, jid)).toEqual(said);
    expect(inGroup(bob, jid).map(({ fromMe }) => fromMe)).toEqual(said.map((text) => text.startsWith('bob')));
  });

  test("one's own other devices see what one sends", async () => {
    const grace = world.phone();
    const [first, second] = [await world.linked(grace), await world.linked(grace)];
    const { jid } = group(grace, ada);
    await world.sandbox.send(grace.phone, { to: jid, text: 'from my phone' });
    for (const client of [first, second]) {
      expect((await client.text('from my phone')).key).toMatchObject({ remoteJid: jid, fromMe: true });
    }
    await first.socket.sendMessage(jid, { text: 'from the first' });
    expect((await second.text('from the first')).key).toMatchObject({ remoteJid: jid, fromMe: true });
    await arrived(grace, jid, 'from the first');
  });

  test('who was away gets everything in order', async () => {
    const grace = world.phone();
    const { jid } = group(grace, ada);
    const texts = Array.from({ length: 10 }, (_, i) => `waiting ${i}`);
    for (const text of texts) await world.sandbox.send(grace.phone, { to: jid, text });
    const client = await online(ada);
    await client.text('waiting 9');
    const ofGroup = client.messages.filter(({ key }) => key.remoteJid === jid);
    expect(ofGroup.flatMap((message) => textOf(message) ?? [])).toEqual(texts);
  });

  test('a sender learns who has received and who has read', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online(ada);
    const { jid } = group(ada, grace, joan);
    const message = await client.socket.sendMessage(jid, { text: 'read me' });
    const id = message!.key.id!;
    await client.until('receipts', () => receipts(client, id, 'receiptTimestamp').size === 2 || undefined);
    expect(receipts(client, id, 'receiptTimestamp')).toEqual(new Set([grace, joan].map(named)));
    expect(await world.sandbox.read(grace.phone, { chat: jid })).toEqual({ read: 1 });
    await client.until('the read receipt', () => receipts(client, id, 'readTimestamp').size > 0 || undefined);
    expect([...receipts(client, id, 'readTimestamp')]).toEqual([named(grace)]);
  });

  test("a phone's message shows how far it has come with every member", async () => {
    const grace = world.phone();
    const [mine, his] = [await online(ada), await online(bob)];
    const { jid } = group(grace, ada, bob);
    const { id } = await world.sandbox.send(grace.phone, { to: jid, text: 'status' });
    const messages = [await mine.text('status'), await his.text('status')];
    await eventually('it is everywhere', () => progress()?.status === 'delivered');
    await mine.socket.readMessages([messages[0]!.key]);
    await eventually('one has read it', () => state(mine.jid) === 'read');
    expect(progress()?.status).toBe('delivered');
    await his.socket.readMessages([messages[1]!.key]);
    await eventually('all have read it', () => progress()?.status === 'read');
    expect(
      progress()
        ?.devices?.map(({ device }) => device)
        .sort(),
    ).toEqual([ada.jid, mine.jid, bob.jid, his.jid].sort());
    function progress() {
      return inGroup(grace, jid).find((message) => message.id === id);
    }
    function state(device: string) {
      return progress()?.devices?.find((one) => one.device === device)?.status;
    }
  });

  test("reading is told to one's own other devices", async () => {
    const joan = world.phone();
    const [first, second] = [await world.linked(joan), await world.linked(joan)];
    const { jid } = group(ada, joan);
    const { id } = await world.sandbox.send(ada.phone, { to: jid, text: 'read me' });
    const message = await first.text('read me');
    await second.text('read me');
    await first.socket.readMessages([message.key]);
    await second.until('the read receipt', () => receipts(second, id, 'readTimestamp', false).size > 0 || undefined);
  });

  test('a client that has lost the keys asks again, and gets the message and the key', async () => {
    const grace = world.phone();
    const client = await world.linked(grace);
    const { jid } = group(ada, grace);
    await world.sandbox.send(ada.phone, { to: jid, text: 'first' });
    await client.text('first');
    await client.disconnect();
    client.memory.forget('sender-key');
    const again = await connect(client.memory);
    const { id } = await world.sandbox.send(ada.phone, { to: jid, text: 'second' });
    expect((await again.text('second')).key).toMatchObject({ id, remoteJid: jid, participant: named(ada) });
    const asked = sent(again.jid, '"type":"retry"');
    expect(asked).toBeGreaterThan(0);
    await world.sandbox.send(ada.phone, { to: jid, text: 'third' });
    await again.text('third');
    expect(sent(again.jid, '"type":"retry"')).toBe(asked);
    await eventually('it counts as delivered', () =>
      inGroup(ada, jid)
        .find((message) => message.id === id)
        ?.devices?.some((one) => one.device === again.jid && one.status === 'delivered' && one.error === undefined),
    );
  });

  test('a phone that has lost the keys asks the client again, and keeps the message once', async () => {
    const grace = world.phone();
    const client = await online(ada);
    const { jid } = group(ada, grace);
    await client.socket.sendMessage(jid, { text: 'first' });
    await arrived(grace, jid, 'first');
    world.sandbox.loseSessions(grace.phone);
    const second = await client.socket.sendMessage(jid, { text: 'second' });
    expect(await arrived(grace, jid, 'second')).toMatchObject({ id: second!.key.id });
    await client.socket.sendMessage(jid, { text: 'third' });
    await arrived(grace, jid, 'third');
    expect(textsOf(grace, jid)).toEqual(['first', 'second', 'third']);
    expect(textsOf(ada, jid)).toEqual(['first', 'second', 'third']);
  });

  test('a phone that has lost the keys asks a phone again', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const { jid } = group(grace, joan);
    await world.sandbox.send(grace.phone, { to: jid, text: 'first' });
    await arrived(joan, jid, 'first');
    world.sandbox.loseSessions(joan.phone);
    await world.sandbox.send(grace.phone, { to: jid, text: 'second' });
    await arrived(joan, jid, 'second');
    await world.sandbox.send(grace.phone, { to: jid, text: 'third' });
    await arrived(joan, jid, 'third');
    expect(textsOf(joan, jid)).toEqual(['first', 'second', 'third']);
  });

  test('a phone changes its key when somebody is gone, and not before', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online(ada);
    const { jid } = group(grace, joan, ada);
    const keys = async (text: string): Promise<number> => {
      await world.sandbox.send(grace.phone, { to: jid, text });
      await client.text(text);
      return client.messages.filter(
        ({ key, message }) => key.remoteJid === jid && message?.senderKeyDistributionMessage,
      ).length;
    };
    expect(await keys('one')).toBe(1);
    expect(await keys('two')).toBe(1);
    world.sandbox.groups.change(jid, 'remove', { by: grace.phone, participants: [joan.phone] });
    expect(await keys('three')).toBe(2);
    expect(await keys('four')).toBe(2);
  });

  test('who is added later can read what comes from then on', async () => {
    const grace = world.phone();
    const { jid } = group(grace);
    await world.sandbox.send(grace.phone, { to: jid, text: 'before' });
    const client = await online(ada);
    world.sandbox.groups.change(jid, 'add', { by: grace.phone, participants: [ada.phone] });
    await world.sandbox.send(grace.phone, { to: jid, text: 'after' });
    await client.text('after');
    expect(client.messages.map(textOf)).not.toContain('before');
    await arrived(ada, jid, 'after');
    expect(textsOf(ada, jid)).toEqual(['after']);
  });

  test('who has been removed can neither read nor write', async () => {
    const grace = world.phone();
    const client = await online(ada);
    const { jid } = group(grace, ada);
    await client.socket.sendMessage(jid, { text: 'I am here' });
    await arrived(grace, jid, 'I am here');
    world.sandbox.groups.change(jid, 'remove', { by: grace.phone, participants: [ada.phone] });
    await client.message('the removal', ({ messageStubType }) => {
      return messageStubType === StubType.GROUP_PARTICIPANT_REMOVE;
    });
    await world.sandbox.send(grace.phone, { to: jid, text: 'between us' });
    await world.sandbox.idle();
    expect(textsOf(ada, jid)).toEqual(['I am here']);
    await expect(client.socket.sendMessage(jid, { text: 'let me in' })).rejects.toMatchObject({ data: 403 });
    expect(await ackOf(client, jid)).toMatchObject({ error: '403' });
    await expect(world.sandbox.send(ada.phone, { to: jid, text: 'let me in' })).rejects.toMatchObject({
      code: 'not-a-member',
    });
    await world.sandbox.send(grace.phone, { to: ada.phone, text: 'sorry' });
    await client.text('sorry');
    expect(client.messages.map(textOf)).not.toContain('between us');
  });

  test('only admins write where only they may', async () => {
    const [mine, his] = [await online(ada), await online(bob)];
    const { jid } = group(ada, bob);
    world.sandbox.groups.set(jid, { by: ada.phone, announce: true });
    const message = await his.socket.sendMessage(jid, { text: 'may I?' });
    const refused = await his.until('the refusal', (events) =>
      events
        .flatMap((one) => {
          if (one.event === 'messages.update') return one.data.map(({ key, update }) => ({ ...update, key }));
          return one.event === 'messages.upsert' ? one.data.messages : [];
        })
        .find(({ key, status }) => key.id === message!.key.id && status === 0),
    );
    expect(refused.messageStubParameters).toEqual(['420']);
    await mine.socket.sendMessage(jid, { text: 'listen' });
    await his.text('listen');
    await expect(world.sandbox.send(bob.phone, { to: jid, text: 'may I?' })).rejects.toMatchObject({
      code: 'admins-only',
    });
    expect(textsOf(ada, jid)).toEqual(['listen']);
  });

  test('a message in the wrong addressing is refused with the right one', async () => {
    const client = await online(ada);
    const { jid } = group(ada, bob);
    const wrong = addressing === 'lid' ? 'pn' : 'lid';
    expect(await ackOf(client, jid, { addressing_mode: wrong })).toMatchObject({
      error: '421',
      addressing_mode: addressing,
    });
  });

  test('a sender who has another list of devices in mind is told so', async () => {
    const client = await online(ada);
    const { jid } = group(ada, bob);
    const enc = { tag: 'enc', attrs: { v: '2', type: 'skmsg' }, content: Buffer.from('nothing that anybody can read') };
    const { phash } = await ackOf(client, jid, { phash: '2:nonsense' }, [enc]);
    expect(phash).toMatch(/^2:.{6}$/);
    expect(await ackOf(client, jid, { phash: phash! }, [enc])).not.toHaveProperty('phash');
    expect(await ackOf(client, jid, {}, [enc])).not.toHaveProperty('phash');
  });

  test('replies and mentions name people as the group does', async () => {
    const grace = world.phone();
    const client = await online(ada);
    const { jid } = group(grace, ada);
    const question = await client.socket.sendMessage(jid, { text: 'who?', mentions: [named(grace)] });
    expect((await arrived(grace, jid, 'who?')).message).toMatchObject({
      extendedTextMessage: { contextInfo: { mentionedJid: [named(grace)] } },
    });
    const reply = { to: jid, text: 'me', replyTo: question!.key.id!, mentions: [ada.phone] };
    await world.sandbox.send(grace.phone, reply);
    expect((await client.text('me')).message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: question!.key.id,
      participant: named(ada),
      mentionedJid: [named(ada)],
    });
  });

  test('typing is shown to those who are there', async () => {
    const grace = world.phone();
    const client = await online(ada);
    const { jid } = group(grace, ada);
    await client.socket.sendPresenceUpdate('available');
    await client.socket.groupMetadata(jid);
    world.sandbox.typing(grace.phone, { to: jid });
    const presence = await client.until(
      'typing',
      (events) => events.find((one) => one.event === 'presence.update' && one.data.id === jid)?.data,
    );
    expect(presence).toMatchObject({ id: jid, presences: { [named(grace)]: { lastKnownPresence: 'composing' } } });
  });
});

/** Sends a message stanza as it is, and returns what its ack says. */
async function ackOf(
  client: Client,
  to: string,
  attrs: Record<string, string> = {},
  content: BinaryNode[] = [],
): Promise<Record<string, string>> {
  const id = client.socket.generateMessageTag();
  const ack = new Promise<BinaryNode>((resolve) => client.socket.ws.once(`CB:ack,id:${id}`, resolve));
  await client.socket.sendNode({ tag: 'message', attrs: { to, id, type: 'text', ...attrs }, content });
  return (await ack).attrs;
}
