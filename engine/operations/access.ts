import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../errors.ts';
import type { SessionRecord } from '../model.ts';
import type { Store, TokenRecord } from '../store/store.ts';
import type { Access, Engine } from './operation.ts';

/** A new personal access token; only its hash is kept. 256 random bits need no slow hash. */
export const newToken = () => `wblr_${randomBytes(32).toString('base64url')}`;
export const hashToken = (token: string) => createHash('sha256').update(token).digest();
/** Name of the token that the setting WARBLER_TOKEN brings: written at every start, or deleted. */
export const SETTING_TOKEN = 'WARBLER_TOKEN';
/** API key of a session, in the form that WasenderApi's have. */
export const newApiKey = () => randomBytes(32).toString('hex');
/** Webhook secret of a session, likewise. */
export const newWebhookSecret = () => randomBytes(16).toString('hex');

/** What a request shows of itself. */
export interface Credentials {
  authorization: string | undefined;
  /** Where it comes from, as the connection has it. */
  address: string | undefined;
  /** `X-Warbler-Session`. */
  session: string | undefined;
  /** The session that the path names, when it has a place for one; 0 for what is no id. */
  pathSession: number | undefined;
}

/** What is to be done, as far as it matters who asks. */
export interface Purpose {
  access: Access;
  /** Whether it changes something. */
  changes: boolean;
}

/** Who calls: somebody with a personal access token, or with the API key of a session. */
export type Caller = { token: TokenRecord; session?: undefined } | { token?: undefined; session: SessionRecord };

/** Somebody who was let in; nobody in particular where the access is `public`. `record`: the session it is about. */
export interface Admitted {
  caller: Caller | undefined;
  record: SessionRecord | undefined;
}

/**
 * Lets a call in. Throws 401 for a missing or unknown key, 403 for one that is not for this (whether or not there is
 * such a session), 404 for a session that is not there, 429 as {@link Door.identify} does.
 */
export async function admit(
  { store, door }: Pick<Engine, 'store' | 'door'>,
  { access, changes }: Purpose,
  { authorization, address, session, pathSession }: Credentials,
): Promise<Admitted> {
  if (access === 'public') return { caller: undefined, record: undefined };
  const caller = await door.identify(authorization, address);
  if (!caller.token) return { caller, record: ownOf(caller.session, access, { session, pathSession }) };
  const { scope } = caller.token;
  if (scope?.mcp_only) throw forbidden('This token is for MCP alone: it opens /mcp and nothing else.');
  if (scope?.access === 'read' && changes) throw forbidden('This token may only read, and this changes something.');
  if (access === 'account') {
    const limit = scope?.sessions ? sessionsIn(scope.sessions) : scope?.recipients && 'certain recipients alone';
    if (!limit) return { caller, record: undefined };
    throw forbidden(`This token is for ${limit}. This is about the account as a whole.`);
  }
  const id = access === 'session' ? headerOf(session, scope?.sessions) : pathSession;
  if (id !== undefined && scope?.sessions && !scope.sessions.includes(id)) {
    throw forbidden(`This token is for ${sessionsIn(scope.sessions)}.`);
  }
  return { caller, record: access === 'token' ? undefined : await named(store, id) };
}

/** The session of an API key, for what such a key may do. */
function ownOf(
  own: SessionRecord,
  access: Exclude<Access, 'public'>,
  { session, pathSession }: Pick<Credentials, 'session' | 'pathSession'>,
): SessionRecord {
  if (access === 'account' || access === 'token') {
    throw forbidden('A session’s API key cannot do this. Use a personal access token.');
  }
  const other = access === 'own' ? pathSession !== own.id : session !== undefined && session !== String(own.id);
  if (other) throw forbidden('This API key belongs to another session. Use that session’s key.');
  return own;
}

/** The key in a header `Authorization`. */
export function keyIn(authorization: string | undefined): string | undefined {
  // WasenderApi's documentation also writes "Bearer token KEY".
  return /^Bearer\s+(?:token\s+)?(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** Whose key this is; `undefined`: nobody's. */
export async function callerWith(store: Store, key: string): Promise<Caller | undefined> {
  const token = await personalToken(store, key);
  if (token) return { token };
  const session = await store.sessions.findByApiKey(key);
  return session && { session };
}

/** Every hash is compared, each in constant time: how long it takes tells nothing about any token. */
async function personalToken(store: Store, token: string): Promise<TokenRecord | undefined> {
  const hash = hashToken(token);
  let found: TokenRecord | undefined;
  for (const known of await store.tokens.list()) found = timingSafeEqual(known.hash, hash) ? known : found;
  return found;
}

/** The session that the header names; without one the only session that the token is for. */
function headerOf(header: string | undefined, sessions: readonly number[] = []): number {
  if (header === undefined) {
    if (sessions.length === 1) return sessions[0]!;
    throw new EngineError(
      'bad_request',
      'With a personal access token, name the session in the header X-Warbler-Session (or use that session’s API key).',
    );
  }
  if (!/^[1-9]\d{0,14}$/.test(header)) {
    throw new EngineError('session_not_found', 'The header X-Warbler-Session must hold the id of a session.');
  }
  return Number(header);
}

async function named(store: Store, id: number | undefined): Promise<SessionRecord> {
  const record = id === undefined ? undefined : await store.sessions.get(id);
  if (!record) throw new EngineError('session_not_found', 'The specified session was not found.');
  return record;
}

const forbidden = (message: string) => new EngineError('forbidden', message);
const sessionsIn = (ids: readonly number[]) => `session${ids.length > 1 ? 's' : ''} ${ids.join(', ')} alone`;
