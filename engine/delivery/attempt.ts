import { request, type Dispatcher } from 'undici';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { SubscriptionRecord } from '../model.ts';
import { signatureHeaders } from './signature.ts';

const TIMEOUT_MS = 30_000;
/** An answer's body is of no use beyond what a log line shows. */
const ANSWER_BYTES = 64 * 1024;

/** What became of one try to post an event. */
export interface Attempt {
  /** `gone`: the receiver says that nobody listens at this URL (404, 410), as n8n does for an inactive workflow. */
  outcome: 'delivered' | 'retry' | 'gone';
  httpStatus?: number;
  error?: string;
  /** What the receiver asked for with `Retry-After`. */
  retryAfterMs?: number;
}

/**
 * Posts one event to one subscriber and says what came of it; never throws. Redirects are not followed: a receiver
 * that moved is told to register its new URL.
 */
export async function attempt(
  subscription: SubscriptionRecord,
  event: EventEnvelope,
  agent: Dispatcher,
  timeoutMs = TIMEOUT_MS,
): Promise<Attempt> {
  const body = JSON.stringify(event);
  try {
    const response = await request(subscription.url, {
      method: 'POST',
      dispatcher: agent,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Warbler',
        ...signatureHeaders(subscription.secret, event.id, body, Date.now()),
        // WasenderApi's clients compare this header with the secret itself.
        ...(subscription.format === 'wasender' && { 'x-webhook-signature': subscription.secret }),
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    // The status decides; the body is only read so that the connection can be used again.
    await response.body.dump({ limit: ANSWER_BYTES }).catch(() => {});
    return judge(response.statusCode, response.headers['retry-after']);
  } catch (error) {
    return { outcome: 'retry', error: explain(error, timeoutMs) };
  }
}

function judge(httpStatus: number, retryAfter: string | string[] | undefined): Attempt {
  if (httpStatus >= 200 && httpStatus < 300) return { outcome: 'delivered', httpStatus };
  if (httpStatus === 404 || httpStatus === 410) {
    return { outcome: 'gone', httpStatus, error: `The receiver answered ${httpStatus}: nobody listens at this URL` };
  }
  const redirect = httpStatus >= 300 && httpStatus < 400;
  return {
    outcome: 'retry',
    httpStatus,
    error: redirect
      ? `The receiver answered ${httpStatus}; redirects are not followed: register the new URL`
      : `The receiver answered ${httpStatus}`,
    ...retryAfterOf(String(retryAfter ?? '')),
  };
}

function retryAfterOf(header: string): { retryAfterMs?: number } {
  const seconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  if (!(seconds > 0)) return {};
  return { retryAfterMs: Math.min(seconds, 24 * 3600 * 1000) };
}

/** Without the URL: its path may be the receiver's secret. */
function explain(error: unknown, timeoutMs: number): string {
  const refusal = [error, (error as Error).cause].find((e) => e instanceof EngineError);
  if (refusal) return (refusal as EngineError).message;
  const { code = '', name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError') return `No answer within ${timeoutMs / 1000} s`;
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) return 'The receiver does not answer in HTTP';
  return `No connection to the receiver (${code || name || 'unknown'})`;
}
