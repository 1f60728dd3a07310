import { IANAZone } from 'luxon';
import { z } from 'zod';
import { checkUrl } from '../network/guard.ts';
import { checkProxyUrl } from '../network/proxy.ts';
import { EngineError, validationFailed } from '../errors.ts';
import { EVENT_NAMES } from '../events.ts';
import {
  SESSION_STATUSES,
  sessionSettings,
  type MessageRecord,
  type SessionRecord,
  type SessionSettings,
} from '../model.ts';
import { shownJid } from '../whatsapp/outgoing.ts';
import type { Session } from '../whatsapp/session.ts';
import { newApiKey, newWebhookSecret } from './access.ts';
import { isoTime, unixMs, whatWasDone } from './fields.ts';
import { operation, whatsappSession, type Engine } from './operation.ts';
import { ASKING } from './refusals.ts';
import { paged, pageFields, pageOf } from './page.ts';
import { sessionsOf } from './scope.ts';
import { sendingOf, sendingSchema } from './sending.ts';
import { requestsLeft, requestsLeftSchema } from './requests-left.ts';
import { SEND_STATUSES, statusOf } from './send-status.ts';

const NOT_CONNECTED = 'Your Whatsapp Session is not connected please connect your session first.';

const status = z
  .enum(Object.keys(SESSION_STATUSES) as [keyof typeof SESSION_STATUSES])
  .meta({ title: 'SessionStatus', description: 'Status of the session', examples: ['connected'] });
const reason = z
  .object({
    code: z.string().meta({ description: 'Why, for programs', examples: ['qr_timeout'] }),
    message: z.string().meta({
      description: 'Why, and what to do, for people',
      examples: ['Nobody scanned the QR code in time. Connect again.'],
    }),
    retryAt: unixMs.optional().describe('When the engine tries again by itself, in Unix milliseconds'),
    until: unixMs.optional().describe('Until when WhatsApp means it, where it says so, in Unix milliseconds'),
  })
  .meta({ title: 'StatusReason' })
  .nullable()
  .describe('Why the session is in this status, and what to do');
const ownJid = z
  .string()
  .meta({ description: 'WhatsApp’s address of the account', examples: ['15550100001@s.whatsapp.net'] });
const ownLid = z
  .string()
  .nullable()
  .meta({ description: 'LID of the account', examples: ['123456789012345@lid'] });
const ownName = z
  .string()
  .nullable()
  .meta({ description: 'What the account calls itself', examples: ['Shop'] });
const qrCode = z.string().meta({
  description: 'Text of the QR code to scan with the phone, under Linked devices',
  examples: ['2@b5Qy3hX0n8kq…'],
});
const loggedAt = z.string().meta({ examples: ['2026-01-15 09:30:00'] });
const shown = z
  .object({
    id: whatsappSession,
    ...sessionSettings.shape,
    proxy_url: sessionSettings.shape.proxy_url
      .unwrap()
      .optional()
      .meta({
        ...sessionSettings.shape.proxy_url.meta(),
        description: 'Proxy that this session goes through; kept from a token with a scope',
      }),
    status,
    reason,
    account: z
      .object({ jid: ownJid, lid: ownLid, name: ownName })
      .nullable()
      .describe('The WhatsApp account that is linked; null: none yet'),
    last_seen_at: isoTime
      .nullable()
      .describe(
        'When WhatsApp was last heard of on the session’s connection, in ISO 8601; null: not since the engine was started',
      ),
    created_at: isoTime.describe('When it was made, in ISO 8601'),
    updated_at: isoTime.describe('When it was changed last, in ISO 8601'),
  })
  .meta({ title: 'Session' });
const apiKey = z.string().meta({
  description: 'API key of the session',
  examples: ['5f8d1c0b9e7a6d4c3b2a19087f6e5d4c3b2a19087f6e5d4c3b2a19087f6e5d4c'],
});
const shownWithKeys = shown
  .extend({
    api_key: apiKey.optional().describe('API key of the session; kept from a token with a scope'),
    webhook_secret: z
      .string()
      .optional()
      .meta({
        description:
          'What X-Webhook-Signature carries when events are posted to webhook_url; kept from a token with a scope',
        examples: ['a1b2c3d4e5f60718293a4b5c6d7e8f90'],
      }),
  })
  .meta({ title: 'SessionWithKeys' });
const byId = z.object({ whatsappSession });

