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

const OTHER_FILE_ADVICE = 'Convert the file, or send it as a document, which may be a file of any kind.';
const READ_ABOVE = 'The text above says what is wrong. Correct the fields of this node, then try again.';

/** What to do about each of the engine's refusals, by their code. */
export const ADVICE: Record<string, string> = {
  unauthorized: 'Check the personal access token in the Warbler API credential.',
  forbidden:
    'Check that the personal access token in the credential may do this, may use this session, and has to do with these recipients. Triggers and lists are about everybody: give them a credential whose token is not limited to recipients.',
  not_permitted: 'Check on the phone what this account may do there. Many things are for admins only.',
  bad_request: READ_ABOVE,
  not_found: 'Check the address, link or ID. What belongs to another account, or is gone, is not found.',
  session_not_found: 'Choose the session anew from the list: it may have been deleted.',
  webhook_not_found: 'Choose the webhook anew from the list: it may have expired or been deleted.',
  delivery_not_found: 'Check the delivery ID with Delivery: Get Many, and that it belongs to this session.',
  message_not_found: 'Check the message ID, and that the message belongs to this session.',
  job_not_found: 'Choose the bulk job anew from the list, and check that it belongs to this session.',
  inquiry_not_found: 'Check the inquiry ID, and that the question was asked by this session.',
  media_not_found: 'Upload the file again, or use it sooner.',
  media_gone: 'Nobody has the file any more: it has to be sent anew, as a new message.',
  not_acceptable: 'Check that the engine and this package are of the same version.',
  payload_too_large: 'Make the file smaller. Documents may be the largest.',
  unsupported_media_type: OTHER_FILE_ADVICE,
  media_not_usable: OTHER_FILE_ADVICE,
  media_not_fetched:
    'Check that the engine can open the link without logging in. Or fetch the file in n8n first, and send it from the input data field.',
  validation_failed: READ_ABOVE,
  url_not_allowed:
    'Use another URL, or allow its network in the settings of the engine: WARBLER_MEDIA_NETWORKS for files, WARBLER_WEBHOOK_NETWORKS for webhooks.',
  recipient_not_on_whatsapp: 'Check the number, with its country code. Contact: Check Number tells before sending.',
  idempotency_mismatch: 'This key was used for another message. Give each message a key of its own.',
  session_not_connected:
    'Check the session with Session: Get Status. When it is not connected, use Session: Connect and scan the QR code.',
  session_not_scannable:
    'Linked already? Use it as it is. For another account, make another session with Session: Create. Not linked yet? Use Session: Connect, then get its code.',
  session_restricted: 'Look at the phone, where WhatsApp says for how long, and write to fewer strangers.',
  conflict: 'The text above says how things stand. Get them once more before you try again.',
  limit_reached: 'Make room by removing what is not needed any more, then try again.',
  // Retry On Fail would repeat the run for all of its items, and what is sent again is sent twice.
  rate_limited:
    'Many items at once? Spread them: in the settings of this node, add Batching to the Request Options, with fewer items per batch and a longer interval. Session: Get Limits tells what is left.',
  budget_exhausted: 'Session: Get Limits tells what is left, and Session: Update changes the budgets.',
  stopping: 'Turn on Retry On Fail in the node settings.',
  whatsapp_refused: 'Check on the phone whether this account can do it there.',
  whatsapp_unreachable: 'Check that the machine of the engine can reach web.whatsapp.com. It tries again by itself.',
  sandbox_unreachable: 'Start the sandbox again, or the engine without it, then try again.',
  whatsapp_timeout: 'It may still go through. Look at its outcome before you send it again.',
  storage_failed: 'Free space on the disk of the engine, or make its data folder writable. Nothing was sent.',
  internal: 'Look into the log of the engine, which has the details, and report it.',
};

/** For codes of an engine that is newer than this package. */
const ADVICE_BY_STATUS: Record<string, string> = {
  401: 'Check the personal access token in the Warbler API credential.',
  404: 'Check that it still exists, and choose it anew from the list.',
  409: 'Look at how things stand now, then try again.',
  422: 'Correct the fields and try again.',
};

/** A PNG request is answered as bytes, so its refusal is JSON in a buffer. */
function readRefusal(body: unknown): Refusal {
  if (Buffer.isBuffer(body)) return jsonParse<Refusal>(body.toString('utf8'), { fallbackValue: {} });
  return typeof body === 'object' && body !== null ? (body as Refusal) : {};
}

/** Seconds, or what is left of a day. */
function inWords(seconds: number): string {
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}

/**
 * What happened, in the engine's words: what is wrong with which field, or, where waiting helps, with how long. An AI
 * agent whose tool this is, and a workflow that goes on after an error, are told this and nothing else.
 */
function whatHappened({ message, errors, retry_after: retryAfter }: Refusal): string | undefined {
  if (errors) return Object.values(errors).flat().join(' ');
  if (message === undefined || retryAfter === undefined) return message;
  return `${message.replace(/\.$/, '')} (wait ${inWords(retryAfter)})`;
}

function whatToDo(status: number, { code = '', retry_after: retryAfter }: Refusal): string {
  const general = status >= 500 ? 'Look into the log of the engine, then try again.' : 'Check the fields of this node.';
  const waiting = retryAfter === undefined ? undefined : `Wait ${inWords(retryAfter)}, then try again.`;
  return ADVICE[code] ?? waiting ?? ADVICE_BY_STATUS[status] ?? general;
}

/**
 * The engine's refusal as n8n shows it: the engine's own words on top, what to do below. An answer that is not the
 * engine's, say a proxy's page, is called that.
 */
export function refusalOf(node: INode, { statusCode, body }: IN8nHttpFullResponse, itemIndex?: number): NodeApiError {
  const refusal = readRefusal(body);
  const known = refusal.message !== undefined;
  const message = whatHappened(refusal) ?? `Something other than a Warbler engine answered (HTTP ${statusCode})`;
  const refused = new NodeApiError(node, refusal as JsonObject, {
    message,
    description: known ? whatToDo(statusCode, refusal) : 'Check the engine URL in the Warbler API credential.',
    httpCode: String(statusCode),
    itemIndex,
  });
  // n8n puts words of its own in place of a message that names a system error, such as that of a file's host.
  refused.message = message;
  return refused;
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
