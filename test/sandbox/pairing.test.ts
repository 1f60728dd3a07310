import { expect, test } from '@jest/globals';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { RawClient, inside, qrOf } from './raw-client.ts';
import { eventually, makeWorld } from './world.ts';
import { startSandbox } from '../../engine/sandbox/index.ts';
import { Client } from './client.ts';

const world = makeWorld();

test('a client pairs by QR, is restarted with 515 and logs in', async () => {
  const phone = world.phone('Ada');
  const client = world.client().connect();
  const linked = await world.sandbox.scan(phone.phone, await client.qr());
  expect(await client.closed(0)).toBe(515);
  expect(client.memory.creds.me).toMatchObject({ id: linked.device, lid: linked.lid });
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  expect(world.sandbox.phone(phone.phone).devices).toMatchObject([{ device: linked.device, online: true }]);
});

test('a client pairs by code', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  await client.qr();
  const code = await client.socket.requestPairingCode(phone.phone);
  const linked = await world.sandbox.linkCode(phone.phone, `${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`);
  expect(await client.closed(0)).toBe(515);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  expect(client.jid).toBe(linked.device);
});

test('a wrong pairing code is told, and the right one still works', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  await client.qr();
  const code = await client.socket.requestPairingCode(phone.phone, 'ABCD1234');
  await expect(world.sandbox.linkCode(phone.phone, 'ABCD1235')).rejects.toMatchObject({ code: 'wrong-code' });
  await world.sandbox.linkCode(phone.phone, code);
  expect(await client.closed(0)).toBe(515);
});

/** How the server answers a client's request for a pairing code; Baileys itself does not look. */
async function codeAnswer(client: Client, phone: string, code?: string): Promise<BinaryNode> {
  const answered = new Promise<BinaryNode>((resolve) => {
    client.socket.ws.on('CB:iq', (node: BinaryNode) => {
      if (node.attrs['type'] === 'error' || inside(node)[0]?.tag === 'link_code_companion_reg') resolve(node);
    });
  });
  await client.socket.requestPairingCode(phone, code);
  return answered;
}

test.each([
  ['a client that calls itself something WhatsApp does not know', ['Linux', 'Robot', '1'], undefined, '400'],
  ['a client that asks too often', ['Linux', 'Chrome', '1'], 'rate-limit', '429'],
] as const)('%s gets no pairing code', async (_who, browser, fault, code) => {
  const phone = world.phone();
  const client = world.client(undefined, { browser: [...browser] }).connect();
  await client.qr();
  if (fault) world.sandbox.addFault({ fault, xmlns: 'md', times: 1 });
  const answer = await codeAnswer(client, phone.phone);
  expect(inside(answer)[0]?.attrs['code']).toBe(code);
});

test('a client that asks for a code for a number without an account is told so, and one with an account gets a ref', async () => {
  const client = world.client().connect();
  await client.qr();
  expect(inside(await codeAnswer(client, '491519999998'))[0]?.attrs['code']).toBe('404');
  const phone = world.phone();
  const other = world.client().connect();
  await other.qr();
  const [registered] = inside(await codeAnswer(other, phone.phone));
  expect(inside(registered)[0]).toMatchObject({ tag: 'link_code_pairing_ref' });
  // nothing is linked before somebody types the code into the phone
  expect(world.sandbox.phone(phone.phone).devices).toEqual([]);
});

test('of two codes that a client has asked for, the newer one counts', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  await client.qr();
  await codeAnswer(client, phone.phone, 'AAAA1111');
  await codeAnswer(client, phone.phone, 'BBBB2222');
  await expect(world.sandbox.linkCode(phone.phone, 'AAAA1111')).rejects.toMatchObject({ code: 'wrong-code' });
  await world.sandbox.linkCode(phone.phone, 'BBBB2222');
  expect(await client.closed(0)).toBe(515);
});

