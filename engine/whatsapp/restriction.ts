import type { NewEvent } from '../events.ts';
import type { ReachoutTimelockState } from './baileys.ts';

/** A restriction of the account, as WhatsApp has told of it last. */
export interface Restriction {
  restricted: boolean;
  /** Unix milliseconds at which WhatsApp means to lift it; null when it does not say. */
  until: number | null;
  /** WhatsApp's name for the reason. */
  type: string | null;
}

export const UNRESTRICTED: Restriction = { restricted: false, until: null, type: null };

/** What WhatsApp calls a "reachout time lock": no new chats may be begun, those that exist go on. */
export function readRestriction({
  isActive,
  timeEnforcementEnds,
  enforcementType,
}: ReachoutTimelockState): Restriction {
  if (!isActive) return UNRESTRICTED;
  return { restricted: true, until: timeEnforcementEnds?.getTime() ?? null, type: enforcementType ?? null };
}

/** The event that tells of it; `undefined` when nothing has changed. */
export function restrictionEvent(before: Restriction, now: Restriction): NewEvent | undefined {
  if (before.restricted === now.restricted && before.until === now.until && before.type === now.type) return undefined;
  const until = now.until === null ? null : new Date(now.until).toISOString();
  const message = now.restricted
    ? `WhatsApp has restricted this account${until ? ` until ${until}` : ''}: it may not begin new chats. Those that exist go on.`
    : 'WhatsApp has lifted the restriction of this account.';
  return {
    event: 'account.restricted',
    lane: 'session',
    data: { restricted: now.restricted, until, type: now.type, message },
  };
}
