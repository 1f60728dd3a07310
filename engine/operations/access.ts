import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../errors.ts';
import type { SessionRecord } from '../model.ts';
import type { Store, TokenRecord } from '../store/store.ts';
import type { Access } from './operation.ts';

/** A new personal access token; only its hash is kept. 256 random bits need no slow hash. */
export const newToken = () => `wblr_${randomBytes(32).toString('base64url')}`;
export const hashToken = (token: string) => createHash('sha256').update(token).digest();
/** API key of a session, in the form that WasenderApi's have. */
export const newApiKey = () => randomBytes(32).toString('hex');
/** Webhook secret of a session, likewise. */
export const newWebhookSecret = () => randomBytes(16).toString('hex');

/** What a request shows of itself. */
export interface Credentials {
  authorization: string | undefined;
  /** `X-Warbler-Session`. */
  session: string | undefined;
  /** The session that the path names. */
  pathSession: number | undefined;
}

/**
 * Lets a call in, and answers the session it is about, if any. Throws 401 for a missing or unknown key, 403 for one
 * that is not for this, 404 for a session that is not there.
 */
export async function admit(
  store: Store,
  access: Access,
  { authorization, session, pathSession }: Credentials,
): Promise<SessionRecord | undefined> {
  if (access === 'public') return undefined;
  const caller = await identify(store, authorization);
  if (caller.token) {
    if (caller.token.scope) {
      throw new EngineError('forbidden', 'This token is for MCP alone: it opens /mcp and nothing else.');
    }
    if (access === 'account') return undefined;
    return named(store, access === 'own' ? pathSession : sessionHeader(session));
  }
  const own = caller.session;
  if (access === 'account') {
    throw new EngineError('forbidden', 'A session’s API key cannot do this. Use a personal access token.');
  }
  if (access === 'own' && pathSession !== own.id) {
    throw new EngineError('forbidden', 'This API key belongs to another session. Use that session’s key.');
  }
  return own;
}

/** Who calls: somebody with a personal access token, or with the API key of a session. */
export type Caller = { token: TokenRecord; session?: undefined } | { token?: undefined; session: SessionRecord };

/** Reads the header `Authorization`. Throws 401 for a key that is missing or unknown. */
export async function identify(store: Store, authorization: string | undefined): Promise<Caller> {
  // WasenderApi's documentation also writes "Bearer token KEY".
  const key = /^Bearer\s+(?:token\s+)?(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!key) throw new EngineError('unauthorized', 'API key is required');
  const token = await personalToken(store, key);
  if (token) return { token };
  const session = await store.sessions.findByApiKey(key);
  if (session) return { session };
  throw new EngineError('unauthorized', 'Invalid API key');
}

/** Every hash is compared, each in constant time: how long it takes tells nothing about any token. */
async function personalToken(store: Store, token: string): Promise<TokenRecord | undefined> {
  const hash = hashToken(token);
  let found: TokenRecord | undefined;
  for (const known of await store.tokens.list()) found = timingSafeEqual(known.hash, hash) ? known : found;
  return found;
}

function sessionHeader(header: string | undefined): number {
  if (header === undefined) {
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
