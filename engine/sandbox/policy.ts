import { z } from 'zod';
import type { Account, Sender } from './accounts.ts';
import type { Fault } from './faults.ts';
import type { Network } from './network.ts';
import { child, children, type Stanza } from './stanza.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What is counted of an account, and in how long: any so long, not from the full hour or from midnight. */
const WINDOWS = {
  messagesPerMinute: { of: 'messages', ms: 60_000 },
  messagesPerDay: { of: 'messages', ms: DAY_MS },
  newChatsPerHour: { of: 'new chats', ms: HOUR_MS },
  newChatsPerDay: { of: 'new chats', ms: DAY_MS },
  numberChecksPerDay: { of: 'number checks', ms: DAY_MS },
  groupQueriesPerMinute: { of: 'group queries', ms: 60_000 },
} as const;

type RateName = keyof typeof WINDOWS;
type Counted = (typeof WINDOWS)[RateName]['of'];

const RATES = Object.keys(WINDOWS) as RateName[];
/** How long the first restriction lasts, the second, and so on: WhatsApp restricts for a day the first time. */
const RESTRICT_SECONDS = [1, 3, 7].map((days) => days * 86_400);

const howMany = z.int().min(0).optional();
const seconds = z
  .int()
  .min(1)
  .max(366 * 86_400);

/**
 * What an account may not exceed, as `POST /sandbox/policy` takes it. WhatsApp is known to watch such things, but never
 * published a number: whoever simulates it chooses them. What is left out is not watched.
 *
 * | rate                     | counts                                                                        |
 * |--------------------------|-------------------------------------------------------------------------------|
 * | `messagesPerMinute`      | messages to people and groups; not what changes another message, not what is encrypted anew for somebody who could not read it |
 * | `messagesPerDay`         | the same in 24 hours                                                           |
 * | `newChatsPerHour`        | messages to people with whom there is no chat yet, also those that are refused |
 * | `newChatsPerDay`         | the same in 24 hours                                                           |
 * | `numberChecksPerDay`     | numbers that it is asked about whether they have an account                    |
 * | `groupQueriesPerMinute`  | questions about groups                                                         |
 */
export const policyRequest = z
  .strictObject({
    messagesPerMinute: howMany,
    messagesPerDay: howMany,
    newChatsPerHour: howMany,
    newChatsPerDay: howMany,
    numberChecksPerDay: howMany,
    groupQueriesPerMinute: howMany,
    restrictSeconds: z.array(seconds).max(100).optional(),
  } satisfies Record<RateName | 'restrictSeconds', z.ZodType>)
  .refine((policy) => RATES.some((name) => policy[name] !== undefined), {
    error: `A policy needs a rate: ${RATES.join(', ')}.`,
  });

export type PolicyRequest = z.input<typeof policyRequest>;

/** What accounts may not exceed, and how long they are restricted for it: the first time, the second … */
export interface Policy extends Partial<Record<RateName, number>> {
  restrictSeconds: number[];
}

/** An account has exceeded a rate. */
export interface Violation {
  phone: string;
  /** ISO 8601. */
  at: string;
  rate: RateName;
  limit: number;
  /** So many there were with the one that was too much. */
  count: number;
  consequence: 'restricted' | 'banned';
  /** When the restriction is over, ISO 8601; null for a ban, which is for good. */
  until: string | null;
}

/** The policy that is in force, if any, and what it has led to, oldest first. */
export interface PolicyInfo {
  policy: Policy | null;
  violations: Violation[];
}

/** Some of one kind, at one moment. */
interface Count {
  at: number;
  amount: number;
}

/**
 * WhatsApp as it watches what the clients of an account do. Who exceeds a rate is restricted by the fault
 * `restrict-account`, longer each time, and banned by `ban-account` at last; what exceeded the rate was still taken.
 * With that the account is counted anew. Counts and violations are forgotten with the policy, and at a restart.
 */
