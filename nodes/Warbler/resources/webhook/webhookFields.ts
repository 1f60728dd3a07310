import type { IExecuteSingleFunctions, IHttpRequestOptions, INodeProperties } from 'n8n-workflow';
import { ALL, listenedField } from '../../../WarblerTrigger/sessions';
import { byHand, fromList, picker } from '../../shared/pickers';

/** Webhooks of all sessions are at a path of their own. */
async function ofAllSessions(
  this: IExecuteSingleFunctions,
  options: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
  options.url = options.url.replace(`/api/whatsapp-sessions/${ALL}/webhooks`, '/api/webhooks');
  return options;
}

/** The session whose events a webhook gets, or all sessions. */
export const webhookSessionField: INodeProperties = {
  ...listenedField,
  description: 'The WhatsApp account whose events are posted, or all of them',
  modes: listenedField.modes?.map((mode) =>
    mode.name === 'list' ? fromList('searchListenedSessions', 'Select a session...') : mode,
  ),
  routing: { send: { preSend: [ofAllSessions] } },
};

/** Names a webhook of the session, or of all sessions; part of the path. */
export const webhookField = picker(
  { displayName: 'Webhook', name: 'webhookId', description: 'The webhook this is about' },
  [fromList('searchWebhooks', 'Select a webhook...'), byHand('By ID', 'id', 'whk_5f2c9a7e41b84d0c3e')],
);

export const WEBHOOKS_URL = '/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/webhooks';
export const WEBHOOK_URL = `${WEBHOOKS_URL}/{{ encodeURIComponent($parameter["webhookId"]) }}`;

/** What is left of a webhook when it is simplified. */
export const WEBHOOK_IN_SHORT = ['id', 'session_id', 'url', 'events', 'state', 'parked_reason'];
