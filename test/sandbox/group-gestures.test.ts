import { beforeAll, describe, expect, test } from '@jest/globals';
import { decryptPollVote, downloadMediaMessage, jidNormalizedUser } from '@whiskeysockets/baileys';
import { clientAgents, type MessageInfo, type PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { dataUrl, picture } from './files.ts';
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

async function online(): Promise<Client> {
  const client = world.client(memory, clientAgents(world.sandbox.url)).connect();
  await client.opened();
  return client;
}

const onPhone = (phone: PhoneInfo, id: string): MessageInfo | undefined =>
  world.sandbox.messages(phone.phone).find((message) => message.id === id);

const show = (phone: PhoneInfo, id: string, fits: (message: MessageInfo) => boolean): Promise<MessageInfo> =>
  eventually('the phone shows it', () => {
    const message = onPhone(phone, id);
    return message && fits(message) ? message : undefined;
  });

describe.each(['lid', 'pn'] as const)('in a group in %s addressing', (addressing) => {
  const group = (creator: PhoneInfo, ...others: PhoneInfo[]) => {
    const participants = others.map(({ phone }) => phone);
    return world.sandbox.groups.create({ creator: creator.phone, subject: 'Engines', participants, addressing }).jid;
  };
  const named = (phone: PhoneInfo) => (addressing === 'lid' ? phone.lid : phone.jid);

  test('everybody sees who reacted to what', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online();
    const chat = group(mine, grace, joan);
    const { id } = await world.sandbox.send(grace.phone, { to: chat, text: 'react to me' });
    const message = await client.text('react to me');
    await client.socket.sendMessage(chat, { react: { text: '👍', key: message.key } });
    for (const phone of [mine, grace, joan]) {
      const shown = await show(phone, id, ({ reactions }) => reactions.length === 1);
      expect(shown.reactions).toEqual([{ from: mine.jid, emoji: '👍' }]);
    }
    const sent = await world.sandbox.gestures.react(joan.phone, { chat, id, emoji: '🎉' });
    const reaction = await client.message('the other reaction', ({ key }) => key.id === sent.id);
    expect(reaction.key.participant).toBe(named(joan));
    expect(reaction.message!.reactionMessage!.key).toMatchObject({ id, fromMe: false, participant: named(grace) });
  });

  test('votes are counted by everybody', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online();
    const chat = group(mine, grace, joan);
    const poll = await client.socket.sendMessage(chat, { poll: { name: 'q', values: ['a', 'b'], selectableCount: 1 } });
    const id = poll!.key.id!;
    await show(grace, id, () => true);
    const sent = await world.sandbox.gestures.vote(grace.phone, { chat, id, options: ['b'] });
    const message = await client.message('the vote', ({ key }) => key.id === sent.id);
    const vote = decryptPollVote(message.message!.pollUpdateMessage!.vote!, {
      pollCreatorJid: jidNormalizedUser(addressing === 'lid' ? client.lid : client.jid),
      pollMsgId: id,
      pollEncKey: poll!.message!.messageContextInfo!.messageSecret!,
      voterJid: message.key.participant!,
    });
    expect(vote.selectedOptions).toHaveLength(1);
    for (const phone of [mine, grace, joan]) {
      const shown = await show(phone, id, (one) => one.poll!.options[1]!.voters.length === 1);
      expect(shown.poll!.options).toEqual([
        { name: 'a', voters: [] },
        { name: 'b', voters: [grace.jid] },
      ]);
    }
  });

  test("an admin takes back somebody else's message; others cannot", async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online();
    const chat = group(mine, grace, joan);
    const { id } = await world.sandbox.send(grace.phone, { to: chat, text: 'off topic' });
    const message = await client.text('off topic');
    await show(joan, id, () => true);
    await expect(world.sandbox.gestures.delete(joan.phone, { chat, id })).rejects.toMatchObject({ status: 403 });
    await client.socket.sendMessage(chat, { delete: message.key });
    for (const phone of [mine, grace, joan]) {
      expect(await show(phone, id, ({ deleted }) => deleted)).toMatchObject({ text: null });
    }
  });

  test('a client that is no admin cannot take back what others wrote', async () => {
    const [grace, joan] = [world.phone(), world.phone()];
    const client = await online();
    const chat = group(grace, mine, joan);
    const { id } = await world.sandbox.send(joan.phone, { to: chat, text: 'stays' });
    const message = await client.text('stays');
    await client.socket.sendMessage(chat, { delete: message.key });
    const after = await client.socket.sendMessage(chat, { text: 'after that' });
    await show(grace, after!.key.id!, () => true);
    expect(onPhone(grace, id)).toMatchObject({ text: 'stays', deleted: false });
    const sent = await world.sandbox.gestures.delete(grace.phone, { chat, id });
    const update = await client.until('the revocation', (events) =>
      events
        .flatMap((one) => (one.event === 'messages.update' ? one.data : []))
        .find(({ update: { message: now } }) => now === null),
    );
    expect(update.key.id).toBe(id);
    const wire = world.sandbox.stanzas({ phone: mine.phone }).map(({ stanza }) => stanza as { attrs: object });
    expect(wire.find(({ attrs }) => 'id' in attrs && attrs.id === ('id' in sent && sent.id))!.attrs).toMatchObject({
      edit: '8',
    });
  });

  test('pictures and edits reach everybody', async () => {
    const grace = world.phone();
    const client = await online();
    const chat = group(mine, grace);
    const bytes = await picture();
    const { id } = await world.sandbox.send(grace.phone, { to: chat, imageUrl: dataUrl('image/jpeg', bytes) });
    const message = await client.message('the picture', ({ key }) => key.id === id);
    expect(await downloadMediaMessage(message, 'buffer', clientAgents(world.sandbox.url))).toEqual(bytes);
    const sent = await client.socket.sendMessage(chat, { image: bytes, caption: 'befour' });
    await show(grace, sent!.key.id!, () => true);
    expect((await world.sandbox.gestures.media(grace.phone, sent!.key.id!)).bytes).toEqual(bytes);
    await client.socket.sendMessage(chat, { text: 'before', edit: sent!.key });
    expect(await show(grace, sent!.key.id!, ({ edited }) => edited)).toMatchObject({ text: 'before' });
  });
});
