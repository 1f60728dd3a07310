import { createHash, randomBytes } from 'node:crypto';
import type { MessageRecord } from '../model.ts';
import {
  aesEncryptGCM,
  decryptEventResponse,
  decryptPollVote,
  hmacSign,
  normalizeMessageContent,
  proto,
  type WAMessageKey,
} from './baileys.ts';
import { isGroup, isOfChat, phoneOf } from './jid.ts';

/** One option of a poll with those who have chosen it, as WasenderApi tells it. */
export interface PollOption {
  name: string;
  /** Addresses of the voters. */
  voters: string[];
}

/** The question of a message that is a poll, in whichever of its versions. */
export function pollOf(message: proto.IMessage | null | undefined): proto.Message.IPollCreationMessage | undefined {
  const outer = normalizeMessageContent(message);
  // Baileys does not know this as a wrapper.
  const content = outer?.pollCreationMessageV4 ? normalizeMessageContent(outer.pollCreationMessageV4.message) : outer;
  return (
    content?.pollCreationMessage ??
    content?.pollCreationMessageV2 ??
    content?.pollCreationMessageV3 ??
    content?.pollCreationMessageV5 ??
    undefined
  );
}

/** The account in both of its addresses: a vote is encrypted with the addresses that its voter's WhatsApp used. */
export interface Addresses {
  jid: string;
  lid: string | null;
}

/**
 * How a poll stands: of each voter the latest vote counts. `votes` are the messages about the poll, oldest first; those
 * that are none, or cannot be decrypted, do not count.
 */
export function tally(poll: MessageRecord, votes: MessageRecord[], me: Addresses): PollOption[] {
  const content = poll.content && proto.Message.decode(poll.content);
  const secret = content?.messageContextInfo?.messageSecret;
  const question = pollOf(content);
  if (!question || !secret) return [];
  const chosen = new Map<string, Set<string>>();
  for (const vote of votes.filter(({ chat, lid }) => isOfChat(poll, [chat, lid]))) {
    const hashes = readVote(poll, vote, secret, me);
    if (hashes) chosen.set(authorsOf(vote, me)[0]!, hashes);
  }
  return (question.options ?? []).map(({ optionName }) => {
    const hash = hashOf(optionName ?? '');
    const voters = [...chosen].filter(([, hashes]) => hashes.has(hash)).map(([voter]) => voter);
    return { name: optionName ?? '', voters };
  });
}

/** The options that one vote chooses; none when it takes the vote back, or cannot be read. */
export function chosenBy(vote: MessageRecord, poll: MessageRecord, me: Addresses): string[] {
  const content = poll.content && proto.Message.decode(poll.content);
  const secret = content?.messageContextInfo?.messageSecret;
  const hashes = secret && readVote(poll, vote, secret, me);
  if (!hashes) return [];
  return (pollOf(content)?.options ?? []).flatMap(({ optionName }) =>
    optionName && hashes.has(hashOf(optionName)) ? [optionName] : [],
  );
}

/** A vote of ours: the chosen options, encrypted for those who can read the poll. No options take the vote back. */
export function castVote(poll: MessageRecord, key: WAMessageKey, options: string[], me: Addresses): proto.IMessage {
  const secret = proto.Message.decode(poll.content!).messageContextInfo!.messageSecret!;
  const creator = authorsOf(poll, me)[0]!;
  const voter = authorsOf({ ...poll, fromMe: true }, me)[0]!;
  const iv = randomBytes(12);
  const selected = options.map((name) => createHash('sha256').update(name).digest());
  const vote = proto.Message.PollVoteMessage.encode({ selectedOptions: selected }).finish();
  const { key: encryptionKey, aad } = voteKey(poll.waId, creator, voter, secret);
  return {
    pollUpdateMessage: {
      pollCreationMessageKey: key,
      vote: { encPayload: aesEncryptGCM(vote, encryptionKey, iv, aad), encIv: iv },
      senderTimestampMs: Date.now(),
    },
  };
}

const hashOf = (option: string) => createHash('sha256').update(option).digest('hex');

/** Hashes of the chosen options; `undefined` for what is no vote that can be read. */
function readVote(
  poll: MessageRecord,
  message: MessageRecord,
  secret: Uint8Array,
  me: Addresses,
): Set<string> | undefined {
  const update = message.content && normalizeMessageContent(proto.Message.decode(message.content))?.pollUpdateMessage;
  if (!update?.vote?.encPayload) return undefined;
  for (const pollCreatorJid of authorsOf(poll, me)) {
    for (const voterJid of authorsOf(message, me)) {
      try {
        const vote = decryptPollVote(update.vote, {
          pollCreatorJid,
          pollMsgId: poll.waId,
          pollEncKey: secret,
          voterJid,
        });
        return new Set((vote.selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex')));
      } catch {
        // Another address of the same two people, or nobody's.
      }
    }
  }
  return undefined;
}

/** What somebody answers to an invitation. */
export interface EventResponse {
  response: 'going' | 'not_going' | 'maybe';
  extraGuests: number;
}

const RESPONSES = ['going', 'not_going', 'maybe'] as const;

/** The answer to an event, encrypted like a vote; `undefined` when it cannot be read. */
export function readResponse(event: MessageRecord, message: MessageRecord, me: Addresses): EventResponse | undefined {
  const secret = event.content && proto.Message.decode(event.content).messageContextInfo?.messageSecret;
  const encrypted =
    message.content && normalizeMessageContent(proto.Message.decode(message.content))?.encEventResponseMessage;
  if (!secret || !encrypted?.encPayload || !encrypted.encIv) return undefined;
  const { encPayload, encIv } = encrypted;
  for (const eventCreatorJid of authorsOf(event, me)) {
    for (const responderJid of authorsOf(message, me)) {
      try {
        const answer = decryptEventResponse(
          { encPayload, encIv },
          { eventCreatorJid, eventMsgId: event.waId, eventEncKey: secret, responderJid },
        );
        const response = RESPONSES[Number(answer.response) - 1];
        return response && { response, extraGuests: answer.extraGuestCount ?? 0 };
      } catch {
        // Another address of the same two people, or nobody's.
      }
    }
  }
  return undefined;
}

function voteKey(pollId: string, creator: string, voter: string, secret: Uint8Array) {
  const sign = Buffer.concat([Buffer.from(`${pollId}${creator}${voter}Poll Vote`), Buffer.of(1)]);
  const key = hmacSign(sign, hmacSign(secret, new Uint8Array(32), 'sha256'), 'sha256');
  return { key, aad: Buffer.from(`${pollId}\u0000${voter}`) };
}

const known = (...addresses: (string | null | undefined)[]) => [
  ...new Set(addresses.filter((address): address is string => Boolean(address))),
];

/** Who wrote a message, in every address by which others may know them; first the one that is used in the chat. */
function authorsOf({ fromMe, chat, lid, sender, participant }: MessageRecord, me: Addresses): string[] {
  if (fromMe) return usesPhones(chat) ? known(me.jid, me.lid) : known(me.lid, me.jid);
  return isGroup(chat) ? known(participant, sender, lid) : known(chat, sender, lid);
}

const usesPhones = (chat: string) => phoneOf(chat) !== undefined;
