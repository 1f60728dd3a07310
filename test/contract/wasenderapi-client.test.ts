import {
  createWasender,
  dispatchWebhookEvent,
  verifyWasenderWebhookSignature,
  Wasender,
  WasenderAPIError,
  WasenderWebhookEventType,
} from 'wasenderapi';

import { TestClock } from '../engine/clock.ts';
import { Receiver } from '../engine/receiver.ts';
import { FRIEND, TOKEN } from '../whatsapp/stage.ts';
import { file } from './files.ts';
import { must, OWN, SAMPLE, SAMPLE_JID, World, type PhoneMessage } from './world.ts';

/** WasenderApi's own client, as its users have it: only the address and the keys are others. */
const clock = new TestClock();
let world: World;
let receiver: Receiver;
let client: Wasender;
let group: string;
beforeAll(async () => {
  world = await World.open({ clock, config: { limits: 'documented' } });
  receiver = await Receiver.start();
  client = new Wasender(world.apiKey, TOKEN, `${world.stage.engine.url}/api`);
  group = world.group([OWN, SAMPLE, FRIEND]);
});
afterAll(async () => {
  await world?.close();
  await receiver?.close();
});

interface Sent {
  data: { msgId: number; jid: string; status: string; id: string };
}
type Result = { response: unknown };
const dataOf = <T>(result: Result) => (result.response as { data: T }).data;

/** What was sent, as the recipient's phone shows it. */
async function shown(result: Result, reader = SAMPLE): Promise<PhoneMessage> {
  const { data } = result.response as Sent;
  must(data.status === 'in_progress', JSON.stringify(data));
  return world.arrived(reader, ({ id }) => id === data.id);
}
const to = `+${SAMPLE}`;
const ownGroup = () => world.group([OWN, SAMPLE, FRIEND]);
const people = (jid: string) => world.sandbox.groups.get(jid).participants.map(({ phone }) => phone);
async function sentText(text: string): Promise<{ msgId: number; id: string }> {
  const result = await client.sendText({ to, text });
  await shown(result);
  return dataOf(result);
}
const onPhone = (id: string) => world.sandbox.messages(SAMPLE).find((message) => message.id === id) as PhoneMessage;
const settings = () => ({
  name: 'From the client',
  phone_number: `+${world.newPhone()}`,
  account_protection: false,
  log_messages: true,
});

