import { proto } from '@whiskeysockets/baileys';
import { jidOf } from './accounts.ts';
import { optionHash, revokesOthers } from './changes.ts';
import { findChat, type Chat, type StoredMessage } from './chats.ts';
import {
  contextOf,
  isChange,
  isViewOnce,
  mediaOf,
  pollOf,
  ProtocolType,
  unwrapped,
  type MessageContent,
} from './content.ts';
import type { Handset } from './handset.ts';
import { seal, type Purpose, type Sealed } from './message-secret.ts';
import { disappearing, putContext } from './outgoing.ts';
import { SandboxError } from './problem.ts';
import { now, stanza } from './stanza.ts';

/** How long the button is there with which one edits a message. */
const EDIT_SECONDS = 15 * 60;
/** Two days and a bit: how long a message can be taken back for everybody. */
const REVOKE_SECONDS = (2 * 24 + 12) * 3600;
/** WhatsApp marks what has been handed on so often as "forwarded many times". */
const MANY_TIMES = 127;
/** Timers that the settings of a chat offer, in seconds: none, a day, a week, 90 days. */
export const TIMERS = [0, 86_400, 604_800, 7_776_000];

/** A message in a chat. */
interface Aim {
  chat: Chat;
  message: StoredMessage;
  content: MessageContent;
}

/** Reacts to a message; an empty emoji takes the reaction back. */
export async function react(handset: Handset, aim: Aim, emoji: string): Promise<string> {
  const key = keyOf(handset, aim);
  const reactionMessage = { key, text: emoji, senderTimestampMs: Date.now() };
  return handset.deliver(aim.chat, { reactionMessage });
}

/** Votes in a poll: the options named are all that one has chosen; none takes the vote back. */
export async function vote(handset: Handset, aim: Aim, options: string[]): Promise<string> {
  const poll = pollOf(aim.content);
  if (!poll) throw new SandboxError(422, 'not-a-poll', `Message ${aim.message.id} is not a poll.`);
  const names = (poll.options ?? []).map(({ optionName }) => optionName);
  const unknown = options.find((option) => !names.includes(option));
  if (unknown !== undefined) {
    throw new SandboxError(422, 'unknown-option', `The poll has no option "${unknown}"; it has ${names.join(', ')}.`);
  }
  if (options.length > (poll.selectableOptionsCount || names.length)) {
    throw new SandboxError(422, 'too-many-options', `In this poll one may choose ${poll.selectableOptionsCount}.`);
  }
  const chosen = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(optionHash) }).finish();
  const pollUpdateMessage = {
    pollCreationMessageKey: keyOf(handset, aim),
    vote: sealed(handset, aim, 'Poll Vote', chosen),
    senderTimestampMs: Date.now(),
  };
  return handset.deliver(aim.chat, { pollUpdateMessage });
}

/** Answers an event's invitation. */
export async function respond(handset: Handset, aim: Aim, response: 'GOING' | 'NOT_GOING' | 'MAYBE'): Promise<string> {
  if (!unwrapped(aim.content).eventMessage) {
    throw new SandboxError(422, 'not-an-event', `Message ${aim.message.id} is not an event.`);
  }
  const { EventResponseType } = proto.Message.EventResponseMessage;
  const answer = { response: EventResponseType[response], timestampMs: Date.now(), extraGuestCount: 0 };
  const plaintext = proto.Message.EventResponseMessage.encode(answer).finish();
  const encEventResponseMessage = {
    eventCreationMessageKey: keyOf(handset, aim),
    ...sealed(handset, aim, 'Event Response', plaintext),
  };
  return handset.deliver(aim.chat, { encEventResponseMessage });
}

