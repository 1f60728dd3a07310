import type {
  IBinaryData,
  IDataObject,
  IExecuteSingleFunctions,
  IHttpRequestOptions,
  IN8nHttpFullResponse,
  INodeExecutionData,
  IWebhookFunctions,
  PreSendAction,
} from 'n8n-workflow';
import { BINARY_ENCODING } from 'n8n-workflow';
import { baseUrlOf } from './engine';
import { refusalOf, unreachable } from './errors';

type Body = IHttpRequestOptions['body'];

/** The bytes of a file: as a stream where n8n keeps them outside the item, so that a large file is never in memory. */
async function bytesOf({ helpers }: IExecuteSingleFunctions, { id, data }: IBinaryData): Promise<Body> {
  if (id === undefined) return Buffer.from(data, BINARY_ENCODING);
  return (await helpers.getBinaryStream(id)) as unknown as Body;
}

/** The request that hands a file of the item to the engine. Type and name go beside it: the body is the bytes alone. */
async function uploadOf(
  context: IExecuteSingleFunctions,
  { baseURL, headers }: IHttpRequestOptions,
  file: IBinaryData,
): Promise<IHttpRequestOptions> {
  return {
    method: 'POST',
    baseURL,
    url: '/api/upload',
    qs: { mimetype: file.mimeType, fileName: file.fileName },
    headers: { ...headers, 'Content-Type': 'application/octet-stream' },
    body: await bytesOf(context, file),
    ignoreHttpStatusErrors: true,
    // A stream can be sent only once, and to follow a redirect all of it would be kept in memory.
    disableFollowRedirect: true,
  };
}

const chosenFile = (context: IExecuteSingleFunctions) =>
  context.helpers.assertBinaryData(context.getNodeParameter('binaryPropertyName') as string);

/** A node that acts on an item, or a trigger that takes a delivery. */
type Fetching = IExecuteSingleFunctions | IWebhookFunctions;

/** Asks with the credential, beside the request that routing makes. */
async function ask(context: Fetching, options: IHttpRequestOptions): Promise<IN8nHttpFullResponse> {
  try {
    const asked = { ...options, ignoreHttpStatusErrors: true, returnFullResponse: true };
    return (await context.helpers.httpRequestWithAuthentication.call(
      context,
      'warblerApi',
      asked,
    )) as IN8nHttpFullResponse;
  } catch (cause) {
    throw unreachable(context.getNode(), cause);
  }
}

/**
 * `preSend` for an operation that sends a file of the item: uploads it, and names the upload in the field of the
 * request that would otherwise hold a URL. The file keeps its name, unless it is given another.
 */
export function uploadInto(property: string): PreSendAction {
  return async function (this: IExecuteSingleFunctions, options) {
    const file = chosenFile(this);
    const response = await ask(this, await uploadOf(this, options, file));
    if (response.statusCode >= 400) throw refusalOf(this.getNode(), response, this.getItemIndex());
    const { id } = response.body as IDataObject;
    options.body = { fileName: file.fileName, ...(options.body as IDataObject), [property]: id };
    return options;
  };
}

/** `preSend` for the operation that only uploads: the file itself is the request. */
export async function uploadFile(
  this: IExecuteSingleFunctions,
  options: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
  return await uploadOf(this, options, chosenFile(this));
}

/**
 * The engine names a file by the address it believes to have. What n8n can reach is the address in the credential, so
 * only the path is taken from the former.
 */
function pathIn(publicUrl: string): string {
  return /\/(api\/decrypted-media|media)\/[^?#]+$/.exec(publicUrl)?.[0] ?? publicUrl;
}

const nameIn = (disposition: unknown): string | undefined => {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(String(disposition))?.[1];
  return encoded === undefined ? /filename="([^"]+)"/i.exec(String(disposition))?.[1] : decodeURIComponent(encoded);
};

/**
 * Fetches a file that the engine names. The bytes go past the memory of n8n where it keeps files outside the item.
 * Throws a NodeApiError, of that item where there is one.
 */
export async function fileAt(context: Fetching, publicUrl: string, itemIndex?: number): Promise<IBinaryData> {
  const path = pathIn(publicUrl);
  const { url } = await context.getCredentials('warblerApi');
  const response = await ask(context, { method: 'GET', baseURL: baseUrlOf(url), url: path, encoding: 'stream' });
  const bytes = response.body as Parameters<typeof context.helpers.binaryToBuffer>[0];
  if (response.statusCode >= 400) {
    const refusal = {
      ...response,
      body: await context.helpers.binaryToBuffer(bytes),
    } as unknown as IN8nHttpFullResponse;
    throw refusalOf(context.getNode(), refusal, itemIndex);
  }
  const { 'content-type': mimeType, 'content-disposition': disposition } = response.headers;
  const name = nameIn(disposition) ?? path.split('/').pop();
  return await context.helpers.prepareBinaryData(bytes, name, String(mimeType).split(';')[0]);
}

/** `postReceive` for an operation whose answer names a file: puts it into the item, where a later node can use it. */
export async function fetchFile(
  this: IExecuteSingleFunctions,
  _items: INodeExecutionData[],
  answer: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
  const file = await fileAt(this, (answer.body as { publicUrl: string }).publicUrl, this.getItemIndex());
  const field = this.getNodeParameter('binaryPropertyName') as string;
  const json = { fileName: file.fileName, mimeType: file.mimeType, fileSize: file.fileSize };
  return [{ json, binary: { [field]: file }, pairedItem: { item: this.getItemIndex() } }];
}
