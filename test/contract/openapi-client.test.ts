import createClient from 'openapi-fetch';
// Made of docs/openapi.json by `npm run build`.
import type { paths } from '../../.cache/openapi.d.ts';
import { FRIEND, OWN, Stage, TOKEN } from '../whatsapp/stage.ts';

let stage: Stage;
let client: ReturnType<typeof createClient<paths>>;

beforeAll(async () => {
  stage = await Stage.open();
  client = createClient<paths>({ baseUrl: stage.engine.url, headers: { Authorization: `Bearer ${TOKEN}` } });
});
afterAll(() => stage?.close());

const header = { 'X-Warbler-Session': 1 };

test('lists sessions, each of them typed', async () => {
  const { data } = await client.GET('/api/whatsapp-sessions');
  const [session] = data!.data;
  const { id, phone_number: phone, status }: { id: number; phone_number: string; status: string } = session!;
  expect({ id, phone, status }).toMatchObject({ id: 1, status: 'connected' });
  expect(session!.account?.jid).toContain(OWN);
});

test('sends a message, which arrives', async () => {
  const { data, response } = await client.POST('/api/send-message', {
    params: { header: { ...header, 'Idempotency-Key': 'client-1' } },
    body: { to: FRIEND, text: 'from a generated client', wait: true },
  });
  expect(response.status).toBe(200);
  const { msgId, status } = data!.data;
  expect(status).toBe('sent');
  const info = await client.GET('/api/messages/{msgId}/info', { params: { header, path: { msgId } } });
  expect(info.data!.data.msgId).toBe(msgId);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'from a generated client'));
});

test('goes through a list by pages', async () => {
  const path = { whatsappSession: 1 };
  const { data } = await client.GET('/api/whatsapp-sessions/{whatsappSession}/message-logs', {
    params: { path, query: { page: 1, per_page: 5 } },
  });
  const { current_page: page, total, data: entries } = data!.data;
  expect(page).toBe(1);
  expect(entries).toHaveLength(Math.min(total, 5));
  expect(entries[0]!.content).toContain('from a generated client');
});

test('connects a new session and gets its QR code as a picture', async () => {
  const made = await client.POST('/api/whatsapp-sessions', { body: { name: 'Second', phone_number: '+15550109999' } });
  expect(made.response.status).toBe(201);
  const path = { whatsappSession: made.data!.data.id };
  await client.POST('/api/whatsapp-sessions/{whatsappSession}/connect', { params: { path } });
  const picture = await client.GET('/api/whatsapp-sessions/{whatsappSession}/qrcode', {
    params: { path },
    headers: { Accept: 'image/png' },
    parseAs: 'arrayBuffer',
  });
  expect(Buffer.from(picture.data!).subarray(1, 4).toString()).toBe('PNG');
  const removed = await client.DELETE('/api/whatsapp-sessions/{whatsappSession}', { params: { path } });
  expect(removed.response.status).toBe(204);
});

test('gets an error with its code, and what is wrong with each field', async () => {
  const { error, response } = await client.POST('/api/send-message', {
    params: { header },
    // @ts-expect-error The recipient is missing, and the types know it.
    body: { text: 'to nobody' },
  });
  expect(response.status).toBe(422);
  const { code, errors } = error!;
  expect({ code, errors }).toEqual({ code: 'validation_failed', errors: { to: ['The to field is required.'] } });
});
