import type { NewEvent } from '../events.ts';
import type { InquiryAnswer, InquiryRecord } from '../model.ts';
import type { Said } from './store.ts';

/** What somebody has said, as far as it may answer an inquiry. */
export interface Heard extends Pick<Said, 'text' | 'quotes' | 'emoji'> {
  /** When it was written, in Unix milliseconds by WhatsApp's clock, which knows seconds only. */
  at: number;
  /** WhatsApp id of the message that it is about: of a reaction or a vote. */
  about?: string;
  /** Of a vote. */
  chosen?: string[];
}

export type Answered = Pick<InquiryAnswer, 'approved' | 'choice' | 'text' | 'via'>;

/**
 * Which inquiry somebody has answered, and how. `inquiries` are those that this person was asked in this chat, the latest
 * first: the open ones, and any that the message names. What names one (a reply, a vote, a reaction) is about that one
 * alone; any other message answers the latest that it can be an answer to.
 */
export function findAnswer(
  inquiries: readonly InquiryRecord[],
  heard: Heard,
  now: number,
): { inquiry: InquiryRecord; answer: Answered } | undefined {
  const named = inquiries.find((inquiry) => names(heard, inquiry));
  const candidates = named ? [named] : heard.about === undefined ? inquiries : [];
  for (const inquiry of candidates) {
    if (inquiry.status !== 'open' || !inTime(inquiry, heard, now)) continue;
    if (!named && !isAfter(inquiry, heard)) continue;
    const answer = answerTo(inquiry, heard, named !== undefined);
    if (answer) return { inquiry, answer };
  }
  return undefined;
}

function names({ about, quotes }: Heard, { waId, reminderWaId }: InquiryRecord): boolean {
  const name = about ?? quotes;
  return name !== undefined && (name === waId || name === reminderWaId);
}

/** What was written in time counts, whenever it comes; and what has come in time, whatever WhatsApp's clock says. */
const inTime = ({ expiresAt }: InquiryRecord, { at }: Heard, now: number) =>
  expiresAt === null || Math.min(at, now) <= expiresAt;

/** What comes late, because the engine was away, may have been written before the question: then it answers none. */
const isAfter = ({ askedAt }: InquiryRecord, { at }: Heard) =>
  askedAt !== null && at >= Math.floor(askedAt / 1000) * 1000;

function answerTo(inquiry: InquiryRecord, heard: Heard, isNamed: boolean): Answered | undefined {
  const { kind, options, replyOnly } = inquiry;
  const { text, emoji, chosen } = heard;
  if (emoji !== undefined) {
    const approved = kind === 'approval' ? approvedBy(emoji) : undefined;
    return approved === undefined ? undefined : { approved, via: 'reaction' };
  }
  if (chosen) {
    const [choice] = chosen.filter((option) => options.includes(option));
    if (choice === undefined || chosen.length > 1) return undefined;
    return kind === 'approval' ? { approved: choice === options[0], via: 'vote' } : { choice, via: 'vote' };
  }
  const via = isNamed ? 'reply' : 'message';
  if (kind === 'text') return replyOnly && !isNamed ? undefined : { text, via };
  if (kind === 'choice') {
    const choice = worded(options, text) ?? numbered(options, text);
    return choice === undefined ? undefined : { choice, text, via };
  }
  const word = worded(options, text);
  const approved = word === undefined ? approvedBy(text) : word === options[0];
  return approved === undefined ? undefined : { approved, text, via };
}

const YES = ['👍', '✅'];
const NO = ['👎', '❌'];
/** Tones of skin, and the mark that asks for a picture instead of a sign. */
const VARIANTS = /\p{Emoji_Modifier}|\uFE0F/gu;

function approvedBy(text: string): boolean | undefined {
  const emoji = text.replace(VARIANTS, '').trim();
  return YES.includes(emoji) ? true : NO.includes(emoji) ? false : undefined;
}

const plain = (text: string) => text.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
/** Without what people do not type: the check mark of ✓ Approve. */
const bare = (text: string) => plain(text).replace(/^[\s\p{P}\p{S}\uFE0F]+|[\s\p{P}\p{S}\uFE0F]+$/gu, '');

/** The option that somebody has typed, whatever the case and the blanks; signs at its ends may be missing. */
function worded(options: readonly string[], text: string): string | undefined {
  const exact = options.find((option) => plain(option) === plain(text));
  if (exact !== undefined || bare(text) === '') return exact;
  const like = options.filter((option) => bare(option) === bare(text));
  return like.length === 1 ? like[0] : undefined;
}

/** The option of this number, as people count. */
function numbered(options: readonly string[], text: string): string | undefined {
  const [, number] = /^\s*#?(\d{1,2})[.)]?\s*$/.exec(text) ?? [];
  return number === undefined ? undefined : options[Number(number) - 1];
}

/** Whether two options would be the same to whoever types them. */
export const sameOption = (one: string, other: string) => plain(one) === plain(other);

const EVENTS = { answered: 'inquiry.answered', expired: 'inquiry.expired', failed: 'inquiry.failed' } as const;

/** An inquiry that has come to an end which its asker is told of. */
export type Closed = InquiryRecord & { status: keyof typeof EVENTS };

/** What tells that an inquiry is closed. `lane` is that of its chat. */
export function closingEvent(inquiry: Closed, lane: string): NewEvent {
  const { id: inquiryId, chat, person, kind, status, msgId, question, answer, error } = inquiry;
  const [user = ''] = person.split('@');
  return {
    event: EVENTS[status],
    lane,
    jid: chat,
    ...(person.endsWith('@lid') ? { lid: person } : { phone: user }),
    data: { inquiryId, kind, status, msgId, question, ...(answer && { answer }), ...(error !== null && { error }) },
  };
}
