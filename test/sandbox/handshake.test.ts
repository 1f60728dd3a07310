import { afterEach, expect, test } from '@jest/globals';
import { proto } from '@whiskeysockets/baileys';
import * as curve from 'libsignal/src/curve.js';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startSandbox } from '../../engine/sandbox/index.ts';
import { signalKey } from '../../engine/sandbox/keys.ts';
import { RawClient, inside, qrOf } from './raw-client.ts';
import { makeWorld } from './world.ts';

const world = makeWorld();
const clients: RawClient[] = [];
afterEach(() => clients.splice(0).forEach((client) => client.close()));

function rawClient(): RawClient {
  const client = new RawClient(world.sandbox.socketUrl);
  clients.push(client);
  return client;
}

/** What a client that really checks would find. */
function judge({ chain, staticKey }: RawClient) {
  const { intermediate, leaf } = chain;
  const issuer = proto.CertChain.NoiseCertificate.Details.decode(intermediate!.details!);
  const certificate = proto.CertChain.NoiseCertificate.Details.decode(leaf!.details!);
  const signed = (key: Uint8Array | null | undefined, one: proto.CertChain.INoiseCertificate) =>
    curve.verifySignature(signalKey(key!), Buffer.from(one.details!), Buffer.from(one.signature!));
  return {
    root: signed(Buffer.from(world.sandbox.rootKey, 'hex'), intermediate!),
    leaf: signed(issuer.key, leaf!),
    issuerSerial: issuer.issuerSerial,
    key: Buffer.from(certificate.key!).equals(staticKey),
  };
}

test("the certificates vouch for the server's key under the sandbox's root", async () => {
  const client = rawClient();
  await client.register();
  expect(judge(client)).toEqual({ root: true, leaf: true, issuerSerial: 0, key: true });
});

test('the fault wrong-root is visible to a client that checks', async () => {
  world.sandbox.addFault({ fault: 'wrong-root', times: 1 });
  const client = rawClient();
  await client.register();
  expect(judge(client)).toMatchObject({ root: false, leaf: true });
});

test('the fault wrong-signature is visible to a client that checks', async () => {
  world.sandbox.addFault({ fault: 'wrong-signature', times: 1 });
  const client = rawClient();
  await client.register();
  expect(judge(client)).toMatchObject({ root: true, leaf: false });
});

test('a client that registers is given six refs', async () => {
  const client = rawClient();
  await client.register();
  const node = await client.next();
  const [pairDevice] = inside(node);
  expect(pairDevice?.tag).toBe('pair-device');
  expect(new Set(inside(pairDevice).map(({ content }) => String(content))).size).toBe(6);
});

test('a registration whose signed prekey is not signed by the identity is refused', async () => {
  const client = rawClient();
  await client.register((payload) => (payload.devicePairingData!.eSkeySig = Buffer.alloc(64, 1)));
  expect(await client.next()).toMatchObject({ tag: 'failure', attrs: { reason: '400' } });
});

test('a device that does not countersign properly is not linked', async () => {
  const phone = world.phone();
  const client = rawClient();
  await client.register();
  const refs = await client.next();
  const scanned = world.sandbox.scan(phone.phone, qrOf(client, refs));
  const refused = expect(scanned).rejects.toMatchObject({ status: 409, code: 'pairing-refused' });
  const success = await client.next();
  const sealed = inside(inside(success)[0]).find(({ tag }) => tag === 'device-identity')!.content as Buffer;
  const identity = proto.ADVSignedDeviceIdentity.decode(proto.ADVSignedDeviceIdentityHMAC.decode(sealed).details!);
  identity.deviceSignature = Buffer.alloc(64, 7);
  const content = Buffer.from(proto.ADVSignedDeviceIdentity.encode(identity).finish());
  client.send({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'result', id: success.attrs['id']! },
    content: [{ tag: 'pair-device-sign', attrs: {}, content: [{ tag: 'device-identity', attrs: {}, content }] }],
  });
  await refused;
  expect(world.sandbox.phone(phone.phone).devices).toEqual([]);
});

test('bytes that are no handshake end the connection and nothing else', async () => {
  const client = rawClient();
  await client.opened;
  client.sendGarbage(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await client.closed;
  await world.linked();
});

test('a client that has not finished its handshake is cut off without a word, and holds up nobody', async () => {
  const sandbox = await startSandbox({ port: 0 });
  const connect = async () => {
    const socket = new WebSocket(sandbox.socketUrl);
    await once(socket, 'open');
    return { closed: once(socket, 'close') };
  };
  const faulted = await connect();
  sandbox.addFault({ fault: 'close', code: 500 });
  await faulted.closed;
  const waiting = await connect();
  await sandbox.close();
  await waiting.closed;
});
