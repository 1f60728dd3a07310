import type { IDataObject, INodeExecutionData, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { sleep } from 'n8n-workflow';
import { doubtOf, eventIdOf } from '../Warbler/shared/signature';
import { isChosen } from './events';
import { jsonOf } from './flat';
import { fetchedOnce, forgetFetched, withFiles } from './media';
import { memoryOf } from './memory';
import type { Options } from './options';
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

const taken = (message: string): IWebhookResponseData => ({ webhookResponse: { message } });

function turnAway(response: Response, status: number, message: string): IWebhookResponseData {
  response.status(status).json({ message });
  return { noWebhookResponse: true };
}

/**
 * Takes one delivery: starts the workflow with the event, or answers 401 to a forged one and 200 to a repeated one. One
 * that somebody has asked for once more is not a repeated one.
 * n8n opens the address of a trigger before it saves the static data of its registration; an event that comes in
 * between is answered 503, so that it comes again; so is one whose files cannot be fetched now.
 *
 * n8n creates the execution and saves static data before it answers 200, so a 200 means that the event is taken. When
 * it answers anything else, the execution was not created and the event is forgotten again.
 */
export async function takeDelivery(this: IWebhookFunctions): Promise<IWebhookResponseData> {
  const request = this.getRequestObject();
  const response = this.getResponseObject();
  const registration = this.getWorkflowStaticData('node') as Registration;
  if (!registration.secret) {
    response.setHeader('Retry-After', '1');
    return turnAway(response, 503, 'This trigger is being registered. Deliver again shortly.');
  }
  const doubt = doubtOf(request, registration.secret);
  if (doubt !== undefined) return turnAway(response, 401, doubt);
  const event = this.getBodyData();
  if (!isChosen(this.getNodeParameter('events') as string[], event)) {
    return taken('This trigger does not listen to such events');
  }
  const id = wantedOf(eventIdOf(request), event);
  const files = `${registration.url} ${id}`;
  let item: INodeExecutionData;
  try {
    item = await itemFor.call(this, files, event);
  } catch (error) {
    return turnAway(response, 503, `A file could not be fetched: ${(error as Error).message}`);
  }
  const start = { id, item, registration, response };
  const outcome = registration.isTest ? startTest(start) : await startOnce(start);
  if (!response.closed) forgetFetched(files);
  return outcome;
}

/**
 * By what a delivery is known: the event's id, and how often somebody has asked for the event once more. So each such
 * wish starts the workflow, once, however often it is delivered; and an event that was shown as a sample is still to
 * come. All of it is signed.
 */
function wantedOf(id: string, { redelivery, sample }: IDataObject): string {
  if (sample === true) return `${id}#sample`;
  return typeof redelivery === 'number' ? `${id}#${redelivery}` : id;
}

/**
 * Writes the events taken into static data, again and again until n8n has answered. While n8n (2.41) creates an
 * execution it builds a second workflow from the same static data, which marks them as unchanged; without this, what
 * `webhook()` writes is saved for a repeated event only, never for one that starts the workflow.
 */
async function keepInStaticData(registration: Registration, seen: string[], response: Response): Promise<void> {
  const givenUpAt = Date.now() + 60_000;
  while (!response.headersSent && Date.now() < givenUpAt) {
    registration.seen = seen;
    await sleep(1);
  }
}

/**
 * What the workflow starts with. Files are fetched before a delivery has its turn, so that one does not wait for
 * another's; the engine brings those of one chat one after the other anyway. Throws when one cannot be had now.
 */
async function itemFor(this: IWebhookFunctions, key: string, event: IDataObject): Promise<INodeExecutionData> {
  const { downloadMedia, binaryPropertyName = 'data' } = this.getNodeParameter('options', {}) as Options;
  if (!downloadMedia) return { json: jsonOf(event) };
  return await fetchedOnce(key, async () => await withFiles.call(this, event, binaryPropertyName));
}

/** What may start the workflow. */
interface Start {
  id: string;
  item: INodeExecutionData;
  registration: Registration;
  response: Response;
}

/**
 * A test is over with its first event. Until n8n has told the engine so, more may come; what came before may be ready
 * only after it. None of that is known as taken to the active workflow, which has still to get it.
 */
function startTest({ id, item, registration, response }: Start): IWebhookResponseData {
  // The engine has given up meanwhile; it will come again.
  if (response.closed) return { noWebhookResponse: true };
  if (registration.seen || registration.subscriptionId === undefined) return taken('This test is over');
  registration.seen = [id];
  void answerOf(response).then(() => {
    if (response.statusCode >= 400) delete registration.seen;
  });
  return { workflowData: [[item]] };
}

async function startOnce({ id, item, registration, response }: Start): Promise<IWebhookResponseData> {
  const memory = memoryOf(registration.url as string);
  const answered = answerOf(response).then(() => {
    if (response.statusCode >= 400) memory.forget(id);
  });
  await memory.takeTurn(answered);
  // The engine has given up while this delivery waited; it will come again.
  if (response.closed) return { noWebhookResponse: true };
  memory.learn(registration.seen);
  if (memory.has(id)) return taken('This event was taken before');
  memory.add(id);
  void keepInStaticData(registration, memory.list(), response);
  return { workflowData: [[item]] };
}
