import { z } from 'zod';
import type { EventFilter } from './filter.ts';

/** The states of a session, each with what it means. WasenderApi documents the first six; the others are WhatsApp's. */
export const SESSION_STATUSES = {
  disconnected: 'Not connected, and not trying to be. Connect it to go on.',
  connecting: 'On its way to WhatsApp, or waiting to try again; the reason says which.',
  need_scan: 'A QR code waits to be scanned with the phone, under Linked devices.',
  connected: 'Logged in to WhatsApp: sends and receives.',
  logged_out: 'The phone removed this device. Connect and scan again.',
  expired: 'The stored login is no longer accepted. Connect and scan again.',
  replaced: 'Another program took over this very login. Stop that one, then connect.',
  restricted: 'WhatsApp has restricted the account for a time. See the phone.',
  banned: 'WhatsApp has banned the account. See the phone.',
  version_outdated: 'WhatsApp no longer takes this WhatsApp Web version. Set WARBLER_WA_VERSION to a newer one.',
  passkey_required: 'The account demands a passkey for linking, which only WhatsApp’s own apps can give.',
} as const;
export type SessionStatus = keyof typeof SESSION_STATUSES;

/** Why a session is in its status, with what to do about it. */
export interface Reason {
  code: string;
  message: string;
  /** Unix milliseconds at which the engine tries again by itself. */
  retryAt?: number;
  /** Unix milliseconds until which WhatsApp means it. */
  until?: number;
}

/** How a session sends: as a careful person would, as a busy one, or as fast as it can. */
export const PACES = ['careful', 'normal', 'off'] as const;
export type Pace = (typeof PACES)[number];

/** What WhatsApp watches an account for, besides how much it sends: each has a budget, by {@link Pace}. */
export const BUDGETS = {
  new_chats: 'First messages to people whom the account has no chat with',
  number_checks: 'Questions whether a number is on WhatsApp',
  group_metadata: 'Questions for the members and settings of a group',
  profile_pictures: 'Questions for profile pictures',
  group_adds: 'People added to groups',
} as const;
export type BudgetName = keyof typeof BUDGETS;

const ownBudget = (what: string) =>
  z
    .object({
      per_minute: z
        .int()
        .min(0)
        .meta({ description: 'At most so many in a minute', examples: [10] }),
      per_day: z
        .int()
        .min(0)
        .meta({ description: 'At most so many in a day', examples: [200] }),
    })
    .nullable()
    .optional()
    .describe(`${what}; null: as many as are asked for`);

const rate = z
  .strictObject(
    {
      per_minute: z
        .int()
        .min(1)
        .nullable()
        .optional()
        .meta({ description: 'Requests in a minute; null: no limit', examples: [256] }),
      per_day: z
        .int()
        .min(1)
        .nullable()
        .optional()
        .meta({ description: 'Requests in 24 hours; null: no limit', examples: [10_000] }),
    },
    { error: knowsOnly('per_minute and per_day') },
  )
  .optional();

/** How often requests may be made of a session. What is not named stays as WARBLER_LIMITS says. */
const requestLimits = z.strictObject(
  {
    message_send: rate.describe('Sending and forwarding'),
    group_metadata: rate.describe('Metadata and participants of groups, together'),
    contact_picture: rate.describe('Profile pictures of people'),
    number_check: rate.describe('Checks whether a number is on WhatsApp'),
    other: rate.describe('Every other endpoint, each for itself'),
    endpoints: z
      .record(z.string(), rate.unwrap())
      .optional()
      .meta({
        description: 'Single ones of the others, by operation id',
        examples: [{ 'group.list': { per_minute: 60 } }],
      }),
    concurrent: z
      .int()
      .min(1)
      .nullable()
      .optional()
      .meta({ description: 'Requests under way at once; null: no limit', examples: [128] }),
  },
  {
    error: knowsOnly('message_send, group_metadata, contact_picture, number_check, other, endpoints and concurrent'),
  },
);
export type RequestLimits = z.output<typeof requestLimits>;
export type Rate = z.output<typeof rate>;

/** For a name that a caller has made up: the ones there are. */
export function knowsOnly(names: string) {
  return ({ code, keys }: { code?: string; keys?: string[] }) =>
    code === 'unrecognized_keys' ? `it knows no ${keys!.join(', ')}, only ${names}` : undefined;
}

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write it as hours and minutes, e.g. 22:00');

