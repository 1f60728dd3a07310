import type {
  IDataObject,
  IExecuteFunctions,
  IHookFunctions,
  IHttpRequestMethods,
  ILoadOptionsFunctions,
  IN8nHttpFullResponse,
  IWebhookFunctions,
} from 'n8n-workflow';
import { refusalOf, unreachable } from './errors';

interface Question {
  method: IHttpRequestMethods;
  path: string;
  body?: IDataObject;
  /** The session that is asked, where the path does not name it. */
  session?: string;
  /** Asking once more with the same key does nothing and is answered as the first time. */
  idempotencyKey?: string;
  /** Statuses besides success that the caller understands and wants to see. */
  expect?: number[];
}

/** The engine's URL as typed in the credential, without the slash people leave at its end. */
export function baseUrlOf(url: unknown): string {
  return String(url).trim().replace(/\/+$/, '');
}

/**
 * Asks the engine from where routing does not reach: lists in the editor, a trigger's registration and its files, and a
 * question that n8n waits for. Throws a NodeApiError that says what happened and what to do.
 */
export async function ask(
  this: ILoadOptionsFunctions | IHookFunctions | IWebhookFunctions | IExecuteFunctions,
  { method, path, body, session, idempotencyKey, expect = [] }: Question,
): Promise<IN8nHttpFullResponse> {
  const { url } = await this.getCredentials('warblerApi');
  let response: IN8nHttpFullResponse;
  try {
    response = (await this.helpers.httpRequestWithAuthentication.call(this, 'warblerApi', {
      method,
      baseURL: baseUrlOf(url),
      url: path,
      body,
      headers: {
        ...(session !== undefined && { 'X-Warbler-Session': session }),
        ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
      },
      json: true,
      ignoreHttpStatusErrors: true,
      returnFullResponse: true,
    })) as IN8nHttpFullResponse;
  } catch (cause) {
    throw unreachable(this.getNode(), cause);
  }
  if (expect.includes(response.statusCode)) return response;
  const isJson = typeof response.body === 'object' && response.body !== null;
  if (response.statusCode >= 400 || !(isJson || response.body === '')) throw refusalOf(this.getNode(), response);
  return response;
}