/** A call of each method of the client, and what has to come of it on the phones. */
const METHODS: Record<string, () => Promise<void>> = {
  send: async () => {
    const message = await shown(await client.send({ messageType: 'text', to, text: 'any payload' }));
    expect(message.text).toBe('any payload');
  },
  sendText: async () => expect((await shown(await client.sendText({ to, text: 'hello' }))).text).toBe('hello'),
  sendImage: async () => {
    const sent = await client.sendImage({ to, imageUrl: world.files.url('logo.png'), text: 'look', viewOnce: true });
    expect(await shown(sent)).toMatchObject({ text: 'look', media: { kind: 'image', viewOnce: true } });
  },
  sendVideo: async () => {
    const sent = await client.sendVideo({ to, videoUrl: world.files.url('training-video.mp4'), text: 'watch' });
    expect(await shown(sent)).toMatchObject({ text: 'watch', media: { kind: 'video' } });
  },
  sendDocument: async () => {
    const sent = await client.sendDocument({ to, documentUrl: world.files.url('report.pdf'), text: 'read' });
    expect(await shown(sent)).toMatchObject({ media: { kind: 'document', fileName: 'document.pdf' } });
  },
  sendAudio: async () => {
    const sent = await client.sendAudio({ to, audioUrl: world.files.url('voice.ogg') });
    expect(await shown(sent)).toMatchObject({ media: { kind: 'audio', ptt: true } });
  },
  sendSticker: async () => {
    const sent = await client.sendSticker({ to, stickerUrl: world.files.url('sticker.webp') });
    expect(await shown(sent)).toMatchObject({ media: { kind: 'sticker' } });
  },
  sendContact: async () => {
    const sent = await client.sendContact({ to, contact: { name: 'Support Team', phone: `+${FRIEND}` } });
    expect(await shown(sent)).toMatchObject({ contacts: [{ name: 'Support Team', phone: FRIEND }] });
  },
  sendLocation: async () => {
    // The client's types allow text, and it sends what it is given.
    const sent = await client.sendLocation({
      to,
      location: { latitude: '37.7749', longitude: '-122.4194', name: 'HQ' },
    });
    expect(await shown(sent)).toMatchObject({ location: { latitude: 37.7749, longitude: -122.4194, name: 'HQ' } });
  },
  sendMessageWithMentions: async () => {
    const sent = await client.sendMessageWithMentions(group, `Hello @${SAMPLE}`, [SAMPLE_JID]);
    expect((await shown(sent)).mentions).toEqual([SAMPLE_JID]);
  },
  sendQuotedMessage: async () => {
    const { msgId, id } = await sentText('the question');
    const sent = await client.sendQuotedMessage({ to, text: 'the answer', replyTo: msgId });
    expect(await shown(sent)).toMatchObject({ text: 'the answer', quoted: { id, text: 'the question' } });
  },
  editMessage: async () => {
    const { msgId, id } = await sentText('old');
    await client.editMessage(msgId, 'new');
    await world.eventually('the new text', () => onPhone(id).text === 'new');
  },
  deleteMessage: async () => {
    const { msgId, id } = await sentText('take it back');
    await client.deleteMessage(msgId);
    await world.eventually('gone', () => onPhone(id).deleted);
  },
  getMessageInfo: async () => {
    const { msgId, id } = await sentText('tell me more');
    expect(dataOf(await client.getMessageInfo(msgId))).toMatchObject({ msgId, id, key: { fromMe: true } });
  },
  sendPresenceUpdate: async () => {
    const shown = client.sendPresenceUpdate(SAMPLE_JID, 'recording', 1000);
    const seen = () => world.sandbox.account.presence(SAMPLE, { of: OWN });
    await world.eventually('recording', () => seen().chatState === 'recording');
    await shown;
  },
  checkIfOnWhatsapp: async () => {
    expect(dataOf(await client.checkIfOnWhatsapp(to))).toMatchObject({ exists: true });
    expect(dataOf(await client.checkIfOnWhatsapp('+15559990000'))).toMatchObject({ exists: false });
  },
  getContacts: async () => {
    await world.api('PUT', '/api/contacts', { jid: SAMPLE_JID, fullName: 'Sam' });
    expect(dataOf(await client.getContacts())).toContainEqual(expect.objectContaining({ id: SAMPLE_JID, name: 'Sam' }));
  },
  getContactInfo: async () => {
    expect(dataOf(await client.getContactInfo(SAMPLE))).toMatchObject({ id: SAMPLE_JID });
  },
  getContactProfilePicture: async () => {
    await world.sandbox.account.setPicture(SAMPLE, { base64: file('image.jpg').toString('base64') });
    const { imgUrl } = dataOf<{ imgUrl: string }>(await client.getContactProfilePicture(SAMPLE));
    expect((await fetch(imgUrl)).status).toBe(200);
  },
  blockContact: async () => {
    expect(dataOf(await client.blockContact(FRIEND))).toEqual({ message: 'Contact blocked' });
    expect(world.sandbox.account.blocklist(OWN)).toMatchObject([{ phone: FRIEND }]);
  },
  unblockContact: async () => {
    await client.blockContact(FRIEND);
    expect(dataOf(await client.unblockContact(FRIEND))).toEqual({ message: 'Contact unblocked' });
    expect(world.sandbox.account.blocklist(OWN)).toEqual([]);
  },
  getGroups: async () => {
    expect(dataOf(await client.getGroups())).toContainEqual(
      expect.objectContaining({ id: group, name: 'Group Name', imgUrl: null }),
    );
  },
  getGroupMetadata: async () => {
    expect(dataOf(await client.getGroupMetadata(group))).toMatchObject({ id: group, subject: 'Group Name' });
  },
  getGroupParticipants: async () => {
    const members = dataOf<{ id: string; admin?: string }[]>(await client.getGroupParticipants(group));
    expect(members).toHaveLength(3);
    expect(members.filter(({ admin }) => admin === 'superadmin')).toHaveLength(1);
  },
  addGroupParticipants: async () => {
    const [jid, phone] = [ownGroup(), world.newPhone()];
    const added = await client.addGroupParticipants(jid, [`${phone}@s.whatsapp.net`]);
    expect(dataOf(added)).toMatchObject([{ status: 200, id: expect.stringContaining('@'), message: 'added' }]);
    expect(people(jid)).toContain(phone);
  },
  removeGroupParticipants: async () => {
    const jid = ownGroup();
    const removed = await client.removeGroupParticipants(jid, [SAMPLE_JID]);
    expect(dataOf(removed)).toMatchObject([{ status: 200, message: 'removed' }]);
    expect(people(jid)).not.toContain(SAMPLE);
  },
  updateGroupSettings: async () => {
    const jid = ownGroup();
    const changed = await client.updateGroupSettings(jid, { subject: 'New', description: 'Text', announce: true });
    expect(dataOf(changed)).toMatchObject({ subject: 'New', description: 'Text' });
    expect(world.sandbox.groups.get(jid)).toMatchObject({ subject: 'New', description: 'Text', announce: true });
  },
  createGroup: async () => {
    const { id } = dataOf<{ id: string }>(await client.createGroup('My New Group', [SAMPLE_JID]));
    expect(people(id)).toEqual([OWN, SAMPLE]);
  },
  updateGroupParticipants: async () => {
    const jid = ownGroup();
    await client.updateGroupParticipants(jid, 'promote', [SAMPLE_JID]);
    expect(world.sandbox.groups.get(jid).participants).toContainEqual(
      expect.objectContaining({ phone: SAMPLE, role: 'admin' }),
    );
  },
  leaveGroup: async () => {
    const jid = ownGroup();
    await client.leaveGroup(jid);
    expect(people(jid)).not.toContain(OWN);
  },
  acceptGroupInvite: async () => {
    const { jid, inviteCode } = world.sandbox.groups.create({ creator: SAMPLE, subject: 'Come', participants: [] });
    expect(dataOf(await client.acceptGroupInvite(inviteCode))).toMatchObject({ id: jid });
    expect(people(jid)).toContain(OWN);
  },
  getGroupInviteInfo: async () => {
    const { jid, inviteCode } = world.sandbox.groups.create({ creator: SAMPLE, subject: 'Look', participants: [] });
    expect(dataOf(await client.getGroupInviteInfo(inviteCode))).toMatchObject({ id: jid, subject: 'Look' });
  },
  getGroupInviteLink: async () => {
    const { response } = await client.getGroupInviteLink(group);
    expect(response).toMatchObject({
      inviteLink: `https://chat.whatsapp.com/${world.sandbox.groups.get(group).inviteCode}`,
    });
  },
  getGroupProfilePicture: async () => {
    expect(dataOf(await client.getGroupProfilePicture(group))).toEqual({ imgUrl: null });
  },
  uploadMediaFile: async () => {
    const { response } = await client.uploadMediaFile({
      base64: file('logo.png').toString('base64'),
      mimetype: 'image/png',
    });
    const there = await fetch((response as { publicUrl: string }).publicUrl);
    expect(Buffer.from(await there.arrayBuffer())).toEqual(file('logo.png'));
    // With a form this version of the client posts no body at all; the refusal says what is missing.
    await expect(client.uploadMediaFile(new FormData(), true)).rejects.toMatchObject({ statusCode: 422 });
  },
  decryptMediaFile: async () => {
    const imageUrl = `data:image/png;base64,${file('logo.png').toString('base64')}`;
    const { id } = await world.sandbox.send(SAMPLE, { to: OWN, imageUrl });
    const messages = await world.stage.until((events) =>
      events
        .filter(({ event }) => event === 'messages.received')
        .map(({ data }) => (data as { messages: { key: { id: string } } }).messages)
        .find(({ key }) => key.id === id),
    );
    const { response } = await client.decryptMediaFile({ messages });
    const there = await fetch((response as unknown as { publicUrl: string }).publicUrl);
    expect(Buffer.from(await there.arrayBuffer())).toEqual(file('logo.png'));
  },
  getAllWhatsAppSessions: async () => {
    expect(dataOf(await client.getAllWhatsAppSessions())).toContainEqual(
      expect.objectContaining({ id: 1, status: 'connected' }),
    );
  },
  createWhatsAppSession: async () => {
    const wanted = settings();
    expect(dataOf(await client.createWhatsAppSession(wanted))).toMatchObject({ ...wanted, status: 'disconnected' });
  },
  getWhatsAppSessionDetails: async () => {
    expect(dataOf(await client.getWhatsAppSessionDetails(1))).toMatchObject({ id: 1, api_key: world.apiKey });
  },
  updateWhatsAppSession: async () => {
    const { id } = await world.session();
    expect(dataOf(await client.updateWhatsAppSession(id, { name: 'Renamed' }))).toMatchObject({ name: 'Renamed' });
  },
  deleteWhatsAppSession: async () => {
    const { id, phone } = await world.session({ connected: true });
    expect(dataOf(await client.deleteWhatsAppSession(id))).toBeNull();
    expect(world.sandbox.phone(phone).devices).toEqual([]);
  },
  connectWhatsAppSession: async () => {
    const { id, phone } = await world.session();
    const { status, qrCode } = dataOf<{ status: string; qrCode: string }>(await client.connectWhatsAppSession(id));
    expect(status).toBe('NEED_SCAN');
    const asImage = dataOf<{ qrCode: string }>(await client.connectWhatsAppSession(id, true));
    expect(asImage.qrCode).toMatch(/^data:image\/png;base64,/);
    await world.sandbox.scan(phone, qrCode);
    await world.stage.untilStatus((now) => now.status === 'connected', id);
  },
  getWhatsAppSessionQRCode: async () => {
    const { id, phone } = await world.session();
    await client.connectWhatsAppSession(id);
    const { qrCode } = dataOf<{ qrCode: string }>(await client.getWhatsAppSessionQRCode(id));
    await world.sandbox.scan(phone, qrCode);
    await world.stage.untilStatus((now) => now.status === 'connected', id);
  },
  disconnectWhatsAppSession: async () => {
    const { id, phone } = await world.session({ connected: true });
    expect(dataOf(await client.disconnectWhatsAppSession(id))).toMatchObject({ status: 'disconnected' });
    await world.eventually('offline', () => world.sandbox.phone(phone).devices[0]?.online === false);
  },
  regenerateApiKey: async () => {
    const { id, apiKey } = await world.session();
    const { response } = await client.regenerateApiKey(id);
    const { api_key: fresh } = response as { api_key: string };
    expect(fresh).not.toBe(apiKey);
    const renewed = new Wasender(fresh, undefined, `${world.stage.engine.url}/api`);
    expect((await renewed.getSessionStatus()).response).toEqual({ status: 'disconnected' });
  },
  getSessionStatus: async () => {
    expect((await client.getSessionStatus()).response).toEqual({ status: 'connected' });
  },
  handleWebhookEvent: async () => {
    const { request } = await delivered('for the handler');
    const adapter = {
      getHeader: (name: string) => request.headers[name] as string | undefined,
      getRawBody: () => request.body,
    };
    const { webhook_secret: secret } = dataOf<{ webhook_secret: string }>(await client.getWhatsAppSessionDetails(1));
    const handler = createWasender(world.apiKey, TOKEN, `${world.stage.engine.url}/api`, undefined, undefined, secret);
    const event = await handler.handleWebhookEvent(adapter);
    expect(event).toMatchObject({ event: 'messages.received', sessionId: '1' });
    expect(verifyWasenderWebhookSignature(request.headers['x-webhook-signature'] as string, secret)).toBe(true);
    const stranger = new Wasender(world.apiKey, undefined, undefined, undefined, undefined, 'another secret');
    await expect(stranger.handleWebhookEvent(adapter)).rejects.toMatchObject({ statusCode: 401 });
  },
};

