import { createHash } from 'node:crypto';
import { z } from 'zod';
import { validationFailed } from '../errors.ts';
import { estimatedEnd, type Progress } from '../jobs/progress.ts';
import { checkRecipients, type Asked } from '../jobs/recipients.ts';
import { variablesIn } from '../jobs/variables.ts';
import { JOB_STATUSES, OUTCOMES, SKIPS, type JobRecord, type RecipientRecord, type Skip } from '../model.ts';
import type { NewRecipient } from '../store/store.ts';
import { attach } from './attach.ts';
import { isoTime, msgId, personJid, whatWasDone } from './fields.ts';
import { FILE_BODY_MB } from './media.ts';
import { operation, type Call } from './operation.ts';
import { paged, pageFields, pageOf } from './page.ts';
import { requestOf, sendFields, sendRules, type SendInput } from './send-fields.ts';

/** As Sendmako documents it. */
const SEND_BULK = { recipients: 100, everyMs: 500 };
/** So long `POST /api/send-bulk` waits for outcomes; clients and proxies give up after five minutes. */
const SEND_BULK_WAIT_MS = 4 * 60_000;
const MOST_RECIPIENTS = 100_000;
const MESSAGE_ERRORS = ['idempotency_mismatch', 'url_not_allowed', 'media_not_fetched', 'media_not_usable'] as const;

const to = z
  .union([z.string().max(200), z.int()])
  .meta({ description: 'Phone number with country code, or address of a group', examples: ['+15551234567'] });
const variables = z.record(z.string(), z.unknown()).meta({
  description:
    'Values by name: texts, numbers or booleans; anything else is no value, and what the message does not use is ignored',
  examples: [{ name: 'Robin' }],
});
const recipients = z.array(z.union([to, z.object({ to, variables: variables.optional() })])).min(1);
type GivenRecipients = z.output<typeof recipients>;

const {
  to: _to,
  wait: _wait,
  replyTo: _replyTo,
  audience: _audience,
  backgroundColor: _color,
  ...message
} = sendFields;
const messageFields = {
  ...message,
  text: message.text.describe('Text of the message, or caption of the file; {{name}} stands for a variable'),
};

const jobId = z.int().meta({ description: 'Id of the bulk job', examples: [7] });
const jobName = z.string().meta({ description: 'Name of the job, for people', examples: ['Invitation'] });
const total = z.int().meta({ description: 'Recipients', examples: [250] });
const counted = z.int().meta({ description: 'Number of recipients', examples: [40] });
const position = z.int().meta({ description: 'Place in the list, from 0', examples: [0] });
const given = z.string().meta({ description: 'Recipient, as it was given', examples: ['+15551234567'] });
const number = msgId.nullable().describe('Number of the message in this engine; null while there is none');
const error = z
  .string()
  .nullable()
  .meta({ examples: ['+15551234567 is not on WhatsApp'] });
const progress = z.object({
  id: jobId,
  name: jobName.nullable().describe('Name of the job, for people; null: it has none'),
  status: z
    .enum(JOB_STATUSES)
    .describe('paused: by request, or by the engine, which goes on by itself when it can; the reason says which'),
  reason: z
    .object({
      code: z.string().meta({ description: 'Why, for programs', examples: ['session_not_connected'] }),
      message: z
        .string()
        .meta({ description: 'Why, for people', examples: ['The session is not connected to WhatsApp.'] }),
      resumes_at: isoTime.nullable().describe('When it goes on by itself, in ISO 8601; null: not by itself'),
    })
    .nullable()
    .describe('Why it is paused'),
  total,
  counts: z
    .object(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, counted])) as Record<string, z.ZodInt>)
    .describe('How many recipients have come to what'),
  created_at: isoTime.describe('When it was made, in ISO 8601'),
  started_at: isoTime.nullable().describe('When it was started, in ISO 8601; null: not yet'),
  ended_at: isoTime.nullable().describe('When it ended, in ISO 8601; null: not yet'),
  estimated_end: isoTime
    .nullable()
    .describe('When the last message will have left, ISO 8601; null while it waits for a person or a connection'),
});
const shownRecipient = z.object({
  position,
  to: given,
  jid: personJid.nullable().describe('WhatsApp’s address; null for one that is none'),
  status: z.enum(OUTCOMES).describe('What has become of the recipient'),
  skipped: z.enum(SKIPS).nullable().describe('Why the recipient is not written to'),
  error: error.describe('Why it was skipped or has failed, in words'),
  msgId: number,
  variables: z
    .record(z.string(), z.string())
    .meta({ description: 'Values of this recipient, by name', examples: [{ name: 'Robin' }] }),
  updated_at: isoTime.nullable().describe('When the status of the message changed last, ISO 8601'),
});
const skippedOne = z.object({
  position,
  to: given,
  reason: z.string().meta({ description: 'Why, in words', examples: ['It is there twice.'] }),
});
const skippedReport = z.object({
  duplicates: z.array(skippedOne).describe('Those that are in the list before'),
  invalid: z.array(skippedOne).describe('Those that are no address'),
  opted_out: z.array(skippedOne).describe('Those that have opted out'),
  missing_variables: z.array(skippedOne).describe('Those without a value that the message needs'),
});
const byId = z.object({ job: jobId.min(1) });

