import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request, type Dispatcher } from 'undici';

/** Posts a file as it is on the disk, without holding it in memory. */
export async function postFile(
  url: string,
  path: string,
  options: { dispatcher: Dispatcher; headers: Record<string, string>; timeoutMs: number },
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const { dispatcher, headers, timeoutMs } = options;
  const { size } = await stat(path);
  const { statusCode, body } = await request(url, {
    method: 'POST',
    dispatcher,
    headers: { ...headers, 'content-length': String(size) },
    body: createReadStream(path),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const answer = await body.json().catch(() => ({}));
  return { status: statusCode, answer: answer as Record<string, unknown> };
}