export const list = operation({
  id: 'session.list',
  http: 'GET /api/whatsapp-sessions',
  access: 'token',
  summary: 'List the sessions',
  tools: [
    {
      name: 'list_whatsapp_sessions',
      description:
        'List the WhatsApp sessions: each is one linked WhatsApp account, with its id, name, number, status and settings. Call it first when there may be several; other tools take the id as session_id.',
      readOnly: true,
      local: true,
    },
  ],
  input: z.object({}),
  output: z.array(shown),
  run: async ({ engine, caller }) => {
    const allowed = await sessionsOf(engine.store, caller);
    const all = await engine.store.sessions.list();
    return all.filter(({ id }) => allowed.includes(id)).map((record) => show(engine, record));
  },
});

export const create = operation({
  id: 'session.create',
  http: 'POST /api/whatsapp-sessions',
  access: 'account',
  summary: 'Create a session; connect it next',
  tools: [
    {
      name: 'create_whatsapp_session',
      description:
        'Create a WhatsApp session for a phone number. It is not linked yet: call connect_whatsapp_session next and have its owner scan the QR code.',
      local: true,
      fields: [
        'name',
        'phone_number',
        'account_protection',
        'log_messages',
        'read_incoming_messages',
        'auto_reject_calls',
        'always_online',
        'webhook_url',
        'webhook_enabled',
        'webhook_events',
      ],
    },
  ],
  status: 201,
  errors: ['url_not_allowed'],
  input: sessionSettings,
  output: shownWithKeys,
  run: async ({ engine }, settings) => {
    const record = await engine.store.sessions.create(checked(engine, settings), {
      apiKey: newApiKey(),
      webhookSecret: newWebhookSecret(),
    });
    engine.sessions.add(record);
    return showWithKeys(engine, record);
  },
});

export const get = operation({
  id: 'session.get',
  http: 'GET /api/whatsapp-sessions/:whatsappSession',
  access: 'own',
  summary: 'Get a session with its keys',
  tools: [
    {
      name: 'get_specific_whatsapp_session',
      description:
        'Get one WhatsApp session: its status, why it is in it and what to do, the linked account and all settings. API keys are left out.',
      readOnly: true,
      local: true,
    },
  ],
  input: byId,
  output: shownWithKeys,
  run: async ({ engine, record }) => showWithKeys(engine, record),
});

export const update = operation({
  id: 'session.update',
  http: 'PUT /api/whatsapp-sessions/:whatsappSession',
  access: 'token',
  summary: 'Change settings of a session; those not given stay',
  tools: [
    {
      name: 'update_whatsapp_session',
      description: 'Change settings of a WhatsApp session; those not given stay as they are.',
      idempotent: true,
      local: true,
      fields: [
        'name',
        'phone_number',
        'account_protection',
        'log_messages',
        'read_incoming_messages',
        'auto_reject_calls',
        'ignore_groups',
        'ignore_channels',
        'ignore_broadcasts',
        'always_online',
        'webhook_url',
        'webhook_enabled',
        'webhook_events',
      ],
    },
  ],
  errors: ['session_not_found', 'url_not_allowed'],
  input: byId.extend(withoutDefaults()),
  output: shownWithKeys,
  run: async ({ engine }, { whatsappSession: id, ...changes }) => {
    const before = await engine.store.sessions.get(id);
    if (!before) throw new EngineError('session_not_found', 'The specified session was not found.');
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const record = await engine.store.sessions.update(id, checked(engine, { ...before.settings, ...given }));
    await followed(engine, record);
    return showWithKeys(engine, record);
  },
});

export const remove = operation({
  id: 'session.remove',
  http: 'DELETE /api/whatsapp-sessions/:whatsappSession',
  access: 'token',
  summary: 'Log the device out at WhatsApp and delete the session with all its data',
  status: 204,
  errors: ['session_not_found'],
  input: byId,
  output: z.object({}),
  run: async ({ engine }, { whatsappSession: id }) => {
    await engine.sessions.delete(id);
    return {};
  },
});

