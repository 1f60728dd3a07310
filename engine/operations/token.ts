import { z } from 'zod';
import { EngineError } from '../errors.ts';
import type { TokenRecord } from '../store/store.ts';
import { hashToken, newToken } from './access.ts';
import { operation } from './operation.ts';
import { readScope, tokenScope } from './scope.ts';

const shown = z.object({
  id: z
    .int()
    .describe('Number of the token')
    .meta({ examples: [2] }),
  name: z
    .string()
    .describe('What it is for')
    .meta({ examples: ['support agent'] }),
  scope: tokenScope.nullable().describe('What it is limited to, over MCP alone; null: it may do everything'),
  created_at: z
    .string()
    .describe('When it was made, ISO 8601')
    .meta({ examples: ['2026-01-05T12:00:00.000Z'] }),
});

export const create = operation({
  id: 'token.create',
  http: 'POST /api/tokens',
  access: 'account',
  summary: 'Make a personal access token; one with a scope opens /mcp alone, and that as far as the scope goes',
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
  }),
  output: shown.extend({
    token: z
      .string()
      .describe('The token. Shown only now: only its hash is kept')
      .meta({ examples: ['wblr_3q2-7wEXAMPLE'] }),
  }),
  errors: ['conflict'],
  run: async ({ engine: { store } }, { name, scope }) => {
    const known = await store.tokens.list();
    if (known.some((token) => token.name === name)) {
      throw new EngineError('conflict', 'There is a token of this name. Choose another one, or delete that first.');
    }
    const token = newToken();
    const record = await store.tokens.put(name, hashToken(token), scope && (await readScope(scope)));
    return { ...show(record), token };
  },
});

export const list = operation({
  id: 'token.list',
  http: 'GET /api/tokens',
  access: 'account',
  summary: 'List all personal access tokens, by name and scope',
  input: z.object({}),
  output: z.array(shown),
  run: async ({ engine }) => (await engine.store.tokens.list()).map(show),
});

export const remove = operation({
  id: 'token.remove',
  http: 'DELETE /api/tokens/:tokenId',
  access: 'account',
  summary: 'Make a personal access token invalid, at once',
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
  run: async ({ engine: { store } }, { tokenId }) => {
    const token = (await store.tokens.list()).find(({ id }) => id === tokenId);
    if (!token) throw new EngineError('not_found', 'There is no such token. GET /api/tokens lists all.');
    await store.tokens.delete(token.name);
    await store.counters.clear(`token:${token.id}`);
    return {};
  },
});

function show({ id, name, scope, createdAt }: TokenRecord) {
  return { id, name, scope, created_at: new Date(createdAt).toISOString() };
}
