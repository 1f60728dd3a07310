import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { PACES, type Pace } from './model.ts';

/** Where requests that the engine makes for others may go. Link-local and metadata addresses are never among them. */
export const NETWORKS = ['public', 'private', 'loopback'] as const;
export type Network = (typeof NETWORKS)[number];

/** Digits only: to JavaScript a space is 0, and 0x50 and 1e3 are numbers, too. */
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'write it in digits')
    .transform(Number)
    .pipe(z.number().min(least).max(most));
const port = whole(0, 65_535);
const networks = z
  .string()
  .transform((text) => text.split(',').map((word) => word.trim()))
  .pipe(z.array(z.enum(NETWORKS)));
const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''));

/**
 * Every setting: its variable, how it is read, its default as a person would write it, and what it does. The README's
 * table is held to this one by a test.
 */
export const SETTINGS = {
  WARBLER_HOST: { read: z.string().min(1), default: '127.0.0.1', about: 'Address the engine listens on' },
  WARBLER_PORT: { read: port, default: '3210', about: 'Port the engine listens on' },
  WARBLER_SANDBOX_PORT: { read: port, default: '3211', about: 'Port of the built-in WhatsApp sandbox, loopback only' },
  WARBLER_SANDBOX_URL: {
    read: httpUrl.optional(),
    default: undefined,
    about: 'Use a sandbox that already runs there (implies sandbox mode)',
  },
  WARBLER_DATA_DIR: {
    read: z.string().min(1),
    default: './data',
    about: 'Folder of the database and the generated key',
  },
  WARBLER_TOKEN: {
    read: z.string().optional(),
    default: undefined,
    about: 'A personal access token to accept, 32 characters or more; without it one is generated and printed once',
  },
  WARBLER_ENCRYPTION_KEY: {
    read: z.string().optional(),
    default: undefined,
    about: '32 bytes, base64 or hex, that encrypt secrets on disk; without it one is generated into the data folder',
  },
  WARBLER_NEW_ENCRYPTION_KEY: {
    read: z.string().optional(),
    default: undefined,
    about: 'The key that `warbler key rotate` changes to, in the same forms; read by that command alone',
  },
  WARBLER_PUBLIC_URL: {
    read: httpUrl.optional(),
    default: undefined,
    about: 'Prefix of the URLs the engine hands out; default from host and port',
  },
  WARBLER_WEBHOOK_NETWORKS: {
    read: networks,
    default: 'public,private,loopback',
    about: 'Networks that webhooks may go to; link-local and metadata addresses never',
  },
  WARBLER_MEDIA_NETWORKS: {
    read: networks,
    default: 'public',
    about: 'Networks that files to send may be fetched from; unset on the sandbox, loopback is one of them',
  },
  WARBLER_PROXY_NETWORKS: {
    read: networks,
    default: 'public,private,loopback',
    about: 'Networks that the proxies of sessions may be in; link-local and metadata addresses never',
  },
  WARBLER_LIMITS: {
    read: z.enum(['documented', 'off']),
    default: 'documented',
    about: 'Limits on requests of sessions that set none of their own: those WasenderApi documents, or none',
  },
  WARBLER_PACE: {
    read: z.enum(PACES),
    default: 'normal',
    about: 'How fast the sessions that do not say so themselves send; unset on the sandbox, off',
  },
  WARBLER_LOG_LEVEL: {
    read: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
    about: 'How much is logged',
  },
  WARBLER_EVENT_RETENTION_DAYS: {
    read: whole(1, 3650),
    default: '30',
    about: 'Days that delivered events stay in the event log; undelivered ones stay until delivered',
  },
  WARBLER_MESSAGE_RETENTION_DAYS: {
    // WhatsApp hands over for 30 days what could not be delivered, and phones ask again for what they cannot read.
    read: whole(0, 3650).refine((days) => days === 0 || days >= 30, 'give 30 days at the least, or 0 for good'),
    default: '0',
    about: 'Days that messages, ended bulk jobs and the logs of sessions are kept, 30 or more; 0: for good',
  },
  WARBLER_BROWSER: {
    read: z
      .string()
      .regex(/^[^,/]+\/[^,/]+$/, 'write it as System/Browser, e.g. Mac OS/Chrome')
      .transform((text) => text.split('/') as [string, string]),
    default: 'Mac OS/Chrome',
    about: 'What the linked device calls itself; some accounts refuse anything but a standard browser',
  },
  WARBLER_WA_VERSION: {
    read: z
      .string()
      .regex(/^\d+\.\d+\.\d+$/, 'write it as three numbers, e.g. 2.3000.1043857760')
      .transform((text) => text.split('.').map(Number) as [number, number, number]),
    default: '2.3000.1043857760',
    about: 'WhatsApp Web version the engine introduces itself with; pinned, never fetched',
  },
} as const satisfies Record<string, { read: z.ZodType; default: string | undefined; about: string }>;

