import type { ICredentialsDecrypted, ICredentialTestFunctions, INodeCredentialTestResult } from 'n8n-workflow';
import { baseUrlOf } from './engine';
import { UNREACHABLE_ADVICE } from './errors';

/** The part of a full answer of n8n's request helper that the test looks at. */
interface Answer {
  statusCode: number;
  headers: Record<string, string | undefined>;
  body?: { data?: { version?: string }; message?: string };
}

const refused = (message: string): INodeCredentialTestResult => ({ status: 'Error', message });

async function get(this: ICredentialTestFunctions, uri: string, token?: string): Promise<Answer> {
  // A credential test is given this one request helper and no other.
  const { helpers } = this;
  return (await helpers.request({
    method: 'GET',
    uri,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    json: true,
    simple: false,
    resolveWithFullResponse: true,
    timeout: 10_000,
  })) as Answer;
}

/**
 * Runs when a credential is saved. Tells apart: nothing answers, something other than the engine answers, the token is
 * wrong. The token is only shown to what has said that it is an engine.
 */
export async function testConnection(
  this: ICredentialTestFunctions,
  credential: ICredentialsDecrypted,
): Promise<INodeCredentialTestResult> {
  const url = baseUrlOf(credential.data?.url);
  if (!/^https?:\/\//.test(url)) return refused('The engine URL must begin with http:// or https://');
  try {
    const health = await get.call(this, `${url}/healthz`);
    if (health.headers['x-warbler-version'] === undefined) {
      return refused(
        `Something other than a Warbler engine answers at ${url} (HTTP ${health.statusCode}). Check host and port.`,
      );
    }
    const check = await get.call(this, `${url}/api/auth-check`, String(credential.data?.token));
    if (check.statusCode === 401) {
      return refused('The engine does not know this personal access token. "warbler token" makes a new one.');
    }
    if (check.statusCode !== 200) return refused(check.body?.message ?? `The engine answered HTTP ${check.statusCode}`);
    return { status: 'OK', message: `Connected to Warbler engine ${check.body?.data?.version ?? ''}`.trim() };
  } catch (cause) {
    const { code, message } = cause as { code?: string; message?: string };
    return refused(`Could not reach ${url} (${code ?? message}). ${UNREACHABLE_ADVICE}`);
  }
}
