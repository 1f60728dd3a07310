import type { z } from 'zod';

/**
 * What went wrong with a request to the control API (or to the same method called directly): an HTTP status, a code
 * for programs and a sentence that says how to go on.
 */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The value as the schema has it, or a problem that names the field. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new SandboxError(
    422,
    'invalid-request',
    `${field === '' ? 'The request' : `"${field}"`}: ${issue?.message ?? 'is not valid'}`,
  );
}
