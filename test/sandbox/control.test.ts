import { request } from 'node:http';
import { expect, test } from '@jest/globals';
import { startSandbox } from '../../engine/sandbox/index.ts';
import { freshNumber } from './client.ts';
import { makeWorld } from './world.ts';

const world = makeWorld();

test('the root key is told in hex', async () => {
  expect(await world.http('GET', '/root-key')).toEqual({ status: 200, body: { publicKey: world.sandbox.rootKey } });
  expect(world.sandbox.rootKey).toMatch(/^[0-9a-f]{64}$/);
});

test('a phone is created, listed and deleted', async () => {
  const phone = freshNumber();
  const created = await world.http('POST', '/phones', { phone: `+${phone}`, name: 'Ada' });
  expect(created).toMatchObject({
    status: 201,
    body: { phone, jid: `${phone}@s.whatsapp.net`, lid: expect.stringMatching(/^\d+@lid$/), name: 'Ada' },
  });
  const list = (await world.http('GET', '/phones')).body as unknown as { phone: string }[];
  expect(list.map((one) => one.phone)).toContain(phone);
  expect((await world.http('DELETE', `/phones/+${phone}`)).status).toBe(204);
  expect((await world.http('GET', `/phones/${phone}`)).status).toBe(404);
});

test('a phone is linked, written to and read over HTTP', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = world.client().connect();
  const scanned = await world.http('POST', `/phones/${mine.phone}/scan`, { qr: await client.qr() });
  expect(scanned).toMatchObject({ status: 200, body: { device: `${mine.phone}:1@s.whatsapp.net` } });
  await client.closed(0);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  const sent = await world.http('POST', `/phones/${friend.phone}/send`, { to: `+${mine.phone}`, text: 'over HTTP' });
  expect(sent).toMatchObject({ status: 201, body: { id: expect.any(String) } });
  await client.text('over HTTP');
  const messages = await world.http('GET', `/phones/${mine.phone}/messages?chat=${encodeURIComponent(friend.lid)}`);
  expect(messages.body).toMatchObject([
    { id: sent.body['id'], text: 'over HTTP', from: friend.jid, status: 'delivered' },
  ]);
  const after = await world.http('GET', `/phones/${mine.phone}/messages?after=${sent.body['id']}`);
  expect(after.body).toEqual([]);
  expect(await world.http('POST', `/phones/${mine.phone}/read`, { chat: friend.phone })).toEqual({
    status: 200,
    body: { read: 1 },
  });
  expect((await world.http('POST', `/phones/${mine.phone}/typing`, { to: friend.phone })).status).toBe(204);
  expect(await world.http('POST', `/phones/${mine.phone}/unlink`)).toEqual({
    status: 200,
    body: { devices: [client.jid] },
  });
});

test.each([mineAs('+'), mineAs(''), mineAs('@s.whatsapp.net'), mineAs('@lid')])(
  '"to" may be written as %s',
  async (_how, write) => {
    const [mine, friend] = [world.phone(), world.phone()];
    await world.sandbox.send(friend.phone, { to: write(mine), text: 'found' });
    await world.sandbox.idle();
    expect(world.sandbox.messages(mine.phone, { chat: write(friend) })).toMatchObject([{ text: 'found' }]);
  },
);

function mineAs(how: string): [string, (phone: { phone: string; jid: string; lid: string }) => string] {
  if (how === '@s.whatsapp.net') return ['a jid', ({ jid }) => jid];
  if (how === '@lid') return ['a LID', ({ lid }) => lid];
  return [how === '+' ? '+E.164' : 'digits', ({ phone }) => `${how}${phone}`];
}

test('what goes over the wire is shown decoded, by device, after a number', async () => {
  const client = await world.linked();
  const path = `/stanzas?device=${encodeURIComponent(client.jid)}`;
  const entries = (await world.http('GET', path)).body as unknown as {
    seq: number;
    direction: string;
    device: string;
  }[];
  expect(entries[0]).toMatchObject({ direction: 'out', device: client.jid, stanza: { tag: 'success' } });
  expect(new Set(entries.map(({ direction }) => direction))).toEqual(new Set(['in', 'out']));
  const { seq } = entries[3]!;
  const later = (await world.http('GET', `${path}&after=${seq}&limit=2`)).body as unknown as { seq: number }[];
  expect(later.map((entry) => entry.seq)).toEqual(entries.slice(4, 6).map((entry) => entry.seq));
});

test('faults are set, listed and deleted over HTTP', async () => {
  const set = await world.http('POST', '/faults', { fault: 'delay', ms: 5, match: 'message', times: 3 });
  expect(set).toMatchObject({
    status: 201,
    body: { fault: 'delay', ms: 5, match: ['message'], times: 3, fired: 0, active: true },
  });
  expect((await world.http('GET', '/faults')).body).toMatchObject([{ id: set.body['id'] }]);
  expect((await world.http('DELETE', `/faults/${set.body['id']}`)).status).toBe(204);
  expect((await world.http('GET', '/faults')).body).toEqual([]);
  expect((await world.http('DELETE', '/faults')).status).toBe(204);
});

