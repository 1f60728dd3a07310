import { validationFailed } from '../errors.ts';
import type { MessageRecord, SendRequest } from '../model.ts';
import { generateWAMessageContent, proto, type AnyMessageContent } from './baileys.ts';
import { isGroup, phoneOf, toJid } from './jid.ts';

/**
 * WhatsApp's form of a message to send. Made once: what comes out is stored, and every later try sends the same bytes
 * under the same id. `find` looks up the message that is replied to.
 */
export async function compose(
  request: SendRequest,
  find: (id: string) => Promise<MessageRecord | undefined>,
  ownJid: string,
): Promise<proto.IMessage> {
  const message = await generateWAMessageContent(contentOf(request), {
    upload: () => {
      throw new Error('text has nothing to upload');
    },
  });
  if (request.replyTo) quote(message, await find(request.replyTo), ownJid);
  return message;
}

/** Our request → Baileys' content. One switch for every message type. */
function contentOf(request: SendRequest): AnyMessageContent {
  const mentions = request.mentions?.map((typed) => toJid(typed, 'mentions'));
  return { text: request.text ?? '', ...(mentions?.length && { mentions }) };
}

function quote(message: proto.IMessage, quoted: MessageRecord | undefined, ownJid: string): void {
  if (!quoted?.content) {
    throw validationFailed({
      replyTo: ['The replyTo field names no message of this session. Use the msgId of a send, or the id of a message.'],
    });
  }
  const text = (message.extendedTextMessage ??= { text: message.conversation ?? '' });
  delete message.conversation;
  text.contextInfo = {
    ...text.contextInfo,
    stanzaId: quoted.waId,
    participant: quoted.fromMe ? ownJid : isGroup(quoted.chat) ? quoted.sender : quoted.chat,
    quotedMessage: proto.Message.decode(quoted.content),
  };
}

/** The number that WasenderApi's answers show in `jid`: `+…` for a phone number, else the address. */
export function shownJid(jid: string): string {
  const phone = phoneOf(jid);
  return phone ? `+${phone}` : jid;
}