/** A message to the session, and the request that its own webhook got for it. */
async function delivered(text: string) {
  await client.updateWhatsAppSession(1, {
    webhook_url: receiver.origin,
    webhook_enabled: true,
    webhook_events: Object.values(WasenderWebhookEventType),
  });
  await world.sandbox.send(SAMPLE, { to: OWN, text });
  const request = await world.eventually('the webhook', () =>
    receiver.requests.find(({ body, event }) => event.event === 'messages.received' && body.includes(text)),
  );
  return { request };
}

/** Its own helpers, which the methods above call. */
const INTERNAL = [
  'constructor',
  'parseRateLimitHeaders',
  'request',
  'postInternal',
  'getInternal',
  'putInternal',
  'deleteInternal',
];
const methods = Object.getOwnPropertyNames(Wasender.prototype).filter((name) => !INTERNAL.includes(name));

describe('every method of the client', () => {
  test.each(methods)('%s', async (name) => {
    const method = METHODS[name];
    must(method, `Nobody calls ${name}`);
    await method();
  });
});

test('no method is tested that the client does not have', () => {
  expect(Object.keys(METHODS).sort()).toEqual([...methods].sort());
});

test('with the session’s key alone it sends, and says itself what it needs the token for', async () => {
  const session = new Wasender(world.apiKey, undefined, `${world.stage.engine.url}/api`);
  await session.sendText({ to, text: 'by key' });
  await expect(session.getAllWhatsAppSessions()).rejects.toThrow(WasenderAPIError);
});

