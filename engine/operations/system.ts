import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { operation } from './operation.ts';

export const health = operation({
  id: 'system.health',
  http: 'GET /healthz',
  access: 'public',
  summary: 'Whether the process answers',
  envelope: 'bare',
  input: z.object({}),
  output: z.object({ status: z.literal('ok').describe('That it answers') }),
  run: async () => ({ status: 'ok' as const }),
});

export const ready = operation({
  id: 'system.ready',
  http: 'GET /readyz',
  access: 'public',
  summary: 'Whether the engine has taken up what the last one left, and can write down what it is given',
  envelope: 'bare',
  input: z.object({}),
  output: z.object({ status: z.literal('ready').describe('That every session of before is back') }),
  run: async ({ engine }) => {
    const waiting = engine.notReady();
    if (waiting) throw new EngineError('stopping', `Not ready: ${waiting}.`, { retryAfterS: 1 });
    const failure = await engine.store.health();
    if (failure) throw failure;
    return { status: 'ready' as const };
  },
});

export const metrics = operation({
  id: 'system.metrics',
  http: 'GET /metrics',
  access: 'account',
  summary: 'Figures of the engine, in the text format of Prometheus',
  answers: 'text',
  input: z.object({}),
  output: z.string().meta({
    description: 'One figure per line; labels are sessions’ numbers and outcomes, never addresses',
    examples: ['warbler_sessions{status="connected"} 1'],
  }),
  run: ({ engine: { metrics, sessions } }) => metrics.text((id) => sessions.lastSeenAt(id)),
});

export const authCheck = operation({
  id: 'system.authCheck',
  http: 'GET /api/auth-check',
  access: 'token',
  summary: 'Whether a personal access token is valid',
  input: z.object({}),
  output: z.object({
    engine: z.literal('warbler').describe('Which engine answers'),
    version: z.string().meta({ description: 'Version of the engine', examples: ['0.1.0'] }),
  }),
  run: async ({ engine }) => ({ engine: 'warbler' as const, version: engine.version }),
});
