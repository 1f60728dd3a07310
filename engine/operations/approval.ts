import { z } from 'zod';
import { APPROVAL_STATUSES, type ApprovalRecord } from '../model.ts';
import { operation } from './operation.ts';
import { paged, pageFields, pageOf } from './page.ts';

const iso = (what: string) =>
  z
    .string()
    .describe(`${what}, ISO 8601`)
    .meta({ examples: ['2026-01-05T12:00:00.000Z'] });
const approvalId = z
  .int()
  .min(1)
  .describe('Number of the approval')
  .meta({ examples: [7] });
const note = z
  .string()
  .trim()
  .max(1000)
  .optional()
  .describe('Why: kept, and told to the agent when its call is rejected')
  .meta({ examples: ['Please ask the customer first'] });

/** As people see it: what nobody decided, or used, in time has expired. */
const status = z.enum([...APPROVAL_STATUSES, 'expired']);

const shown = z.object({
  id: approvalId,
  token: z
    .string()
    .describe('Name of the token that calls')
    .meta({ examples: ['support agent'] }),
  session_id: z
    .int()
    .nullable()
    .describe('The session it is about; null: none')
    .meta({ examples: [1] }),
  tool: z
    .string()
    .describe('The tool that is called')
    .meta({ examples: ['send_text_message'] }),
  input: z
    .record(z.string(), z.unknown())
    .describe('What it is called with')
    .meta({ examples: [{ to: '+15551234567', text: 'Hello' }] }),
  status: status.describe(
    'approved: it runs as soon as the agent waits for it. done: it was run, once. expired: nobody decided in time, or nobody came for it',
  ),
  note: z
    .string()
    .nullable()
    .describe('Words of the person who decided')
    .meta({ examples: ['Go ahead'] }),
  created_at: iso('When the agent called'),
  decided_at: iso('When a person decided').nullable(),
  expires_at: iso('When it ends by itself'),
});

export const list = operation({
  id: 'approval.list',
  http: 'GET /api/approvals',
  access: 'account',
  summary: 'List calls of agents that need or needed an approval, newest first',
  input: z.object({
    status: status.optional().describe('Only those in this status'),
    ...pageFields,
  }),
  output: pageOf(shown),
  run: async ({ engine }, { status, page, per_page: limit }) => {
    const slice = { offset: (page - 1) * limit, limit };
    const now = engine.clock.now();
    const { items, total } = await engine.store.approvals.list(status ? { status } : {}, now, slice);
    return paged({ items: items.map((one) => show(one, now)), total }, page, limit, '/api/approvals');
  },
});

export const approve = operation({
  id: 'approval.approve',
  http: 'POST /api/approvals/:approvalId/approve',
  access: 'account',
  summary: 'Approve a call of an agent: it runs, once',
  input: z.object({ approvalId, note }),
  output: shown,
  errors: ['not_found', 'conflict'],
  run: async ({ engine }, { approvalId: id, note: words }) =>
    show(await engine.approvals.decide(id, 'approved', words), engine.clock.now()),
});

export const reject = operation({
  id: 'approval.reject',
  http: 'POST /api/approvals/:approvalId/reject',
  access: 'account',
  summary: 'Reject a call of an agent, which is told so',
  input: z.object({ approvalId, note }),
  output: shown,
  errors: ['not_found', 'conflict'],
  run: async ({ engine }, { approvalId: id, note: words }) =>
    show(await engine.approvals.decide(id, 'rejected', words), engine.clock.now()),
});

function show(approval: ApprovalRecord, now: number) {
  const { id, token, sessionId, tool, input, status, note: words, createdAt, decidedAt, expiresAt } = approval;
  const over = expiresAt <= now && (status === 'pending' || status === 'approved');
  return {
    id,
    token,
    session_id: sessionId,
    tool,
    input,
    status: over ? ('expired' as const) : status,
    note: words,
    created_at: new Date(createdAt).toISOString(),
    decided_at: decidedAt === null ? null : new Date(decidedAt).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
  };
}
