import { operations, type Answer, type Stage } from './stage.ts';

/**
 * Calls an operation by its id, as a client would: parameters go where its path names them, the rest into the query
 * or the body. A successful answer is held to the operation's own output schema.
 */
export async function ask(
  stage: Stage,
  id: string,
  input: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const operation = operations.find((one) => one.id === id)!;
  const [method, template] = operation.http.split(' ') as [string, string];
  const rest = { ...input };
  const path = template.replace(/:(\w+)/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]));
    delete rest[name];
    return value;
  });
  const query = Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]);
  const answer =
    method === 'GET'
      ? await stage.call(method, `${path}?${new URLSearchParams(query).toString()}`, undefined, headers)
      : await stage.call(method, path, rest, headers);
  if (answer.status < 300) {
    const { success: _, ...flat } = answer.body;
    const output = { flat, bare: answer.body, data: answer.body.data }[operation.envelope ?? 'data'];
    operation.output.parse(output);
  }
  return answer;
}

/** The data of an answer that must be a success. */
export async function asked<T>(stage: Stage, id: string, input: Record<string, unknown> = {}): Promise<T> {
  const { status, body } = await ask(stage, id, input);
  if (status >= 300) throw new Error(`${id} answered ${status}: ${JSON.stringify(body)}`);
  return (body.data ?? body) as T;
}

/** The status, our code and the text of a refusal. */
export async function refused(
  stage: Stage,
  id: string,
  input: Record<string, unknown> = {},
): Promise<{ status: number; code: unknown; error: unknown }> {
  const { status, body } = await ask(stage, id, input);
  return { status, code: body.code, error: body['error'] };
}