export type SettingName = keyof typeof SETTINGS;

export interface Config {
  host: string;
  port: number;
  publicUrl: string | undefined;
  dataDir: string;
  /** The 32-byte key that everything secret is sealed with. */
  encryptionKey: Buffer;
  token: string | undefined;
  /** `undefined` on the real WhatsApp; `own` starts a sandbox at `port`, otherwise the one at `url` is used. */
  sandbox: { own: true; port: number } | { own: false; url: string } | undefined;
  webhookNetworks: readonly Network[];
  mediaNetworks: readonly Network[];
  proxyNetworks: readonly Network[];
  /** Whether a session that sets no limits has those that WasenderApi documents. */
  limits: 'documented' | 'off';
  pace: Pace;
  logLevel: string;
  eventRetentionDays: number;
  /** 0: for good. */
  messageRetentionDays: number;
  browser: readonly [string, string];
  whatsAppVersion: readonly [number, number, number];
}

/** A setting that the engine cannot start with. Printed without a stack; the process ends with code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Where a generated encryption key is kept: in the folder of the database. */
export const KEY_FILE = 'encryption.key';

const PLACEHOLDERS = /change[-_ ]?me|your[-_ ]?(?:personal|access|token|secret)|example|placeholder|^(.+?)\1+$/i;

/**
 * Reads the settings, creating the data folder and the encryption key in it on first use. Throws {@link ConfigError}
 * naming the variable and the cure. The only place that reads the environment.
 */
export function loadConfig(options: { sandbox?: boolean; env?: NodeJS.ProcessEnv } = {}): Config {
  const { givenKey, ...settings } = readSettings(options);
  createFolder(settings.dataDir);
  return { ...settings, encryptionKey: givenKey ?? keyInFile(settings) };
}

/** All settings, without touching the disk; `givenKey`: where the person keeps the encryption key. */
export type Settings = Omit<Config, 'encryptionKey'> & { givenKey: Buffer | undefined };

/** As {@link loadConfig}, for who only looks. */
export function readSettings(options: { sandbox?: boolean; env?: NodeJS.ProcessEnv } = {}): Settings {
  const env = options.env ?? process.env;
  if (env['REDIS_URL']) {
    throw new ConfigError(
      'REDIS_URL is set, but this version keeps its data in its own file only. Unset it to start; running on several machines comes with a later version.',
    );
  }
  const dataDir = resolve(setting(env, 'WARBLER_DATA_DIR'));
  const sandboxUrl = setting(env, 'WARBLER_SANDBOX_URL');
  const sandboxPort = setting(env, 'WARBLER_SANDBOX_PORT');
  const onSandbox = Boolean(sandboxUrl || options.sandbox);
  const sandbox: Config['sandbox'] = sandboxUrl
    ? { own: false, url: sandboxUrl }
    : options.sandbox
      ? { own: true, port: sandboxPort }
      : undefined;
  const mediaNetworks = setting(env, 'WARBLER_MEDIA_NETWORKS');
  const key = setting(env, 'WARBLER_ENCRYPTION_KEY');
  return {
    host: setting(env, 'WARBLER_HOST'),
    port: setting(env, 'WARBLER_PORT'),
    publicUrl: setting(env, 'WARBLER_PUBLIC_URL'),
    dataDir,
    givenKey: key ? parsedKey(key, 'WARBLER_ENCRYPTION_KEY') : undefined,
    token: checkedToken(setting(env, 'WARBLER_TOKEN')),
    sandbox,
    webhookNetworks: setting(env, 'WARBLER_WEBHOOK_NETWORKS'),
    mediaNetworks: onSandbox && !env['WARBLER_MEDIA_NETWORKS'] ? [...mediaNetworks, 'loopback'] : mediaNetworks,
    proxyNetworks: setting(env, 'WARBLER_PROXY_NETWORKS'),
    limits: setting(env, 'WARBLER_LIMITS'),
    // A simulated WhatsApp restricts nobody, and who tries something out wants to see it at once.
    pace: onSandbox && !env['WARBLER_PACE'] ? 'off' : setting(env, 'WARBLER_PACE'),
    logLevel: setting(env, 'WARBLER_LOG_LEVEL'),
    eventRetentionDays: setting(env, 'WARBLER_EVENT_RETENTION_DAYS'),
    messageRetentionDays: setting(env, 'WARBLER_MESSAGE_RETENTION_DAYS'),
    browser: setting(env, 'WARBLER_BROWSER'),
    whatsAppVersion: setting(env, 'WARBLER_WA_VERSION'),
  };
}