export const connect = operation({
  id: 'session.connect',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/connect',
  access: 'own',
  summary: 'Connect a session; answers the QR code to scan when it has no login yet',
  tools: [
    {
      name: 'connect_whatsapp_session',
      description:
        'Connect a WhatsApp session. One that is not linked yet answers a QR code, as a picture: its owner scans it in WhatsApp under Linked devices, within a minute. One that was linked before connects by itself.',
      idempotent: true,
      fields: [],
    },
  ],
  errors: ['whatsapp_unreachable'],
  input: byId.extend({
    qr_as_image: z.boolean().optional().describe('Answer the QR code as a PNG in a data: URL instead of as text'),
  }),
  output: z.object({
    status: z.string().meta({ description: 'Status of the session, in capitals', examples: ['NEED_SCAN'] }),
    qrCode: qrCode.optional(),
    message: z
      .string()
      .optional()
      .meta({
        description: 'What goes on instead, when there is no code to scan',
        examples: ['Session already initialized or connecting. No QR code needed.'],
      }),
    reason: reason.optional(),
  }),
  run: async ({ session }) => {
    await session.connect();
    const { status, reason } = session.status;
    // In capitals, here alone, as WasenderApi has it.
    const shownStatus = status.toUpperCase();
    if (session.qr) return { status: shownStatus, qrCode: session.qr };
    if (status === 'connected') {
      return { status: shownStatus, message: 'Session already initialized or connecting. No QR code needed.' };
    }
    // WasenderApi's words; the engine goes on trying.
    if (reason?.code === 'unreachable' || reason?.code === 'server_untrusted') {
      throw new EngineError('whatsapp_unreachable', `Failed to connect session: ${reason.message}`);
    }
    return { status: shownStatus, message: reason?.message ?? SESSION_STATUSES[status], reason };
  },
});

export const qrcode = operation({
  id: 'session.qrcode',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/qrcode',
  access: 'own',
  // Whoever has the code can link a phone of theirs.
  changes: true,
  summary: 'Get the QR code to scan: as text, or as a PNG for `Accept: image/png`',
  tools: [
    {
      name: 'get_qr_code',
      description:
        'Get the QR code that has to be scanned now, as a picture, for a session in status need_scan. Codes change after 20 to 60 seconds; ask again when it was not scanned in time.',
      local: true,
      plain: true,
    },
  ],
  errors: ['session_not_scannable'],
  input: byId,
  output: z.object({ qrCode }),
  picture: ({ qrCode }) => qrCode,
  run: async ({ session }) => {
    if (session.qr) return { qrCode: session.qr };
    const { status, reason } = session.status;
    throw new EngineError('session_not_scannable', whyNoCode(session), {
      details: { status, ...(reason && { reason: reason.code, advice: reason.message }) },
    });
  },
});

function whyNoCode({ linked, status: { status, reason } }: Session): string {
  if (status === 'connected') {
    return 'This session is linked to an account and connected: there is no QR code to scan.';
  }
  if (linked) return 'This session is linked to an account: it connects without a QR code.';
  // The others in WasenderApi's words. Connect was called, and WhatsApp gives no code, or no further one.
  return status === 'connecting' || reason?.code === 'qr_timeout'
    ? 'Failed to get QR code. please re initialize the session.'
    : 'QR code scan requested for a session that is not in NEED_SCAN state. Please call the connect endpoint first to initialize the session.';
}

export const getStatus = operation({
  id: 'session.getStatus',
  http: 'GET /api/status',
  access: 'session',
  summary: 'Get the status of a session',
  envelope: 'bare',
  input: z.object({}),
  output: z.object({ status, reason: reason.optional() }),
  run: async ({ session }) => {
    const { status, reason } = session.status;
    return { status, ...(reason && { reason }) };
  },
});

export const disconnect = operation({
  id: 'session.disconnect',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/disconnect',
  access: 'own',
  summary: 'Disconnect a session and keep its login',
  tools: [
    {
      name: 'disconnect_whatsapp_session',
      description:
        'Disconnect a WhatsApp session. It receives and sends nothing until it is connected again; its login is kept.',
      idempotent: true,
      plain: true,
    },
  ],
  input: byId,
  output: z.object({
    status: z.literal('disconnected').describe('Status of the session'),
    message: whatWasDone('WhatsApp session disconnected successfully'),
  }),
  run: async ({ session }) => {
    await session.disconnect();
    return { status: 'disconnected' as const, message: 'WhatsApp session disconnected successfully' };
  },
});

export const restart = operation({
  id: 'session.restart',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/restart',
  access: 'own',
  summary: 'Connect anew with the same login',
  envelope: 'flat',
  errors: ['session_not_connected'],
  input: byId,
  output: z.object({ message: whatWasDone('WhatsApp session restarted successfully.') }),
  run: async ({ session }) => {
    await session.restart();
    return { message: 'WhatsApp session restarted successfully.' };
  },
});