/** Changes the text of an own message, or its caption. */
export async function edit(handset: Handset, aim: Aim, text: string): Promise<string> {
  const { message, content } = aim;
  mustBeOwn(handset, message, 'edit');
  if (now() - message.timestamp > EDIT_SECONDS) {
    throw new SandboxError(422, 'too-late', 'WhatsApp lets one edit a message for 15 minutes.');
  }
  const inner = unwrapped(content);
  const part = mediaOf(content);
  const isText = typeof inner.conversation === 'string' || Boolean(inner.extendedTextMessage);
  const hasCaption = part !== undefined && ['image', 'video', 'document'].includes(part.kind);
  if (!isText && !hasCaption) {
    throw new SandboxError(422, 'not-editable', 'WhatsApp lets one edit texts and captions only.');
  }
  const editedMessage = captioned(inner, text) ?? { conversation: text };
  const protocolMessage = {
    key: keyOf(handset, aim),
    type: ProtocolType.MESSAGE_EDIT,
    editedMessage,
    timestampMs: Date.now(),
  };
  return handset.deliver(aim.chat, { protocolMessage });
}

function captioned(inner: MessageContent, caption: string): MessageContent | undefined {
  if (inner.imageMessage) return { imageMessage: { ...inner.imageMessage, caption } };
  if (inner.videoMessage) return { videoMessage: { ...inner.videoMessage, caption } };
  if (inner.documentMessage) {
    return { documentWithCaptionMessage: { message: { documentMessage: { ...inner.documentMessage, caption } } } };
  }
  return undefined;
}

/** Takes a message back: one's own, or as an admin of a group somebody else's. */
export async function revoke(handset: Handset, aim: Aim): Promise<string> {
  const { message, chat } = aim;
  const isOwn = message.sender === handset.account.phone;
  if (!isOwn && !revokesOthers(handset.network, chat.key, handset.account.phone)) {
    throw new SandboxError(
      403,
      'not-the-author',
      'Only its author, or an admin of the group, can take a message back.',
    );
  }
  if (now() - message.timestamp > REVOKE_SECONDS) {
    throw new SandboxError(422, 'too-late', 'WhatsApp lets one delete a message for everybody for 60 hours.');
  }
  return handset.deliver(chat, { protocolMessage: { key: keyOf(handset, aim), type: ProtocolType.REVOKE } });
}

/** Hands a message on to another chat. */
export async function forward(handset: Handset, aim: Aim, to: Chat): Promise<string> {
  if (isViewOnce(aim.content)) {
    throw new SandboxError(422, 'view-once', 'What may be seen once cannot be forwarded.');
  }
  const score = (contextOf(aim.content)?.forwardingScore ?? 0) + 1;
  const content: MessageContent = { ...proto.Message.fromObject(unwrapped(aim.content)), messageContextInfo: null };
  for (const part of Object.values(content) as unknown[]) {
    if (typeof part === 'object' && part !== null && 'contextInfo' in part) part.contextInfo = null;
  }
  const times = Math.min(score, MANY_TIMES);
  putContext(content, { isForwarded: true, forwardingScore: times, ...disappearing(handset, to) });
  return handset.deliver(to, content);
}

/** Pins a message in its chat for everybody, or takes it down. */
export async function pin(handset: Handset, aim: Aim, pinned: boolean, seconds: number): Promise<string> {
  const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
  const type = pinned ? PIN_FOR_ALL : UNPIN_FOR_ALL;
  const pinInChatMessage = { key: keyOf(handset, aim), type, senderTimestampMs: Date.now() };
  const messageContextInfo = { messageAddOnDurationInSecs: pinned ? seconds : 0 };
  return handset.deliver(aim.chat, { pinInChatMessage, messageContextInfo });
}

/** Keeps a message that would disappear, or lets it disappear after all. */
export async function keep(handset: Handset, aim: Aim, kept: boolean): Promise<string> {
  if (!contextOf(aim.content)?.expiration) {
    throw new SandboxError(422, 'does-not-disappear', `Message ${aim.message.id} does not disappear.`);
  }
  const keepType = kept ? proto.KeepType.KEEP_FOR_ALL : proto.KeepType.UNDO_KEEP_FOR_ALL;
  const keepInChatMessage = { key: keyOf(handset, aim), keepType, timestampMs: Date.now() };
  return handset.deliver(aim.chat, { keepInChatMessage });
}