/**
 * Where an engine with these settings keeps its database. On the sandbox that is a folder of its own: its sessions
 * must never be tried on the real WhatsApp, and `npm run sandbox` and `npm start` share a data folder.
 */
export function storeFolder(config: Pick<Config, 'dataDir' | 'sandbox'>): string {
  const folder = storePath(config);
  createFolder(folder);
  return folder;
}

/** The same, whether or not it is there. */
export const storePath = ({ dataDir, sandbox }: Pick<Config, 'dataDir' | 'sandbox'>) =>
  sandbox ? join(dataDir, 'sandbox') : dataDir;

function setting<N extends SettingName>(env: NodeJS.ProcessEnv, name: N): z.output<(typeof SETTINGS)[N]['read']> {
  const { read, default: fallback } = SETTINGS[name];
  // An empty variable is an unset one: that is what compose files produce for `${VAR:-}`.
  const result = read.safeParse(env[name] || fallback);
  if (result.success) return result.data as z.output<(typeof SETTINGS)[N]['read']>;
  const wrong = result.error.issues[0]?.message ?? 'not valid';
  const cure = fallback === undefined ? 'Unset it to do without.' : `Unset it for the default, ${fallback}.`;
  throw new ConfigError(`${name} cannot be used: ${wrong}. It means: ${SETTINGS[name].about}. ${cure}`);
}

function createFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConfigError(
      `The data folder ${path} cannot be created (${(error as NodeJS.ErrnoException).code}). Make it writable, or set WARBLER_DATA_DIR to a folder that is.`,
    );
  }
}

function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || token === '') return undefined;
  const how = 'Make one with: openssl rand -hex 32';
  if (token.length < 32) throw new ConfigError(`WARBLER_TOKEN is shorter than 32 characters. ${how}`);
  if (PLACEHOLDERS.test(token)) throw new ConfigError(`WARBLER_TOKEN is a placeholder, not a secret. ${how}`);
  return token;
}

function keyInFile(config: Pick<Config, 'dataDir' | 'sandbox'>): Buffer {
  const file = join(storeFolder(config), KEY_FILE);
  try {
    if (!existsSync(file)) {
      // Under its name only when it is whole: neither a full disk nor a crash leaves half a key.
      const draft = `${file}.${process.pid}`;
      writeFileSync(draft, keyOfBefore(config) ?? `${randomBytes(32).toString('base64')}\n`, {
        mode: 0o600,
        flush: true,
      });
      renameSync(draft, file);
    }
    return parsedKey(readFileSync(file, 'utf8').trim(), file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `The encryption key ${file} cannot be read or written (${(error as NodeJS.ErrnoException).code}). Make the data folder writable for the user that runs Warbler.`,
    );
  }
}

/** A database on the sandbox that is older than its own key file is under the key of the data folder. */
function keyOfBefore(config: Pick<Config, 'dataDir' | 'sandbox'>): string | undefined {
  const file = join(config.dataDir, KEY_FILE);
  const older = config.sandbox && existsSync(join(storeFolder(config), 'warbler.db')) && existsSync(file);
  return older ? readFileSync(file, 'utf8') : undefined;
}

/**
 * The key that a rotation changes to: the one that WARBLER_NEW_ENCRYPTION_KEY holds or, where the keys are kept in the
 * data folder, a new one. Throws {@link ConfigError} where only the person can keep it.
 */
export function newEncryptionKey(env = process.env): { key: Buffer; keepIn: 'file' | 'setting' } {
  const given = setting(env, 'WARBLER_NEW_ENCRYPTION_KEY');
  if (given) return { key: parsedKey(given, 'WARBLER_NEW_ENCRYPTION_KEY'), keepIn: 'setting' };
  if (!env['WARBLER_ENCRYPTION_KEY']) return { key: randomBytes(32), keepIn: 'file' };
  throw new ConfigError(
    'WARBLER_ENCRYPTION_KEY is set, so you keep the key: put the new one into WARBLER_NEW_ENCRYPTION_KEY. Make one with: openssl rand -base64 32',
  );
}

/** Throws {@link ConfigError}, which names the source and never the text. */
export function parsedKey(text: string, source: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // Strictly, because Buffer skips what is no base64, and would make a key of a sentence.
  if (/^[\w+/-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  throw new ConfigError(`${source} must be 32 bytes in base64 or hex. Make one with: openssl rand -base64 32`);
}
