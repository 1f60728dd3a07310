import { request, type Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { SubscriptionRecord } from '../model.ts';
import { signatureHeaders } from './signature.ts';

/** For everything, from the connection to the end of the answer. */
const TIMEOUT_MS = 30_000;
/** Nobody reads an answer's body: one that is longer costs its connection. */
const ANSWER_BYTES = 64 * 1024;
const LONGEST_PATIENCE_MS = 24 * 3600 * 1000;

export interface AttemptOptions {
  agent: Dispatcher;
  /** Says what time it is. How long a receiver may take is real time: its network knows no other. */
  clock: Clock;
  timeoutMs?: number;
}

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
  { agent, clock, timeoutMs = TIMEOUT_MS }: AttemptOptions,
): Promise<Attempt> {
  // It cannot be read any more: see the subscription's parkedReason.
  if (!subscription.secret) return { outcome: 'retry', error: 'Nothing can be signed: the secret cannot be read' };
  const body = JSON.stringify(event);
  try {
    const response = await request(subscription.url, {
      method: 'POST',
      dispatcher: agent,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Warbler',
        ...signatureHeaders(subscription.secret, event.id, body, clock.now()),
        // WasenderApi's clients compare this header with the secret itself.
        ...(subscription.format === 'wasender' && { 'x-webhook-signature': subscription.secret }),
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    // The status decides; the body is only read so that the connection can be used again.
    await response.body.dump({ limit: ANSWER_BYTES }).catch(() => {});
    return judge(response.statusCode, retryAfterOf(response.headers['retry-after'], clock.now()));
  } catch (error) {
    return { outcome: 'retry', error: explain(error, timeoutMs) };
  }
}

function judge(httpStatus: number, patience: { retryAfterMs?: number }): Attempt {
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
    ...patience,
  };
}

/** Seconds, or a date; what is neither asks for nothing. */
function retryAfterOf(header: string | string[] | undefined, now: number): { retryAfterMs?: number } {
  const text = String(header ?? '').trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (!(ms > 0)) return {};
  return { retryAfterMs: Math.min(ms, LONGEST_PATIENCE_MS) };
}

/** Without the URL: its path may be the receiver's secret. */
function explain(error: unknown, timeoutMs: number): string {
  const refusal = [error, (error as Error).cause].find((e) => e instanceof EngineError);
  if (refusal) return (refusal as EngineError).message;
  const { code = '', name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError') return `No answer within ${timeoutMs / 1000} s`;
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'The receiver answers with more headers than anybody reads';
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) return 'The receiver does not answer in HTTP';
  return `No connection to the receiver (${code || name || 'unknown'})`;
}
