import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Phone } from './engine.ts';
import { until } from './n8n.ts';
import { withN8n } from './suite.ts';
import { chosen, outputsOf, refusalOf, typed, Workbench } from './workbench.ts';

const MINUTE = 60_000;
const onlyFull = <T>(list: T[]) => (list.length > 0 ? list : undefined);
const PNG = [0x89, 0x50, 0x4e, 0x47];

withN8n('The Warbler node in a real n8n', () => {
  let bench: Workbench;
  let phone: Phone;

  beforeAll(async () => {
    bench = await Workbench.start();
    phone = await bench.engine.phone('15550100078');
  }, 5 * MINUTE);

  afterAll(async () => await bench?.stop(), MINUTE);

  /** A session that nobody has connected. */
  async function newSession(name: string): Promise<string> {
    const created = await bench.output('session: create', {
      name,
      phoneNumber: '+15550100055',
      options: { ignoreGroups: true, webhookEvents: ['messages.received'] },
    });
    return String(created.json['id']);
  }

  const credentialFor = async (url: string) => await bench.n8n.createCredential({ url, token: bench.engine.token });

  test('lists sessions up to a limit', async () => {
    const found = await bench.outputs('session: getMany', { limit: 1 });
    expect(found.map(({ json }) => json)).toMatchObject([{ id: 1, phone_number: await bench.engine.number() }]);
  });

  test('gets a session, its status and its account', async () => {
    expect((await bench.output('session: get')).json).toMatchObject({ id: 1 });
    expect((await bench.output('session: getStatus')).json).toEqual({ status: 'connected' });
  });

  test('creates a session, connects it and gets its QR code as a picture', async () => {
    const session = typed(await newSession('Second'));
    const connected = await bench.output('session: connect', { session });
    expect(connected.json).toMatchObject({ status: 'NEED_SCAN', qrCode: expect.any(String) });
    const picture = await bench.output('session: getQrCode', { session, binaryPropertyName: 'qr' });
    expect(picture.binary?.['qr']).toMatchObject({
      mimeType: 'image/png',
      fileName: `qr-code-${session.value}.png`,
    });
    expect([...(await bench.bytes(picture, 'qr')).subarray(0, 4)]).toEqual(PNG);
    const disconnected = await bench.output('session: disconnect', { session });
    expect(disconnected.json).toMatchObject({ status: 'disconnected' });
  });

  test('changes the settings of a session and leaves the others as they are', async () => {
    const session = typed(await newSession('Third'));
    const limits = '{ "message_send": { "per_minute": 60 } }';
    const updateFields = { name: 'Support', alwaysOnline: true, limits };
    const { json } = await bench.output('session: update', { session, updateFields });
    expect(json).toMatchObject({
      name: 'Support',
      always_online: true,
      ignore_groups: true,
      webhook_events: ['messages.received'],
      limits: { message_send: { per_minute: 60 } },
    });
    const left = (await bench.output('session: getLimits', { session })).json['requests'];
    expect(left).toMatchObject({ message_send: { per_minute: { limit: 60, used: 0, remaining: 60 } } });
  });

  test('deletes a session', async () => {
    const session = typed(await newSession('Fourth'));
    const removed = await bench.output('session: delete', { session });
    expect(removed.json).toEqual({ deleted: true });
    expect(refusalOf(await bench.run('session: get', { session }))?.description).toMatch(/anew from the list/);
  });

  test('gets a code to type into the phone instead of the QR code', async () => {
    const session = typed(await newSession('Paired'));
    await bench.output('session: connect', { session });
    // The session's own number belongs to nobody on this sandbox.
    expect(refusalOf(await bench.run('session: getPairingCode', { session }))?.message).toMatch(/not on WhatsApp/);
    const options = { phoneNumber: await bench.engine.number() };
    const { code } = (await bench.output('session: getPairingCode', { session, options })).json;
    expect(code).toMatch(/^[A-Z0-9-]{8,9}$/);
  });

  test('gets a new key, the account, and the log of what happened', async () => {
    const { json } = await bench.output('session: getUser');
    expect(json).toMatchObject({ id: expect.stringContaining((await bench.engine.number()).replace('+', '')) });
    const logs = await bench.outputs('session: getSessionLogs', { returnAll: true });
    expect(logs.map(({ json }) => json['status'])).toContain('connected');
    const session = typed(await newSession('Key'));
    const before = (await bench.output('session: get', { session })).json['api_key'];
    expect((await bench.output('session: regenerateKey', { session })).json['api_key']).not.toBe(before);
  });

  test('restarts a session, which is connected again', async () => {
    await bench.outputs('session: restart');
    const status = async () => (await bench.output('session: getStatus')).json['status'];
    await until('the session to be back', async () => (await status()) === 'connected' || undefined, 30_000);
  });

  describe('Webhooks', () => {
    /** Nobody listens there: what is delivered is tried until it is given up. */
    const url = 'http://127.0.0.1:9/hook';
    /** A receiver that says that it is gone, until it is told to be there. */
    let receiver: Server;
    let isThere = false;
    const taken: string[] = [];
    beforeAll(async () => {
      receiver = createServer((request, response) => {
        if (isThere) taken.push(String(request.headers['webhook-id']));
        response.writeHead(isThere ? 200 : 404).end();
      });
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => receiver.close());

    test('are created, listed, chosen from the list and deleted', async () => {
      const options = { expiresIn: 3600 };
      const created = await bench.output('webhook: create', { url, events: ['call', 'sessionChanges'], options });
      const events = ['call', 'qrcode.updated', 'session.status'];
      expect(created.json).toMatchObject({ url, events, secret: expect.stringMatching(/^whsec_/) });
      const [found] = await bench.search('searchWebhooks', '/hook');
      expect(found).toEqual({ name: `${url} (active)`, value: created.json['id'] });
      const webhookId = chosen(found!.value);
      const inShort = { id: found!.value, session_id: 1, url, events, state: 'active', parked_reason: null };
      expect((await bench.output('webhook: get', { webhookId })).json).toEqual(inShort);
      const listed = await bench.outputs('webhook: getMany', { returnAll: true, simple: false });
      expect(listed.map(({ json }) => json)).toContainEqual(expect.objectContaining({ url, format: 'standard' }));
      expect((await bench.output('webhook: delete', { webhookId })).json).toEqual({ deleted: true });
      const refusal = refusalOf(await bench.run('webhook: get', { webhookId }));
      expect(refusal).toMatchObject({ message: expect.stringMatching(/no such webhook/) });
      expect(refusal?.description).toMatch(/anew from the list/);
    });

    test('are for all sessions, too, and for what fits only', async () => {
      const session = chosen('all');
      const filters = { chats: ['direct'], from: `+${phone.number}`, types: ['text'], contains: 'order' };
      const options = { collect: 5, markAsRead: true };
      const created = await bench.output('webhook: create', { session, url, filters, options });
      expect(created.json).toMatchObject({
        ...{ session_id: null, events: ['messages.received'], collect: 5, markAsRead: true },
        filter: { chats: ['direct'], types: ['text'], text: { contains: 'order' } },
      });
      expect(await bench.search('searchListenedSessions', 'all')).toEqual([{ name: 'All Sessions', value: 'all' }]);
      const [found] = await bench.search('searchWebhooks', '', { session });
      expect(found?.value).toBe(created.json['id']);
      const webhookId = chosen(found!.value);
      expect((await bench.output('webhook: get', { session, webhookId })).json).toMatchObject({
        session_id: null,
        url,
      });
      expect(await bench.outputs('webhook: getMany', { session })).toHaveLength(1);
      await bench.output('webhook: delete', { session, webhookId });
      expect(await bench.outputs('webhook: getMany', { session })).toEqual([]);
    });

    test('that were gone get what they have missed, and once more what they had', async () => {
      const { port } = receiver.address() as AddressInfo;
      const startedAt = new Date(Date.now() - 60_000).toISOString();
      const created = await bench.output('webhook: create', { url: `http://127.0.0.1:${port}/`, events: [] });
      const webhookId = typed(String(created.json['id']));
      expect(created.json['events']).toEqual(['*']);
      await phone.send(await bench.engine.number(), 'Anybody there?');
      const filters = { status: 'parked', webhookId };
      const parked = async () => await bench.outputs('delivery: getMany', { limit: 1, filters });
      const [delivery] = await until('a parked delivery', async () => onlyFull(await parked()), 20_000);
      expect(delivery?.json).toMatchObject({ webhook_id: webhookId.value, status: 'parked', last_status: 404 });
      isThere = true;
      expect((await bench.output('webhook: resume', { webhookId })).json).toMatchObject({ state: 'active' });
      await until('what was missed', async () => taken.length > 0 || undefined, 20_000);
      const deliveryId = String(delivery?.json['id']);
      expect((await bench.output('delivery: redeliver', { deliveryId })).json).toMatchObject({
        id: Number(deliveryId),
      });
      const replayed = await bench.output('webhook: replay', { webhookId, from: startedAt });
      expect(Number(replayed.json['events'])).toBeGreaterThan(0);
      const parkedOnes = await bench.output('webhook: redeliverParked', { webhookId });
      expect(parkedOnes.json).toMatchObject({ events: 0, webhook: { state: 'active' } });
    });

    test('have a log of events behind them, which is read on page by page', async () => {
      const all = await bench.outputs('event: getMany', { returnAll: true });
      const numbers = all.map(({ json }) => Number(json['seq']));
      expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
      const filters = { after: numbers[1] };
      const [third] = await bench.outputs('event: getMany', { limit: 1, filters, simple: false });
      expect(third?.json).toMatchObject({ seq: numbers[2], data: expect.anything() });
      const said = all.find(({ json }) => json['event'] === 'messages.received' && json['text'] === 'Anybody there?');
      expect(said?.json).toMatchObject({ phone: phone.number, isGroup: false, type: 'text' });
    });
  });

  test('says why there is no QR code', async () => {
    const execution = await bench.run('session: getQrCode');
    expect(execution.status).toBe('error');
    expect(refusalOf(execution)?.message).toMatch(/is linked to an account and connected: there is no QR code/);
    expect(refusalOf(execution)?.description).toMatch(/Session: /);
  });

  test('keeps the good items when one is refused and the node is set to continue', async () => {
    const parameters = { to: '={{ $json.to }}', text: 'Hi' };
    const inputs = [{ to: `+${phone.number}` }, { to: 'nobody' }, { to: `+${phone.number}` }];
    const settings = { onError: 'continueRegularOutput' };
    const outputs = outputsOf(await bench.run('message: sendText', parameters, { inputs, settings }));
    expect(outputs.map(({ json }) => 'msgId' in json)).toEqual([true, false, true]);
    expect(outputs[1]?.json['error']).toEqual(expect.any(String));
    expect(outputs[2]?.pairedItem).toEqual({ item: 2 });
  });

  test('a run of a hundred items fits into the documented limits', async () => {
    const limits = '{ "message_send": { "per_minute": 256 }, "concurrent": 128 }';
    await bench.output('session: update', { session: typed('1'), updateFields: { limits } });
    const inputs = Array.from({ length: 100 }, () => ({ to: `+${phone.number}` }));
    const outputs = await bench.outputs('message: sendText', { to: '={{ $json.to }}', text: 'Hi' }, { inputs });
    expect(outputs.filter(({ json }) => 'msgId' in json)).toHaveLength(100);
    await bench.output('session: update', { session: typed('1'), updateFields: { limits: '' } });
    expect((await bench.output('session: get')).json['limits']).toBeNull();
  });

  test('a refusal by a limit says how long to wait', async () => {
    const session = typed(await newSession('Limited'));
    const updateFields = { limits: '{ "endpoints": { "session.getStatus": { "per_minute": 1 } } }' };
    await bench.output('session: update', { session, updateFields });
    await bench.output('session: getStatus', { session });
    expect(refusalOf(await bench.run('session: getStatus', { session }))).toMatchObject({
      message: expect.stringMatching(/^Too many requests: session.getStatus allows 1 a minute \(wait \d+ seconds\)$/),
      description: expect.stringMatching(/Batching/),
    });
  });

  test('names the item that was refused', async () => {
    const inputs = [{ to: `+${phone.number}` }, { to: 'nobody' }];
    const execution = await bench.run('message: sendText', { to: '={{ $json.to }}', text: 'Hi' }, { inputs });
    expect(refusalOf(execution)).toMatchObject({ context: { itemIndex: 1 } });
  });

  describe('says what happened and how to go on', () => {
    const breakOnce = async (fault: object) => await bench.engine.sandbox('POST', '/faults', { ...fault, times: 1 });

    test('and tries again, when the node is set to', async () => {
      await breakOnce({ fault: 'nack', code: 400 });
      const parameters = { to: typed(`+${phone.number}`), text: 'The second time', options: { wait: true } };
      const settings = { retryOnFail: true, maxTries: 2, waitBetweenTries: 1 };
      const execution = await bench.run('message: sendText', parameters, { settings });
      expect(outputsOf(execution)).toMatchObject([{ json: { status: 'sent' } }]);
      expect(await phone.received()).toContain('The second time');
    });

    test('when a session is not connected', async () => {
      const session = typed(await newSession('Idle'));
      const refusal = refusalOf(await bench.run('group: getMany', { session }));
      expect(refusal).toMatchObject({
        message: expect.stringMatching(/not connected/),
        description: expect.stringMatching(/Session: Connect/),
      });
    });

    test('when WhatsApp wants a pause', async () => {
      await breakOnce({ fault: 'rate-limit', xmlns: 'w:g2' });
      const refusal = refusalOf(await bench.run('group: getMany'));
      expect(refusal?.message).toMatch(/\(wait \d+ seconds\)$/);
      expect(refusal?.description).toMatch(/Batching/);
    });

    test('when WhatsApp refuses a message', async () => {
      await breakOnce({ fault: 'nack', code: 400 });
      const parameters = { to: typed(`+${phone.number}`), text: 'Hi', options: { wait: true } };
      const refusal = refusalOf(await bench.run('message: sendText', parameters));
      expect(refusal).toMatchObject({
        message: expect.stringMatching(/WhatsApp/),
        description: expect.stringMatching(/the phone/),
      });
    });

    test('when the token is wrong', async () => {
      const wrong = await bench.n8n.createCredential({ url: bench.engine.url, token: 'wrong' });
      const refusal = refusalOf(await bench.run('session: getMany', {}, { credential: wrong }));
      expect(refusal).toMatchObject({
        message: expect.stringMatching(/API key/),
        description: expect.stringMatching(/personal access token/),
      });
    });
  });

  test('says that something else answers at the URL', async () => {
    const stranger = createServer((_request, response) => response.end('<html>Another program</html>'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const execution = await bench.run('session: getMany', {}, { credential: await credentialFor(url) });
    stranger.close();
    expect(refusalOf(execution)?.message).toMatch(/Something other than a Warbler engine/);
  });

  test('says how to go on when nothing answers at the URL', async () => {
    const execution = await bench.run(
      'session: getMany',
      {},
      { credential: await credentialFor('http://127.0.0.1:9') },
    );
    expect(refusalOf(execution)).toMatchObject({
      message: expect.stringMatching(/^Could not reach the Warbler engine/),
      description: expect.stringMatching(/When n8n runs in Docker/),
    });
  });
});
