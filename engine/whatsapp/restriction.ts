import type { Capping, Timelock } from '../governor/standing.ts';
import type { NewChatMessageCapInfo, ReachoutTimelockState } from './baileys.ts';

/** What WhatsApp calls a "reachout time lock": no new chats may be begun, those that exist go on. */
export function readTimelock({
  isActive,
  timeEnforcementEnds,
  enforcementType,
}: ReachoutTimelockState): Timelock | null {
  return isActive ? { until: timeEnforcementEnds?.getTime() ?? null, type: enforcementType ?? null } : null;
}

/** WhatsApp's quota of new chats in a cycle of about a month. */
export function readCapping(info: NewChatMessageCapInfo): Capping | null {
  const { capping_status: status = 'NONE', total_quota: total = 0, used_quota: used = 0 } = info;
  if (total === 0 && status === 'NONE') return null;
  const end = Number(info.cycle_end_timestamp);
  return { status, total, used, until: end > 0 ? end * 1000 : null };
}
