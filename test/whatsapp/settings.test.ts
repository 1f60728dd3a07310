import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

const set = async (settings: Record<string, unknown>) => {
  const { status } = await stage.call('PUT', '/api/whatsapp-sessions/1', settings);
  expect(status).toBe(200);
};

test('read_incoming_messages: the sender sees blue ticks without anybody asking', async () => {
  const { id: unread } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'unread' });
  await stage.until((events) => textsOf(events).includes('unread'));
  await set({ read_incoming_messages: true });
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'read at once' });
  await stage.untilTrue(() => stage.message(FRIEND, id)?.status === 'read');
  expect(stage.message(FRIEND, unread)?.status).toBe('delivered');
  await set({ read_incoming_messages: false });
});

test('a message is marked as read by its key', async () => {
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'read me' });
  const event = await stage.until((events) =>
    events.find(({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes(id)),
  );
  const { key } = (event.data as { messages: { key: { id: string; remoteJid: string; fromMe: boolean } } }).messages;
  const named = { id: key.id, remoteJid: key.remoteJid, fromMe: key.fromMe };
  const { body } = await stage.call('POST', '/api/messages/read', { key: named });
  expect(body).toEqual({ success: true, data: { status: 'read' } });
  await stage.untilTrue(() => stage.message(FRIEND, id)?.status === 'read');
});

test('log_messages: off, the log tells neither to whom nor what', async () => {
  await stage.send(`+${FRIEND}`, 'logged');
  await set({ log_messages: false });
  await stage.send(`+${FRIEND}`, 'not logged');
  await set({ log_messages: true });
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/message-logs?per_page=2');
  const log = body.data as { data: Record<string, unknown>[]; total: number };
  expect(log.data).toMatchObject([
    { to: null, content: null, status: 'sent', whatsapp_session_id: '1' },
    { to: `+${FRIEND}`, content: '{"text":"logged"}', status: 'sent', failed_reason: null },
  ]);
});

test('session logs tell each step, newest first, by pages', async () => {
  await stage.call('POST', '/api/whatsapp-sessions/1/restart');
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/session-logs?per_page=1');
  expect(body.data).toMatchObject({
    current_page: 1,
    per_page: 1,
    data: [{ event_type: 'session_restarted', status: 'connected', whatsapp_session_id: 1 }],
    next_page_url: '/api/whatsapp-sessions/1/session-logs?page=2&per_page=1',
    prev_page_url: null,
  });
});

test('a failed message is sent again under the same id, any other is not', async () => {
  stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 406, times: 1 });
  const failed = await stage.send(`+${FRIEND}`, 'second time lucky');
  expect(failed.status).toBe(502);
  const { msgId } = failed.body['details'] as { msgId: number };
  expect((await stage.call('POST', `/api/messages/${msgId}/resend`)).body).toEqual({
    success: true,
    message: 'Message resend initiated successfully.',
  });
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'second time lucky'));
  await stage.until((events) =>
    events.some(
      ({ event, data }) =>
        event === 'message.sent' &&
        (data as { msgId: number; success: boolean }).msgId === msgId &&
        (data as { success: boolean }).success,
    ),
  );
  expect((await stage.call('POST', `/api/messages/${msgId}/resend`)).body).toMatchObject({
    success: false,
    error: "Only messages with status 'failed' can be resent.",
  });
});

test('typing is seen by the other side, and taken back when its time is over', async () => {
  const { body } = await stage.call('POST', '/api/send-presence-update', {
    jid: `${FRIEND}@s.whatsapp.net`,
    type: 'composing',
    delayMs: 5,
  });
  expect(body).toEqual({ success: true, data: { jid: `${FRIEND}@s.whatsapp.net`, type: 'composing' } });
  const states = () =>
    JSON.stringify(stage.sandbox.stanzas({ phone: OWN, limit: 20_000 }).filter(({ direction }) => direction === 'in'));
  await stage.untilTrue(() => states().includes('"composing"') && states().includes('"paused"'));
  const wrong = await stage.call('POST', '/api/send-presence-update', { jid: 'nobody', type: 'composing' });
  expect([wrong.status, wrong.body['error']]).toEqual([422, 'Error sending presence update: Invalid JID provided.']);
});

test('a second account is linked by pairing code', async () => {
  const phone = '15550100009';
  stage.sandbox.addPhone({ phone, name: 'Wren' });
  const created = await stage.call('POST', '/api/whatsapp-sessions', {
    name: 'By code',
    phone_number: `+${phone}`,
    account_protection: false,
    log_messages: true,
  });
  const { id } = created.body.data as { id: number };
  const { status, body } = await stage.call('POST', `/api/whatsapp-sessions/${id}/pairing-code`);
  expect(status).toBe(200);
  const { code } = body.data as { code: string };
  expect(code).toMatch(/^[A-Z0-9]{8}$/);
  expect((await stage.call('GET', '/api/user', undefined, { 'x-warbler-session': String(id) })).status).toBe(409);
  await stage.sandbox.linkCode(phone, code);
  await stage.untilStatus(({ status: now }) => now === 'connected', id);
  const user = await stage.call('GET', '/api/user', undefined, { 'x-warbler-session': String(id) });
  expect(user.body.data).toEqual({
    id: expect.stringMatching(new RegExp(`^${phone}:\\d+@s`)),
    name: 'Wren',
    lid: expect.stringContaining('@lid'),
  });
  expect((await stage.call('POST', `/api/whatsapp-sessions/${id}/pairing-code`)).status).toBe(409);
});

test('a pairing code for a number that is not on WhatsApp is refused with the reason', async () => {
  const created = await stage.call('POST', '/api/whatsapp-sessions', {
    name: 'Nobody',
    phone_number: '+15550199999',
    account_protection: false,
    log_messages: true,
  });
  const { id } = created.body.data as { id: number };
  const { status, body } = await stage.call('POST', `/api/whatsapp-sessions/${id}/pairing-code`);
  expect([status, body.code]).toEqual([422, 'recipient_not_on_whatsapp']);
  expect(body.message).toMatch(/^Failed to get a pairing code: This number is not on WhatsApp/);
});

test('a code that nobody types leaves the session free to be linked by QR code', async () => {
  const phone = '15550100010';
  stage.sandbox.addPhone({ phone });
  const created = await stage.call('POST', '/api/whatsapp-sessions', {
    name: 'Changed my mind',
    phone_number: `+${phone}`,
    account_protection: false,
    log_messages: true,
  });
  const { id } = created.body.data as { id: number };
  await stage.call('POST', `/api/whatsapp-sessions/${id}/pairing-code`);
  await stage.call('POST', `/api/whatsapp-sessions/${id}/disconnect`);
  const { body } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  await stage.sandbox.scan(phone, (body.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected', id);
});
