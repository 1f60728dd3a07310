import { z } from 'zod';
import { BUDGETS, PACES, type BudgetName } from '../model.ts';
import type { CounterState } from '../store/store.ts';
import type { Session } from '../whatsapp/session.ts';
import { isoTime as isoTimeShown } from './fields.ts';

const time = isoTimeShown.nullable();
const used = z.object({
  used: z.int().meta({ description: 'How many so far', examples: [12] }),
  limit: z.int().meta({ description: 'How many there may be', examples: [200] }),
  resets_at: isoTimeShown.describe(
    'When there is room again if all is used, else when nothing of it counts any more, ISO 8601',
  ),
});

/** How the account of a session sends, for whoever asks for its limits. */
export const sendingSchema = z.object({
  pace: z.enum(PACES).describe('How fast messages leave'),
  today: used.nullable().describe('Messages accepted in the last 24 hours; null: they are not counted'),
  minute: used.nullable().describe('Messages that have left in the last minute; null: they are not counted'),
  queued: z.int().meta({ description: 'Messages that wait to be sent', examples: [3] }),
  next_at: time.describe('When the next one leaves that waits for its time, ISO 8601'),
  paused: z
    .object({
      reason: z.enum(['rate', 'new_chats']).describe('rate: WhatsApp says that the account sends too fast'),
      until: time.describe('End of the pause, ISO 8601; null: until WhatsApp lifts it'),
      new_chats_only: z.boolean().describe('Chats that exist go on'),
    })
    .nullable()
    .describe('A pause that WhatsApp has asked for'),
  quiet_until: time.describe('End of the quiet hours that it is now, ISO 8601'),
  warm_up: z
    .object({
      day: z.int().meta({ description: 'Day of the plan, from 1 on', examples: [4] }),
      of: z.int().meta({ description: 'Days of the plan', examples: [14] }),
      per_day: z
        .object({
          messages: z.int().meta({
            description: 'Messages to chats in which nobody has written for 24 hours',
            examples: [80],
          }),
          new_chats: z.int().meta({ description: 'First messages to strangers', examples: [10] }),
        })
        .describe('What the plan allows on this day'),
      today: used.describe('Messages so far that count for the plan'),
    })
    .nullable()
    .describe('The plan of a new number; null without one, and when it is over'),
  whatsapp: z
    .object({
      restricted_until: time.describe('No new chats until then, ISO 8601'),
      restricted: z.boolean().describe('WhatsApp has restricted the account: it may begin no new chats'),
      capping: z
        .object({
          status: z.string().meta({
            description: 'NONE, FIRST_WARNING, SECOND_WARNING, or CAPPED when the quota is used up',
            examples: ['NONE'],
          }),
          total: z.int().meta({ description: 'New chats that WhatsApp allows in a cycle', examples: [250] }),
          used: z.int().meta({ description: 'New chats in this cycle so far', examples: [12] }),
          until: time.describe('End of the cycle, ISO 8601'),
        })
        .nullable()
        .describe('WhatsApp’s quota of new chats, where it has told of one'),
    })
    .describe('What WhatsApp has said of the account'),
  budgets: z
    .array(
      z.object({
        name: z.enum(Object.keys(BUDGETS) as [BudgetName]).describe('What is counted'),
        minute: used.describe('In the last minute'),
        day: used.describe('In the last 24 hours'),
      }),
    )
    .describe('What WhatsApp watches; without what is not counted'),
});

export async function sendingOf({ governor, messages }: Session): Promise<z.output<typeof sendingSchema>> {
  const { pace, today, minute, paused, quietUntil, warmUp, said } = await governor.sending();
  const { timelock, capping } = said;
  const budgets = Object.entries(await governor.budgets.left()) as [
    BudgetName,
    { minute: CounterState; day: CounterState },
  ][];
  return {
    pace,
    today: usedOf(today),
    minute: usedOf(minute),
    queued: await messages.waiting(),
    next_at: isoTime(messages.nextAt),
    paused: paused
      ? { reason: paused.reason, until: isoTime(paused.until), new_chats_only: paused.newChatsOnly }
      : null,
    quiet_until: isoTime(quietUntil),
    warm_up: warmUp
      ? {
          day: warmUp.day,
          of: warmUp.of,
          per_day: { messages: warmUp.perDay.messages, new_chats: warmUp.perDay.newChats },
          today: usedOf(warmUp.today)!,
        }
      : null,
    whatsapp: {
      restricted: timelock !== null,
      restricted_until: isoTime(timelock?.until),
      capping: capping && { ...capping, until: isoTime(capping.until) },
    },
    budgets: budgets.map(([name, left]) => ({ name, minute: usedOf(left.minute)!, day: usedOf(left.day)! })),
  };
}

const usedOf = (state: CounterState | undefined) =>
  state ? { used: state.used, limit: state.limit, resets_at: isoTime(state.resetsAt)! } : null;

const isoTime = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? null : new Date(ms).toISOString();