export const send = operation({
  id: 'bulk.send',
  http: 'POST /api/send-bulk',
  access: 'session',
  idempotencyKey: true,
  summary: 'Send one message to up to 100 recipients and answer with all outcomes, as Sendmako does',
  bodyMb: FILE_BODY_MB,
  envelope: 'flat',
  input: z.object({
    recipients: recipients
      .max(SEND_BULK.recipients)
      .describe('Up to 100 recipients: as in send-message, or {to, variables}. Those left out are reported'),
    ...messageFields,
    type: z
      .enum(['text', 'image', 'video', 'audio', 'document', 'location'])
      .optional()
      .describe('What the message is, in Sendmako’s words; told by the other fields, too'),
    caption: z
      .string()
      .max(65_536)
      .optional()
      .meta({ description: 'Another name of text, for a file', examples: ['Look!'] }),
    filename: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .meta({ description: 'Another name of fileName', examples: ['Invoice 1042.pdf'] }),
    mimetype: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'Taken and not needed: the type is read from the file', examples: ['image/jpeg'] }),
    voiceNote: z.boolean().optional().describe('Another name of voice'),
    latitude: z
      .number()
      .min(-90)
      .max(90)
      .optional()
      .meta({ description: 'Latitude in degrees; with longitude, a location', examples: [52.5163] }),
    longitude: z
      .number()
      .min(-180)
      .max(180)
      .optional()
      .meta({ description: 'Longitude in degrees', examples: [13.3777] }),
  }),
  rules: (input) => {
    const wrong = { ...typeRules(input), ...sendRules(inOurWords(input)) };
    if (Array.isArray(input['recipients']) && input['recipients'].length > SEND_BULK.recipients) {
      wrong['recipients'] = [
        'The recipients field must not hold more than 100: make a bulk job (POST /api/bulk-jobs).',
      ];
    }
    return Object.keys(wrong).length > 0 ? wrong : undefined;
  },
  errors: ['session_not_connected', ...MESSAGE_ERRORS],
  examples: {
    'The same text for everybody': {
      recipients: ['22241857975', '221781234567'],
      type: 'text',
      text: 'Hello everyone!',
    },
  },
  output: z.object({
    summary: z.object({
      total,
      sent: counted.describe('Recipients whom WhatsApp has the message for'),
      failed: counted.describe('Refused, or left out for the reason in results'),
      pending: counted.describe('Not known within 4 minutes, or the job is paused: ask GET /api/bulk-jobs/{job}'),
    }),
    job: jobId.describe('Id of the bulk job that this is'),
    results: z.array(
      z.object({
        to: given,
        success: z.boolean().nullable().describe('Whether it was sent; null while it is not known'),
        msgId: number,
        error: error.describe('Why it was not sent, in words; null: it was, or is not known'),
      }),
    ),
  }),
  run: async (call, input) => {
    call.session.assertSending();
    const { type: _type, recipients, ...rest } = inOurWords(input) as typeof input;
    const { jobs } = call.engine;
    const { job: made } = await make(call, { name: null, recipients, message: rest, everyMs: SEND_BULK.everyMs });
    const started = made.status === 'ready' ? await jobs.resume(made.sessionId, made.id) : made;
    const job = await jobs.rest(started, SEND_BULK_WAIT_MS);
    const all = await call.engine.store.jobs.recipients(job.id, {}, { offset: 0, limit: SEND_BULK.recipients });
    const results = all.items.map(({ to, outcome, detail, msgId }) => {
      return { to, success: SUCCESS[outcome], msgId, error: detail };
    });
    const count = (success: boolean | null) => results.filter((one) => one.success === success).length;
    const summary = { total: results.length, sent: count(true), failed: count(false), pending: count(null) };
    return { summary, job: job.id, results };
  },
});

