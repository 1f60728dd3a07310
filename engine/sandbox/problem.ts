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
