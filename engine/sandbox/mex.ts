import type { Sender } from './accounts.ts';
import { CHANNEL_QUERIES, QueryError, type Variables } from './channel-queries.ts';
import type { Network } from './network.ts';
import { RESTRICTION_QUERIES } from './restrictions.ts';
import { child, iqError, result, stanza, text, type Stanza } from './stanza.ts';

const QUERIES = { ...CHANNEL_QUERIES, ...RESTRICTION_QUERIES };

/**
 * `<iq xmlns=w:mex><query query_id=…>`: GraphQL, each query known by its number. What is refused, and what is not
 * known, is refused as GraphQL does it: within the result.
 */
export function mex(network: Network, from: Sender, iq: Stanza): Stanza {
  const query = child(iq, 'query');
  const id = query?.attrs['query_id'];
  const variables = variablesOf(text(query));
  if (id === undefined || !variables) return iqError(iq, 400);
  const known = QUERIES[id];
  if (!known) return answer(iq, { data: null, errors: [problem(404, 'Not Found')] });
  try {
    return answer(iq, { data: { [known.path]: known.answer(network, from, variables) } });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return answer(iq, { data: { [known.path]: null }, errors: [problem(error.code, error.message, known.path)] });
  }
}

function variablesOf(written: string): Variables | undefined {
  if (written === '') return {};
  try {
    const { variables = {} } = JSON.parse(written) as { variables?: Variables };
    return variables;
  } catch {
    return undefined;
  }
}

function problem(code: number, message: string, ...path: string[]): object {
  return { message, path, extensions: { error_code: code, is_retryable: false, severity: 'CRITICAL' } };
}

const answer = (iq: Stanza, body: object): Stanza =>
  result(iq, [stanza('result', {}, Buffer.from(JSON.stringify(body)))]);
