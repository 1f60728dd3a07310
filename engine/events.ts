/**
 * The events that Warbler posts: each with when it is emitted and what follows. Names and shapes of `data` are
 * WasenderApi's; the envelope adds `id` (the same on every retry) and `seq` (the order in which things happened).
 */
export const EVENTS = {
  'messages.received': 'A message from somebody else has arrived and is stored. Once per message.',
  'messages.upsert': 'A message has arrived, or one of ours has been taken by WhatsApp, whatever device sent it.',
  'messages.update': 'WhatsApp reports a new status of a sent message: sent, delivered, read, played, or failed.',
  'message.sent':
    'WhatsApp has acknowledged a message that this engine sent (`success: true`), or it will never be sent (`success: false` and why).',
  'session.status': 'The session has entered another status; `reason` says why and what to do.',
  'qrcode.updated': 'A new QR code replaces the one before; scan it within its life of 20 to 60 seconds.',
} as const satisfies Record<string, string>;

export type EventName = keyof typeof EVENTS;
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
  data: unknown;
}

/** An event as stored and as posted; `timestamp` is in Unix milliseconds, `sessionId` is public, never a key. */
export interface EventEnvelope extends Subject {
  event: EventName;
  id: string;
  seq: number;
  sessionId: string;
  timestamp: number;
  data: unknown;
}
