import type { EngineError } from '../errors.ts';
import type { EventEnvelope, NewEvent } from '../events.ts';
import type {
  ApprovalRecord,
  ApprovalStatus,
  ChatKind,
  ChatRecord,
  ContactRecord,
  DeliveryRecord,
  DeliveryStatus,
  GovernorRecord,
  InquiryRecord,
  InquiryStatus,
  JobRecord,
  JobStatus,
  MediaRecord,
  MessageRecord,
  MessageStatus,
  OptOutRecord,
  Outcome,
  Reason,
  RecipientRecord,
  SendRequest,
  SessionRecord,
  SessionSettings,
  SessionStatus,
  Skip,
  SubscriptionRecord,
  TokenScope,
} from '../model.ts';

/** What names a message within a session: WhatsApp's ids are chosen by senders, and two may choose the same. */
export interface MessageName {
  waId: string;
  fromMe: boolean;
  /** As in MessageRecord. */
  sender: string;
}

/** What the store knows at the moment in which a message is stored. Each is asked for only when it is called. */
export interface Known {
  /** The message that this one is about. */
  target(): MessageRecord | undefined;
  /** All that is about that message, oldest first, this one included. */
  others(): MessageRecord[];
  /** Whether this message was known before, as one that could not be read. */
  recovered: boolean;
}

/** What somebody says by a message, or by what they do to another one. The addresses are theirs. */
export interface Said extends Addresses {
  /** Empty when there is none. */
  text: string;
  /** Kind of content, as WhatsApp calls it. */
  type?: string;
  /** What they call themselves. */
  name?: string;
  /** WhatsApp id of the message that it is a reply to. */
  quotes?: string;
  /** Of a reaction; empty: it is taken back. */
  emoji?: string;
  /** Of a vote in a poll: the options that it chooses; none: it is taken back. */
  chosen?: (known: Known) => string[];
}

/** A received message, or one sent from another device of the account. */
export interface NewMessage extends MessageName {
  chat: string;
  lid: string | null;
  participant?: string;
  /** WhatsApp's protobuf; null for a message that could not be decrypted. It may come again, readable. */
  content: Buffer | null;
  status: MessageStatus;
  timestamp: number;
  /**
   * The own phone has brought a message that could not be read. It may name the sender by another address than the
   * message did: the unreadable message of this id is the one.
   */
  resent?: true;
  /** WhatsApp id of the message that this one is about: of a reaction, a vote, an edit, a deletion, a pin. */
  about?: string;
  /** It carries a file, to be downloaded when the session's `download_media` says so. */
  file?: boolean;
  /** The question, when it is a poll of this account. */
  poll?: string;
  /**
   * Who has said what. One of the session's `opt_out_words`, in a private chat, puts them on the list of people who have
   * opted out; an answer to an open inquiry closes it.
   */
  said?: Said;
  /**
   * Made inside the transaction, and only when the message was not known before: this is what makes a redelivery
   * harmless.
   */
  events: (known: Known) => NewEvent[];
}

/** What a member of a group has done with one of our messages. */
export interface GroupReceipt {
  waId: string;
  /** Of the message; a receipt from another chat changes nothing. */
  chat: string;
  /** LID of the member where known, else the phone-number jid. */
  member: string;
  status: MessageStatus;
  /** Unix milliseconds. */
  at: number;
  /** Made inside the transaction, once per member and status; `contact` is the member, where known. */
  events: (message: MessageRecord, contact: ContactRecord | undefined) => NewEvent[];
}

/** A later word on one of our own messages. */
export interface MessageOutcome {
  waId: string;
  /**
   * A status lower than or equal to the stored one changes nothing, and its events are not appended. An error counts
   * only while the outcome is open; what says that the message was sent after all counts later, too.
   */
  status: MessageStatus;
  /** When it was so, by WhatsApp's clock in Unix milliseconds, where WhatsApp says. */
  at?: number;
  error?: string;
  /** With an error: whether the message was sent all the same cannot be known. A later outcome may tell. */
  unknown?: true;
  /** Asked inside the transaction: unless this holds of the message as it is then, nothing changes. */
  provided?: (message: MessageRecord) => boolean;
  /** Made inside the transaction from the message as it is now, and the status it had before. */
  events: (message: MessageRecord, before: MessageStatus, known: Known) => NewEvent[];
  /** What is news about the chat when the message's outcome is known with this; made inside the transaction. */
  directory?: (message: MessageRecord) => DirectoryNews | undefined;
}

/** The addresses of a person; of anything else, `jid` alone. What belongs together is united when both are told. */
export interface Addresses {
  jid?: string | undefined;
  lid?: string | undefined;
}