export class PolicyServer {
  readonly #network: Network;
  #policy: Policy | undefined;
  #violations: Violation[] = [];
  readonly #counts = new Map<string, Count[]>();
  /** The fault by which an account is restricted, by its number. */
  readonly #restrictions = new Map<string, Fault>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** From now on nobody may exceed these rates; everybody is counted from zero. */
  set({ restrictSeconds = RESTRICT_SECONDS, ...rates }: z.output<typeof policyRequest>): void {
    this.remove();
    const given = Object.entries(rates).filter(([, limit]) => limit !== undefined);
    this.#policy = { ...Object.fromEntries(given), restrictSeconds };
  }

  /** Nothing is watched any more. Restrictions and bans go on until their faults are over or deleted. */
  remove(): void {
    this.#policy = undefined;
    this.#violations = [];
    this.#counts.clear();
    this.#restrictions.clear();
  }

  info(): PolicyInfo {
    return { policy: this.#policy ?? null, violations: [...this.#violations] };
  }

  /** A client sends a message; `to` is the person it is for, none for a group. */
  message({ account, device }: Sender, node: Stanza, to?: Account): void {
    if (device.id === 0 || to?.phone === account.phone || !isNewMessage(node)) return;
    this.#count(account, 'messages');
    if (to && !this.#network.restrictions.isKnown(account, to)) this.#count(account, 'new chats');
  }

  /** A client asks something. */
  query({ account, device }: Sender, iq: Stanza): void {
    if (device.id === 0 || iq.attrs['type'] !== 'get') return;
    if (iq.attrs['xmlns'] === 'w:g2') this.#count(account, 'group queries');
    const usync = child(iq, 'usync');
    if (!child(child(usync, 'query'), 'contact')) return;
    this.#count(account, 'number checks', children(child(usync, 'list'), 'user').length);
  }

  #count({ phone }: Account, what: Counted, amount = 1): void {
    const policy = this.#policy;
    if (!policy || amount === 0) return;
    const now = this.#network.now();
    const kept = (this.#counts.get(`${phone} ${what}`) ?? []).filter(({ at }) => at > now - DAY_MS);
    kept.push({ at: now, amount });
    this.#counts.set(`${phone} ${what}`, kept);
    for (const rate of RATES) {
      const limit = policy[rate];
      if (limit === undefined || WINDOWS[rate].of !== what) continue;
      const count = kept.reduce((sum, one) => sum + (one.at > now - WINDOWS[rate].ms ? one.amount : 0), 0);
      if (count > limit) return this.#punish(phone, policy, { rate, limit, count });
    }
  }

  #punish(phone: string, policy: Policy, exceeded: Pick<Violation, 'rate' | 'limit' | 'count'>): void {
    const seconds = policy.restrictSeconds[this.#violations.filter((one) => one.phone === phone).length];
    const now = this.#network.now();
    this.#violations.push({
      ...{ phone, at: new Date(now).toISOString(), ...exceeded },
      consequence: seconds === undefined ? 'banned' : 'restricted',
      until: seconds === undefined ? null : new Date(now + seconds * 1000).toISOString(),
    });
    for (const what of new Set(Object.values(WINDOWS).map(({ of }) => of))) this.#counts.delete(`${phone} ${what}`);
    // the stanza that was too much is answered first
    this.#network.soon(() => (seconds === undefined ? this.#ban(phone) : this.#restrict(phone, seconds)));
  }

  /** Restricts an account from now on, in place of what is left of an earlier restriction by the policy. */
  #restrict(phone: string, seconds: number): void {
    const earlier = this.#restrictions.get(phone);
    if (earlier) earlier.active = false;
    this.#restrictions.set(phone, this.#network.addFault({ fault: 'restrict-account', phone, seconds }));
  }

  #ban(phone: string): void {
    this.#network.addFault({ fault: 'ban-account', phone, code: 406 });
  }
}

/** Whether it is one that somebody gets to read: no reaction, edit or deletion, nothing sent again. */
function isNewMessage(node: Stanza): boolean {
  const { category, edit, participant, type, to = '' } = node.attrs;
  if (category === 'peer' || edit !== undefined || participant !== undefined || type === 'reaction') return false;
  // what is encrypted for one device only, it has asked for again
  return to.endsWith('@g.us') || child(node, 'participants') !== undefined;
}