test('with a token alone it manages sessions', async () => {
  const account = new Wasender(undefined, TOKEN, `${world.stage.engine.url}/api`);
  const created = dataOf<{ id: number }>(await account.createWhatsAppSession(settings()));
  expect((await account.deleteWhatsAppSession(created.id)).response).toMatchObject({ success: true });
});

test('its errors carry our status, text and fields', async () => {
  const refusal = client.sendText({ to: '', text: '' });
  await expect(refusal).rejects.toBeInstanceOf(WasenderAPIError);
  await expect(refusal).rejects.toMatchObject({
    statusCode: 422,
    apiMessage: 'Validation failed',
    errorDetails: { to: ['The to field is required.'] },
  });
  const stranger = new Wasender('f'.repeat(64), undefined, `${world.stage.engine.url}/api`);
  await expect(stranger.getSessionStatus()).rejects.toMatchObject({ statusCode: 401, apiMessage: 'Invalid API key' });
});

test('it reads how many requests are left, and until when', async () => {
  const { rateLimit } = await client.getSessionStatus();
  expect(rateLimit).toMatchObject({ limit: 256, remaining: expect.any(Number) });
  clock.advance(60_000);
  const { rateLimit: fresh } = await client.getSessionStatus();
  expect(fresh).toMatchObject({ limit: 256, remaining: 255, resetTimestamp: clock.now() / 1000 + 60 });
  expect(fresh!.getResetTimestampAsDate!()).toEqual(new Date(clock.now() + 60_000));
});

