import type { IDataObject, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { memoryOf } from './memory';
import { doubtOf, eventIdOf } from './signature';
import type { Registration } from './subscription';

type Response = ReturnType<IWebhookFunctions['getResponseObject']>;

/** Resolves when n8n has answered, or when the engine has hung up. n8n goes on with the workflow in the second case. */
async function answerOf(response: Response): Promise<void> {
  if (response.closed) return;
  await new Promise<void>((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
  });
}

function memoryFor(trigger: IWebhookFunctions, registration: Registration) {
  const isTest = trigger.getMode() === 'manual';
  const key = `${trigger.getWorkflow().id}/${trigger.getNode().id}`;
  return memoryOf(isTest ? (registration.subscriptionId ?? key) : key);
}

const taken = (message: string): IWebhookResponseData => ({ webhookResponse: { message } });

/**
 * Takes one delivery: starts the workflow with the event, or answers 401 to a forged one and 200 to a repeated one.
 *
 * n8n creates the execution and saves static data before it answers 200, so a 200 means that the event is taken. When
 * it answers anything else, the execution was not created and the event is forgotten again.
 */
export async function takeDelivery(this: IWebhookFunctions): Promise<IWebhookResponseData> {
  const request = this.getRequestObject();
  const response = this.getResponseObject();
  const registration = this.getWorkflowStaticData('node') as Registration;
  const doubt = doubtOf(request, registration.secret);
  if (doubt !== undefined) {
    response.status(401).json({ message: doubt });
    return { noWebhookResponse: true };
  }
  const event = this.getBodyData();
  const chosen = this.getNodeParameter('events') as string[];
  if (!chosen.includes(String(event.event))) return taken('This trigger does not listen to such events');
  return await startOnce.call(this, eventIdOf(request), event, registration);
}

async function startOnce(
  this: IWebhookFunctions,
  id: string,
  event: IDataObject,
  registration: Registration,
): Promise<IWebhookResponseData> {
  const response = this.getResponseObject();
  const memory = memoryFor(this, registration);
  const answered = answerOf(response).then(() => {
    if (response.statusCode >= 400) memory.forget(id);
  });
  await memory.takeTurn(answered);
  // The engine has given up while this delivery waited; it will come again.
  if (response.closed) return { noWebhookResponse: true };
  memory.learn(registration.seen);
  if (memory.has(id)) return taken('This event was taken before');
  memory.add(id);
  registration.seen = memory.list();
  return { workflowData: [[{ json: event }]] };
}