export const pairingCode = operation({
  id: 'session.pairingCode',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/pairing-code',
  access: 'own',
  summary: 'Get a code to type into the phone instead of scanning the QR code',
  errors: [...ASKING, 'recipient_not_on_whatsapp', 'session_not_scannable'],
  input: byId.extend({
    phone_number: sessionSettings.shape.phone_number
      .optional()
      .describe('Number of the phone; the session’s if missing'),
  }),
  output: z.object({
    code: z.string().meta({ description: '8 characters, to be typed under Linked devices', examples: ['K7XM2QPA'] }),
  }),
  run: async ({ session, record }, { phone_number: phone = record.settings.phone_number }) => ({
    code: await session.pairingCode(phone),
  }),
});

export const user = operation({
  id: 'session.user',
  http: 'GET /api/user',
  access: 'session',
  summary: 'Get the WhatsApp account that a session is linked to',
  tools: [
    {
      name: 'get_session_user',
      description: 'Get the WhatsApp account that a session is linked to: its address, name and LID.',
      readOnly: true,
      local: true,
    },
  ],
  errors: ['session_not_connected'],
  input: z.object({}),
  output: z.object({ id: ownJid, name: ownName, lid: ownLid }),
  run: async ({ session }) => {
    const { account } = session;
    if (!account) throw new EngineError('session_not_connected', NOT_CONNECTED);
    return { id: account.jid, name: account.name, lid: account.lid };
  },
});

export const messageLogs = operation({
  id: 'session.messageLogs',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/message-logs',
  access: 'own',
  summary: 'List what was sent through the engine, newest first; to and content are null while log_messages is off',
  tools: [
    {
      name: 'get_message_logs',
      description:
        'List what this session has sent through Warbler, newest first: to whom, what, and whether it was sent or why not. For conversations use list_messages.',
      readOnly: true,
      local: true,
    },
  ],
  input: byId.extend(pageFields),
  output: pageOf(
    z.object({
      id: z.string().meta({ description: 'msgId of the message', examples: ['1042'] }),
      whatsapp_session_id: z.string().meta({ description: 'Id of the session', examples: ['1'] }),
      to: z
        .string()
        .nullable()
        .meta({ description: 'Recipient', examples: ['+15551234567'] }),
      content: z
        .string()
        .nullable()
        .meta({ description: 'What was asked to be sent, as JSON', examples: ['{"text":"Hello from Warbler"}'] }),
      status: z.enum(SEND_STATUSES).describe('What became of it'),
      failed_reason: z
        .string()
        .nullable()
        .meta({ description: 'Why it failed; null: it did not', examples: ['WhatsApp refused the message (463)'] }),
      created_at: loggedAt.describe('When it was accepted, UTC'),
      updated_at: loggedAt.describe('When its status changed last, UTC'),
    }),
  ),
  run: async ({ engine, record }, { page, per_page: limit }) => {
    const { items, total } = await engine.store.messages.logs(record.id, { offset: (page - 1) * limit, limit });
    const path = `/api/whatsapp-sessions/${record.id}/message-logs`;
    return paged({ items: items.map(showSent), total }, page, limit, path);
  },
});

export const sessionLogs = operation({
  id: 'session.sessionLogs',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/session-logs',
  access: 'own',
  summary: 'List what happened to a session, newest first',
  tools: [
    {
      name: 'get_session_logs',
      description:
        'List what happened to a session, newest first: when it was connected or lost its connection, and why.',
      readOnly: true,
      local: true,
      plain: true,
    },
  ],
  input: byId.extend(pageFields),
  output: pageOf(
    z.object({
      id: z.int().meta({ description: 'Number of the entry', examples: [57] }),
      whatsapp_session_id: whatsappSession,
      event_type: z.string().meta({ description: 'What happened', examples: ['status'] }),
      status: status.describe('Status of the session since then'),
      reason: z
        .string()
        .nullable()
        .meta({ description: 'Why', examples: ['Connect was called.'] }),
      occurred_at: isoTime.describe('When it happened, in ISO 8601'),
    }),
  ),
  run: async ({ engine, record }, { page, per_page: limit }) => {
    const { items, total } = await engine.store.sessions.logs(record.id, { offset: (page - 1) * limit, limit });
    const shownItems = items.map(({ id, sessionId, type, status: then, reason: why, occurredAt }) => ({
      id,
      whatsapp_session_id: sessionId,
      event_type: type,
      status: then,
      reason: why,
      occurred_at: new Date(occurredAt).toISOString(),
    }));
    const path = `/api/whatsapp-sessions/${record.id}/session-logs`;
    return paged({ items: shownItems, total }, page, limit, path);
  },
});

