import { proto } from '@whiskeysockets/baileys';
import { optionHash, type Mark } from './changes.ts';
import { contextOf, type MessageContent } from './content.ts';

const { EventResponseType } = proto.Message.EventResponseMessage;

/**
 * What was done to a message, as phones write it beside the message when they hand it to their linked devices: who
 * reacted, voted and answered how; that it was taken back, is pinned, kept, or disappears. `keyOf` says how the phone
 * speaks of somebody's doing in the chat.
 */
export function addOnsOf(
  marks: Mark[],
  content: MessageContent,
  keyOf: (sender: string) => proto.IMessageKey,
): proto.IWebMessageInfo {
  const of = (kind: Mark['kind']): Mark[] => marks.filter((mark) => mark.kind === kind);
  const info: proto.IWebMessageInfo = {};
  if (of('revoke').length > 0) return { messageStubType: proto.WebMessageInfo.StubType.REVOKE };
  info.reactions = of('reaction')
    .filter(({ value }) => value !== '')
    .map(({ sender, value, timestamp }) => ({ key: keyOf(sender), text: value, senderTimestampMs: timestamp }));
  info.pollUpdates = of('vote').map(({ sender, value, timestamp }) => ({
    pollUpdateMessageKey: keyOf(sender),
    vote: { selectedOptions: (JSON.parse(value) as string[]).map(optionHash) },
    senderTimestampMs: timestamp,
  }));
  info.eventResponses = of('response').map(({ sender, value, timestamp }) => ({
    eventResponseMessageKey: keyOf(sender),
    timestampMs: timestamp,
    eventResponseMessage: {
      response: EventResponseType[value as keyof typeof EventResponseType],
      timestampMs: timestamp,
    },
  }));
  const [pin] = of('pin').filter(({ value }) => Number(value) * 1000 > Date.now());
  if (pin) info.pinInChat = { type: proto.PinInChat.Type.PIN_FOR_ALL, senderTimestampMs: pin.timestamp };
  const [keep] = of('keep').filter(({ value }) => value === '1');
  if (keep) info.keepInChat = { keepType: proto.KeepType.KEEP_FOR_ALL, clientTimestampMs: keep.timestamp };
  const expiration = contextOf(content)?.expiration;
  if (expiration) info.ephemeralDuration = expiration;
  return info;
}