/** What is news about a person. What is left out stays as it is; addresses alone make no record. */
export interface ContactFacts extends Addresses, Partial<Omit<ContactRecord, keyof Addresses>> {
  /** There is another picture, which WhatsApp has yet to be asked for; `false` when it was, and was told. */
  pictureChanged?: boolean;
}

/**
 * What is news about a chat. What is left out stays as it is; the time of the last message only rises, and addresses
 * alone make no record.
 */
export interface ChatFacts extends Addresses, Partial<Omit<ChatRecord, keyof Addresses>> {
  /** So many more messages are unread. */
  unreadMore?: number;
  pictureChanged?: boolean;
  /** It is the picture of a group that need not have appeared as a chat yet. */
  pictureOnly?: boolean;
  /** Counts only for a chat that is known. */
  knownOnly?: boolean;
}

/** A record that is not as it was; `before` is missing for a new one. */
export interface Changed<T> {
  before: T | undefined;
  after: T;
}

/** What is news about the account's people and chats. */
export interface DirectoryNews {
  contacts?: ContactFacts[];
  chats?: ChatFacts[];
  /** By either address. */
  deletedChats?: string[];
  /** Made inside the transaction, from what has really changed; `find` knows everybody, by either address. */
  events: (
    changes: { contacts: Changed<ContactRecord>[]; chats: Changed<ChatRecord>[] },
    find: (address: string) => ContactRecord | undefined,
  ) => NewEvent[];
}

/**
 * What WhatsApp is asked: whether a number has an account (`number`), for a group with its members (`group`), for a
 * picture (`picture`), and for what somebody tells of themselves (`person`).
 */
export type AnswerKind = 'number' | 'group' | 'picture' | 'person';

/** What WhatsApp has answered to a question. */
export interface Answer {
  kind: AnswerKind;
  /** Address of the person or group. A person may be named by either address. */
  subject: string;
  /** Plain JSON. */
  value: unknown;
  /** Unix milliseconds. */
  at: number;
}

/** WhatsApp has said something by itself about what it was asked, or may be asked: its answer would be another one now. */
export interface AnswerChange {
  kind: AnswerKind;
  /** Everything of the kind is forgotten when it is missing. */
  subject?: string;
  /** The answer as it is now, made inside the transaction from the one that is remembered; undefined: it is forgotten. */
  next: (value: unknown) => unknown;
  /** Unix milliseconds of the whole answer. When it is missing, nothing is remembered that was not before. */
  at?: number;
}

/** The identity key of a person, as it was first seen or has last become known. */
export interface PinnedIdentity {
  /** Signal's public key, base64. */
  key: string;
  /** Unix milliseconds in which it became known. */
  since: number;
  /** WhatsApp has said that it is no longer the person's, and so much was told: the key that follows is no news. */
  ended?: true;
}

/** Something has been learnt about a person's identity key; nothing comes of it for nobody's. */
export interface IdentityNews extends Addresses {
  /**
   * What is pinned from now on, made inside the transaction from what is and whose, with all addresses that are known;
   * undefined: that stays, and nothing is told.
   */
  next: (
    pinned: PinnedIdentity | undefined,
    whose: Addresses,
  ) => { pinned: PinnedIdentity; events: NewEvent[] } | undefined;
}

/** Signal keys to write, by Baileys' type and id, serialized; `null` deletes. The store seals them. */
export type KeyWrites = Record<string, Record<string, Buffer | null>>;

/**
 * All that becomes true about a session at one moment. It is committed whole or not at all: a crash never leaves a
 * message without its events, events without their deliveries, or a ratchet ahead of the message it decrypted.
 */
export interface Change {
  sessionId: number;
  /**
   * Names what brought the change, for instance a stanza by its id. A change of a name that is known is not made again:
   * WhatsApp delivers a stanza again when its acknowledgement never left.
   */
  once?: string;
  /** The stanza that WhatsApp said it with: what was not written down comes again under this name. */
  stanza?: string;
  /** The login, serialized. The store seals it. */
  creds?: Buffer;
  keys?: KeyWrites;
  /** Numbers and LIDs that have turned out to be one person: an event that knows one is told with both. */
  pairs?: { lid: string; phone: string }[];
  messages?: NewMessage[];
  outcomes?: MessageOutcome[];
  receipts?: GroupReceipt[];
  directory?: DirectoryNews;
  answers?: AnswerChange[];
  /** Told before the messages that came with it. */
  identities?: IdentityNews[];
  events?: NewEvent[];
  /** Files of these messages (by msgId) are downloaded, or given up. */
  downloaded?: number[];
  session?: {
    status?: SessionStatus;
    reason?: Reason | null;
    wanted?: boolean;
    account?: SessionRecord['account'];
    governor?: GovernorRecord;
  };
  /** Cancelling also takes back those of its messages that have never left. */
  job?: JobChange;
  /** Open inquiries whose time is over by then (Unix milliseconds) end without an answer; so many at once. */
  inquiriesOver?: { by: number; limit: number };
  /**
   * Another account than before is linked, and nothing of the first one holds for it: people, chats, polls and answers
   * of WhatsApp are forgotten, approvals have expired, used or not. Open inquiries whose question has left fail for this
   * reason, before `outcomes` count; one whose question has not left fails with it.
   */
  otherAccount?: string;
  /** A line for the session's log. */
  log?: { type: SessionLog['type']; status: SessionStatus; reason?: string };
}

