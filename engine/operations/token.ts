import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import type { TokenRecord } from '../store/store.ts';
import { hashToken, newToken, SETTING_TOKEN } from './access.ts';
import { iso, isoTime } from './fields.ts';
import { operation } from './operation.ts';
import { readScope, tokenScope } from './scope.ts';

const TEN_YEARS_S = 315_360_000;

const shown = z.object({
  id: z
    .int()
    .describe('Number of the token')
    .meta({ examples: [2] }),
  name: z
    .string()
    .describe('What it is for')
    .meta({ examples: ['support agent'] }),
  scope: tokenScope.nullable().describe('What it is limited to; null: it may do everything'),
  created_at: isoTime.describe('When it was made, in ISO 8601'),
  expires_at: isoTime.nullable().describe('When it ends, in ISO 8601; null: never'),
  expired: z.boolean().describe('Whether it has ended; it is listed for another 30 days'),
  last_used_at: isoTime.nullable().describe('When it was used last, to the minute, in ISO 8601; null: never'),
});

export const create = operation({
  id: 'token.create',
  http: 'POST /api/tokens',
  access: 'account',
  summary: 'Make a personal access token, for everything or as far as its scope goes, for ever or for a time',
  status: 201,
  input: z.object({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .describe('What it is for; no two tokens have one name')
      .meta({ examples: ['support agent'] }),
    scope: tokenScope.optional().describe('What it is limited to; without it the token may do everything'),
    expires_in: z
      .int()
      .min(1)
      .max(TEN_YEARS_S)
      .optional()
      .describe('Seconds after which it ends; it does not without it')
      .meta({ examples: [2_592_000] }),
  }),
  output: shown.extend({
    token: z
      .string()
      .describe('The token. Shown only now: only its hash is kept')
      .meta({ examples: ['wblr_3q2-7wEXAMPLE'] }),
  }),
  errors: ['conflict'],
  run: async ({ engine: { store, clock } }, { name, scope, expires_in: expiresIn }) => {
    if (name === SETTING_TOKEN) throw validationFailed({ name: [`The name ${SETTING_TOKEN} is the setting’s.`] });
    const known = await store.tokens.list();
    if (known.some((token) => token.name === name)) {
      throw new EngineError('conflict', 'There is a token of this name. Choose another one, or delete that first.');
    }
    const sessions = (await store.sessions.list()).map(({ id }) => id);
    const token = newToken();
    const now = clock.now();
    const record = await store.tokens.put(name, hashToken(token), {
      ...(scope && { scope: await readScope(scope, { sessions }) }),
      ...(expiresIn !== undefined && { expiresAt: now + expiresIn * 1000 }),
    });
    return { ...show(record, now), token };
  },
});

export const list = operation({
  id: 'token.list',
  http: 'GET /api/tokens',
  access: 'account',
  summary: 'List all personal access tokens: what each may do, until when, and when it was used',
  input: z.object({}),
  output: z.array(shown),
  run: async ({ engine: { store, clock } }) => (await store.tokens.list()).map((token) => show(token, clock.now())),
});

export const remove = operation({
  id: 'token.remove',
  http: 'DELETE /api/tokens/:tokenId',
  access: 'account',
  summary: 'Make a personal access token invalid, at once; the one that asks for it, too',
  status: 204,
  input: z.object({
    tokenId: z
      .int()
      .min(1)
      .describe('Number of the token')
      .meta({ examples: [2] }),
  }),
  output: z.object({}),
  errors: ['not_found'],
  run: async ({ engine: { store, door } }, { tokenId }) => {
    const token = (await store.tokens.list()).find(({ id }) => id === tokenId);
    if (!token) throw new EngineError('not_found', 'There is no such token. GET /api/tokens lists all.');
    await store.tokens.delete(token.name);
    door.revoke(token);
    return {};
  },
});

function show({ id, name, scope, createdAt, expiresAt, lastUsedAt }: TokenRecord, now: number) {
  return {
    id,
    name,
    scope,
    created_at: new Date(createdAt).toISOString(),
    expires_at: iso(expiresAt),
    expired: expiresAt !== null && expiresAt <= now,
    last_used_at: iso(lastUsedAt),
  };
}
