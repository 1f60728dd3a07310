import type { Tool } from './operation.ts';

/** Fields that every kind of message has. */
const SENT = ['to', 'replyTo', 'disappearAfter', 'wait', 'scheduledAt', 'timeZone'];
const WHEN =
  'Answers a msgId as soon as the message is queued; get_message_info tells later whether it was delivered and read. With scheduledAt it waits until then.';

const kind = (name: string, description: string, fields: string[], required: string[]): Tool => ({
  name,
  description: `${description} ${WHEN}`,
  plain: true,
  fields: [...SENT.slice(0, 1), ...fields, ...SENT.slice(1)],
  required,
});

/** `POST /api/send-message`, one tool per kind of message, as WasenderApi has it. */
export const sendTools: readonly Tool[] = [
  kind(
    'send_text_message',
    'Send a text to a person, a group or a channel on WhatsApp. *bold*, _italic_, ~struck~ and ```code``` are WhatsApp’s formatting.',
    ['text', 'linkPreview'],
    ['text'],
  ),
  kind(
    'send_mention_text_message',
    'Send a text to a group and mention members of it, who are notified. Write @ and the number of each one into the text (Hello @15551234567) and list the same numbers in mentions; or set mentionAll for everybody.',
    ['text', 'mentions', 'mentionAll'],
    ['text'],
  ),
  kind(
    'send_image_message',
    'Send an image, with a caption in text if wanted.',
    ['imageUrl', 'text', 'viewOnce'],
    ['imageUrl'],
  ),
  kind(
    'send_audio_message',
    'Send an audio: as a voice note, or with voice false as a file with a player.',
    ['audioUrl', 'voice', 'viewOnce'],
    ['audioUrl'],
  ),
  kind(
    'send_video_message',
    'Send a video, with a caption in text if wanted.',
    ['videoUrl', 'text', 'gif', 'videoNote', 'viewOnce'],
    ['videoUrl'],
  ),
  kind(
    'send_document_message',
    'Send a file of any type as a document, with a caption in text if wanted. Give a fileName with its extension.',
    ['documentUrl', 'fileName', 'text'],
    ['documentUrl'],
  ),
  kind('send_sticker_message', 'Send a sticker, made from an image.', ['stickerUrl'], ['stickerUrl']),
  kind(
    'send_location_message',
    'Send a place on the map by its coordinates, with its name and address if known.',
    ['location'],
    ['location'],
  ),
  kind('send_contact_message', 'Send a contact card with a name and a phone number.', ['contact'], ['contact']),
  kind(
    'send_poll_message',
    'Send a poll with 2 to 12 answers to choose from; get_poll_results tells later how it stands.',
    ['poll'],
    ['poll'],
  ),
];