/** A bulk job enters another state. */
export interface JobChange {
  id: number;
  /** Only from one of these: whoever comes second changes nothing. */
  from: readonly JobStatus[];
  to: JobStatus;
  /** Why it is paused. */
  reason?: Reason;
  /** Unix milliseconds. */
  at: number;
  /** Made inside the transaction, from the job as it is then. */
  events: (job: JobRecord, counts: OutcomeCounts) => NewEvent[];
}

/** How many recipients have come to what. */
export type OutcomeCounts = Record<Outcome, number>;

/** What has happened to a session, for people who look for the cause of something. */
export interface SessionLog {
  id: number;
  sessionId: number;
  type: 'status_change' | 'session_restarted';
  status: SessionStatus;
  reason: string | null;
  occurredAt: number;
}

/** What a commit has put in motion. */
export interface Committed {
  events: EventEnvelope[];
  /** Own messages whose outcome is now known, or another than the one that was. */
  settled: MessageRecord[];
  /** Messages that were not known before. */
  received: MessageRecord[];
  /** The bulk job, if it has entered another state. */
  job: JobRecord | undefined;
  /** Subscriptions, each with the lanes, that have something new to deliver. */
  due: { subscriptionId: string; lane: string }[];
}

export interface NewJob extends Pick<JobRecord, 'sessionId' | 'name' | 'request' | 'everyMs' | 'source' | 'createdAt'> {
  idempotencyKey?: string;
}

/** A recipient in the order in which they were given; one with `skipped` is never written to. */
export type NewRecipient = Pick<RecipientRecord, 'to' | 'chat' | 'variables' | 'skipped' | 'detail'>;

export interface NewOutgoing {
  sessionId: number;
  waId: string;
  chat: string;
  request: SendRequest;
  /** WhatsApp id of the message that this one is about. */
  about?: string;
  /** Whether the message log may show it. */
  logged: boolean;
  timestamp: number;
  idempotencyKey?: string;
  /** It waits for its time before it is queued. */
  schedule?: ScheduledTime;
  /** It is a question, whose answer is waited for. */
  inquiry?: NewInquiry;
}

export interface NewInquiry extends Pick<
  InquiryRecord,
  'id' | 'kind' | 'question' | 'options' | 'person' | 'replyOnly' | 'expiresAt' | 'createdAt'
> {
  /** A message that quotes the question, should it still be open then. */
  reminder?: { waId: string; text: string; schedule: ScheduledTime };
  /**
   * Where the event goes that closes it, besides the webhooks that ask for such events. An open inquiry of the session
   * with the same URL is cancelled, and what was not delivered there yet never is.
   */
  callback?: { url: string; secret: string };
}

/** Unix milliseconds at which a message is to leave, and after which it is not sent any more. */
export interface ScheduledTime {
  sendAt: number;
  expiresAt: number;
}

/** What changes about a message that waits for its time. */
export interface ScheduledChange extends ScheduledTime {
  chat: string;
  request: SendRequest;
}

export interface TokenRecord {
  id: number;
  name: string;
  hash: Buffer;
  /** What it is limited to; null: to nothing. */
  scope: TokenScope | null;
  createdAt: number;
  /** When it ends, in Unix milliseconds; null: never. */
  expiresAt: number | null;
  /** When it was used last, to the minute; null: never. */
  lastUsedAt: number | null;
}

export interface NewApproval {
  tokenId: number;
  sessionId: number | null;
  tool: string;
  input: Record<string, unknown>;
  call: string;
  expiresAt: number;
}

/** So much may happen within so long. */
export interface CounterWindow {
  seconds: number;
  limit: number;
  /** Within the last `seconds`, whenever; else in a window that opens with the first count. A name has one of the kinds. */
  sliding?: boolean;
}

export interface CounterState extends CounterWindow {
  used: number;
  /**
   * Unix milliseconds at which the window is over; for one that is not open, its length from now. A sliding one that is
   * full has room again then, for as much as was asked for; one that is not full has nothing left in it.
   */
  resetsAt: number;
}

export interface Taken {
  /** Whether there was room in every window, so that it was counted. */
  taken: boolean;
  windows: CounterState[];
}

