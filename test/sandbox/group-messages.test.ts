import { beforeAll, describe, expect, test } from '@jest/globals';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
let mine: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

/** The same device in most tests: pairing anew each time would be most of the work. */
async function online(): Promise<Client> {
  const client = world.client(memory).connect();
  await client.opened();
  return client;
}

const textsOf = (phone: PhoneInfo, chat: string) =>
  world.sandbox.messages(phone.phone, { chat }).map(({ text }) => text);

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
    const client = await online();
    const { jid } = group(mine, grace, joan);
    const sent = await client.socket.sendMessage(jid, { text: 'hello, all' });
    for (const phone of [mine, grace, joan]) {
      await eventually('it is there', () => textsOf(phone, jid).length === 1);
      expect(world.sandbox.messages(phone.phone, { chat: jid })).toMatchObject([
        { id: sent!.key.id, chat: jid, text: 'hello, all', from: mine.jid, fromDevice: client.jid, addressing },
      ]);
    }
  });

  test("a phone's text reaches a client, which sees who wrote it", async () => {
    const grace = world.phone('Grace');
    const client = await online();
    const { jid } = group(grace, mine);
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
});
