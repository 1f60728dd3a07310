import { FRIEND, OWN, Stage, TOKEN, textsOf } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const NEW = '15550100003';

async function create(): Promise<number> {
  stage.sandbox.addPhone({ phone: NEW, name: 'Wren' });
  const { status, body } = await stage.call('POST', '/api/whatsapp-sessions', {
    name: 'Second',
    phone_number: `+${NEW}`,
    account_protection: false,
    log_messages: true,
  });
  expect(status).toBe(201);
  return (body.data as { id: number }).id;
}

const statusesOf = (events: { event: string; data: unknown }[]) =>
  events.filter(({ event }) => event === 'session.status').map(({ data }) => (data as { status: string }).status);

test('from create over QR code and scan to connected, each step told', async () => {
  const id = await create();
  const connect = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  expect(connect.body.data).toMatchObject({ status: 'NEED_SCAN', qrCode: expect.stringContaining(',') });

  const text = await stage.call('GET', `/api/whatsapp-sessions/${id}/qrcode`);
  expect(text.body.data).toEqual({ qrCode: (connect.body.data as { qrCode: string }).qrCode });
  const png = await fetch(`${stage.engine.url}/api/whatsapp-sessions/${id}/qrcode`, {
    headers: { authorization: `Bearer ${TOKEN}`, accept: 'image/png' },
  });
  expect(png.headers.get('content-type')).toBe('image/png');
  expect(
    Buffer.from(await png.arrayBuffer())
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');

  await stage.sandbox.scan(NEW, (connect.body.data as { qrCode: string }).qrCode);
  await stage.until((events) => statusesOf(events).includes('connected'), id);
  expect(statusesOf(await stage.events(undefined, id))).toEqual(['connecting', 'need_scan', 'connecting', 'connected']);
  const after = await stage.call('GET', `/api/whatsapp-sessions/${id}`);
  expect(after.body.data).toMatchObject({ status: 'connected', account: { jid: expect.stringContaining(NEW) } });
});

test('one that is linked has no code to scan or to type in, and says what to do instead', async () => {
  const asked = () => stage.call('GET', '/api/whatsapp-sessions/1/qrcode');
  const refusal = (message: string) => ({ status: 409, body: { code: 'session_not_scannable', message } });
  expect(await asked()).toMatchObject(
    refusal('This session is linked to an account and connected: there is no QR code to scan.'),
  );
  expect(await stage.call('POST', '/api/whatsapp-sessions/1/pairing-code')).toMatchObject(
    refusal('This session is linked to an account: it connects without a code.'),
  );
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  expect(await asked()).toMatchObject(refusal('This session is linked to an account: it connects without a QR code.'));
});

test('a connection that breaks while a QR code waits brings a fresh code', async () => {
  const id = await create();
  const codes = async () => (await stage.events('qrcode.updated', id)).map(({ data }) => (data as { qr: string }).qr);
  await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  stage.sandbox.addFault({ fault: 'drop' });
  await stage.until((events) => events.filter(({ event }) => event === 'qrcode.updated').length >= 2, id);
  const [first, second] = await codes();
  expect(second).not.toBe(first);
  await stage.sandbox.scan(NEW, second!);
  await stage.until((events) => statusesOf(events).at(-1) === 'connected', id);
});

test('a start after a stop, and after a crash of the sandbox, needs no scan', async () => {
  await stage.engine.stop();
  await stage.startEngine();
  expect(await stage.status()).toBe('connected');
  await stage.sandbox.close();
  await stage.until((events) => statusesOf(events).at(-1) === 'connecting');
  await stage.startSandbox();
  await stage.until((events) => statusesOf(events).at(-1) === 'connected');
  expect((await stage.send(FRIEND, 'still here')).status).toBe(200);
  expect((await stage.events('qrcode.updated')).length).toBe(1);
});

test('disconnect keeps the login; sending then is refused with what to do; connect goes on without a scan', async () => {
  const off = await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  expect(off.body).toEqual({
    success: true,
    data: { status: 'disconnected', message: 'WhatsApp session disconnected successfully' },
  });
  const refused = await stage.send(FRIEND, 'nobody home');
  expect(refused).toMatchObject({ status: 409, body: { success: false, code: 'session_not_connected' } });
  expect(refused.body.message).toBe('Your Whatsapp Session is not connected please connect your session first.');
  expect((await stage.call('POST', '/api/whatsapp-sessions/1/restart')).body).toMatchObject({
    success: false,
    error: 'WhatsApp session is not connected. Cannot restart.',
  });
  const on = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect(on.body.data).toMatchObject({ status: 'CONNECTED' });
  expect((await stage.send(FRIEND, 'back')).status).toBe(200);
});

test('what came while disconnected arrives after connect', async () => {
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'are you there?' });
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.until((events) => textsOf(events).includes('are you there?'));
});