/** A subscription that is to be; what it leaves out of the last three it does not have. */
export type NewSubscription = Omit<
  SubscriptionRecord,
  'id' | 'createdAt' | 'state' | 'parkedReason' | 'filter' | 'collectS' | 'markAsRead'
> &
  Partial<Pick<SubscriptionRecord, 'filter' | 'collectS' | 'markAsRead'>>;

/** What is posted next in a lane. */
export interface DueDelivery {
  /** Of the newest event, when several are posted as one. */
  delivery: DeliveryRecord;
  body: EventEnvelope;
  /**
   * It is the first message of a burst, and what belongs to that is not fixed yet: `delivery.nextAttemptAt` is when the
   * burst is over. To be fixed then, and asked for once more.
   */
  gathering?: true;
}

export interface Page {
  after: number;
  limit: number;
}

/** Events by their numbers, both included. */
export interface Span {
  first: number;
  last: number;
}

/** How things stand in one session. */
export interface SessionFigures {
  id: number;
  status: SessionStatus;
  /** Messages that are to be sent or wait for WhatsApp's acknowledgement, and those that wait for their time. */
  queued: number;
  scheduled: number;
  webhooks: number;
  /** Of those. */
  parkedWebhooks: number;
  /** Deliveries that are tried until they succeed, those of parked webhooks included; not what was given up. */
  undelivered: number;
  /** Unix milliseconds of the oldest event among them. */
  undeliveredSince: number | null;
}

/** How webhooks of all sessions stand. */
export type WebhookFigures = Pick<SessionFigures, 'webhooks' | 'parkedWebhooks'>;

/** For whoever watches the engine. */
export interface Figures {
  sessions: SessionFigures[];
  /** Of webhooks that are of no one session. */
  ofAll: WebhookFigures;
  /** Of a driver that keeps its data in files. */
  disk: { databaseBytes: number; logBytes: number; freeBytes: number } | undefined;
}

/** A part of a list whose length people want to know. */
export interface Slice {
  offset: number;
  limit: number;
}

export interface Sliced<T> {
  items: T[];
  total: number;
}

/**
 * Everything Warbler remembers. Every method is one transaction; one that cannot be written down throws
 * `storage_failed`, and nothing of it has happened. Drivers run the conformance suite in
 * test/engine/store.conformance.ts; the embedded one does its work before it returns, so that a caller who may not
 * await (an event handler of Baileys) is still sure of the commit.
 */
export interface Store {
  commit(change: Change): Promise<Committed>;
  /** Called after every commit that appended an event or settled a message. One listener: delivery. */
  onCommitted(listener: (sessionId: number, committed: Committed) => void): void;
  /** Why nothing can be written, if so; the disk is full, say. Asked while writing fails, it tries once more. */
  health(): Promise<EngineError | undefined>;
  /** Called when writing begins to fail, with the reason, and with nothing when it works again. One listener: the log. */
  onHealth(listener: (failure: EngineError | undefined) => void): void;
  /**
   * Called for every change that could not be committed, before whoever wanted it goes on (the embedded driver: before
   * `commit` returns). One listener: sessions, which cut the connection before anything is acknowledged.
   */
  onRefused(listener: (change: Change, error: unknown) => void): void;

  /**
   * How often something has happened of late, in windows of time. A fixed window opens with the first count in it and is
   * over after its length. A sliding one is at no time fuller than its limit; its counts may stay for a 24th of its
   * length longer. `scope` is what is counted for (`session:1`, `token:2`), `name` what is counted. A count survives the
   * end of the process; a power cut may take the last ones.
   */
  counters: {
    /** Counts `amount` more in all of the windows or, where one has no room for that, in none; answers how they stand. */
    take(scope: string, name: string, windows: CounterWindow[], at: { now: number; amount?: number }): Promise<Taken>;
    /**
     * Takes back what was counted and then did not happen, in those of the windows that are still open; one in which
     * nothing is left was never opened. Of a sliding one the oldest counts go.
     */
    giveBack(
      scope: string,
      name: string,
      windows: CounterWindow[],
      at: { now: number; amount?: number },
    ): Promise<void>;
    /** How the windows stand. */
    read(scope: string, name: string, windows: CounterWindow[], now: number): Promise<CounterState[]>;
    /** Forgets everything that was counted for it. */
    clear(scope: string): Promise<void>;
  };

