import type { INodeProperties } from 'n8n-workflow';
import { MOMENT } from './values';

/**
 * When a message leaves, if not now. A date that is picked has no time zone: it is read in that of the workflow, which
 * goes with it. A Time Zone that is given comes after it in the order of the menu, and therefore wins.
 */
const scheduledAt: INodeProperties = {
  displayName: 'Scheduled At',
  name: 'scheduledAt',
  type: 'dateTime',
  default: '',
  description: 'When the message leaves, in the time zone of the workflow unless another one is given',
  routing: {
    request: { body: { timeZone: '={{ $now.zoneName }}' } },
    send: {
      type: 'body',
      property: 'scheduledAt',
      value: MOMENT,
    },
  },
};

const timeZone: INodeProperties = {
  displayName: 'Time Zone',
  name: 'timeZone',
  type: 'string',
  default: '',
  placeholder: 'e.g. Europe/Berlin',
  description: 'The time zone of Scheduled At, where it is not that of the workflow',
  routing: { send: { type: 'body', property: 'timeZone', value: '={{ $value || undefined }}' } },
};

const expireAfter: INodeProperties = {
  displayName: 'Expire After',
  name: 'expireAfter',
  type: 'number',
  typeOptions: { minValue: 60, maxValue: 2592000 },
  default: 86400,
  description:
    'Seconds after Scheduled At after which the message is given up instead of sent too late, for example because the session was not connected',
  routing: { send: { type: 'body', property: 'expireAfter' } },
};

/** In the order of the alphabet, as menus are. */
export const timingFields = [expireAfter, scheduledAt, timeZone];
