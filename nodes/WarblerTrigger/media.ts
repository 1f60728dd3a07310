import type { IBinaryData, IBinaryKeyData, IDataObject, INodeExecutionData, IWebhookFunctions } from 'n8n-workflow';
import { ask } from '../Warbler/shared/engine';
import { fileAt } from '../Warbler/shared/files';
import { WITH_FILES } from './events';
import { flatOf, jsonOf, partsOf, type Flat, type Media } from './flat';

/** The engine says that there will be no file, however often it is asked. Anything else may be better later. */
const NEVER = [404, 410, 422];

/** What the engine is told of the message whose file is wanted: the message itself, which it may have forgotten. */
const requestFor = ({ event, data }: IDataObject, { messageId }: Flat): IDataObject =>
  event === 'media.ready' ? { id: messageId } : { data: { messages: messageIn(data as IDataObject) } };
const messageIn = ({ messages }: IDataObject) => (Array.isArray(messages) ? messages[0] : messages) as IDataObject;

const hasFile = ({ event }: IDataObject, { media }: Flat) =>
  WITH_FILES.includes(String(event)) && Boolean(media) && !media?.error;

/** The file of one event; or why there will be none, however often the engine is asked. Throws what may pass. */
async function fileOf(this: IWebhookFunctions, event: IDataObject, flat: Flat): Promise<IBinaryData | string> {
  const { statusCode, body } = await ask.call(this, {
    method: 'POST',
    path: '/api/decrypt-media',
    session: String(event.sessionId),
    body: requestFor(event, flat),
    expect: NEVER,
  });
  const { publicUrl, message } = body as { publicUrl: string; message: string };
  return statusCode < 400 ? await fileAt(this, publicUrl) : message;
}

/**
 * The item of a delivery, with its files: the first in the binary field of that name, the others in name_1, name_2 …
 * A file that is gone leaves the reason in its place, as does any that a sample does not get: it does not come again.
 * Otherwise throws what may be better when the engine delivers again.
 */
export async function withFiles(
  this: IWebhookFunctions,
  event: IDataObject,
  name: string,
): Promise<INodeExecutionData> {
  const binary: IBinaryKeyData = {};
  const parts = partsOf(event).map((part) => ({ part, flat: flatOf(part) }));
  for (const { part, flat } of parts.filter(({ part, flat }) => hasFile(part, flat))) {
    const fetching = fileOf.call(this, part, flat);
    const file = await (event.sample === true ? fetching.catch(({ message }: Error) => message) : fetching);
    if (typeof file === 'string') {
      flat.media = { ...(flat.media as Media), error: file };
      continue;
    }
    const count = Object.keys(binary).length;
    const field = count === 0 ? name : `${name}_${count}`;
    binary[field] = file;
    flat.media = { ...(flat.media as Media), field };
  }
  const json = jsonOf(
    event,
    parts.map(({ flat }) => flat),
  );
  return { json, ...(Object.keys(binary).length > 0 && { binary }) };
}

/** As many items wait for their delivery to come again, at most. */
const WAITING = 100;
const waiting = new Map<string, Promise<INodeExecutionData>>();

/**
 * Fetches what a delivery needs once, however often the engine delivers it meanwhile: it gives up an attempt after 30 s
 * and makes another one, which finds what the first has fetched.
 */
export async function fetchedOnce(key: string, fetch: () => Promise<INodeExecutionData>): Promise<INodeExecutionData> {
  const fetching = waiting.get(key) ?? fetch();
  waiting.set(key, fetching);
  for (const oldest of waiting.keys()) {
    if (waiting.size <= WAITING) break;
    waiting.delete(oldest);
  }
  fetching.catch(() => waiting.delete(key));
  return await fetching;
}

/** Called when the item is taken, or not wanted any more. */
export const forgetFetched = (key: string): boolean => waiting.delete(key);