  /** Tool calls that wait for a person, or did. */
  approvals: {
    /**
     * The approval of a call: the one that there is, or a new one. `call` is the hash by which the same call of the same
     * token is known; it finds its approval until that expires or its answer was heard. A rejected one stays found.
     */
    ask(approval: NewApproval, now: number): Promise<ApprovalRecord>;
    get(id: number): Promise<ApprovalRecord | undefined>;
    /** Newest first. `expired` are the pending and approved ones whose time is over, which are neither then. */
    list(filter: { status?: ApprovalStatus | 'expired' }, now: number, slice: Slice): Promise<Sliced<ApprovalRecord>>;
    /** From one status to another; answers whether it was in that one. Of several callers one is answered true. */
    move(
      id: number,
      from: ApprovalStatus,
      to: ApprovalStatus,
      about?: { note?: string | undefined; at?: number; answer?: unknown },
    ): Promise<boolean>;
    /** The caller has heard the answer: the same call is a new one from now on. */
    heard(id: number): Promise<void>;
    /** The last process has stopped: what was running is interrupted. */
    interrupt(): Promise<void>;
    /** Drops those that expired before. Answers how many. */
    prune(before: number): Promise<number>;
  };

  tokens: {
    list(): Promise<TokenRecord[]>;
    /** Replaces the token of the same name. What was known of its use is, unless the hash is the same, forgotten. */
    put(name: string, hash: Buffer, about?: { scope?: TokenScope; expiresAt?: number }): Promise<TokenRecord>;
    /** With what was counted for it. */
    delete(name: string): Promise<boolean>;
    /** It was used then. May be forgotten in a power cut. */
    used(id: number, at: number): Promise<void>;
    /** Deletes those that ended before. Answers how many. */
    prune(before: number): Promise<number>;
  };

  sessions: {
    create(settings: SessionSettings, secrets: { apiKey: string; webhookSecret: string }): Promise<SessionRecord>;
    get(id: number): Promise<SessionRecord | undefined>;
    findByApiKey(apiKey: string): Promise<SessionRecord | undefined>;
    list(): Promise<SessionRecord[]>;
    /** Also keeps the session's own webhook in step with its `webhook_*` settings. */
    update(
      id: number,
      settings: SessionSettings,
      secrets?: { apiKey?: string; webhookSecret?: string },
    ): Promise<SessionRecord>;
    /** Deletes the session with all that belongs to it. */
    delete(id: number): Promise<void>;
    /** Newest first. */
    logs(id: number, slice: Slice): Promise<Sliced<SessionLog>>;
    /** Drops lines of all sessions' logs that are older, so many at the most; answers how many. */
    pruneLogs(before: number, limit: number): Promise<number>;
  };

  auth: {
    /** What `commit({creds})` stored last; `undefined` before the first pairing, null when it cannot be opened. */
    creds(sessionId: number): Promise<Buffer | null | undefined>;
    /** Those of the ids that are stored; null for one that cannot be opened. */
    keys(sessionId: number, type: string, ids: string[]): Promise<Record<string, Buffer | null>>;
    /**
     * Forgets the login, so that the next connect asks for a new scan, and what WhatsApp has answered to it. Messages
     * and settings stay.
     */
    clear(sessionId: number): Promise<void>;
  };

  messages: {
    /**
     * Accepts a message, for sending now or at its time, with the inquiry that it opens. A known idempotency key answers
     * the one accepted first.
     */
    enqueue(message: NewOutgoing): Promise<{ message: MessageRecord; fresh: boolean }>;
    get(sessionId: number, msgId: number): Promise<MessageRecord | undefined>;
    /** By WhatsApp's id, own messages first. */
    find(sessionId: number, waId: string): Promise<MessageRecord | undefined>;
    /** Content of exactly this message, when it is stored. */
    content(sessionId: number, name: MessageName): Promise<Buffer | undefined>;
    /** All messages that are about the message of this WhatsApp id, oldest first. */
    about(sessionId: number, waId: string): Promise<MessageRecord[]>;
    /** The newest message of a chat. */
    last(sessionId: number, chat: string): Promise<MessageRecord | undefined>;
    /** What was written, newest first: of these chats or of all, older than a msgId. Reactions, edits … are not entries. */
    list(sessionId: number, filter: { chats?: string[]; before?: number }, limit: number): Promise<MessageRecord[]>;
    /**
     * Polls that the account has sent, newest first, those that failed not among them: whose question holds `search`, in
     * any case and with any accents.
     */
    polls(sessionId: number, filter: { search?: string | undefined }, slice?: Slice): Promise<Sliced<MessageRecord>>;
    /** The session that a message belongs to. */
    sessionOf(msgId: number): Promise<number | undefined>;
    /** The message that was accepted under this key, if any. */
    accepted(sessionId: number, idempotencyKey: string): Promise<MessageRecord | undefined>;
    /** What the members of a group have done with a message of ours, oldest first. */
    receipts(msgId: number): Promise<{ member: string; status: MessageStatus; at: number }[]>;
    /** Messages that were sent through the engine, newest first. */
    logs(sessionId: number, slice: Slice): Promise<Sliced<MessageRecord>>;
    /**
     * Queues a failed message again, under the same WhatsApp id; it does not expire any more. Answers whether it was a
     * failed one, which one that was cancelled is not.
     */
    resend(sessionId: number, msgId: number): Promise<boolean>;
    /**
     * Messages still to be sent, in the order in which they were queued; without those to `exceptChats`. `chatsOnly`:
     * only those to chats that the account has, and to what is no person. `aboutOnly`: only those about another message
     * that does not wait itself.
     */
    queued(
      sessionId: number,
      limit: number,
      which?: { exceptChats?: string[]; chatsOnly?: boolean; aboutOnly?: boolean },
    ): Promise<MessageRecord[]>;
    /** How many are still to be sent. */
    waiting(sessionId: number): Promise<number>;
    /**
     * A frame is about to leave. The content is kept, so that every later try sends the same bytes. Answers whether it
     * is still to be sent: it may have been taken back.
     */
    written(msgId: number, sent: { content: Buffer; lid: string | null }): Promise<boolean>;
    /** A try failed before the frame left: the message is to be sent again, and the try counts. */
    retry(msgId: number): Promise<void>;
    /** It may not leave now: the message is to be sent again, and the try does not count. */
    postpone(msgId: number): Promise<void>;
    /** Written but never acknowledged: to be sent again under the same id. Answers how many. */
    requeue(sessionId: number, writtenBefore: number): Promise<number>;
    /**
     * Drops messages of all sessions that are older, each with what is about it, so many at the most; answers how many.
     * One whose outcome is open stays, one of a job that is there, and one about which something newer was written: a
     * poll in which somebody has voted since; and so does one that asks what is not forgotten yet.
     */
    prune(before: number, limit: number): Promise<number>;
  };