test('a code dies with the connection that has asked for it', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  await client.qr();
  const code = await client.socket.requestPairingCode(phone.phone);
  await client.disconnect();
  await expect(world.sandbox.linkCode(phone.phone, code)).rejects.toMatchObject({ code: 'no-code-requested' });
});

test('a code for a number nobody has asked for is refused with what to do', async () => {
  const phone = world.phone();
  await expect(world.sandbox.linkCode(phone.phone, 'ABCD1234')).rejects.toMatchObject({
    status: 404,
    code: 'no-code-requested',
  });
});

test('a QR code works once', async () => {
  const [phone, other] = [world.phone(), world.phone()];
  const client = world.client().connect();
  const qr = await client.qr();
  await world.sandbox.scan(phone.phone, qr);
  await expect(world.sandbox.scan(other.phone, qr)).rejects.toMatchObject({ status: 410, code: 'qr-expired' });
});

test('when the last QR code has expired the stream is closed', async () => {
  const sandbox = await startSandbox({ port: 0, pairing: { firstRefMs: 200, refMs: 20 } });
  const client = new Client(sandbox.socketUrl).connect();
  const qr = await client.qr();
  expect(await client.closed(0)).toBe(428);
  const phone = sandbox.addPhone({ phone: '491511234567' });
  await expect(sandbox.scan(phone.phone, qr)).rejects.toMatchObject({ code: 'qr-expired' });
  await sandbox.close();
});

test('a client that goes away while it is paired leaves no device behind', async () => {
  const phone = world.phone();
  const raw = new RawClient(world.sandbox.socketUrl);
  await raw.register();
  const refs = await raw.next();
  const scan = world.sandbox.scan(phone.phone, qrOf(raw, refs));
  const gone = expect(scan).rejects.toMatchObject({ code: 'client-gone' });
  await raw.next();
  raw.close();
  await gone;
  expect(world.sandbox.phone(phone.phone).devices).toEqual([]);
});

test('an account links four devices and no more', async () => {
  const phone = world.phone();
  for (let i = 0; i < 4; i++) {
    const client = world.client().connect();
    await world.sandbox.scan(phone.phone, await client.qr());
  }
  const fifth = world.client().connect();
  await expect(world.sandbox.scan(phone.phone, await fifth.qr())).rejects.toMatchObject({
    status: 409,
    code: 'too-many-devices',
  });
});

test('a device that is unlinked is told so (401), and refused when it comes back', async () => {
  const phone = world.phone();
  const client = await world.linked(phone);
  const closed = client.closed();
  expect(world.sandbox.unlink(phone.phone, client.jid)).toEqual({ devices: [client.jid] });
  expect(await closed).toBe(401);
  const from = client.events.length;
  client.connect();
  expect(await client.closed(from)).toBe(401);
});

test('a client that logs out is no longer a device of the account', async () => {
  const phone = world.phone();
  const client = await world.linked(phone);
  await client.socket.logout();
  await eventually('the device is gone', () => world.sandbox.phone(phone.phone).devices.length === 0);
});

test("another client's key does not open a device's door", async () => {
  const [mine, theirs] = [await world.linked(), await world.linked()];
  await mine.disconnect();
  mine.memory.creds = { ...mine.memory.creds, noiseKey: theirs.memory.creds.noiseKey };
  const from = mine.events.length;
  mine.connect();
  expect(await mine.closed(from)).toBe(401);
});

test('a client that knows its edge says so when it reconnects', async () => {
  const client = await world.linked();
  expect(client.memory.creds.routingInfo?.length).toBeGreaterThan(0);
  await client.disconnect();
  const from = client.events.length;
  client.connect();
  await client.opened(from);
});

test('deleting an account logs its devices out', async () => {
  const phone = world.phone();
  const client = await world.linked(phone);
  const closed = client.closed();
  world.sandbox.removePhone(phone.phone);
  expect(await closed).toBe(401);
  expect(world.sandbox.phones().some((one) => one.phone === phone.phone)).toBe(false);
});