/** What a caller sets on a session; the defaults of a new one. */
export const sessionSettings = z.object({
  name: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Name of the session, for people', examples: ['Shop'] }),
  phone_number: z
    .string()
    .regex(/^\+?[0-9][0-9 ().-]{4,24}$/)
    .meta({ description: 'Phone number in international format', examples: ['+15551234567'] }),
  account_protection: z
    .boolean()
    .default(false)
    .describe('Take one message every 5 seconds, and refuse others until then'),
  log_messages: z.boolean().default(true).describe('Keep the content of sent messages for the message log'),
  webhook_url: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null)
    .meta({ description: 'Where events are posted to', examples: ['https://n8n.example.com/webhook/warbler'] }),
  webhook_enabled: z.boolean().default(false).describe('Whether events are posted to webhook_url'),
  webhook_events: z
    .array(z.string())
    .nullable()
    .default(null)
    .meta({
      description: 'Events that webhook_url receives; none: all',
      examples: [['messages.received', 'session.status']],
    }),
  read_incoming_messages: z.boolean().default(false).describe('Mark messages as read when they arrive'),
  auto_reject_calls: z.boolean().default(false).describe('Reject incoming calls'),
  ignore_groups: z.boolean().default(false).describe('No events from groups'),
  ignore_channels: z.boolean().default(false).describe('No events from channels'),
  ignore_broadcasts: z.boolean().default(false).describe('No events from broadcast lists'),
  proxy_url: z
    .string()
    .nullable()
    .default(null)
    .meta({
      description:
        'Proxy that this session goes through: http://, https:// or socks5://, with user and password if need be',
      examples: ['socks5://user:password@proxy.example.com:1080'],
    }),
  always_online: z.boolean().default(false).describe('Appear online while connected'),
  download_media: z
    .boolean()
    .default(false)
    .describe('Download and decrypt the media of received messages, and tell with media.ready'),
  pace: z
    .enum(PACES)
    .nullable()
    .default(null)
    .describe('How fast messages leave: careful, normal or off; null: as WARBLER_PACE has it'),
  quiet_hours: z
    .object({
      from: timeOfDay.meta({ description: 'Time of day at which they begin', examples: ['22:00'] }),
      to: timeOfDay.meta({
        description: 'Time of day at which they end; on the next day when that is before `from`',
        examples: ['07:00'],
      }),
      time_zone: z
        .string()
        .min(1)
        .max(60)
        .meta({ description: 'IANA time zone of both', examples: ['Europe/Berlin'] }),
    })
    .nullable()
    .default(null)
    .describe('Hours of the day in which no message leaves: what is accepted then waits; null: none'),
  warm_up: z
    .boolean()
    .default(false)
    .describe('Let a new number begin with few messages and new chats a day, and grow to its pace in two weeks'),
  budgets: z
    .object({
      new_chats: ownBudget(BUDGETS.new_chats),
      number_checks: ownBudget(BUDGETS.number_checks),
      group_metadata: ownBudget(BUDGETS.group_metadata),
      profile_pictures: ownBudget(BUDGETS.profile_pictures),
      group_adds: ownBudget(BUDGETS.group_adds),
    } satisfies Record<BudgetName, z.ZodType>)
    .nullable()
    .default(null)
    .describe(
      'How often what WhatsApp watches may happen, where that shall differ from the pace; null: as the pace has it',
    ),
  limits: requestLimits
    .nullable()
    .default(null)
    .describe('Limits on requests, as a whole: what is given replaces what was. null: as WARBLER_LIMITS says'),
  opt_out_words: z
    .array(z.string().min(1).max(50))
    .max(50)
    .default([])
    .meta({
      description: 'Words by which people opt out of bulk jobs: whoever writes nothing but one of them',
      examples: [['STOP']],
    }),
});
export type SessionSettings = z.output<typeof sessionSettings>;

export type QuietHours = NonNullable<SessionSettings['quiet_hours']>;

