import type { NewEvent, Subject } from '../events.ts';
import type { MessageRecord } from '../model.ts';
import type { Known } from '../store/store.ts';
import { jidNormalizedUser, normalizeMessageContent, proto, type WAMessageKey } from './baileys.ts';
import { bodyOf, plain, type Me } from './describe.ts';
import { isGroup, isOfChat, isPerson } from './jid.ts';
import { chosenBy, readResponse, tally } from './polls.ts';

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;

/** What a message does to the one that it is about. `unknown`: something that this version has no event for. */
export type ChangeKind = 'reaction' | 'vote' | 'edit' | 'deletion' | 'response' | 'pin' | 'unknown';

/** For a message that is about another one: which, and what it does to it. */
export function changeOf(message: proto.IMessage): { about: WAMessageKey; kind: ChangeKind } | undefined {
  const content = normalizeMessageContent(message);
  const change = (key: proto.IMessageKey | null | undefined, kind: ChangeKind) =>
    key?.id ? { about: key as WAMessageKey, kind } : undefined;
  if (content?.reactionMessage) return change(content.reactionMessage.key, 'reaction');
  if (content?.pollUpdateMessage) return change(content.pollUpdateMessage.pollCreationMessageKey, 'vote');
  if (content?.protocolMessage?.type === REVOKE) return change(content.protocolMessage.key, 'deletion');
  if (content?.protocolMessage?.type === MESSAGE_EDIT) return change(content.protocolMessage.key, 'edit');
  if (content?.encEventResponseMessage) {
    return change(content.encEventResponseMessage.eventCreationMessageKey, 'response');
  }
  if (content?.pinInChatMessage) return change(content.pinInChatMessage.key, 'pin');
  if (content?.encReactionMessage) return change(content.encReactionMessage.targetMessageKey, 'unknown');
  if (content?.keepInChatMessage) return change(content.keepInChatMessage.key, 'unknown');
  return undefined;
}

/** Where and about whom an event is. */
export type Place = Subject & { lane: string };

/**
 * The events of a message that is about another one; none for any other, and none for a change that its author has no
 * right to: only the author of a message edits it, and only the author or an admin of the group (`byAdmin`) deletes it. A
 * message of another chat is one that this change cannot be about.
 */
export function changeEvents(
  message: proto.IMessage,
  key: WAMessageKey,
  place: Place,
  known: Known,
  me: Me,
  byAdmin = false,
): NewEvent[] {
  const change = changeOf(message);
  if (!change) return [];
  const content = normalizeMessageContent(message)!;
  const target = known.target();
  if (target && !isOfChat(target, [key.remoteJid, key.remoteJidAlt])) return [];
  const trusted = Boolean(key.fromMe) || byAdmin;
  const named = nameOf(change.about, key, target, change.kind === 'deletion' && trusted);
  switch (change.kind) {
    case 'reaction': {
      const reaction = { text: content.reactionMessage!.text ?? '', key: ownKey(key) };
      return [{ event: 'messages.reaction', ...place, data: [{ key: named, reaction }] }];
    }
    case 'vote': {
      if (!target) return [];
      const votes = known.others();
      const pollResult = tally(target, votes, addressesOf(me));
      const cast = votes.findLast(({ waId }) => waId === key.id);
      const vote = { options: cast ? chosenBy(cast, target, addressesOf(me)) : [], key: ownKey(key) };
      return [{ event: 'poll.results', ...place, data: { key: named, pollResult, msgId: target.msgId, vote } }];
    }
    case 'edit': {
      if (target && !isAuthor(target, key)) return [];
      const edited = content.protocolMessage!.editedMessage;
      const update = {
        message: edited ? plain(edited) : null,
        messageBody: bodyOf(edited),
        editedTimestampMs: Number(content.protocolMessage!.timestampMs ?? 0),
      };
      return [{ event: 'messages.update', ...place, data: { update, key: named, ...numberOf(target) } }];
    }
    case 'deletion': {
      if (target && !isAuthor(target, key) && !(isGroup(target.chat) && trusted)) return [];
      return [{ event: 'messages.delete', ...place, data: { keys: [named], ...numberOf(target) } }];
    }
    case 'response': {
      const response = target && readResponse(target, known.others().at(-1)!, addressesOf(me));
      if (!response) return [];
      return [
        {
          event: 'messages.update',
          ...place,
          data: { update: { eventResponse: response }, key: named, ...numberOf(target) },
        },
      ];
    }
    case 'pin':
    case 'unknown':
      return [];
  }
}

const addressesOf = ({ id, lid }: Me) => ({ jid: jidNormalizedUser(id), lid: lid ? jidNormalizedUser(lid) : null });
const numberOf = (target: MessageRecord | undefined) => (target ? { msgId: target.msgId } : {});

function isAuthor(target: MessageRecord, key: WAMessageKey): boolean {
  if (target.fromMe || key.fromMe) return target.fromMe && Boolean(key.fromMe);
  const authors = [key.participant, key.participantAlt, key.remoteJid, key.remoteJidAlt];
  return authors.some((jid) => jid && [target.sender, target.participant].includes(jidNormalizedUser(jid)));
}

/**
 * The key of the changed message, from our point of view: the stored message knows it best. Of one that is not stored,
 * whoever changes it counts as the author, unless they may change what others wrote.
 */
function nameOf(
  about: WAMessageKey,
  key: WAMessageKey,
  target: MessageRecord | undefined,
  ofOthers: boolean,
): Record<string, unknown> {
  const remoteJid = key.remoteJid;
  // A private chat has two sides: whoever did not write it did not take it back either.
  const fromMe =
    target?.fromMe ?? (isPerson(remoteJid ?? '') ? Boolean(key.fromMe) : Boolean(about.fromMe && key.fromMe));
  const participant = target?.participant ?? (ofOthers ? about.participant : key.participant);
  return { id: about.id, fromMe, remoteJid, ...(participant && !fromMe && { participant }) };
}

/** The key of the reaction or the vote itself, which says whose it is. */
const ownKey = ({ id, fromMe, remoteJid, participant }: WAMessageKey) => ({
  id,
  fromMe: Boolean(fromMe),
  remoteJid,
  ...(participant && { participant }),
});