describe('with account protection', () => {
  beforeAll(() => client.updateWhatsAppSession(1, { account_protection: true }));
  afterAll(() => client.updateWhatsAppSession(1, { account_protection: false }));
  beforeEach(() => clock.advance(5000));

  test('it says how long to wait', async () => {
    await client.sendText({ to, text: 'one' });
    await expect(client.sendText({ to, text: 'two' })).rejects.toMatchObject({
      statusCode: 429,
      apiMessage: expect.stringMatching(/^You have account protection enabled\./),
      retryAfter: 5,
      rateLimit: { limit: 1, remaining: 0, resetTimestamp: clock.now() / 1000 + 5 },
    });
  });

  test('it tries again when told to, and gets through', async () => {
    const statuses: number[] = [];
    const patient = new Wasender(
      world.apiKey,
      undefined,
      `${world.stage.engine.url}/api`,
      async (...request) => {
        const response = await fetch(...request);
        statuses.push(response.status);
        // While it waits, for a real second.
        if (response.status === 429) clock.advance(1000);
        return response;
      },
      { enabled: true, maxRetries: 1 },
    );
    await patient.sendText({ to, text: 'three' });
    clock.advance(4000);
    await patient.sendText({ to, text: 'four' });
    expect(statuses).toEqual([200, 429, 200]);
  });
});

test('every event that it knows can be subscribed to, and its dispatcher knows what is posted', async () => {
  const { request } = await delivered('for the dispatcher');
  const raw: unknown = JSON.parse(request.body);
  expect(dispatchWebhookEvent(raw)).toBe(raw);
  const call = world.sandbox.calls.start(SAMPLE, { to: OWN });
  // "call" in the documentation, "call.received" in the client: a subscription takes either name.
  await world.eventually('the call', () =>
    receiver.requests.some(({ event, body }) => event.event === 'call' && body.includes(call.callId)),
  );
});