/** What the governor of a session remembers: what WhatsApp has said of the account, and since when it warms up. */
export interface GovernorRecord {
  /** Whose account it is; `since` in Unix milliseconds, 0 for the first that the session was linked to. */
  account: { jid: string; since: number } | null;
  /**
   * WhatsApp's "reachout time lock": no new chats may be begun, those that exist go on. `until` in Unix milliseconds,
   * null when WhatsApp does not say; `type` is WhatsApp's name for the reason.
   */
  timelock: { until: number | null; type: string | null } | null;
  /** WhatsApp's quota of new chats: `NONE`, `FIRST_WARNING`, `SECOND_WARNING`, or `CAPPED` when it is used up. */
  capping: { status: string; total: number; used: number; until: number | null } | null;
  /** WhatsApp has said, so often in a row, that the account sends too fast. Nothing leaves before `until`. */
  slowdown: { until: number; times: number } | null;
  /** The number that is warmed up, and since when, in Unix milliseconds. */
  warmUp: { account: string; since: number } | null;
}

/** A session as the store keeps it. `apiKey` and `webhookSecret` are sealed on disk; empty: they cannot be read any more. */
export interface SessionRecord {
  id: number;
  settings: SessionSettings;
  status: SessionStatus;
  reason: Reason | null;
  /** Whether the engine should keep this session connected: set by connect, cleared by disconnect. */
  wanted: boolean;
  /** WhatsApp's own account, once paired. */
  account: { jid: string; lid: string | null; name: string | null } | null;
  governor: GovernorRecord;
  apiKey: string;
  webhookSecret: string;
  createdAt: number;
  updatedAt: number;
}

/** WasenderApi's message status codes. */
export const MESSAGE_STATUS = { error: 0, pending: 1, sent: 2, delivered: 3, read: 4, played: 5 } as const;
export type MessageStatus = (typeof MESSAGE_STATUS)[keyof typeof MESSAGE_STATUS];

/** A message as the store keeps it, sent or received. */
export interface MessageRecord {
  /** The number that WasenderApi's clients know a message by. */
  msgId: number;
  sessionId: number;
  /** WhatsApp's own message id. With session, direction and sender it names a message. */
  waId: string;
  chat: string;
  /** LID of the person: the sender, or the other side of a private chat. */
  lid: string | null;
  fromMe: boolean;
  /** LID of the sender where known, else the phone-number jid; empty for our own. */
  sender: string;
  /** In a group: the address that the sender wrote from, which is how the group knows them. */
  participant: string | null;
  /** What was asked to be sent, until WhatsApp's own form of it exists; null for received ones. */
  request: SendRequest | null;
  /** WhatsApp's protobuf `Message`, encoded. Kept for retries. */
  content: Buffer | null;
  status: MessageStatus;
  /**
   * `scheduled`: waits for its time. `queued`: to be sent. `written`: a frame left, not yet acknowledged. `done`: nothing
   * more to do. `cancelled`: was scheduled, and will never be sent.
   */
  send: 'scheduled' | 'queued' | 'written' | 'done' | 'cancelled';
  /** Of a message that is or was scheduled: Unix milliseconds at which it is to leave. */
  sendAt: number | null;
  /** Unix milliseconds after which a scheduled message is not sent any more. */
  expiresAt: number | null;
  attempts: number;
  /** Why it will never be sent, or why it still waits though its time has come. */
  error: string | null;
  /** Of a message that was given up: it may have been sent all the same. */
  unknown: boolean;
  /** WhatsApp id of the message that this one is about: of a reaction, a vote, an edit, a deletion, a pin. */
  about: string | null;
  /** Whether the message log may show what was sent, and to whom. */
  logged: boolean;
  timestamp: number;
  updatedAt: number;
}

/** A person as the account knows them. At least one of the addresses is known. */
export interface ContactRecord {
  /** Phone-number jid. */
  jid: string | null;
  lid: string | null;
  /** In the account's address book. */
  name: string | null;
  /** What the person calls themselves. */
  notify: string | null;
  /** Of a business that WhatsApp has verified. */
  verifiedName: string | null;
  about: string | null;
  imgUrl: string | null;
}

/** A chat of the account. Of a person, at least one of the addresses is known; `jid` names everything else. */
export interface ChatRecord {
  jid: string | null;
  lid: string | null;
  name: string | null;
  /** -1: marked as unread by hand. */
  unreadCount: number;
  /** Seconds since 1970. */
  lastMessageAt: number | null;
  archived: boolean;
  /** Seconds since 1970. */
  pinnedAt: number | null;
  /** Unix milliseconds; -1: for ever. */
  mutedUntil: number | null;
  /** Of a group. */
  imgUrl: string | null;
}

