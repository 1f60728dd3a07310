import { z } from 'zod';
import { whatWasDone } from './fields.ts';
import { operation, type Call } from './operation.ts';
import {
  findWebhook,
  newWebhook,
  onceMore,
  redeliverParked as redeliverAllParked,
  replay as replaySpan,
  resume as resumeWebhook,
  sample as postSample,
  sampled,
  showWebhook,
  shownWebhook,
  span,
  spanFaults,
  subscribe,
  webhookId,
  webhooksOf,
  wishes,
  wishFaults,
} from './subscribing.ts';

/** Webhooks that get the events of all sessions, also of those that are made later. */

const byId = z.object({ webhookId });

export const create = operation({
  id: 'accountWebhook.create',
  http: 'POST /api/webhooks',
  access: 'account',
  summary:
    'Have events of all sessions posted to a URL, also of sessions that are made later; the same URL again replaces',
  status: 201,
  errors: ['url_not_allowed'],
  input: z.object(wishes),
  rules: wishFaults,
  output: newWebhook,
  run: ({ engine }, wish) => subscribe(engine, null, wish),
});

export const list = operation({
  id: 'accountWebhook.list',
  http: 'GET /api/webhooks',
  access: 'account',
  summary: 'List who gets the events of all sessions',
  input: z.object({}),
  output: z.array(shownWebhook),
  run: ({ engine }) => webhooksOf(engine, null),
});

export const get = operation({
  id: 'accountWebhook.get',
  http: 'GET /api/webhooks/:webhookId',
  access: 'account',
  summary: 'Get one webhook of all sessions',
  errors: ['webhook_not_found'],
  input: byId,
  output: shownWebhook,
  run: async (call, { webhookId: id }) => showWebhook(await find(call, id)),
});

export const remove = operation({
  id: 'accountWebhook.remove',
  http: 'DELETE /api/webhooks/:webhookId',
  access: 'account',
  summary: 'Stop posting events of all sessions to a URL; the same URL registered again within a minute misses nothing',
  envelope: 'flat',
  errors: ['webhook_not_found'],
  input: byId,
  output: z.object({ message: whatWasDone('Webhook deleted successfully.') }),
  run: async (call, { webhookId: named }) => {
    const { id } = await find(call, named);
    await call.engine.store.subscriptions.delete(id);
    return { message: 'Webhook deleted successfully.' };
  },
});

export const resume = operation({
  id: 'accountWebhook.resume',
  http: 'POST /api/webhooks/:webhookId/resume',
  access: 'account',
  summary: 'Deliver again to a parked webhook of all sessions, and whatever was given up on',
  errors: ['webhook_not_found'],
  input: byId,
  output: shownWebhook,
  run: async (call, { webhookId: id }) => resumeWebhook(call.engine, await find(call, id)),
});

export const redeliverParked = operation({
  id: 'accountWebhook.redeliverParked',
  http: 'POST /api/webhooks/:webhookId/redeliver',
  access: 'account',
  summary: 'Deliver all events of all sessions once more that were given up',
  errors: ['webhook_not_found'],
  input: byId,
  output: onceMore,
  run: async (call, { webhookId: id }) => redeliverAllParked(call.engine, await find(call, id)),
});

export const replay = operation({
  id: 'accountWebhook.replay',
  http: 'POST /api/webhooks/:webhookId/replay',
  access: 'account',
  summary: 'Deliver the events of a span of time once more, of all sessions, also those from before the webhook',
  errors: ['webhook_not_found'],
  input: byId.extend(span),
  output: onceMore,
  rules: spanFaults,
  run: async (call, { webhookId: id, ...asked }) => replaySpan(call.engine, await find(call, id), asked),
});

export const sample = operation({
  id: 'accountWebhook.sample',
  http: 'POST /api/webhooks/:webhookId/sample',
  access: 'account',
  summary: 'Post a sample to a webhook of all sessions: the newest event that it would have got, or an example',
  status: 202,
  errors: ['webhook_not_found'],
  input: byId,
  output: sampled,
  run: async (call, { webhookId: id }) => postSample(call.engine, await find(call, id)),
});

const find = ({ engine }: Call, id: string) => findWebhook(engine, null, id);