export const limits = operation({
  id: 'session.limits',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/limits',
  access: 'own',
  summary: 'Get the limits of a session, and what is left of them',
  input: byId,
  output: z.object({
    requests: requestsLeftSchema.describe('Limits on requests'),
    sending: sendingSchema.describe('How the account sends'),
  }),
  run: async ({ engine, session, record }) => ({
    requests: await requestsLeft(engine.limits, record),
    sending: await sendingOf(session),
  }),
});

/** WasenderApi writes times of this log in words of a database. */
const logTime = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

function showSent(message: MessageRecord) {
  const { to: _to, ...content } = message.request!;
  return {
    id: String(message.msgId),
    whatsapp_session_id: String(message.sessionId),
    to: message.logged ? shownJid(message.chat) : null,
    content: message.logged ? JSON.stringify(content) : null,
    status: statusOf(message),
    failed_reason: message.error,
    created_at: logTime(message.timestamp),
    updated_at: logTime(message.updatedAt),
  };
}

export const regenerateKey = operation({
  id: 'session.regenerateKey',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/regenerate-key',
  access: 'own',
  summary: 'Give a session a new API key; the old one stops working at once',
  envelope: 'flat',
  input: byId,
  output: z.object({ api_key: apiKey.describe('The new API key') }),
  run: async ({ engine, caller, record }) => {
    if (caller.token?.scope) {
      throw new EngineError('forbidden', 'A token with a scope gets no API key, which would outlive it.');
    }
    const updated = await engine.store.sessions.update(record.id, record.settings, { apiKey: newApiKey() });
    await followed(engine, updated);
    return { api_key: updated.apiKey };
  },
});

/** The session itself, and delivery to its own webhook, take note of what was changed. */
async function followed(engine: Engine, record: SessionRecord): Promise<void> {
  engine.sessions.get(record.id).updated(record);
  const webhooks = await engine.store.subscriptions.list(record.id);
  for (const { id, origin } of webhooks) if (origin === 'session') await engine.wakeSubscription(id);
}

/** For an update a field that is missing means "as it is", never its default. */
function withoutDefaults() {
  const { name, phone_number, ...rest } = sessionSettings.shape;
  const bare = Object.fromEntries(
    Object.entries(rest).map(([field, schema]) => {
      return [
        field,
        schema
          .unwrap()
          .optional()
          .meta(schema.meta() ?? {}),
      ];
    }),
  ) as { [F in keyof typeof rest]: z.ZodOptional<ReturnType<(typeof rest)[F]['unwrap']>> };
  return { name: name.optional(), phone_number: phone_number.optional(), ...bare };
}

function checked(engine: Engine, settings: SessionSettings): SessionSettings {
  const { webhook_url: url, webhook_enabled: enabled, webhook_events: events } = settings;
  if (url) checkUrl(url, engine.webhookNetworks);
  if (enabled && !url) {
    throw validationFailed({ webhook_url: ['The webhook_url field is required when webhook_enabled is true.'] });
  }
  const fault = settings.limits && engine.limits.fault(settings.limits);
  if (fault) throw validationFailed({ limits: [fault] });
  const { quiet_hours: quiet } = settings;
  if (quiet && !IANAZone.isValidZone(quiet.time_zone)) {
    throw validationFailed({
      'quiet_hours.time_zone': ['The quiet_hours.time_zone field must be an IANA time zone, e.g. Europe/Berlin.'],
    });
  }
  if (quiet && quiet.from === quiet.to) {
    throw validationFailed({
      'quiet_hours.to': ['The quiet_hours.to field must be another time than from: nothing would ever leave.'],
    });
  }
  const wrong = settings.proxy_url ? checkProxyUrl(settings.proxy_url, engine.proxies) : undefined;
  if (wrong) throw validationFailed({ proxy_url: [wrong] });
  // Names of WasenderApi's that this version does not emit are taken: its clients send whole lists of them.
  if (events?.some((event) => event.length > 60)) {
    throw validationFailed({ webhook_events: [`The webhook_events field must hold names such as ${EVENT_NAMES[0]}.`] });
  }
  return settings;
}

function show(engine: Engine, { id, settings, account, createdAt, updatedAt }: SessionRecord) {
  const session = engine.sessions.get(id);
  const { status, reason } = session.status;
  const { lastSeenAt } = session;
  return {
    id,
    ...settings,
    status,
    reason,
    account,
    last_seen_at: lastSeenAt === null ? null : new Date(lastSeenAt).toISOString(),
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}

function showWithKeys(engine: Engine, record: SessionRecord) {
  return { ...show(engine, record), api_key: record.apiKey, webhook_secret: record.webhookSecret };
}