  /** What WhatsApp has answered, so that it need not be asked again. */
  answers: {
    get(sessionId: number, kind: AnswerKind, subject: string): Promise<Answer | undefined>;
    /** Remembers an answer, in the place of the one before. Those that are 30 days older than it are forgotten. */
    put(sessionId: number, answer: Answer): Promise<void>;
  };

  /** Messages that wait for their time. Whatever changes one does so only while it waits. */
  schedule: {
    /** Those of a session, by the time at which they are to leave. */
    list(sessionId: number, slice: Slice): Promise<Sliced<MessageRecord>>;
    /** The one to look at next, of all sessions, and when that is. */
    next(): Promise<{ message: MessageRecord; at: number } | undefined>;
    /**
     * It enters the queue, behind what is there, as a message of the time `now`. Answers whether it did: not when it has
     * been given another time than `sendAt` or no longer waits.
     */
    release(message: { msgId: number; sendAt: number }, now: number): Promise<boolean>;
    /** It cannot leave yet, because of `reason`: it is looked at again at that time, or when it expires. */
    postpone(message: { msgId: number; sendAt: number }, until: number, reason: string): Promise<void>;
    /** What was postponed in a session is looked at again now. */
    resume(sessionId: number): Promise<void>;
    /** Answers the message as it is then; `undefined` when it does not wait. */
    change(sessionId: number, msgId: number, change: ScheduledChange): Promise<MessageRecord | undefined>;
    /** It will never be sent. Answers the message as it is then; `undefined` when it does not wait. */
    cancel(sessionId: number, msgId: number): Promise<MessageRecord | undefined>;
  };

  /**
   * Questions that wait for an answer. The commit that stores the answer closes them, and takes back what has not left of
   * the question and its reminder; so does whatever else closes them.
   */
  inquiries: {
    get(sessionId: number, id: string): Promise<InquiryRecord | undefined>;
    /** The one that this message asks. */
    ofMessage(sessionId: number, msgId: number): Promise<InquiryRecord | undefined>;
    /** The chats that were asked with this callback, whatever has come of it. */
    chatsOf(sessionId: number, callbackUrl: string): Promise<string[]>;
    /** Newest first. */
    list(
      sessionId: number,
      filter: { status?: InquiryStatus | undefined },
      slice: Slice,
    ): Promise<Sliced<InquiryRecord>>;
    /** Answers the inquiry as it is then; `undefined` when it is not open. */
    cancel(sessionId: number, id: string): Promise<InquiryRecord | undefined>;
    /** By session, when the first of the open ones ends, in Unix milliseconds. */
    ends(): Promise<{ sessionId: number; at: number }[]>;
    /** Forgets those of all sessions that were closed before, so many at the most; answers how many. */
    prune(before: number, limit: number): Promise<number>;
  };

