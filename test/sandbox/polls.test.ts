import { beforeAll, expect, test } from '@jest/globals';
import {
  decryptEventResponse,
  decryptPollVote,
  getAggregateVotesInPollMessage,
  jidNormalizedUser,
  proto,
  type WAMessage,
} from '@whiskeysockets/baileys';
import type { MessageInfo, PhoneInfo } from '../../engine/sandbox/index.ts';
import { optionHash } from '../../engine/sandbox/changes.ts';
import { seal, type Purpose } from '../../engine/sandbox/message-secret.ts';
import type { Client, Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
let mine: PhoneInfo;
let friend: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  friend = world.phone('Grace');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

/** `kept` is what the client finds again when Baileys asks for it: the messages it is answered about. */
async function online(kept = new Map<string, proto.IMessage>()): Promise<Client> {
  const client = world.client(memory, { getMessage: async ({ id }) => kept.get(id ?? '') }).connect();
  await client.opened();
  return client;
}

const onPhone = (phone: PhoneInfo, id: string): MessageInfo | undefined =>
  world.sandbox.messages(phone.phone).find((message) => message.id === id);

async function pollOfClient(client: Client, selectableCount = 1): Promise<WAMessage> {
  const poll = { name: 'Lunch?', values: ['Soup', 'Salad', 'Cake'], selectableCount };
  const sent = await client.socket.sendMessage(friend.jid, { poll });
  await eventually('the phone has it', () => onPhone(friend, sent!.key.id!));
  return sent!;
}

async function pollOfFriend(client: Client, multiSelect = false): Promise<WAMessage> {
  const poll = { question: 'Lunch?', options: ['Soup', 'Salad', 'Cake'], multiSelect };
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, poll });
  return client.message('the poll', ({ key }) => key.id === id);
}

/** What WhatsApp Web sends as a vote; Baileys cannot vote by itself. */
async function vote(client: Client, poll: WAMessage, options: string[], by = mine): Promise<void> {
  const plaintext = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(optionHash) }).finish();
  const sealed = sealedFor(poll, 'Poll Vote', plaintext, by);
  await client.socket.relayMessage(
    friend.jid,
    { pollUpdateMessage: { pollCreationMessageKey: poll.key, vote: sealed, senderTimestampMs: Date.now() } },
    {},
  );
}

function sealedFor(message: WAMessage, purpose: Purpose, plaintext: Uint8Array, by: PhoneInfo) {
  const author = message.key.fromMe ? mine.jid : friend.jid;
  const secret = message.message!.messageContextInfo!.messageSecret!;
  return seal(purpose, { messageId: message.key.id!, author, sender: by.jid, secret }, plaintext);
}

const votes = (id: string, phone = friend): Record<string, string[]> | undefined => {
  const poll = onPhone(phone, id)?.poll;
  return poll && Object.fromEntries(poll.options.map(({ name, voters }) => [name, voters]));
};

async function settled(client: Client): Promise<void> {
  const sent = await client.socket.sendMessage(friend.jid, { text: 'after that' });
  await eventually('the phone has what came after it', () => onPhone(friend, sent!.key.id!));
}

test("the client reads a phone's votes, also when it changes its mind", async () => {
  const client = await online();
  const poll = await pollOfClient(client);
  const id = poll.key.id!;
  for (const options of [['Soup'], ['Cake'], []]) {
    const sent = await world.sandbox.gestures.vote(friend.phone, { chat: mine.phone, id, options });
    const message = await client.message('the vote', ({ key }) => key.id === sent.id);
    const update = message.message!.pollUpdateMessage!;
    expect(update.pollCreationMessageKey).toMatchObject({ id, fromMe: true });
    const decrypted = decryptPollVote(update.vote!, {
      pollCreatorJid: jidNormalizedUser(client.jid),
      pollMsgId: id,
      pollEncKey: poll.message!.messageContextInfo!.messageSecret!,
      voterJid: friend.jid,
    });
    const pollUpdates = [{ pollUpdateMessageKey: message.key, vote: decrypted, senderTimestampMs: 0 }];
    const counted = getAggregateVotesInPollMessage({ message: poll.message!, pollUpdates }, client.jid);
    expect(counted.filter(({ voters }) => voters.length > 0).map(({ name }) => name)).toEqual(options);
    for (const phone of [friend, mine]) {
      await eventually('the phones count it', () => {
        const now = votes(id, phone)!;
        return Object.entries(now).every(([name, voters]) => voters.includes(friend.jid) === options.includes(name));
      });
    }
  }
});

test('a vote says in its stanza that it is one', async () => {
  const client = await online();
  const poll = await pollOfClient(client);
  const sent = await world.sandbox.gestures.vote(friend.phone, {
    chat: mine.phone,
    id: poll.key.id!,
    options: ['Soup'],
  });
  await client.message('the vote', ({ key }) => key.id === sent.id);
  const entry = world.sandbox.stanzas({ phone: mine.phone }).find(({ stanza }) => {
    const { tag, attrs } = stanza as { tag: string; attrs: Record<string, string> };
    return tag === 'message' && attrs['id'] === sent.id;
  });
  expect(entry!.stanza).toMatchObject({
    attrs: { type: 'poll' },
    content: expect.arrayContaining([
      expect.objectContaining({ tag: 'meta', attrs: { polltype: 'vote' } }),
      expect.objectContaining({ tag: 'enc', attrs: expect.objectContaining({ 'decrypt-fail': 'hide' }) }),
    ]),
  });
});

