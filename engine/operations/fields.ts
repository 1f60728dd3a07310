import { z } from 'zod';

/** Fields that many operations have, described once. What differs is said with another `describe`; examples stay. */

export const msgId = z.int().meta({ description: 'Number of the message in this engine', examples: [1042] });

export const waId = z
  .string()
  .meta({ description: 'WhatsApp’s id of the message', examples: ['3EB0C767D26A8B3F5C2A'] });

export const personJid = z
  .string()
  .meta({ description: 'WhatsApp’s address of the person', examples: ['15551234567@s.whatsapp.net'] });

export const chatJid = z
  .string()
  .meta({ description: 'WhatsApp’s address of the chat', examples: ['15551234567@s.whatsapp.net'] });

export const groupJid = z.string().meta({
  description: 'WhatsApp’s address of the group, e.g. 123456789-987654321@g.us',
  examples: ['120363041234567890@g.us'],
});

export const lid = z
  .string()
  .nullable()
  .meta({ description: 'LID of the person, where known', examples: ['123456789012345@lid'] });

export const phone = z
  .string()
  .nullable()
  .meta({
    description: 'Phone number of the person, digits with country code, where known',
    examples: ['15551234567'],
  });

/** Phone numbers or addresses, as a person types them. */
export const people = z.array(z.string()).meta({
  description: 'People: phone numbers with country code, or WhatsApp addresses (…@s.whatsapp.net, …@lid)',
  examples: [['+15551234567', '123456789012345@lid']],
});

export const imgUrl = z
  .string()
  .nullable()
  .meta({
    description: 'URL of the picture, at WhatsApp, where known',
    examples: ['https://pps.whatsapp.net/v/t61.24694-24/412345678_n.jpg'],
  });

/** A time as most answers have it. */
export const isoTime = z
  .string()
  .meta({ description: 'Time in ISO 8601, UTC', examples: ['2026-01-15T09:30:00.000Z'] });

/** The same of Unix milliseconds. */
export const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** A time as WhatsApp has it. */
export const unixSeconds = z.int().meta({ description: 'Time in Unix seconds', examples: [1768469400] });

export const unixMs = z.int().meta({ description: 'Time in Unix milliseconds', examples: [1768469400000] });

/** What was done, for people. */
export const whatWasDone = (text: string) =>
  z.string().meta({ description: 'What was done, for people', examples: [text] });

/** For what is answered from memory while that counts as still true. */
export const fresh = z
  .boolean()
  .default(false)
  .meta({ description: 'true: ask WhatsApp now, instead of answering from what it has said before', examples: [true] });
