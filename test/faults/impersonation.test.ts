import { FRIEND, OWN, Stage, textsOf } from '../whatsapp/stage.ts';

// Only now: see stage.ts.
const { proto } = await import('@whiskeysockets/baileys');
const { Type } = proto.Message.ProtocolMessage;

/** Whoever wants to be somebody else: a member of the group, and a contact. */
const MALLORY = '15550100066';

let stage: Stage;
let group: string;
let count = 0;
beforeAll(async () => {
  stage = await Stage.open();
  stage.sandbox.addPhone({ phone: MALLORY, name: 'Mallory' });
  const members = { creator: OWN, subject: 'Team', participants: [FRIEND, MALLORY] };
  group = stage.sandbox.groups.create(members).jid;
  await says(MALLORY, OWN);
  await says(MALLORY, group);
});
afterAll(() => stage?.close());

const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;

/** Somebody says something, which arrives; answers the message's id. */
async function says(phone: string, to: string): Promise<string> {
  const text = `said ${count++}`;
  const { id } = await stage.sandbox.send(phone, { to, text });
  await stage.until((events) => textsOf(events).includes(text));
  return id;
}

/** What Mallory's client sends though WhatsApp's own would not; answers when the engine is done with it. */
async function forges(content: object, to: string, attrs: Record<string, string | null> = {}): Promise<string> {
  const message = proto.Message.encode(proto.Message.fromObject(content)).finish();
  const bytes = Buffer.concat([message, Buffer.of(1)]).toString('base64');
  const { id } = await stage.sandbox.sendBytes(MALLORY, { to, bytes, attrs });
  await says(FRIEND, OWN);
  return id;
}

/** What was told of a message, by name of the event. */
async function told(name: string, id: string) {
  return (await stage.events(name)).filter(({ data }) => JSON.stringify(data).includes(id));
}

const stored = (id: string) => stage.engine.store.messages.find(1, id);

test('only its author edits a message', async () => {
  for (const to of [group, OWN]) {
    const id = await says(FRIEND, to);
    const key = { remoteJid: to, fromMe: true, id, participant: jidOf(FRIEND) };
    const editedMessage = { conversation: 'I owe Mallory money' };
    await forges({ protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage } }, group);
    expect(await told('messages.update', id)).toEqual([]);
  }
});

test('an edit of a message that is not here is told as of whoever sent the edit', async () => {
  const key = { remoteJid: group, fromMe: false, id: 'NEVERSEEN', participant: jidOf(FRIEND) };
  const editedMessage = { conversation: 'I owe Mallory money' };
  await forges({ protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage } }, group);
  const [update] = await told('messages.update', 'NEVERSEEN');
  expect(JSON.stringify(update)).not.toContain(FRIEND);
});

test.each([null, '7', '8'])('who is no admin deletes nothing of others, marked %s', async (edit) => {
  const id = await says(FRIEND, group);
  const key = { remoteJid: group, fromMe: false, id, participant: jidOf(FRIEND) };
  await forges({ protocolMessage: { key, type: Type.REVOKE } }, group, { edit });
  expect(await told('messages.delete', id)).toEqual([]);
});

test('an admin does, and nobody from another chat', async () => {
  const id = await says(FRIEND, group);
  const key = { remoteJid: group, fromMe: false, id, participant: jidOf(FRIEND) };
  await forges({ protocolMessage: { key, type: Type.REVOKE } }, OWN);
  for (const event of await told('messages.delete', id)) expect(JSON.stringify(event.data)).not.toContain(group);
  stage.sandbox.groups.change(group, 'promote', { by: OWN, participants: [MALLORY] });
  await stage.sandbox.gestures.delete(MALLORY, { chat: group, id });
  await stage.until((events) =>
    events.find(({ event, data }) => event === 'messages.delete' && JSON.stringify(data).includes(group)),
  );
  stage.sandbox.groups.change(group, 'demote', { by: OWN, participants: [MALLORY] });
});

test('a reaction is told as of whoever sent it, in the chat that it was sent in', async () => {
  const id = await says(FRIEND, group);
  const key = { remoteJid: group, fromMe: false, id, participant: jidOf(FRIEND) };
  await forges({ reactionMessage: { key, text: '👎' } }, OWN);
  for (const event of await told('messages.reaction', id)) {
    expect(event).toMatchObject({ phone: MALLORY, jid: jidOf(MALLORY) });
    expect(JSON.stringify(event.data)).not.toContain(group);
  }
});