test('restart connects anew with the same login', async () => {
  const { body } = await stage.call('POST', '/api/whatsapp-sessions/1/restart');
  expect(body).toEqual({ success: true, message: 'WhatsApp session restarted successfully.' });
  expect(await stage.status()).toBe('connected');
});

test('unlinked on the phone: logged_out with guidance, and connect asks for a new scan', async () => {
  stage.sandbox.unlink(OWN);
  await stage.until((events) => statusesOf(events).at(-1) === 'logged_out');
  const { body } = await stage.call('GET', '/api/status');
  expect(body).toMatchObject({ status: 'logged_out', reason: { code: 'logged_out' } });
  const connect = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect(connect.body.data).toMatchObject({ status: 'NEED_SCAN' });
  await stage.sandbox.scan(OWN, (connect.body.data as { qrCode: string }).qrCode);
  await stage.until((events) => statusesOf(events).at(-1) === 'connected');
});

test('deleting a session unlinks the device on the phone', async () => {
  expect(stage.sandbox.phone(OWN).devices).toHaveLength(1);
  expect((await stage.call('DELETE', '/api/whatsapp-sessions/1')).status).toBe(204);
  expect(stage.sandbox.phone(OWN).devices).toHaveLength(0);
  expect((await stage.call('GET', '/api/whatsapp-sessions/1')).status).toBe(404);
});

test('a new API key works and the old one does not', async () => {
  const before = (await stage.call('GET', '/api/whatsapp-sessions/1')).body.data as { api_key: string };
  const { body } = await stage.call('POST', '/api/whatsapp-sessions/1/regenerate-key');
  const status = (key: string) =>
    fetch(`${stage.engine.url}/api/status`, { headers: { authorization: `Bearer ${key}` } });
  expect((await status(before.api_key)).status).toBe(401);
  expect(await (await status(body['api_key'] as string)).json()).toEqual({ status: 'connected' });
});

test.each([
  [440, 'replaced', 'replaced'],
  [402, 'restricted', 'temporary_ban'],
  [403, 'restricted', 'account_locked'],
  [406, 'banned', 'banned'],
  [409, 'version_outdated', 'client_refused'],
  [411, 'logged_out', 'multidevice_mismatch'],
  [419, 'expired', 'login_expired'],
] as const)('closed with %i: the session is %s and stands down', async (code, status, reason) => {
  stage.sandbox.addFault({ fault: 'close', phone: OWN, code, times: 1 });
  await stage.until((events) => statusesOf(events).at(-1) === status);
  const { body } = await stage.call('GET', '/api/status');
  expect(body).toMatchObject({ status, reason: { code: reason, message: expect.stringMatching(/\. .*\./) } });
  expect(stage.sandbox.phone(OWN).devices[0]?.online).toBe(false);
});

test('an account that asks for a passkey is a state that says so, and asks for no further scan', async () => {
  const id = await create();
  stage.sandbox.addFault({ fault: 'demand-passkey', phone: NEW });
  const { body } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  await stage.sandbox.scan(NEW, (body.data as { qrCode: string }).qrCode).catch(() => {});
  await stage.untilStatus(({ status }) => status === 'passkey_required', id);
  expect(stage.engine.sessions.get(id).status.reason?.message).toContain('Use another number');
  expect(stage.engine.sessions.get(id).qr).toBeUndefined();
});

test('a refused version is a state with its cure, and no storm of retries', async () => {
  stage.sandbox.addFault({ fault: 'refuse-version' });
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  const { body } = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect(body.data).toMatchObject({
    status: 'VERSION_OUTDATED',
    message: expect.stringContaining('WARBLER_WA_VERSION'),
  });
  expect(stage.sandbox.faults()[0]?.fired).toBe(1);
});

test.each([428, 500, 503])('closed with %i: it comes back by itself', async (code) => {
  stage.sandbox.addFault({ fault: 'close', phone: OWN, code, times: 1 });
  await stage.until(
    (events) =>
      statusesOf(events).includes('connecting') &&
      statusesOf(events).at(-1) === 'connected' &&
      statusesOf(events).length >= 5,
  );
  expect((await stage.send(FRIEND, 'again')).status).toBe(200);
});

test('nobody answers at WhatsApp’s address: the reason and the cure, and the engine goes on', async () => {
  await stage.sandbox.close();
  await stage.untilStatus(({ reason }) => reason?.code === 'unreachable');
  const { body } = await stage.call('GET', '/api/status');
  expect(body).toMatchObject({
    status: 'connecting',
    reason: { code: 'unreachable', message: expect.stringContaining('ECONNREFUSED'), retryAt: expect.any(Number) },
  });
  await stage.startSandbox();
  await stage.untilStatus(({ status }) => status === 'connected');
});
