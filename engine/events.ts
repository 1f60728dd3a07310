/**
 * The events that Warbler posts: each with when it is emitted and what follows. Names and shapes of `data` are
 * WasenderApi's; the envelope adds `id` (the same on every retry) and `seq` (the order in which things happened).
 */
export const EVENTS = {
  'messages.received': 'A message from somebody else has arrived and is stored. Once per message.',
  'messages-personal.received': 'The same, for a message of a chat with one person.',
  'messages-group.received': 'The same, for a message of a group.',
  'messages-newsletter.received': 'The same, for a post of a channel that the account follows.',
  'messages.upsert':
    'A message has arrived, or one of ours has been taken by WhatsApp, whatever device sent it. Reactions, votes, edits and deletions are messages too.',
  'messages.update':
    'WhatsApp reports a new status of a sent message: sent, delivered, read, played, or failed; or the author has edited a message.',
  'messages.delete': 'A message was deleted for everyone, or on this account.',
  'messages.reaction': 'Somebody reacted to a message; an empty text takes the reaction back.',
  'message.sent':
    'WhatsApp has acknowledged a message that this engine sent (`success: true`), or gives it up (`success: false` and why). With `unknown: true` it may have arrived all the same: should a receipt tell so, the event comes once more.',
  'message-receipt.update': 'A member of a group has received, read or played one of our messages.',
  'message.undecryptable':
    'A message has arrived that cannot be decrypted. The sender is asked for it again; `message.recovered` tells when it comes.',
  'message.recovered':
    'A message that could not be decrypted has come again, readable. Its usual events go out with it.',
  'media.ready':
    'The media of a received message has been downloaded and decrypted, for sessions with `download_media`; `publicUrl` has it.',
  'poll.results':
    'Somebody voted in a poll, or changed the vote: `vote` says who, and for what now; the tally is of all votes so far.',
  call: 'A call comes in, or goes on: offer, accept, reject, timeout, terminate.',
  'presence.update': 'Somebody is online, offline, typing or recording, as far as WhatsApp tells.',
  'chats.upsert': 'A chat has appeared: by a first message, or from the account’s history.',
  'chats.update': 'Properties of a chat have changed: unread count, archived, muted, pinned.',
  'chats.delete': 'A chat was deleted.',
  'contacts.upsert': 'A contact was added or renamed in the account’s address book, or came with its history.',
  'contacts.update': 'A contact has another name, picture or about text.',
  'contact.identity_changed':
    'A contact has another identity key than before, as after moving to a new phone. Once per change; the first key that is seen is none.',
  'groups.upsert': 'The account has become a member of a group.',
  'groups.update': 'Properties of a group have changed: subject, description, settings, picture, invite link.',
  'group-participants.update': 'Members were added, removed, promoted or demoted, or have left.',
  'group.join-request': 'Somebody asks to join a group, or takes the request back, or an admin has decided.',
  'account.restricted': 'WhatsApp has restricted the account for a time, or has lifted the restriction.',
  'bulk.status': 'A bulk job was started, has paused, gone on or come to its end, or was cancelled; with its progress.',
  'inquiry.answered': 'The person who was asked has answered an inquiry, which is closed with this. Once per inquiry.',
  'inquiry.expired': 'Nobody has answered an inquiry in time; it is closed, and whatever comes now is no answer.',
  'inquiry.failed':
    'The question of an inquiry could not be sent, or nobody can answer it any more: the session was linked to another account. `error` says why.',
  'approval.requested':
    'A call of an agent waits until a person approves or rejects it, by `POST /api/approvals/{id}/approve` or `/reject`.',
  'session.status': 'The session has entered another status; `reason` says why and what to do.',
  'qrcode.updated': 'A new QR code replaces the one before; scan it within its life of 20 to 60 seconds.',
} as const satisfies Record<string, string>;

/** Names by which WasenderApi's published clients ask for an event that its documentation calls otherwise. */
export const EVENT_ALIASES: Readonly<Record<string, EventName>> = { 'call.received': 'call' };

export type EventName = keyof typeof EVENTS;
/** Messages: what a subscription that collects gets as one when they come in a burst. */
export const COLLECTED: readonly EventName[] = [
  'messages.received',
  'messages-personal.received',
  'messages-group.received',
  'messages-newsletter.received',
  'messages.upsert',
];
export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** Who and where an event is about, as far as WhatsApp has said. */
export interface Subject {
  /** WhatsApp's address of the chat. */
  jid?: string;
  /** LID of the person: the sender, or the other side of a private chat. */
  lid?: string;
  /** Phone number of that person: digits with country code. */
  phone?: string;
}

/** An event before it is stored. */
export interface NewEvent extends Subject {
  event: EventName;
  /** Events of one lane reach a subscriber in order: the chat, or `session`. */
  lane: string;
  /** Whoever reads the data could get into the account: the event is sealed on the disk. */
  secret?: true;
  data: unknown;
}

/** An event as stored and as posted; `timestamp` is in Unix milliseconds, `sessionId` is public, never a key. */
export interface EventEnvelope extends Subject {
  event: EventName;
  id: string;
  seq: number;
  /**
   * How often somebody has asked that the event be posted once more, to this subscriber; missing while nobody has, and
   * in the event log. A receiver drops a repeat of the same `id` and `redelivery`.
   */
  redelivery?: number;
  sessionId: string;
  timestamp: number;
  data: unknown;
  /** Of a subscription that collects: all messages of the burst, oldest first, this newest one included. */
  collected?: EventEnvelope[];
  /** Somebody asked to see what such an event looks like: nothing has happened just now. */
  sample?: true;
}
