import type {
  IExecuteSingleFunctions,
  IN8nHttpFullResponse,
  INode,
  INodeExecutionData,
  JsonObject,
} from 'n8n-workflow';
import { jsonParse, NodeApiError } from 'n8n-workflow';

/** What the engine answers with a status of 400 or above. */
interface Refusal {
  code?: string;
  message?: string;
  errors?: Record<string, string[]>;
  retry_after?: number;
}

const UNREACHABLE_ADVICE =
  'Check that the engine runs and that the URL in the credential is right. When n8n runs in Docker, localhost is the n8n container itself: use the service name of the engine or http://host.docker.internal:3210 instead.';

const ADVICE_BY_STATUS: Record<string, string> = {
  401: 'Check the personal access token in the Warbler API credential.',
  403: 'Check that the personal access token in the credential may use this session.',
  404: 'Check that it still exists, and choose it anew from the list.',
  409: 'Check the session with Session: Get Status. When it is not connected, use Session: Connect and scan the QR code.',
  422: 'Correct the fields and try again.',
  504: 'It may still go through. Look at its outcome before you send it again.',
};

/** A PNG request is answered as bytes, so its refusal is JSON in a buffer. */
function readRefusal(body: unknown): Refusal {
  if (Buffer.isBuffer(body)) return jsonParse<Refusal>(body.toString('utf8'), { fallbackValue: {} });
  return typeof body === 'object' && body !== null ? (body as Refusal) : {};
}

function whatToDo(status: number, { errors, retry_after: retryAfter }: Refusal): string {
  if (errors) return Object.values(errors).flat().join(' ');
  if (retryAfter !== undefined) return `Wait ${retryAfter} seconds, or turn on Retry On Fail in the node settings.`;
  const general = status >= 500 ? 'Look into the log of the engine, then try again.' : 'Check the fields of this node.';
  return ADVICE_BY_STATUS[status] ?? general;
}

/**
 * The engine's refusal as n8n shows it: the engine's own words on top, what to do below. An answer that is not the
 * engine's, say a proxy's page, is called that.
 */
export function refusalOf(node: INode, { statusCode, body }: IN8nHttpFullResponse, itemIndex?: number): NodeApiError {
  const refusal = readRefusal(body);
  const known = refusal.message !== undefined;
  return new NodeApiError(node, refusal as JsonObject, {
    message: refusal.message ?? `Something other than a Warbler engine answered (HTTP ${statusCode})`,
    description: known ? whatToDo(statusCode, refusal) : 'Check the engine URL in the Warbler API credential.',
    httpCode: String(statusCode),
    itemIndex,
  });
}

/**
 * Nothing of the engine's answered. n8n names the code of a connection that could not be made; what the credential
 * found out before the request has none and is explained already.
 */
export function unreachable(node: INode, cause: unknown): NodeApiError {
  const { message: reason, httpCode } = cause as { message: string; httpCode?: string | null };
  const words = httpCode
    ? { message: `Could not reach the Warbler engine: ${reason}`, description: UNREACHABLE_ADVICE }
    : { message: reason };
  return new NodeApiError(node, { reason } as JsonObject, words);
}

/**
 * First `postReceive` step of every operation, after which an answer is known to be a success. It throws for one item
 * only, so that On Error: Continue keeps the others.
 */
export async function refuse(
  this: IExecuteSingleFunctions,
  items: INodeExecutionData[],
  response: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
  const isOurs = response.statusCode === 204 || (typeof response.body === 'object' && response.body !== null);
  if (response.statusCode >= 400 || !isOurs) throw refusalOf(this.getNode(), response, this.getItemIndex());
  return items;
}