const SUCCESS: Record<RecipientRecord['outcome'], boolean | null> = {
  pending: null,
  queued: null,
  sent: true,
  delivered: true,
  read: true,
  failed: false,
  skipped: false,
  cancelled: false,
};

export const create = operation({
  id: 'bulk.create',
  http: 'POST /api/bulk-jobs',
  access: 'session',
  idempotencyKey: true,
  summary: 'Send one message to many recipients, each with values of their own, as fast as the session may',
  tools: [
    {
      name: 'create_bulk_job',
      description:
        'Send one text, or one image or document with a caption, to many people, as fast as the account may. With dry_run it only tells who would be left out (twice there, no number, opted out) and how long it would take. Answers the id of the job at once; get_bulk_job tells how it stands.',
      plain: true,
      fields: ['name', 'recipients', 'text', 'imageUrl', 'documentUrl', 'fileName', 'start', 'dry_run'],
    },
  ],
  status: 201,
  bodyMb: FILE_BODY_MB,
  input: z.object({
    name: jobName.min(1).max(200).optional(),
    recipients: recipients
      .max(MOST_RECIPIENTS)
      .describe('Up to 100,000 phone numbers with country code or addresses, or {to, variables: {name: value}}'),
    ...messageFields,
    start: z.boolean().default(true).describe('false: only make the job; it waits to be resumed'),
    dry_run: z.boolean().default(false).describe('true: look at the recipients, and make no job'),
  }),
  rules: sendRules,
  errors: MESSAGE_ERRORS,
  examples: {
    'A text with a value for each recipient': {
      name: 'Invitation',
      text: 'Hello {{name}}, the doors open at seven.',
      recipients: [{ to: '+15551234567', variables: { name: 'Robin' } }],
    },
    'Look at the recipients, send nothing': { text: 'Hello', recipients: ['+15551234567'], dry_run: true },
  },
  output: z.object({
    id: jobId.nullable().describe('Id of the bulk job; null for a dry run'),
    status: z.enum(JOB_STATUSES).describe('Status of the job'),
    total: total.describe('Recipients in the list'),
    pending: counted.describe('Recipients to write to'),
    skipped: skippedReport.describe('Recipients that are not written to, each with the reason'),
    estimated_end: isoTime.nullable().describe('When the last message will have left, in ISO 8601'),
  }),
  run: async (call, { name = null, recipients, start, dry_run: dryRun, ...message }) => {
    const { jobs } = call.engine;
    if (dryRun) {
      const checked = await check(call, recipients, message);
      const counts = { pending: checked.filter(({ skipped }) => !skipped).length, queued: 0 };
      const end = estimatedEnd(
        { status: 'ready', reason: null, endedAt: null },
        counts,
        await jobs.speed({ sessionId: call.record.id, everyMs: 0 }),
      );
      return {
        ...{ id: null, status: 'ready' as const, total: checked.length, pending: counts.pending },
        skipped: reportOf(checked.map((one, position) => ({ ...one, position }))),
        estimated_end: end === null ? null : new Date(end).toISOString(),
      };
    }
    const { job: made, skipped } = await make(call, { name, recipients, message, everyMs: 0 });
    const job = start && made.status === 'ready' ? await jobs.resume(made.sessionId, made.id) : made;
    const { id, status, total, estimated_end } = await jobs.progress(job);
    return { id, status, total, pending: total - skipped.length, skipped: reportOf(skipped), estimated_end };
  },
});

export const list = operation({
  id: 'bulk.list',
  http: 'GET /api/bulk-jobs',
  access: 'session',
  summary: 'List the bulk jobs of the session with their progress, newest first',
  tools: [
    {
      name: 'list_bulk_jobs',
      description: 'List the bulk jobs of the session, newest first, each with its status and counts.',
      readOnly: true,
      local: true,
      plain: true,
    },
  ],
  input: z.object({ ...pageFields, status: z.enum(JOB_STATUSES).optional().describe('Only those in this status') }),
  output: pageOf(progress),
  run: async ({ engine, record }, { page, per_page: perPage, status }) => {
    const slice = { offset: (page - 1) * perPage, limit: perPage };
    const { items, total } = await engine.store.jobs.list(record.id, { status }, slice);
    const shown: Progress[] = [];
    for (const job of items) shown.push(await engine.jobs.progress(job));
    return paged({ items: shown, total }, page, perPage, '/api/bulk-jobs');
  },
});

