import type {
  IBinaryData,
  IDataObject,
  IExecuteSingleFunctions,
  IHttpRequestOptions,
  IN8nHttpFullResponse,
  INodeExecutionData,
  PreSendAction,
} from 'n8n-workflow';
import { BINARY_ENCODING } from 'n8n-workflow';
import { baseUrlOf } from './engine';
import { refusalOf, unreachable } from './errors';

/** What the engine keeps of an uploaded file. */
interface Upload extends IDataObject {
  id: string;
}

type Body = IHttpRequestOptions['body'];

/** The bytes of a file: as a stream where n8n keeps them outside the item, so that a large file is never in memory. */
async function bytesOf(context: IExecuteSingleFunctions, file: IBinaryData): Promise<Body> {
  if (file.id === undefined) return Buffer.from(file.data, BINARY_ENCODING);
  return (await context.helpers.getBinaryStream(file.id)) as unknown as Body;
}

/** Asks with the credential, and throws what the engine refuses. For requests beside the one that routing makes. */
async function ask(context: IExecuteSingleFunctions, options: IHttpRequestOptions): Promise<IN8nHttpFullResponse> {
  let response: IN8nHttpFullResponse;
  try {
    response = (await context.helpers.httpRequestWithAuthentication.call(context, 'warblerApi', {
      ...options,
      ignoreHttpStatusErrors: true,
      returnFullResponse: true,
    })) as IN8nHttpFullResponse;
  } catch (cause) {
    throw unreachable(context.getNode(), cause);
  }
  return response;
}

/** Streams a file of the item to the engine, as the session of the request that is about to be made. */
async function upload(
  context: IExecuteSingleFunctions,
  { baseURL, headers }: IHttpRequestOptions,
  file: IBinaryData,
): Promise<Upload> {
  const response = await ask(context, {
    method: 'POST',
    baseURL,
    url: '/api/upload',
    headers: { ...headers, 'Content-Type': file.mimeType },
    body: await bytesOf(context, file),
    // A stream can be sent only once, and axios would keep all of it to follow a redirect.
    disableFollowRedirect: true,
  });
  if (response.statusCode >= 400) throw refusalOf(context.getNode(), response, context.getItemIndex());
  return response.body as Upload;
}

/**
 * `preSend` for an operation that sends a file of the item: uploads it, and names the upload in the field of the
 * request that would otherwise hold a URL. The file keeps its name, unless it is given another.
 */
export function uploadInto(property: string): PreSendAction {
  return async function (this: IExecuteSingleFunctions, options) {
    const file = this.helpers.assertBinaryData(this.getNodeParameter('binaryPropertyName') as string);
    const { id } = await upload(this, options, file);
    options.body = { fileName: file.fileName, ...(options.body as IDataObject), [property]: id };
    return options;
  };
}

/** `preSend` for the operation that only uploads: the file itself is the request. */
export async function sendFile(
  this: IExecuteSingleFunctions,
  options: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
  const file = this.helpers.assertBinaryData(this.getNodeParameter('binaryPropertyName') as string);
  const body = await bytesOf(this, file);
  const headers = { ...options.headers, 'Content-Type': file.mimeType };
  return { ...options, body, headers, disableFollowRedirect: true };
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
 * `postReceive` for an operation whose answer names a file: fetches it and puts it into the item, where a later node can
 * use it. The bytes go past the memory of n8n where it keeps files outside the item.
 */
export async function fetchFile(
  this: IExecuteSingleFunctions,
  _items: INodeExecutionData[],
  answer: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
  const path = pathIn((answer.body as { publicUrl: string }).publicUrl);
  const { url } = await this.getCredentials('warblerApi');
  const response = await ask(this, { method: 'GET', baseURL: baseUrlOf(url), url: path, encoding: 'stream' });
  const bytes = response.body as Parameters<typeof this.helpers.binaryToBuffer>[0];
  if (response.statusCode >= 400) {
    const refusal = { ...response, body: await this.helpers.binaryToBuffer(bytes) } as unknown as IN8nHttpFullResponse;
    throw refusalOf(this.getNode(), refusal, this.getItemIndex());
  }
  const { 'content-type': mimeType, 'content-disposition': disposition } = response.headers;
  const name = nameIn(disposition) ?? path.split('/').pop();
  const file = await this.helpers.prepareBinaryData(bytes, name, String(mimeType).split(';')[0]);
  const field = this.getNodeParameter('binaryPropertyName') as string;
  const json = { fileName: file.fileName, mimeType: file.mimeType, fileSize: file.fileSize };
  return [{ json, binary: { [field]: file }, pairedItem: { item: this.getItemIndex() } }];
}
