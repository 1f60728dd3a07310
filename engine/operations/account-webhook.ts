import { z } from 'zod';
import { webhookOperations } from './subscribing.ts';

/** Webhooks that get the events of all sessions, also of those that are made later. */
export const { create, list, get, remove, resume, redeliverParked, replay, sample } = webhookOperations({
  id: 'accountWebhook',
  path: '/api/webhooks',
  access: 'account',
  input: z.object({}),
  of: 'all sessions',
});