test("a phone counts the client's votes, also when it changes its mind", async () => {
  const client = await online();
  const poll = await pollOfFriend(client);
  const id = poll.key.id!;
  await vote(client, poll, ['Soup']);
  await eventually('the vote', () => votes(id)!['Soup']!.length > 0);
  await vote(client, poll, ['Cake']);
  await eventually('the other vote', () => votes(id)!['Cake']!.length > 0);
  expect(votes(id)).toEqual({ Soup: [], Salad: [], Cake: [mine.jid] });
});

test('votes that the poll does not allow are not counted', async () => {
  const client = await online();
  const poll = await pollOfFriend(client);
  await vote(client, poll, ['Soup', 'Cake']);
  await vote(client, poll, ['Water']);
  await settled(client);
  expect(votes(poll.key.id!)).toEqual({ Soup: [], Salad: [], Cake: [] });
  const many = await pollOfFriend(client, true);
  await vote(client, many, ['Soup', 'Cake']);
  await eventually('both votes', () => votes(many.key.id!)!['Cake']!.length > 0);
  expect(votes(many.key.id!)).toEqual({ Soup: [mine.jid], Salad: [], Cake: [mine.jid] });
});

test("a vote in somebody else's name is not counted", async () => {
  const client = await online();
  const poll = await pollOfFriend(client);
  await vote(client, poll, ['Soup'], world.phone('Mallory'));
  await settled(client);
  expect(votes(poll.key.id!)).toEqual({ Soup: [], Salad: [], Cake: [] });
});

test('a phone votes only for what there is, and as often as it may', async () => {
  const client = await online();
  const poll = await pollOfClient(client);
  const by = (options: string[]) =>
    world.sandbox.gestures.vote(friend.phone, { chat: mine.phone, id: poll.key.id!, options });
  await expect(by(['Water'])).rejects.toMatchObject({ status: 422, code: 'unknown-option' });
  await expect(by(['Soup', 'Cake'])).rejects.toMatchObject({ status: 422, code: 'too-many-options' });
  const text = await client.socket.sendMessage(friend.jid, { text: 'no poll' });
  await eventually('the phone has it', () => onPhone(friend, text!.key.id!));
  const request = { chat: mine.phone, id: text!.key.id!, options: ['Soup'] };
  await expect(world.sandbox.gestures.vote(friend.phone, request)).rejects.toMatchObject({ code: 'not-a-poll' });
});

test("the client reads a phone's answer to its event", async () => {
  const kept = new Map<string, proto.IMessage>();
  const client = await online(kept);
  const event = { name: 'Party', startDate: new Date(1_900_000_000_000) };
  const sent = await client.socket.sendMessage(friend.jid, { event });
  const id = sent!.key.id!;
  kept.set(id, sent!.message!);
  await eventually('the phone has it', () => onPhone(friend, id));
  const answer = await world.sandbox.gestures.respond(friend.phone, { chat: mine.phone, id, response: 'MAYBE' });
  const message = await client.message('the answer', ({ key }) => key.id === answer.id);
  const decrypted = decryptEventResponse(message.message!.encEventResponseMessage!, {
    eventCreatorJid: jidNormalizedUser(client.jid),
    eventMsgId: id,
    eventEncKey: sent!.message!.messageContextInfo!.messageSecret!,
    responderJid: friend.jid,
  });
  expect(decrypted.response).toBe(proto.Message.EventResponseMessage.EventResponseType.MAYBE);
  expect(onPhone(friend, id)!.event!.responses).toEqual([{ from: friend.jid, response: 'MAYBE' }]);
});

test("a phone shows the client's answer to its event", async () => {
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, {
    to: mine.phone,
    event: { name: 'Party', startTime: 1_900_000_000 },
  });
  const event = await client.message('the event', ({ key }) => key.id === id);
  const { GOING } = proto.Message.EventResponseMessage.EventResponseType;
  const plaintext = proto.Message.EventResponseMessage.encode({ response: GOING, timestampMs: Date.now() }).finish();
  const sealed = sealedFor(event, 'Event Response', plaintext, mine);
  const encEventResponseMessage = { eventCreationMessageKey: event.key, ...sealed };
  await client.socket.relayMessage(friend.jid, { encEventResponseMessage }, {});
  await eventually('the answer', () => onPhone(friend, id)!.event!.responses.length > 0);
  expect(onPhone(friend, id)!.event!.responses).toEqual([{ from: mine.jid, response: 'GOING' }]);
});

test('an edit that is sealed with the secret of the message is taken, too', async () => {
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { text: 'tpyo' });
  const id = sent!.key.id!;
  await eventually('the phone has it', () => onPhone(friend, id));
  const edited = proto.Message.encode({ conversation: 'typo' }).finish();
  const { MESSAGE_EDIT } = proto.Message.SecretEncryptedMessage.SecretEncType;
  const sealed = sealedFor(sent!, 'Message Edit', edited, mine);
  const secretEncryptedMessage = { targetMessageKey: sent!.key, secretEncType: MESSAGE_EDIT, ...sealed };
  await client.socket.relayMessage(friend.jid, { secretEncryptedMessage }, {});
  await eventually('the edit', () => onPhone(friend, id)!.edited);
  expect(onPhone(friend, id)!.text).toBe('typo');
});

test('a vote that nobody can read does not keep the phone from what comes behind it', async () => {
  const client = await online();
  const poll = await pollOfFriend(client);
  const sealed = sealedFor(poll, 'Poll Vote', Buffer.from([0x0a, 0xff, 0xff, 0xff]), mine);
  const pollUpdateMessage = { pollCreationMessageKey: poll.key, vote: sealed, senderTimestampMs: Date.now() };
  await client.socket.relayMessage(friend.jid, { pollUpdateMessage }, {});
  await settled(client);
  expect(votes(poll.key.id!)).toEqual({ Soup: [], Salad: [], Cake: [] });
});
