import fc from 'fast-check';
import { request } from 'undici';
import { NETWORKS, type Network } from '../../engine/config.ts';
import { checkUrl, guardedAgent, networkOf } from '../../engine/network/guard.ts';
import { EngineError } from '../../engine/errors.ts';
import { Receiver } from './receiver.ts';

/** Every way that is known of writing an address which a webhook must not reach, and what it stands for. */
const LOOPBACK = [
  'http://127.0.0.1/',
  'http://127.0.0.1:8080/hook',
  'http://127.1/',
  'http://127.0.0.1./',
  'http://127.8.9.10/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://１２７.０.０.１/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
];
const PRIVATE = [
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://3232235777/',
  'http://0xc0a80101/',
  'http://100.64.0.1/',
  'http://[fc00::1]/',
  'http://[fd12:3456:789a::1]/',
  'http://[::ffff:192.168.1.1]/',
];
const NEVER = [
  // link-local, and the metadata services of clouds
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://[::ffff:169.254.169.254]/',
  'http://[fe80::1]/',
  'http://100.100.100.200/',
  'http://192.0.0.192/',
  'http://168.63.129.16/',
  'http://[fd00:ec2::254]/',
  'http://[fd20:ce::254]/',
  // this host, nobody, everybody
  'http://0.0.0.0/',
  'http://0/',
  'http://[::]/',
  'http://255.255.255.255/',
  'http://224.0.0.1/',
  'http://[ff02::1]/',
  'http://240.0.0.1/',
  // IPv4 addresses inside IPv6 ones
  'http://[::127.0.0.1]/',
  'http://[::7f00:1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[::ffff:0:7f00:1]/',
];
const MALFORMED = [
  '',
  'no url',
  'example.com/hook',
  '//example.com/',
  'file:///etc/passwd',
  'ftp://example.com/',
  'gopher://example.com/',
  'javascript:alert(1)',
  'data:text/plain,hi',
  'ws://example.com/',
  'http://',
  'http://[fe80::1%25eth0]/',
  'http://256.1.1.1/',
  'http://exa mple.com/',
];
const PUBLIC = [
  'https://example.com/hook?token=1',
  'http://1.1.1.1/',
  'http://[2606:4700::1111]/',
  'HTTPS://EXAMPLE.COM',
];

const refused = (allowed: readonly Network[]) => (url: string) => {
  try {
    checkUrl(url, allowed);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).code).toBe('url_not_allowed');
    return true;
  }
};

test('public URLs are allowed where public networks are', () => {
  expect(PUBLIC.filter(refused(['public']))).toEqual([]);
});

test('loopback in whatever notation is allowed where loopback is, and only there', () => {
  expect(LOOPBACK.filter(refused(['loopback']))).toEqual([]);
  expect(LOOPBACK.filter(refused(['public', 'private']))).toEqual(LOOPBACK);
});

test('private networks in whatever notation are allowed where private ones are, and only there', () => {
  expect(PRIVATE.filter(refused(['private']))).toEqual([]);
  expect(PRIVATE.filter(refused(['public', 'loopback']))).toEqual(PRIVATE);
});

test('link-local, metadata and special addresses are never allowed', () => {
  expect(NEVER.filter(refused(NETWORKS))).toEqual(NEVER);
});

test('what is no http URL is never allowed', () => {
  expect(MALFORMED.filter(refused(NETWORKS))).toEqual(MALFORMED);
});

test('a user name or a password in the URL is refused, and not repeated in the refusal', () => {
  for (const url of [
    'http://user:hunter2@example.com/',
    'http://hunter2@example.com/',
    'https://:hunter2@example.com/',
  ]) {
    expect(refused(NETWORKS)(url)).toBe(true);
    expect(() => checkUrl(url, NETWORKS)).not.toThrow(/hunter2/);
  }
});

test('a refusal names the setting that would allow it, where one would', () => {
  expect(() => checkUrl('http://127.0.0.1/', ['public'])).toThrow(
    '127.0.0.1 is on a loopback network, which WARBLER_WEBHOOK_NETWORKS does not allow.',
  );
  expect(() => checkUrl('http://169.254.169.254/', NETWORKS)).toThrow(/never allowed/);
  expect(() => checkUrl('http://10.0.0.1/', { networks: ['public'], setting: 'WARBLER_MEDIA_NETWORKS' })).toThrow(
    '10.0.0.1 is on a private network, which WARBLER_MEDIA_NETWORKS does not allow.',
  );
});

test('every address is in one network or in none, and never throws', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, (text) => {
      expect([undefined, ...NETWORKS]).toContain(networkOf(text));
    }),
  );
});

test('an IPv6 address outside 2000::/3 is never public', () => {
  const outside = fc
    .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }))
    .filter(([first]) => first < 0x2000 || first > 0x3fff);
  fc.assert(
    fc.property(outside, ([first, last]) => {
      expect(networkOf(`${first.toString(16)}::5:${last.toString(16)}`)).not.toBe('public');
    }),
  );
});

describe('an agent that may go to public networks only', () => {
  let receiver: Receiver;
  beforeAll(async () => (receiver = await Receiver.start()));
  afterAll(() => receiver.close());

  const get = async (url: string, allowed: readonly Network[]) => {
    const agent = guardedAgent(allowed);
    try {
      const { statusCode, body } = await request(url, { method: 'POST', body: '{}', dispatcher: agent });
      await body.dump();
      return statusCode;
    } catch (error) {
      return error;
    } finally {
      await agent.destroy();
    }
  };

  test.each(['localhost', '127.0.0.1', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])(
    'does not connect to %s, whatever it looked like before',
    async (host) => {
      const outcome = await get(`http://${host}:${receiver.port}/`, ['public']);
      expect(outcome).toMatchObject({ code: 'url_not_allowed', message: expect.stringContaining('loopback') });
      expect(receiver.requests).toEqual([]);
    },
  );

  test('does not connect to a special address either', async () => {
    expect(await get(`http://0.0.0.0:${receiver.port}/`, NETWORKS)).toMatchObject({ code: 'url_not_allowed' });
    expect(receiver.requests).toEqual([]);
  });

  test('says of a name that does not exist just that', async () => {
    const outcome = (await get('http://no-such-host.invalid/', ['public'])) as NodeJS.ErrnoException;
    expect(outcome.code).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  test('would connect where loopback is allowed, by name and by address', async () => {
    expect(await get(`http://localhost:${receiver.port}/`, ['loopback'])).toBe(200);
    expect(await get(`http://127.0.0.1:${receiver.port}/`, ['loopback'])).toBe(200);
  });

  test('is asked anew for every connection: what one may reach, another may not', async () => {
    expect(await get(`http://localhost:${receiver.port}/`, ['loopback'])).toBe(200);
    expect(await get(`http://localhost:${receiver.port}/`, ['private'])).toMatchObject({ code: 'url_not_allowed' });
  });
});