const wrong: [string, string, string, unknown, number, string][] = [
  ['a phone without a number', 'POST', '/phones', {}, 422, 'invalid-request'],
  ['a number that is none', 'POST', '/phones', { phone: 'call me' }, 422, 'invalid-phone'],
  ['a field that does not exist', 'POST', '/phones', { phone: '491511111111', nmae: 'x' }, 422, 'invalid-request'],
  ['no body at all', 'POST', '/phones', undefined, 422, 'invalid-request'],
  ['a body that is a list', 'POST', '/phones', [], 422, 'invalid-request'],
  ['a phone that nobody has', 'GET', '/phones/491519999999', undefined, 404, 'unknown-phone'],
  ['a phone in the path that is none', 'GET', '/phones/hello', undefined, 422, 'invalid-phone'],
  ['a scan without a code', 'POST', '/phones/PHONE/scan', {}, 422, 'invalid-request'],
  ['a QR code that is none', 'POST', '/phones/PHONE/scan', { qr: 'https://example.com' }, 422, 'invalid-qr'],
  ['a QR code that is a number', 'POST', '/phones/PHONE/scan', { qr: 5 }, 422, 'invalid-request'],
  ['a pairing code of the wrong length', 'POST', '/phones/PHONE/link-code', { code: 'ABC' }, 422, 'invalid-code'],
  [
    'a text to a number without an account',
    'POST',
    '/phones/PHONE/send',
    { to: '491519999999', text: 'x' },
    404,
    'unknown-phone',
  ],
  [
    'a text to a jid without an account',
    'POST',
    '/phones/PHONE/send',
    { to: '5@lid', text: 'x' },
    404,
    'unknown-phone',
  ],
  ['a text to no group', 'POST', '/phones/PHONE/send', { to: '123@g.us', text: 'x' }, 404, 'unknown-group'],
  ['a text to a list', 'POST', '/phones/PHONE/send', { to: '1@broadcast', text: 'x' }, 422, 'unsupported-recipient'],
  ['a text without a text', 'POST', '/phones/PHONE/send', { to: 'PHONE' }, 422, 'invalid-request'],
  ['an empty text', 'POST', '/phones/PHONE/send', { to: 'PHONE', text: '' }, 422, 'invalid-request'],
  [
    'a picture from elsewhere',
    'POST',
    '/phones/PHONE/send',
    { to: 'PHONE', imageUrl: 'https://example.com/a.png' },
    422,
    'not-loopback',
  ],
  [
    'a reply to nothing',
    'POST',
    '/phones/PHONE/send',
    { to: 'PHONE', text: 'x', replyTo: 'ABC' },
    404,
    'unknown-message',
  ],
  [
    'reading a message that is not there',
    'POST',
    '/phones/PHONE/read',
    { chat: 'PHONE', ids: ['ABC'] },
    404,
    'unknown-message',
  ],
  [
    'a way of typing that does not exist',
    'POST',
    '/phones/PHONE/typing',
    { to: 'PHONE', state: 'singing' },
    422,
    'invalid-request',
  ],
  ['unlinking a device that is not there', 'POST', '/phones/PHONE/unlink', { device: 7 }, 404, 'unknown-device'],
  ['unlinking something that is no device', 'POST', '/phones/PHONE/unlink', { device: 'x' }, 422, 'invalid-device'],
  [
    'messages after one that is not there',
    'GET',
    '/phones/PHONE/messages?after=ABC',
    undefined,
    404,
    'unknown-message',
  ],
  ['messages with a limit of none', 'GET', '/phones/PHONE/messages?limit=0', undefined, 422, 'invalid-request'],
  ['stanzas after no number', 'GET', '/stanzas?after=soon', undefined, 422, 'invalid-request'],
  ['stanzas of no device', 'GET', '/stanzas?device=nobody', undefined, 422, 'invalid-device'],
  ['a fault that does not exist', 'POST', '/faults', { fault: 'earthquake' }, 422, 'invalid-request'],
  ['a fault without what it needs', 'POST', '/faults', { fault: 'delay' }, 422, 'invalid-request'],
  ['a handshake fault for one device', 'POST', '/faults', { fault: 'wrong-root', device: 1 }, 422, 'invalid-request'],
  ['deleting a fault that is not there', 'DELETE', '/faults/99', undefined, 404, 'unknown-fault'],
  [
    'a reaction to nothing',
    'POST',
    '/phones/PHONE/react',
    { chat: 'PHONE', id: 'x', emoji: '👍' },
    404,
    'unknown-message',
  ],
  ['a route that is none', 'GET', '/nothing', undefined, 404, 'unknown-route'],
];

test.each(wrong)('%s is refused with what is wrong', async (_what, method, path, body, status, error) => {
  const { phone } = world.phone();
  const filled = body && (JSON.parse(JSON.stringify(body).replaceAll('PHONE', phone)) as unknown);
  const answer = await world.http(method, path.replace('PHONE', phone), filled);
  expect(answer).toEqual({ status, body: { error, message: expect.stringMatching(/\S+ \S+/) } });
});

test('a phone that exists already is not created again', async () => {
  const { phone } = world.phone();
  expect(await world.http('POST', '/phones', { phone })).toMatchObject({
    status: 409,
    body: { error: 'phone-exists' },
  });
});

test.each([
  ['JSON that is none', '{"phone":', 'application/json', 400],
  ['a body that is no JSON', 'phone=1', 'application/x-www-form-urlencoded', 415],
])('%s is refused', async (_what, body, type, status) => {
  const response = await fetch(`${world.sandbox.url}/sandbox/phones`, {
    method: 'POST',
    body,
    headers: { 'content-type': type },
  });
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error: expect.any(String), message: expect.any(String) });
});

test('a request that came for another host is refused: a web page must not control the sandbox', async () => {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const { port } = world.sandbox;
    request({ port, path: '/sandbox/phones', headers: { host: 'evil.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});

test('a sandbox does not listen where others could reach it', async () => {
  await expect(startSandbox({ port: 0, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'not-loopback' });
});

test('a port that is taken is an error and not a hang', async () => {
  await expect(startSandbox({ port: world.sandbox.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
