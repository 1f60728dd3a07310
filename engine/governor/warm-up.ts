import type { Profile } from './profiles.ts';

const DAY_MS = 86_400_000;
/** A message to somebody who has written in so long is an answer. */
export const ANSWER_MS = DAY_MS;

/**
 * What a new number may send in a day, from its first day on: messages that answer nobody, and among them first messages
 * to strangers. It grows by about a third a day, as operators who keep their numbers say; afterwards the pace alone
 * counts. Whoever has written of late is answered: conversations are what a new number needs.
 */
export const WARM_UP: readonly { messages: number; newChats: number }[] = [
  { messages: 20, newChats: 3 },
  { messages: 30, newChats: 4 },
  { messages: 40, newChats: 5 },
  { messages: 55, newChats: 6 },
  { messages: 75, newChats: 8 },
  { messages: 100, newChats: 10 },
  { messages: 130, newChats: 13 },
  { messages: 170, newChats: 16 },
  { messages: 220, newChats: 20 },
  { messages: 290, newChats: 25 },
  { messages: 380, newChats: 30 },
  { messages: 490, newChats: 36 },
  { messages: 630, newChats: 43 },
  { messages: 800, newChats: 50 },
];

/** The day of the plan that it is, from 1 on; undefined when it is over. */
export function warmUpDay(since: number, now: number): number | undefined {
  const day = Math.max(0, Math.floor((now - since) / DAY_MS)) + 1;
  return day <= WARM_UP.length ? day : undefined;
}

/** The profile of a number on a day of its plan: never more new chats than the profile itself has. */
export function warmed(profile: Profile, day: number): Profile {
  const { newChats } = WARM_UP[day - 1]!;
  const { new_chats: chats } = profile.budgets;
  return {
    ...profile,
    budgets: { ...profile.budgets, new_chats: { ...chats, perDay: Math.min(chats.perDay, newChats) } },
  };
}