  contacts: {
    /** By phone-number jid or LID. */
    get(sessionId: number, address: string): Promise<ContactRecord | undefined>;
    /** By name; those whose names or number hold `search`, in any case and with any accents, or whose LID it is. */
    list(sessionId: number, filter: { search?: string | undefined }, slice?: Slice): Promise<Sliced<ContactRecord>>;
    /** The other address of those who are known by both, by the one that is asked for. */
    otherAddresses(sessionId: number, addresses: readonly string[]): Promise<Map<string, string>>;
  };

  /** People whom bulk jobs leave alone. */
  optOuts: {
    /** The latest first. */
    list(sessionId: number, slice: Slice): Promise<Sliced<OptOutRecord>>;
    /** Puts a person on the list; who is on it stays as they are, with the other address when that is new. */
    put(sessionId: number, person: Addresses, about: Pick<OptOutRecord, 'source' | 'createdAt'>): Promise<OptOutRecord>;
    /** By either address, also when only the other one is on the list. Answers whether somebody was. */
    delete(sessionId: number, address: string): Promise<boolean>;
    /** Those of the addresses whose person is on the list, by whichever address. */
    among(sessionId: number, addresses: readonly string[]): Promise<Set<string>>;
  };

  /** Messages to many people. */
  jobs: {
    /** All of it or nothing. Ready, not started. A known idempotency key answers the job that was made first. */
    create(job: NewJob, recipients: readonly NewRecipient[]): Promise<{ job: JobRecord; fresh: boolean }>;
    get(sessionId: number, id: number): Promise<JobRecord | undefined>;
    /** The job that was made under this key, if any. Throws `idempotency_mismatch` when it was another one. */
    accepted(sessionId: number, idempotencyKey: string, source: string): Promise<JobRecord | undefined>;
    /** Newest first. */
    list(sessionId: number, filter: { status?: JobStatus | undefined }, slice: Slice): Promise<Sliced<JobRecord>>;
    /** Of all sessions, those that are started and have not ended. */
    open(): Promise<JobRecord[]>;
    counts(id: number): Promise<OutcomeCounts>;
    /** In their order. */
    recipients(id: number, filter: { outcome?: Outcome | undefined }, slice: Slice): Promise<Sliced<RecipientRecord>>;
    /** The next recipient to write to. */
    next(id: number): Promise<RecipientRecord | undefined>;
    /** How many of its messages are accepted, and their outcome is not known. */
    underWay(id: number): Promise<number>;
    /** Whether one of these addresses was written to. */
    reached(id: number, addresses: readonly string[]): Promise<boolean>;
    /** What has become of a pending recipient. May be forgotten in a power cut. */
    settle(
      id: number,
      position: number,
      as: { msgId: number } | { skipped: Skip; detail: string } | { failed: string },
    ): Promise<void>;
    /** Forgets a job that has ended, or has not been started. Answers whether there was one. Its messages stay. */
    delete(sessionId: number, id: number): Promise<boolean>;
    /** Forgets jobs of all sessions that ended before, so many at the most; answers how many. */
    prune(before: number, limit: number): Promise<number>;
  };

  chats: {
    /** By jid or LID. */
    get(sessionId: number, address: string): Promise<ChatRecord | undefined>;
    /**
     * By their last message, the newest first, each with the name that it is shown under: its own, or the person's.
     * Those whose name or number holds `search`, in any case and with any accents, or whose address it is.
     */
    list(
      sessionId: number,
      filter: { search?: string | undefined; kind?: ChatKind | undefined },
      slice?: Slice,
    ): Promise<Sliced<ChatRecord>>;
    /** The names of those that have one, by the address that is asked for. */
    names(sessionId: number, addresses: readonly string[]): Promise<Map<string, string>>;
    /**
     * How the account stands with a person, by either address. `open`: there is a chat, or was; each has written to the
     * other, or one has. `begun`: messages of ours that WhatsApp has not taken yet are all there is. `none`: a stranger.
     * Messages from before `since`, in Unix milliseconds, do not count.
     */
    standing(sessionId: number, address: string, since: number): Promise<'open' | 'begun' | 'none'>;
    /** Whether somebody else has written in a chat since then, in Unix milliseconds; a person by either address. */
    heardSince(sessionId: number, address: string, since: number): Promise<boolean>;
    /** URLs of the groups’ pictures, as far as known, by jid. */
    pictures(sessionId: number): Promise<Map<string, string>>;
    /** Addresses of people and groups whose picture has changed and was not asked for yet. */
    changedPictures(sessionId: number): Promise<Addresses[]>;
  };