export const get = operation({
  id: 'bulk.get',
  http: 'GET /api/bulk-jobs/:job',
  access: 'session',
  summary: 'Get how a bulk job stands: counts, why it is paused, when it will be through',
  tools: [
    {
      name: 'get_bulk_job',
      description:
        'Get how a bulk job stands: how many messages were sent, delivered, read or have failed, why it is paused, and when it will be through.',
      readOnly: true,
      local: true,
      plain: true,
    },
  ],
  input: byId,
  output: progress,
  errors: ['job_not_found'],
  run: async ({ engine, record }, { job }) => engine.jobs.progress(await engine.jobs.get(record.id, job)),
});

export const listRecipients = operation({
  id: 'bulk.listRecipients',
  http: 'GET /api/bulk-jobs/:job/recipients',
  access: 'session',
  summary: 'List the recipients of a bulk job with what has become of each',
  tools: [
    {
      name: 'list_bulk_recipients',
      description:
        'List the recipients of a bulk job in their order, with what has become of each, and why one was left out or has failed.',
      readOnly: true,
      local: true,
    },
  ],
  input: byId.extend({
    ...pageFields,
    status: z.enum(OUTCOMES).optional().describe('Only those with this status'),
  }),
  output: pageOf(shownRecipient),
  errors: ['job_not_found'],
  run: async ({ engine, record }, { job: id, page, per_page: perPage, status }) => {
    const job = await engine.jobs.get(record.id, id);
    const slice = { offset: (page - 1) * perPage, limit: perPage };
    const found = await engine.store.jobs.recipients(job.id, { outcome: status }, slice);
    const path = `/api/bulk-jobs/${job.id}/recipients`;
    return paged({ ...found, items: found.items.map(showRecipient) }, page, perPage, path);
  },
});

export const pause = operation({
  id: 'bulk.pause',
  http: 'POST /api/bulk-jobs/:job/pause',
  access: 'session',
  summary: 'Pause a bulk job; what is in the queue already still leaves',
  tools: [
    {
      name: 'pause_bulk_job',
      description:
        'Pause a bulk job until resume_bulk_job; what is in the queue already still leaves. To end it for good, use cancel_bulk_job.',
      idempotent: true,
      local: true,
      plain: true,
    },
  ],
  input: byId,
  output: progress,
  errors: ['job_not_found', 'conflict'],
  run: async ({ engine: { jobs }, record }, { job }) => jobs.progress(await jobs.pause(record.id, job)),
});

export const resume = operation({
  id: 'bulk.resume',
  http: 'POST /api/bulk-jobs/:job/resume',
  access: 'session',
  summary: 'Start a bulk job that is ready, or go on with one that is paused',
  tools: [
    {
      name: 'resume_bulk_job',
      description: 'Start a bulk job that was made with start false, or go on with one that is paused.',
      idempotent: true,
      plain: true,
    },
  ],
  input: byId,
  output: progress,
  errors: ['job_not_found', 'conflict'],
  run: async ({ engine: { jobs }, record }, { job }) => jobs.progress(await jobs.resume(record.id, job)),
});

export const cancel = operation({
  id: 'bulk.cancel',
  http: 'POST /api/bulk-jobs/:job/cancel',
  access: 'session',
  summary: 'End a bulk job: what has not left yet is taken back, and counted as cancelled',
  tools: [
    {
      name: 'cancel_bulk_job',
      description:
        'End a bulk job for good: what has not left yet is taken back and counted as cancelled. It cannot be resumed.',
      destructive: true,
      idempotent: true,
      local: true,
      plain: true,
    },
  ],
  input: byId,
  output: progress,
  errors: ['job_not_found', 'conflict'],
  run: async ({ engine: { jobs }, record }, { job }) => jobs.progress(await jobs.cancel(record.id, job)),
});

export const remove = operation({
  id: 'bulk.remove',
  http: 'DELETE /api/bulk-jobs/:job',
  access: 'session',
  summary: 'Forget a bulk job that has ended or was never started; its messages stay',
  envelope: 'flat',
  input: byId,
  output: z.object({ message: whatWasDone('Bulk job deleted successfully.') }),
  errors: ['job_not_found', 'conflict'],
  run: async ({ engine, record }, { job }) => {
    await engine.jobs.remove(record.id, job);
    return { message: 'Bulk job deleted successfully.' };
  },
});

