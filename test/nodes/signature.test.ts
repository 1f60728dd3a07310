import { createHmac, randomBytes } from 'node:crypto';
import { doubtOf, eventIdOf, type Delivery } from '../../dist/nodes/Warbler/shared/signature.js';

const NOW_MS = 1_760_000_000_000;
const secret = `whsec_${randomBytes(32).toString('base64')}`;
const body = '{"event":"messages.received","id":"evt_1","data":{"messages":{"messageBody":"Grüße 🐦"}}}';

/** The Standard Webhooks specification, written down once more and apart from the code under test. */
function sign(id: string, timestamp: string, payload: string, key = secret): string {
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', bytes).update(`${id}.${timestamp}.${payload}`, 'utf8').digest('base64')}`;
}

function delivery(change: Record<string, string | undefined> = {}, payload: string | undefined = body): Delivery {
  const timestamp = change['webhook-timestamp'] ?? String(NOW_MS / 1000);
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': timestamp,
    'webhook-signature': sign('evt_1', timestamp, body),
    ...change,
  };
  return { headers, rawBody: payload === undefined ? undefined : Buffer.from(payload) };
}

const doubt = (change?: Record<string, string | undefined>, payload?: string) =>
  doubtOf(delivery(change, payload), secret, NOW_MS);

test('a delivery signed by the specification is trusted', () => {
  expect(doubt()).toBeUndefined();
  expect(eventIdOf(delivery())).toBe('evt_1');
});

test('the example of the specification is trusted', () => {
  const example = {
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    rawBody: Buffer.from('{"test": 2432232314}'),
  };
  expect(doubtOf(example, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 1_614_265_330_000)).toBeUndefined();
});

test('one fitting signature among several is enough', () => {
  const fitting = sign('evt_1', String(NOW_MS / 1000), body);
  const other = sign('evt_1', String(NOW_MS / 1000), body, `whsec_${randomBytes(32).toString('base64')}`);
  expect(doubt({ 'webhook-signature': `${other} v1a,ignored ${fitting}` })).toBeUndefined();
});

test.each([
  ['another secret', { 'webhook-signature': sign('evt_1', '1760000000', body, 'whsec_AAAA') }, body],
  ['another id', { 'webhook-id': 'evt_2' }, body],
  ['another body', {}, body.replace('evt_1', 'evt_2')],
  ['the same JSON in other bytes', {}, `${body} `],
  [
    'another version of the scheme',
    { 'webhook-signature': sign('evt_1', '1760000000', body).replace('v1', 'v2') },
    body,
  ],
  ['half a signature', { 'webhook-signature': sign('evt_1', '1760000000', body).slice(0, 20) }, body],
  ['the secret itself as signature', { 'webhook-signature': secret }, body],
  ['an empty signature', { 'webhook-signature': 'v1,' }, body],
])('a delivery with %s is refused', (_name, change, payload) => {
  expect(doubt(change, payload)).toMatch(/signature/);
});

test.each([
  ['no id', { 'webhook-id': undefined }],
  ['no signature', { 'webhook-signature': undefined }],
  ['no timestamp', { 'webhook-timestamp': '' }],
])('a delivery with %s is refused', (_name, change) => {
  expect(doubt(change)).toBeDefined();
});

test('a delivery without raw bytes is refused', () => {
  expect(doubtOf({ ...delivery(), rawBody: undefined }, secret, NOW_MS)).toBe('The delivery is not signed.');
});

test.each([
  [-300, true],
  [-301, false],
  [300, true],
  [301, false],
])('a validly signed timestamp %i s off is trusted: %s', (offsetS, trusted) => {
  const answer = doubt({ 'webhook-timestamp': String(NOW_MS / 1000 + offsetS) });
  expect(answer === undefined).toBe(trusted);
});

test.each(['now', '1e9', '-1760000000', '1760000000.5', ' 1760000000'])('the timestamp %j is refused', (timestamp) => {
  expect(doubt({ 'webhook-timestamp': timestamp })).toMatch(/timestamp/);
});