  events: {
    list(sessionId: number, page: Page): Promise<EventEnvelope[]>;
    /** Numbers of the first and the last event, of all sessions, from `from` on and before `to`. */
    between(from: number, to: number): Promise<Span | undefined>;
    /**
     * Drops events older than `before` that were delivered to all who were to have them. Looks at `limit` events from the
     * number `from` on, oldest first. Answers how many, and where to go on: undefined when there are no more.
     */
    prune(before: number, part: { from: number; limit: number }): Promise<{ count: number; next: number | undefined }>;
    /**
     * The newest event that a subscription would have got, whether or not it was there then. Looks at the newest `limit`
     * events before a number, or of all. Answers it, else where to go on: undefined when there are no more.
     */
    latest(
      subscriptionId: string,
      part: { before?: number | undefined; limit: number },
    ): Promise<{ event?: EventEnvelope; next: number | undefined }>;
    /** Forgets names of stanzas (`Change.once`) that are older; answers how many. */
    pruneStanzas(before: number, limit: number): Promise<number>;
  };

  subscriptions: {
    /** The same URL on the same session is the same subscription: what it wants is replaced, and it is resumed. */
    put(subscription: NewSubscription): Promise<SubscriptionRecord>;
    get(id: string): Promise<SubscriptionRecord | undefined>;
    /** Those of a session, without those of inquiries; null: those of all sessions. */
    list(sessionId: number | null): Promise<SubscriptionRecord[]>;
    /** It gets nothing more. Registered again within a minute, it finds what has happened meanwhile. */
    delete(id: string): Promise<boolean>;
    park(id: string, reason: string): Promise<void>;
    resume(id: string): Promise<void>;
    /** Deletes those whose time has come; answers their ids. */
    expire(now: number): Promise<string[]>;
  };

  deliveries: {
    /**
     * Lanes that have an undelivered event, of all subscriptions or of one. Those of a subscription of all sessions are
     * kept apart by session.
     */
    lanes(subscriptionId?: string): Promise<{ subscriptionId: string; lane: string }[]>;
    /**
     * The oldest undelivered event of a lane, whether or not its time has come; with all that are posted with it, where
     * that is fixed.
     */
    head(subscriptionId: string, lane: string): Promise<DueDelivery | undefined>;
    /** Fixes which messages are the burst at the head of a lane: whatever comes of it now, they are posted as one. */
    fixBatch(subscriptionId: string, lane: string): Promise<void>;
    /** What came of an attempt, for all that were posted with this one. */
    record(
      id: number,
      attempt: {
        status: DeliveryStatus;
        at: number;
        nextAttemptAt?: number;
        httpStatus?: number;
        error?: string;
        /** A failure that uses up none of the retry schedule: nobody was there to refuse the event. */
        spared?: boolean;
      },
    ): Promise<void>;
    /** Those of a session's events, to webhooks of all sessions as well. */
    list(
      sessionId: number,
      filter: { status?: DeliveryStatus; subscriptionId?: string },
      page: Page,
    ): Promise<DeliveryRecord[]>;
    get(sessionId: number, id: number): Promise<DeliveryRecord | undefined>;
    /**
     * Makes a delivery pending again, due now, and its subscription active: somebody wants the receiver asked anew. One
     * that was delivered or given up counts it in `redeliveries`, and is posted alone; any other is on its way, with all
     * that are posted with it.
     */
    redeliver(id: number): Promise<{ subscriptionId: string; lane: string }>;
    /** The same for all that were given up. Answers how many. */
    redeliverParked(subscriptionId: string): Promise<number>;
    /**
     * Delivers events of the subscription's sessions once more to it, those that it asks for, also what it never had.
     * What waits for it anyway does so in its place. Looks at `limit` events at the most, for a log may be long. Answers
     * how many are delivered, and where to go on: undefined when there are no more.
     */
    replay(subscriptionId: string, span: Span, limit: number): Promise<{ count: number; next: number | undefined }>;
  };

  /** What is known of the files that the media room keeps; the files themselves lie on the disk. */
  media: {
    put(record: MediaRecord): Promise<void>;
    get(id: string): Promise<MediaRecord | undefined>;
    /** The file of a session that was made from `source`. */
    find(sessionId: number, source: string): Promise<MediaRecord | undefined>;
    extend(id: string, expiresAt: number): Promise<void>;
    /** Notes WhatsApp's own name of a file that was uploaded to be posted in a channel. */
    uploaded(id: string, source: string): Promise<void>;
    /** Forgets files whose time has come and that no message still to be sent, and no job, needs; answers their ids. */
    expire(now: number): Promise<string[]>;
    /** Ids of all files. */
    ids(): Promise<string[]>;
  };

  /** Files of received messages that `download_media` asks for: put by the commit that stores the message. */
  downloads: {
    /** The message whose file is to be downloaded next, with how often that was tried; `at` is when. */
    next(sessionId: number): Promise<{ message: MessageRecord; attempts: number; at: number } | undefined>;
    retry(msgId: number, at: number): Promise<void>;
  };

  /** How things stand, for all sessions at once. */
  figures(): Promise<Figures>;

  close(): Promise<void>;
}
