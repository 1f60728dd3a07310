import { createHmac, timingSafeEqual } from 'node:crypto';

/** A delivery older or newer than this may be a replayed one. The engine stamps each attempt anew. */
const TOLERANCE_S = 5 * 60;

/** What a delivery is judged by: the three Standard Webhooks headers and the body's bytes as they arrived. */
export interface Delivery {
  headers: Record<string, string | string[] | undefined>;
  rawBody: Buffer | undefined;
}

const headerOf = ({ headers }: Delivery, name: string): string => {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
};

/** The event's id, the same on every attempt to deliver it. */
export const eventIdOf = (delivery: Delivery): string => headerOf(delivery, 'webhook-id');

function isSame(given: string, expected: Buffer): boolean {
  const bytes = Buffer.from(given, 'base64');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}

function isFresh(timestamp: string, nowMs: number): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(nowMs / 1000 - Number(timestamp)) <= TOLERANCE_S;
}

/**
 * Why a delivery cannot be trusted, in words for the engine's delivery log, or undefined when it can. The signature
 * header may carry several signatures, while a secret is being changed; one that fits is enough.
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function doubtOf(delivery: Delivery, secret: string, nowMs = Date.now()): string | undefined {
  const id = eventIdOf(delivery);
  const timestamp = headerOf(delivery, 'webhook-timestamp');
  const signatures = headerOf(delivery, 'webhook-signature').split(' ');
  if (!id || !delivery.rawBody) return 'The delivery is not signed.';
  if (!isFresh(timestamp, nowMs))
    return 'The timestamp of the delivery is more than 5 minutes off. Compare the clocks.';
  const expected = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${timestamp}.`)
    .update(delivery.rawBody)
    .digest();
  const fits = signatures.some((signature) => signature.startsWith('v1,') && isSame(signature.slice(3), expected));
  return fits ? undefined : 'The signature does not fit the secret of this node.';
}