/** Sets after how many seconds new messages of a chat with a person disappear; 0: not at all. */
export async function setDisappearing(handset: Handset, chat: Chat, seconds: number): Promise<string> {
  const protocolMessage = {
    type: ProtocolType.EPHEMERAL_SETTING,
    ephemeralExpiration: seconds,
    ephemeralSettingTimestamp: now(),
    disappearingMode: { initiator: 0 },
  };
  return handset.deliver(chat, { protocolMessage });
}

/** Listens to voice notes, or looks at what may be seen once: their senders are told. */
export function play(handset: Handset, chat: Chat, ids: string[]): void {
  const aims = ids.map((id) => aimAt(handset, chat, id));
  for (const { message, content } of aims) {
    const playable = mediaOf(content)?.kind === 'audio' || isViewOnce(content);
    if (message.sender === handset.account.phone || !playable) {
      throw new SandboxError(422, 'not-playable', `Message ${message.id} is no recording from somebody else.`);
    }
  }
  for (const { message } of aims) {
    const author = handset.network.accounts.get(message.sender);
    if (!author) continue;
    const participant = chat.kind === 'person' ? undefined : jidOf(author, message.addressing);
    const to = chat.kind === 'person' ? jidOf(author, message.addressing) : chat.jid;
    handset.receipt(stanza('receipt', { id: message.id, to, participant, type: 'played', t: now() }));
    handset.changes.played(message);
  }
  handset.chats.markRead(aims.map(({ message }) => message));
}

/** The message of a chat that a person means by its id. */
export function aimAt(handset: Handset, chat: Chat, id: string): Aim {
  const [message] = handset.chats.list({ chat: chat.key, id });
  if (!message || isChange(handset.chats.contentOf(message))) {
    throw new SandboxError(404, 'unknown-message', `There is no message ${id} in the chat ${chat.jid}.`);
  }
  if (handset.chats.marks(message).some(({ kind }) => kind === 'revoke')) {
    throw new SandboxError(410, 'deleted-message', `Message ${id} has been deleted.`);
  }
  return { chat, message, content: handset.chats.contentOf(message) };
}

/** The same, by what somebody wrote as the chat. */
export function aim(handset: Handset, written: string, id: string): Aim {
  const chat = findChat(handset.network, written);
  if (chat.kind !== 'channel') return aimAt(handset, chat, id);
  throw new SandboxError(
    422,
    'channel',
    `What is posted in a channel is changed under /sandbox/channels/${chat.jid}/….`,
  );
}

/** How the phone speaks of a message to everybody in the chat. */
function keyOf(handset: Handset, { chat, message }: Aim): proto.IMessageKey {
  const fromMe = message.sender === handset.account.phone;
  const key = { remoteJid: chat.jid, fromMe, id: message.id };
  const author = handset.network.accounts.get(message.sender);
  // in a chat of two it goes without saying
  return chat.kind === 'person' || fromMe || !author ? key : { ...key, participant: jidOf(author, chat.addressing) };
}

/** Both are called as they were when the message was sent. */
function sealed(handset: Handset, { message, content }: Aim, purpose: Purpose, plaintext: Uint8Array): Sealed {
  const { network, account } = handset;
  const secret = content.messageContextInfo?.messageSecret;
  const author = network.accounts.get(message.sender);
  if (!secret?.length || !author) {
    throw new SandboxError(422, 'no-secret', `Message ${message.id} has no secret with which to answer it.`);
  }
  const names = { author: jidOf(author, message.addressing), sender: jidOf(account, message.addressing) };
  return seal(purpose, { messageId: message.id, secret, ...names }, plaintext);
}

function mustBeOwn(handset: Handset, message: StoredMessage, what: string): void {
  if (message.sender === handset.account.phone) return;
  throw new SandboxError(403, 'not-the-author', `Only its author can ${what} message ${message.id}.`);
}