type Message = Omit<SendInput, 'to' | 'wait' | 'replyTo' | 'audience' | 'backgroundColor'>;

interface Making {
  name: string | null;
  recipients: GivenRecipients;
  message: Message;
  everyMs: number;
}

/** Makes the job, or finds the one that the same request has made before; nothing is fetched or checked again then. */
async function make(
  call: Call,
  { name, recipients, message, everyMs }: Making,
): Promise<{ job: JobRecord; skipped: Skipped[] }> {
  const { engine, record, idempotencyKey } = call;
  const source = createHash('sha256')
    .update(JSON.stringify([name, recipients, message]))
    .digest('base64url');
  const known = idempotencyKey && (await engine.jobs.accepted(record.id, idempotencyKey, source));
  if (known) return { job: known, skipped: await skippedOf(call, known) };
  const checked = await check(call, recipients, message);
  if (checked.every(({ skipped }) => skipped)) throw nobodyLeft(checked);
  const request = { ...requestOf({ ...message, to: '' }), ...(await attach({ engine, record }, message)) };
  const { to: _to, ...template } = request;
  const job = await engine.jobs.create(
    {
      ...{ sessionId: record.id, name, request: template, everyMs, source },
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    },
    checked,
  );
  return { job, skipped: await skippedOf(call, job) };
}

function check({ engine, record }: Call, recipients: GivenRecipients, message: Message): Promise<NewRecipient[]> {
  const variables = variablesIn(requestOf({ ...message, to: '' }));
  return checkRecipients(recipients.map(asked), { store: engine.store, sessionId: record.id, variables });
}

function asked(given: GivenRecipients[number]): Asked {
  if (typeof given !== 'object') return { to: String(given), variables: {} };
  return { to: String(given.to), variables: given.variables ?? {} };
}

type Skipped = Pick<RecipientRecord, 'position' | 'to' | 'skipped' | 'detail'>;

async function skippedOf({ engine }: Call, { id }: JobRecord): Promise<Skipped[]> {
  const all = { offset: 0, limit: MOST_RECIPIENTS };
  return (await engine.store.jobs.recipients(id, { outcome: 'skipped' }, all)).items;
}

function reportOf(recipients: readonly Skipped[]): z.output<typeof skippedReport> {
  const of = (why: Skip) =>
    recipients
      .filter(({ skipped }) => skipped === why)
      .map(({ position, to, detail }) => ({ position, to, reason: detail ?? '' }));
  return {
    duplicates: of('duplicate'),
    invalid: of('invalid'),
    opted_out: of('opted_out'),
    missing_variables: of('missing_variable'),
  };
}

/** A job for nobody is a mistake; the first few recipients tell which. */
function nobodyLeft(checked: readonly NewRecipient[]) {
  const words = checked.slice(0, 5).map(({ to, detail }, position) => `${position} (${to}): ${detail}`);
  return validationFailed({ recipients: ['The recipients field leaves nobody to write to.', ...words] });
}

function showRecipient({ chat, outcome, detail, updatedAt, ...rest }: RecipientRecord) {
  const { position, to, skipped, msgId, variables } = rest;
  const updated_at = updatedAt === null ? null : new Date(updatedAt).toISOString();
  return { position, to, jid: chat, status: outcome, skipped, error: detail, msgId, variables, updated_at };
}

/** Sendmako's names, where it has others than WasenderApi. */
function inOurWords(input: Record<string, unknown>): Record<string, unknown> {
  const { caption, filename, mimetype: _mimetype, voiceNote, latitude, longitude, ...rest } = input;
  return {
    ...rest,
    ...(caption !== undefined && { text: caption }),
    ...(filename !== undefined && { fileName: filename }),
    ...(voiceNote !== undefined && { voice: voiceNote }),
    ...(latitude !== undefined && longitude !== undefined && { location: { latitude, longitude } }),
  };
}

/** What the type announces has to be there. */
function typeRules(input: Record<string, unknown>): Record<string, string[]> {
  const { type } = input;
  if (typeof type !== 'string') return {};
  const needed: Record<string, string[]> = { text: ['text'], location: ['latitude', 'longitude'] };
  const missing = (needed[type] ?? [`${type}Url`]).filter((name) => input[name] === undefined || input[name] === '');
  if (type === 'location' && input['location']) return {};
  return Object.fromEntries(missing.map((name) => [name, [`The ${name} field is required for type ${type}.`]]));
}
