export const DELIVERIES_URL = '/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/deliveries';

/** What is left of a delivery when it is simplified. */
export const DELIVERY_IN_SHORT = [
  'id',
  'webhook_id',
  'event',
  'seq',
  'status',
  'attempts',
  'last_status',
  'last_error',
];
