import { lookup } from 'node:dns/promises';
import { request as httpsRequest } from 'node:https';
import { request } from 'undici';

const PATIENCE_MS = 5000;

/** Who answers at an address: a Warbler, another program, or nobody, with the reason. */
export type Somebody = 'warbler' | 'another' | { code: string };

/** Knocks where the operator's own settings say that an engine is, or could be. Sends nothing that is secret. */
export async function whoAnswers(url: string): Promise<Somebody> {
  try {
    // Not by fetch, which has ports that it does not go to.
    const { headers, body } = await request(`${url}/healthz`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      reset: true,
    });
    await body.dump();
    return headers['x-warbler-version'] ? 'warbler' : 'another';
  } catch (error) {
    const { name, code: said = 'no connection' } = error as { name?: string; code?: string };
    const code = name === 'TimeoutError' ? 'no answer' : said;
    // It speaks, though not HTTP, or not to us.
    return name === 'HTTPParserError' || /^(HPE_|UND_ERR_|ECONNRESET|EPIPE)/.test(code) ? 'another' : { code };
  }
}

/** Where WhatsApp is. */
export interface Place {
  host: string;
  port: number;
  /** Certificates to trust besides the usual ones. */
  ca?: string;
}

/** Why a name leads nowhere; `undefined`: it leads somewhere. */
export async function whyUnknown(host: string): Promise<string | undefined> {
  try {
    await lookup(host);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? 'no answer';
  }
}

/** The time by the clock of a server that speaks HTTPS. Throws with a `code` when it is not reached or not believed. */
export function dateAt(place: Place): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ ...place, method: 'HEAD', agent: false, timeout: PATIENCE_MS }, (response) => {
      response.destroy();
      resolve(response.headers.date);
    });
    asked.once('timeout', () => asked.destroy(Object.assign(new Error('timeout'), { code: 'no answer' })));
    asked.once('error', reject);
    asked.end();
  });
}
