import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConfigError,
  loadConfig,
  newEncryptionKey,
  SETTINGS,
  storeFolder,
  type SettingName,
} from '../../engine/config.ts';
import { temporaryFolder } from './fixtures.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const load = (env: Record<string, string> = {}, sandbox = false) =>
  loadConfig({ sandbox, env: { WARBLER_DATA_DIR: folder.path, ...env } });
/** What a start with this setting dies of. */
function refusal(env: Record<string, string>): string {
  try {
    load(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

test('without any setting, an engine listens on this machine only, on the real WhatsApp', () => {
  expect(load()).toEqual({
    host: '127.0.0.1',
    port: 3210,
    publicUrl: undefined,
    dataDir: folder.path,
    encryptionKey: expect.any(Buffer),
    token: undefined,
    sandbox: undefined,
    webhookNetworks: ['public', 'private', 'loopback'],
    mediaNetworks: ['public'],
    proxyNetworks: ['public', 'private', 'loopback'],
    limits: 'documented',
    pace: 'normal',
    logLevel: 'info',
    eventRetentionDays: 30,
    messageRetentionDays: 0,
    browser: ['Mac OS', 'Chrome'],
    whatsAppVersion: [2, 3000, 1043857760],
  });
});

test('an empty setting is one that is not set, as compose files write it', () => {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']));
  expect(load({ ...empty, WARBLER_DATA_DIR: folder.path, REDIS_URL: '' })).toEqual(load());
});

test('every setting is read', () => {
  const key = Buffer.alloc(32, 5);
  expect(
    load({
      WARBLER_HOST: '0.0.0.0',
      WARBLER_PORT: '0',
      WARBLER_SANDBOX_URL: 'http://127.0.0.1:3211/',
      WARBLER_TOKEN: '2b8f05c79d31e6a4f70c5bd4e8a1f6037c925bde',
      WARBLER_ENCRYPTION_KEY: key.toString('hex'),
      WARBLER_PUBLIC_URL: 'https://warbler.test/',
      WARBLER_WEBHOOK_NETWORKS: 'public, private',
      WARBLER_MEDIA_NETWORKS: 'public,private',
      WARBLER_PROXY_NETWORKS: 'private',
      WARBLER_LIMITS: 'off',
      WARBLER_PACE: 'careful',
      WARBLER_LOG_LEVEL: 'silent',
      WARBLER_EVENT_RETENTION_DAYS: '7',
      WARBLER_MESSAGE_RETENTION_DAYS: '90',
      WARBLER_BROWSER: 'Windows/Firefox',
      WARBLER_WA_VERSION: '2.3000.1',
    }),
  ).toMatchObject({
    host: '0.0.0.0',
    port: 0,
    sandbox: { own: false, url: 'http://127.0.0.1:3211' },
    token: '2b8f05c79d31e6a4f70c5bd4e8a1f6037c925bde',
    encryptionKey: key,
    publicUrl: 'https://warbler.test',
    webhookNetworks: ['public', 'private'],
    mediaNetworks: ['public', 'private'],
    proxyNetworks: ['private'],
    limits: 'off',
    pace: 'careful',
    logLevel: 'silent',
    eventRetentionDays: 7,
    messageRetentionDays: 90,
    browser: ['Windows', 'Firefox'],
    whatsAppVersion: [2, 3000, 1],
  });
});

test('a sandbox of its own is started on request, unless one is named', () => {
  expect(load({}, true).sandbox).toEqual({ own: true, port: 3211 });
  expect(load({ WARBLER_SANDBOX_PORT: '4000' }, true).sandbox).toEqual({ own: true, port: 4000 });
  const named = { WARBLER_SANDBOX_URL: 'http://sandbox.test' };
  expect(load(named, true).sandbox).toEqual({ own: false, url: 'http://sandbox.test' });
});

test('on the sandbox files are also fetched from this machine, unless the networks are named', () => {
  expect(load({}, true).mediaNetworks).toEqual(['public', 'loopback']);
  expect(load({ WARBLER_SANDBOX_URL: 'http://sandbox.test' }).mediaNetworks).toEqual(['public', 'loopback']);
  expect(load({ WARBLER_MEDIA_NETWORKS: 'public' }, true).mediaNetworks).toEqual(['public']);
});

test.each<[SettingName, string]>([
  ['WARBLER_PORT', 'abc'],
  ['WARBLER_PORT', ' '],
  ['WARBLER_PORT', '0x50'],
  ['WARBLER_PORT', '1e3'],
  ['WARBLER_PORT', '-1'],
  ['WARBLER_PORT', '65536'],
  ['WARBLER_PORT', '80.5'],
  ['WARBLER_SANDBOX_PORT', 'x'],
  ['WARBLER_SANDBOX_URL', 'localhost:3211'],
  ['WARBLER_SANDBOX_URL', 'ws://localhost:3211'],
  ['WARBLER_PUBLIC_URL', 'warbler.test'],
  ['WARBLER_PUBLIC_URL', 'ftp://warbler.test'],
  ['WARBLER_WEBHOOK_NETWORKS', 'everything'],
  ['WARBLER_MEDIA_NETWORKS', 'link-local'],
  ['WARBLER_PROXY_NETWORKS', 'none'],
  ['WARBLER_WEBHOOK_NETWORKS', 'public;private'],
  ['WARBLER_WEBHOOK_NETWORKS', ','],
  ['WARBLER_LOG_LEVEL', 'loud'],
  ['WARBLER_EVENT_RETENTION_DAYS', '0'],
  ['WARBLER_EVENT_RETENTION_DAYS', '1.5'],
  ['WARBLER_EVENT_RETENTION_DAYS', 'forever'],
  ['WARBLER_MESSAGE_RETENTION_DAYS', '29'],
  ['WARBLER_BROWSER', 'Chrome'],
  ['WARBLER_BROWSER', 'Mac OS/Chrome/1'],
  ['WARBLER_WA_VERSION', '2.3000'],
  ['WARBLER_WA_VERSION', 'latest'],
])('%s=%j is refused: the refusal names it, what it is for, and its default', (name, value) => {
  const message = refusal({ [name]: value });
  expect(message).toMatch(new RegExp(`^${name} cannot be used: `));
  expect(message).toContain(SETTINGS[name].about);
  expect(message).toContain(SETTINGS[name].default ?? 'Unset it');
});

test.each(['short', 'x'.repeat(31)])('the token %j is refused as too short', (token) => {
  expect(refusal({ WARBLER_TOKEN: token })).toBe(
    'WARBLER_TOKEN is shorter than 32 characters. Make one with: openssl rand -hex 32',
  );
});

test.each([
  'changeme-changeme-changeme-changeme',
  'CHANGE_ME_TO_SOMETHING_LONG_AND_RANDOM',
  'your-personal-access-token-goes-here',
  'your_token_your_token_your_token_12',
  'this-is-an-example-token-0123456789',
  'placeholder-placeholder-placeholder',
  'x'.repeat(32),
  '0'.repeat(64),
  '1234567890123456789012345678901234567890',
  'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz',
  'secretsecretsecretsecretsecretsecret',
])('the token %j is refused as a placeholder, and not repeated', (token) => {
  const message = refusal({ WARBLER_TOKEN: token });
  expect(message).toBe('WARBLER_TOKEN is a placeholder, not a secret. Make one with: openssl rand -hex 32');
});

test('a token of 32 characters and one that the engine made are taken', () => {
  for (const token of ['q8ZaW9x2Lm4Tn7Rk1Vb6Yc3Ps5Hd0Ge8', 'wblr_2fZ0y8lRr1mV0q3cY5n9bH7kT4xJ6wPaE1sD8gU2iOo']) {
    expect(load({ WARBLER_TOKEN: token }).token).toBe(token);
  }
});

test('an encryption key is made once, for its owner’s eyes only, and read from then on', async () => {
  const first = load().encryptionKey;
  const file = join(folder.path, 'encryption.key');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(Buffer.from(await readFile(file, 'utf8'), 'base64')).toEqual(first);
  expect(first).toHaveLength(32);
  expect(load().encryptionKey).toEqual(first);
});

test('the data folder is made for its owner’s eyes only', async () => {
  const dataDir = join(folder.path, 'some', 'where');
  load({ WARBLER_DATA_DIR: dataDir });
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
});

test('a given encryption key is not written down', async () => {
  load({ WARBLER_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') });
  await expect(stat(join(folder.path, 'encryption.key'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an encryption key may be written as hex, base64 or base64url, with or without padding', () => {
  const key = Buffer.alloc(32, 0xfb);
  const forms = ['hex', 'base64', 'base64url'].map((form) => key.toString(form as 'hex'));
  for (const text of [...forms, forms[0]!.toUpperCase(), forms[1]!.replace(/=+$/, '')]) {
    expect(load({ WARBLER_ENCRYPTION_KEY: text }).encryptionKey).toEqual(key);
  }
});

test.each([
  'secret',
  'ab'.repeat(31),
  'ab'.repeat(33),
  Buffer.alloc(33).toString('base64'),
  `!${'A'.repeat(43)}`,
  `my pass phrase ${'A'.repeat(30)}`,
])('the encryption key %j is refused with the way to make one, and not repeated', (text) => {
  const message = refusal({ WARBLER_ENCRYPTION_KEY: text });
  expect(message).toBe(
    'WARBLER_ENCRYPTION_KEY must be 32 bytes in base64 or hex. Make one with: openssl rand -base64 32',
  );
});

test('the engine on the sandbox has a key of its own, unless its database is older than that', async () => {
  const key = load().encryptionKey;
  const onSandbox = () => loadConfig({ sandbox: true, env: { WARBLER_DATA_DIR: folder.path } }).encryptionKey;
  const own = onSandbox();
  expect(own).not.toEqual(key);
  expect(onSandbox()).toEqual(own);

  await rm(join(folder.path, 'sandbox', 'encryption.key'));
  await writeFile(join(folder.path, 'sandbox', 'warbler.db'), '');
  expect(onSandbox()).toEqual(key);
});

describe('the key that a rotation changes to', () => {
  const given = Buffer.alloc(32, 5).toString('base64');

  test('is a new one where keys are kept in the data folder, else the one given', () => {
    const [one, other] = [newEncryptionKey({}), newEncryptionKey({})];
    expect(one).toEqual({ key: expect.any(Buffer), keepIn: 'file' });
    expect(other.key).not.toEqual(one.key);
    for (const env of [{}, { WARBLER_ENCRYPTION_KEY: given }]) {
      expect(newEncryptionKey({ ...env, WARBLER_NEW_ENCRYPTION_KEY: given })).toEqual({
        key: Buffer.alloc(32, 5),
        keepIn: 'setting',
      });
    }
  });

  test('is asked for where the person keeps the key, and refused without being repeated', () => {
    expect(() => newEncryptionKey({ WARBLER_ENCRYPTION_KEY: given })).toThrow(/WARBLER_NEW_ENCRYPTION_KEY.*openssl/);
    expect(() => newEncryptionKey({ WARBLER_NEW_ENCRYPTION_KEY: 'hunter2' })).toThrow(
      /^WARBLER_NEW_ENCRYPTION_KEY must be 32 bytes in base64 or hex\. Make one with: openssl rand -base64 32$/,
    );
  });
});

test('a damaged key file is refused by its name, and never replaced', async () => {
  const file = join(folder.path, 'encryption.key');
  await writeFile(file, 'half a k');
  expect(refusal({})).toContain(file);
  expect(await readFile(file, 'utf8')).toBe('half a k');
});

test('a data folder that cannot be made is refused with a cure', async () => {
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  expect(refusal({ WARBLER_DATA_DIR: join(file, 'data') })).toMatch(/cannot be created \(ENOTDIR\).*WARBLER_DATA_DIR/);
});

const asRoot = process.getuid?.() === 0;
(asRoot ? test.skip : test)('a data folder that cannot be written is refused with a cure', async () => {
  await chmod(folder.path, 0o500);
  expect(refusal({})).toMatch(/cannot be read or written \(EACCES\)/);
});

test('the sandbox and the real WhatsApp never share a database', () => {
  const dataDir = folder.path;
  const real = storeFolder({ dataDir, sandbox: undefined });
  const own = storeFolder({ dataDir, sandbox: { own: true, port: 0 } });
  const joined = storeFolder({ dataDir, sandbox: { own: false, url: 'http://127.0.0.1:1' } });
  expect(real).toBe(dataDir);
  expect(own).not.toBe(real);
  expect(joined).toBe(own);
});

test('REDIS_URL is refused rather than ignored', () => {
  expect(refusal({ REDIS_URL: 'redis://localhost' })).toMatch(/^REDIS_URL is set, but .* Unset it to start/);
});

test('no refusal repeats what was set, for it may be a secret pasted into the wrong line', () => {
  const secret = 'hunter2-hunter2-hunter2';
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    if (['WARBLER_HOST', 'WARBLER_DATA_DIR', 'WARBLER_NEW_ENCRYPTION_KEY'].includes(name)) continue;
    expect(refusal({ [name]: secret })).not.toContain('hunter2');
  }
});
