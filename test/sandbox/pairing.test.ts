import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../engine/sandbox/index.ts';
import { Client, freshNumber } from './client.ts';

let sandbox: Sandbox;
const clients: Client[] = [];
for (const level of ['info', 'warn', 'error', 'log'] as const) jest.spyOn(console, level).mockImplementation(() => {});

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.disconnect();
});
afterAll(() => sandbox.close());

test('a client pairs by QR, is restarted with 515 and logs in', async () => {
  const phone = sandbox.addPhone({ phone: freshNumber(), name: 'Ada' });
  const client = new Client(sandbox.socketUrl);
  clients.push(client);
  client.connect();
  const linked = await sandbox.scan(phone.phone, await client.qr());
  expect(await client.closed(0)).toBe(515);
  expect(client.jid).toBe(linked.device);
  client.connect();
  await client.opened();
  await client.until('history', (events) => events.find((e) => e.event === 'messaging-history.set'));
  await client.until('app state', (events) =>
    events.find((e) => e.event === 'creds.update' && e.data.accountSyncCounter === 1),
  );
});