/** Kinds of chats. `status`: where status updates are, which is a chat to WhatsApp alone. */
export const CHAT_KINDS = ['direct', 'group', 'channel', 'status'] as const;
export type ChatKind = (typeof CHAT_KINDS)[number];

/** The kind of chat that an address names; `undefined` for a broadcast list, and for what is no chat. */
export function kindOf(address: string): ChatKind | undefined {
  if (address === 'status@broadcast') return 'status';
  if (address.endsWith('@g.us')) return 'group';
  if (address.endsWith('@newsletter')) return 'channel';
  return /@(s\.whatsapp\.net|lid)$/.test(address) ? 'direct' : undefined;
}

/** Kinds of files that WhatsApp carries. */
export const MEDIA_KINDS = ['image', 'video', 'audio', 'document', 'sticker'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** A file that the engine keeps for a time: uploaded, fetched to be sent, or decrypted for a workflow. */
export interface MediaRecord {
  /** Unguessable: who knows it may download the file. */
  id: string;
  sessionId: number;
  /** `upload`: a caller's. `send`: as it goes to WhatsApp. `received`: decrypted. Files for sending are not shown. */
  use: 'upload' | 'send' | 'received';
  kind: MediaKind;
  mimetype: string;
  /** Bytes. */
  size: number;
  fileName: string | null;
  /**
   * What the file was made from, where asking for it again shall give the same file; of a file posted in a channel,
   * WhatsApp's name of the upload.
   */
  source: string | null;
  createdAt: number;
  /** Unix milliseconds after which the file is gone. */
  expiresAt: number;
}

export interface ContactCard {
  name: string;
  phone: string;
  organization?: string;
}

/**
 * A message to send, in WasenderApi's field names: exactly one of text, a file, contacts, location, poll, event,
 * buttons, list, reaction, edit, delete, pin, vote and forward says what it is, the rest says how. Stored as it was asked
 * for, but for the file, which was fetched and checked before: `file` is its id.
 */
export interface SendRequest {
  to: string;
  /** The text, or the caption of a file. */
  text?: string;
  /** Which of imageUrl, videoUrl … was given. */
  kind?: MediaKind;
  /** Id of a {@link MediaRecord}. */
  file?: string;
  /** Hash of what the file was named by: tells a repeated request from another one. */
  source?: string;
  fileName?: string;
  /** Of an audio: whether it is a voice note (the default) or a file with a player. */
  voice?: boolean;
  /** Of a video: plays by itself, in a loop, without sound. */
  gif?: boolean;
  /** Of a video: round, recorded with the camera. */
  videoNote?: boolean;
  viewOnce?: boolean;
  contacts?: ContactCard[];
  location?: { latitude: number; longitude: number; name?: string; address?: string; live?: boolean };
  poll?: { question: string; options: string[]; multiSelect?: boolean };
  event?: { name: string; description?: string; startTime: number; endTime?: number; location?: string };
  buttons?: { text: string; id?: string }[];
  list?: { title: string; button: string; sections: { title: string; rows: { title: string; id?: string }[] }[] };
  footer?: string;
  /** The message that is replied to, reacted to, edited …: by WasenderApi's number or WhatsApp's id. */
  replyTo?: string;
  reaction?: { message: string; emoji: string };
  edit?: { message: string };
  delete?: { message: string };
  pin?: { message: string; seconds: number };
  forward?: { message: string };
  vote?: { message: string; options: string[] };
  mentions?: string[];
  mentionAll?: boolean;
  linkPreview?: boolean;
  /** Seconds after which the message disappears. */
  disappearAfter?: number;
  /** For a status: who may see it. */
  audience?: string[];
  /** For a status of text. */
  backgroundColor?: string;
  /** When it is to leave, as it was asked for: ISO 8601 or Unix seconds. */
  scheduledAt?: string | number;
  /** IANA name of the time zone of `scheduledAt`. */
  timeZone?: string;
  /** Seconds after `scheduledAt` after which it is not sent any more. */
  expireAfter?: number;
  /** It is not what was asked for first: a repetition of that under its idempotency key is not held against it. */
  changed?: true;
}

/**
 * The states of a bulk job. `ready`: not started. `paused`: by request, or by the engine, which then goes on by itself.
 * `completed`: everybody was written to or skipped, and what became of each message is known. The last two are ends.
 */
export const JOB_STATUSES = ['ready', 'running', 'paused', 'completed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** A message to many people, sent one after the other. */
export interface JobRecord {
  id: number;
  sessionId: number;
  name: string | null;
  /** What is sent; `{{name}}` in its texts stands for a variable of the recipient. */
  request: Omit<SendRequest, 'to'>;
  /** Milliseconds between two messages at least; 0: as fast as the session sends. */
  everyMs: number;
  status: JobStatus;
  /** Why it is paused; with `retryAt` it goes on by itself. */
  reason: Reason | null;
  /** Hash of what was asked for: tells a repeated request from another one with the same key. */
  source: string;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
}

/** Why a recipient is not written to. */
export const SKIPS = ['duplicate', 'invalid', 'opted_out', 'missing_variable'] as const;
export type Skip = (typeof SKIPS)[number];

/**
 * What has become of a recipient. `pending`: not yet written to; once the message is accepted, its own status;
 * `failed`: refused before or by WhatsApp; `cancelled`: the job was, before this message left.
 */
export const OUTCOMES = ['pending', 'queued', 'sent', 'delivered', 'read', 'failed', 'skipped', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One recipient of a bulk job. */
export interface RecipientRecord {
  /** From 0, in the order in which they were given. */
  position: number;
  /** As it was given. */
  to: string;
  /** WhatsApp's address; null for one that is none. */
  chat: string | null;
  variables: Record<string, string>;
  outcome: Outcome;
  skipped: Skip | null;
  /** Why it was skipped or has failed, in words. */
  detail: string | null;
  msgId: number | null;
  /** Unix milliseconds of the last change of its message. */
  updatedAt: number | null;
}

/** A person who does not want to be written to by bulk jobs. At least one of the addresses is known. */
export interface OptOutRecord {
  jid: string | null;
  lid: string | null;
  /** `api`: a caller has put them on the list. `word`: they have written one of the session's opt-out words. */
  source: 'api' | 'word';
  createdAt: number;
}

/** What answers a question: the next message, one of several options, or whether something is approved. */
export const INQUIRY_KINDS = ['text', 'choice', 'approval'] as const;
export type InquiryKind = (typeof INQUIRY_KINDS)[number];

/**
 * `open`: nobody has answered yet. `expired`: nobody has in time. `cancelled`: nobody waits for the answer any more.
 * `failed`: the question could not be sent.
 */
export const INQUIRY_STATUSES = ['open', 'answered', 'expired', 'cancelled', 'failed'] as const;
export type InquiryStatus = (typeof INQUIRY_STATUSES)[number];

/** What the person who was asked has answered, and how. */
export interface InquiryAnswer {
  /** Of an approval. */
  approved?: boolean;
  /** Of a choice: the option, word for word. */
  choice?: string;
  /** Of an answer that was written; empty for a file without a caption, say. */
  text?: string;
  /** `reply`: a message that quotes the question, or its reminder. */
  via: 'message' | 'reply' | 'vote' | 'reaction';
  /** ISO 8601, by WhatsApp's clock. */
  respondedAt: string;
  /** `jid` is the number's where that is known; `name` is what they call themselves. */
  from: { jid: string; lid?: string; phone?: string; name?: string };
  /** WhatsApp id of the message that answers. */
  messageId: string;
  /** Kind of content of that message, as WhatsApp calls it. */
  type: string;
}

/** A question to a person, which waits for the answer. */
export interface InquiryRecord {
  /** `inq_…` */
  id: string;
  sessionId: number;
  /** Of the message that asks. */
  msgId: number;
  waId: string;
  /** Of the message that reminds of it. */
  reminderWaId: string | null;
  /** Where it is asked. */
  chat: string;
  /** Who may answer, by one of their addresses. */
  person: string;
  kind: InquiryKind;
  question: string;
  /** Of a choice, what can be chosen; of an approval, the words for yes and for no. */
  options: string[];
  /** Only a message that quotes the question answers it. */
  replyOnly: boolean;
  status: InquiryStatus;
  answer: InquiryAnswer | null;
  /** Why it has failed. */
  error: string | null;
  createdAt: number;
  /** When the message left; null: not yet. */
  askedAt: number | null;
  /** Unix milliseconds; null: it stays open until somebody answers. */
  expiresAt: number | null;
  closedAt: number | null;
}

/** Somebody who wants events posted to a URL. */
export interface SubscriptionRecord {
  id: string;
  /** The session whose events they are; null: those of all sessions, also of those that are made later. */
  sessionId: number | null;
  /**
   * `session`: the session's own webhook_url. `api`: registered through the webhooks endpoint. `inquiry`: where the answer
   * to an inquiry goes, and nothing else.
   */
  origin: 'session' | 'api' | 'inquiry';
  url: string;
  /** Names of events, or `*` for all. */
  events: string[];
  /** Which of them count; null: all. */
  filter: EventFilter | null;
  /** Seconds of quiet after which the messages of a chat are posted as one; null: each is posted by itself. */
  collectS: number | null;
  /** WhatsApp is told that a message was read once the receiver has taken it. */
  markAsRead: boolean;
  /** `standard`: Standard Webhooks headers only. `wasender`: also `X-Webhook-Signature`, as its clients expect. */
  format: 'standard' | 'wasender';
  secret: string;
  /** `parked`: the receiver said that it is gone (404, 410). Events are kept until it is back. */
  state: 'active' | 'parked';
  parkedReason: string | null;
  expiresAt: number | null;
  createdAt: number;
}

/**
 * `pending`: not tried yet. `failed`: tried, and will be tried again. `parked`: will not be tried until somebody
 * resumes the subscription or asks for a redelivery. `delivered`: the receiver answered 2xx.
 */
export type DeliveryStatus = 'pending' | 'delivered' | 'parked' | 'failed';

/** One event on its way to one subscription. */
export interface DeliveryRecord {
  id: number;
  subscriptionId: string;
  seq: number;
  eventId: string;
  event: string;
  status: DeliveryStatus;
  attempts: number;
  /** Failed attempts of the retry schedule that is under way; a resume or a redelivery starts a new one. */
  failures: number;
  nextAttemptAt: number;
  lastAttemptAt: number | null;
  lastStatus: number | null;
  lastError: string | null;
  /** How often somebody has asked for the event once more. */
  redeliveries: number;
}

/** When a person has to approve a tool call: never, for whatever changes something, always, or for these tools. */
export type ApprovalRule = 'none' | 'writes' | 'all' | string[];

/** What a token is limited to: it may do nothing else. What is left out is not limited. */
export interface TokenScope {
  /** Ids of sessions: these, and nothing of the account. */
  sessions?: number[];
  /** What changes nothing, here or at WhatsApp. */
  access?: 'read';
  /** It opens `/mcp` alone; always so with tools, calls a day and approval. Tokens keep what they were made with. */
  mcp_only?: true;
  /** Addresses (jids) of people, groups and channels that calls may be about, and nothing of the account. */
  recipients?: string[];
  /** Names of tools; `read` and `write` are all those that change nothing, or something. */
  tools?: string[];
  /** Tool calls within 24 hours. */
  calls_per_day?: number;
  approval?: ApprovalRule;
}

/**
 * `pending`: nobody has decided. `approved`: it runs as soon as its caller waits for it. `running`, `done`: it was run,
 * once. `interrupted`: the engine stopped while it ran, so that nobody knows what came of it.
 */
export const APPROVAL_STATUSES = ['pending', 'approved', 'rejected', 'running', 'done', 'interrupted'] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** A tool call that a person has to approve. */
export interface ApprovalRecord {
  id: number;
  /** Name of the token that calls. */
  token: string;
  /** The session it is about; null: none. */
  sessionId: number | null;
  tool: string;
  input: Record<string, unknown>;
  status: ApprovalStatus;
  /** What the person who decided has to say to the model. */
  note: string | null;
  /** What the tool answered; null before it has. */
  answer: unknown;
  createdAt: number;
  decidedAt: number | null;
  /** Unix milliseconds after which it is worth nothing any more. */
  expiresAt: number;
}