test('a receipt counts from who is in the chat, and a retry gets nobody what was sent to others', async () => {
  const answer = await stage.call('POST', '/api/send-message', { to: FRIEND, text: 'for the friend', wait: true });
  const { id } = answer.body.data as { id: string };
  await stage.untilTrue(async () => (await stored(id))?.status === 3);
  const receipt = (type: string, content: object[] = []) => ({
    node: { tag: 'receipt', attrs: { id, from: jidOf(MALLORY), type, t: '1' }, content: content as never },
    phone: OWN,
  });
  const before = stage.sandbox.stanzas({ phone: OWN, limit: 20_000 }).at(-1)!.seq;
  stage.sandbox.sendStanza(receipt('read'));
  const retry = { tag: 'retry', attrs: { count: '1', id, t: '1', v: '1' } };
  stage.sandbox.sendStanza(receipt('retry', [retry]));
  await says(FRIEND, OWN);
  await stage.untilTrue(() =>
    stage.sandbox
      .stanzas({ phone: OWN, after: before, limit: 20_000 })
      .map(({ direction, stanza }) => `${direction} ${JSON.stringify(stanza)}`)
      .some((one) => one.startsWith('in {"tag":"ack"') && one.includes('"type":"retry"')),
  );
  expect((await stored(id))?.status).toBe(3);
  const sent = stage.sandbox
    .stanzas({ phone: OWN, after: before, limit: 20_000 })
    .map(({ direction, stanza }) => `${direction} ${JSON.stringify(stanza)}`)
    .filter((one) => one.startsWith('in {"tag":"message"') && one.includes(id));
  expect(sent).toEqual([]);
});

test('what only the own phone may say is not believed of a contact', async () => {
  const keys = [{ keyId: { keyId: Buffer.from('mallory') }, keyData: { keyData: Buffer.alloc(32, 1), timestamp: 1 } }];
  const history = { syncType: 0, initialHistBootstrapInlinePayload: Buffer.from('nothing') };
  const info = proto.WebMessageInfo.encode({
    key: { remoteJid: jidOf(FRIEND), fromMe: false, id: 'RESENT' },
    message: { conversation: 'brought by Mallory' },
  }).finish();
  const answer = { peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes: info } }] };
  const creds = async () => JSON.parse(String(await stage.engine.store.auth.creds(1))) as Record<string, unknown>;
  const { myAppStateKeyId, processedHistoryMessages } = await creds();
  for (const category of [null, 'peer']) {
    for (const protocolMessage of [
      { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } },
      { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification: history },
      { type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE, peerDataOperationRequestResponseMessage: answer },
    ]) {
      await forges({ protocolMessage }, OWN, { category });
    }
  }
  expect(await creds()).toMatchObject({ myAppStateKeyId, processedHistoryMessages });
  expect(
    await stage.engine.store.auth.keys(1, 'app-state-sync-key', [Buffer.from('mallory').toString('base64')]),
  ).toEqual({});
  expect(textsOf(await stage.events())).not.toContain('brought by Mallory');
});

test('a message of Mallory’s under somebody else’s name cannot be read, and is nobody’s', async () => {
  const friend = stage.sandbox.phone(FRIEND);
  await forges({ conversation: 'I am the friend' }, OWN, { from: friend.jid, sender_lid: friend.lid });
  await forges({ conversation: 'I am the friend' }, group, { participant: friend.lid, participant_pn: friend.jid });
  expect(textsOf(await stage.events())).not.toContain('I am the friend');
});

test('an address that WhatsApp has told to be somebody else’s is not taken for the sender’s', async () => {
  const friend = stage.sandbox.phone(FRIEND);
  const id = await forges({ conversation: 'with the LID of the friend' }, OWN, { sender_lid: friend.lid });
  expect(await told('messages.received', id)).toMatchObject([{ phone: MALLORY }]);
  expect(JSON.stringify(await told('messages.received', id))).not.toContain(friend.lid);
  const target = await says(FRIEND, OWN);
  const key = { remoteJid: jidOf(MALLORY), fromMe: true, id: target };
  await forges({ protocolMessage: { key, type: Type.REVOKE } }, OWN, { sender_lid: friend.lid });
  for (const event of await told('messages.delete', target)) expect(JSON.stringify(event)).not.toContain(friend.lid);
  expect((await stage.send(FRIEND, 'still yours')).status).toBe(200);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'still yours'));
});
