import { z } from 'zod';
import { EVENT_NAMES } from '../events.ts';
import { chatJid, unixMs } from './fields.ts';

export const eventId = z.string().meta({
  description: 'Id of the event, the same on every retry',
  examples: ['evt_9f86d081884c7d659a2feaa0'],
});
export const seq = z.int().meta({
  description: 'Number of the event in this engine: tells the order in which things happened',
  examples: [318],
});

/** An event as the log has it. */
export const eventShown = z
  .looseObject({
    event: z.enum(EVENT_NAMES).describe('Name of the event'),
    id: eventId,
    seq,
    sessionId: z.string().meta({ description: 'Id of the session', examples: ['1'] }),
    timestamp: unixMs.describe('When it happened, in Unix milliseconds'),
    jid: chatJid.optional().describe('WhatsApp’s address of the chat, where the event is about one'),
    lid: z
      .string()
      .optional()
      .meta({ description: 'LID of the person, where known', examples: ['123456789012345@lid'] }),
    phone: z
      .string()
      .optional()
      .meta({
        description: 'Phone number of the person, digits with country code, where known',
        examples: ['15551234567'],
      }),
    data: z.unknown().meta({
      description: 'What happened, in WasenderApi’s form; it differs from event to event',
      examples: [{ status: 'connected' }],
    }),
  })
  .meta({ title: 'Event' });
/** An event as it is posted. */
export const eventPosted = eventShown
  .extend({
    collected: z
      .array(eventShown)
      .optional()
      .describe(
        'To a webhook that collects, with every message: all of the burst, oldest first, this newest one included',
      ),
    sample: z.literal(true).optional().describe('Somebody asked for a sample: nothing has happened just now'),
    redelivery: z
      .int()
      .optional()
      .meta({
        description:
          'How often somebody has asked that the event be posted once more; missing while nobody has. Drop a repeat of the same id and redelivery',
        examples: [1],
      }),
  })
  .meta({ title: 'PostedEvent' });
