import { byHand, fromList, picker } from '../../shared/pickers';

/** Names a webhook of the session; part of the path. */
export const webhookField = picker(
  { displayName: 'Webhook', name: 'webhookId', description: 'The webhook this is about' },
  [fromList('searchWebhooks', 'Select a webhook...'), byHand('By ID', 'id', 'whk_5f2c9a7e41b84d0c3e')],
);

export const WEBHOOKS_URL = '/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/webhooks';
export const WEBHOOK_URL = `${WEBHOOKS_URL}/{{ encodeURIComponent($parameter["webhookId"]) }}`;

/** What is left of a webhook when it is simplified. */
export const WEBHOOK_IN_SHORT = ['id', 'url', 'events', 'state', 'parked_reason'];
