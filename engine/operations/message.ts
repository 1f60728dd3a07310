import { z } from 'zod';
import { shownJid } from '../whatsapp/outgoing.ts';
import { attach, fileFields, fileRules, filesIn } from './attach.ts';
import { FILE_BODY_MB } from './media.ts';
import { operation } from './operation.ts';

const WAIT_MS = 30_000;

export const send = operation({
  id: 'message.send',
  http: 'POST /api/send-message',
  access: 'session',
  summary: 'Send a text, an image, a video, a recording, a document or a sticker',
  bodyMb: FILE_BODY_MB,
  input: z.object({
    to: z.string().min(1).describe('Recipient: +15551234567, digits with country code, or a WhatsApp address'),
    text: z.string().max(65_536).optional().describe('Text of the message'),
    ...fileFields,
    replyTo: z
      .union([z.int(), z.string()])
      .optional()
      .describe('Message to reply to: the msgId of a send, or the WhatsApp id of a message'),
    mentions: z.array(z.string()).max(1024).optional().describe('People to mention, as in `to`'),
    wait: z
      .boolean()
      .optional()
      .describe('Answer only when WhatsApp has taken the message; 504 with the msgId after 30 seconds'),
  }),
  rules: (input) => ({
    ...fileRules(input),
    ...(!input['text'] &&
      filesIn(input).length === 0 && { text: ['The text field is required when no media is present.'] }),
  }),
  output: z.object({
    msgId: z.int().describe('Number of the message'),
    jid: z.string().describe('Recipient, +… for a phone number'),
    status: z.enum(['in_progress', 'sent']),
    id: z.string().describe('WhatsApp id of the message'),
  }),
  run: async (call, { to, text = '', replyTo, mentions, wait, ...rest }) => {
    const { session, idempotencyKey } = call;
    const file = await attach(call, rest);
    const message = await session.send(
      { to, text, ...file, ...(replyTo !== undefined && { replyTo: String(replyTo) }), ...(mentions && { mentions }) },
      idempotencyKey === undefined ? {} : { idempotencyKey },
    );
    if (wait) await session.outcome(message.msgId, WAIT_MS);
    return {
      msgId: message.msgId,
      jid: shownJid(message.chat),
      status: wait ? ('sent' as const) : ('in_progress' as const),
      id: message.waId,
    };
  },
});
