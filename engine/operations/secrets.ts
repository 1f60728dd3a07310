import type { Caller } from './access.ts';

/** By these fields somebody could do more than their token lets them, or for longer, and speak for the session. */
export const SECRETS: readonly string[] = ['api_key', 'webhook_secret', 'proxy_url'];

/** Whoever has the code that is to be scanned can link a phone of theirs. */
const PAIRING = ['qr', 'qrCode'];

/** Tools that are there to link a phone. */
const LINKING = ['write', 'connect_whatsapp_session', 'get_qr_code'];

/** The fields of answers that somebody does not get to see. */
export function keptFrom(caller: Caller | undefined): readonly string[] {
  const scope = caller?.token?.scope;
  if (!scope) return [];
  const mayLink = scope.access !== 'read' && (scope.tools?.some((name) => LINKING.includes(name)) ?? true);
  return mayLink ? SECRETS : [...SECRETS, ...PAIRING];
}

/** An answer, or the schema of one, without these fields, however deep they lie. */
export function without<T>(value: T, fields: readonly string[]): T {
  if (fields.length === 0) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => without(one, fields)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !fields.includes(name))
      .map(([name, inner]) => [name, without<unknown>(inner, fields)]),
  ) as T;
}
