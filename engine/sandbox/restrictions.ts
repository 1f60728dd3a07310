import { QueryIds, XWAPaths } from '@whiskeysockets/baileys';

/** What an account may ask about the limits that it is under; by number of the query. */
export const RESTRICTION_QUERIES: Record<string, { path: string; answer: () => object }> = {
  [QueryIds.REACHOUT_TIMELOCK]: {
    path: XWAPaths.xwa2_fetch_account_reachout_timelock,
    answer: () => ({ is_active: false }),
  },
  [QueryIds.MESSAGE_CAPPING_INFO]: {
    path: XWAPaths.xwa2_message_capping_info,
    answer: () => ({ total_quota: 0, used_quota: 0, capping_status: 'NONE' }),
  },
};
