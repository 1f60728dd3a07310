import { operations } from '../../engine/operations/index.ts';
import { errorsOf } from '../../engine/operations/refusals.ts';

const routes = operations.map((operation) => {
  const [method, path] = operation.http.split(' ') as [string, string];
  return { method, path: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}/?$`), operation };
});

/**
 * Holds what an engine answers to its documentation: an error that the operation does not list fails the test that got
 * it. The cure is a code more in the operation's `errors`.
 */
export function documented(method: string, pathAndQuery: string, body: { success?: unknown; code?: unknown }): void {
  if (body.success !== false || typeof body.code !== 'string') return;
  const path = new URL(pathAndQuery, 'http://engine').pathname;
  const operation = routes.find((route) => route.method === method && route.path.test(path))?.operation;
  if (!operation || errorsOf(operation).some((code) => code === body.code)) return;
  throw new Error(`${operation.id} answered ${body.code}, which its errors do not list`);
}
