import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { endpoint, type Example, type Json, type Parameter } from './fixtures.ts';
import { differences, documentedFor } from './matcher.ts';
import type { Answer } from './world.ts';

/** A line of docs/conformance.md. */
export interface Row {
  /** Name of the fixture. */
  fixture: string;
  endpoint: string;
  /** The parameter, or the title of the example. */
  what: string;
  documented: string;
  holds: 'yes' | 'no' | 'not applicable';
  why?: string;
}

/** A situation that cannot exist here, and why. It is listed, never passed over. */
export interface NotApplicable {
  notApplicable: string;
}
export const notApplicable = (why: string): NotApplicable => ({ notApplicable: why });

/** What a proof answers is said beside “yes”. */
type ParameterProof = (() => Promise<string | void>) | NotApplicable;
type ExampleProof = ((is: Check, example: Json) => Promise<void>) | NotApplicable;
/** Holds an answer to the documented example at hand, and hands its body on. `prefix`: the error's text goes on. */
export type Check = (answer: Answer, options?: { status?: number; prefix?: boolean }) => Answer['body'];

export interface Proofs {
  parameters?: Record<string, ParameterProof>;
  responses?: Record<string, ExampleProof>;
}

/**
 * The proofs of one documented endpoint: a test for each of its parameters and of its documented answers. Whatever is
 * documented and has no proof fails.
 */
export function prove(name: string, { parameters = {}, responses = {} }: Proofs): void {
  const fixture = endpoint(name);
  const at = fixture.path ? `${fixture.method} ${fixture.path}` : fixture.title;
  const heading = fixture.path ? `${fixture.title} (${at})` : fixture.title;
  describe(heading, () => {
    for (const parameter of fixture.parameters ?? []) {
      const proof = take(parameters, parameter.name);
      const row = { fixture: name, endpoint: heading, what: parameter.name, documented: formOf(parameter) };
      proven(row, proof);
    }
    for (const example of fixture.responses) {
      const proof = take(responses, example.title);
      const row = { fixture: name, endpoint: heading, what: example.title, documented: gist(example.body) };
      const check = checkAgainst(example, fixture.path);
      proven(row, typeof proof === 'function' ? () => proof(check, example.body) : proof);
    }
  });
  for (const left of [...Object.keys(parameters), ...Object.keys(responses)]) {
    throw new Error(`${fixture.title} documents no ${left}`);
  }
}

function take<T>(proofs: Record<string, T>, name: string): T | undefined {
  const proof = Object.hasOwn(proofs, name) ? proofs[name] : undefined;
  delete proofs[name];
  return proof;
}

const rows: Row[] = [];
let expected = 0;
// While the file is read, outside of every describe: after all of its tests.
afterAll(writeRows);

/** One test, and its line in the table. */
export function proven(row: Omit<Row, 'holds' | 'why'>, proof: ParameterProof | undefined): void {
  expected += 1;
  const title = `${row.what}: ${row.documented}`;
  if (proof && 'notApplicable' in proof) {
    test(`${title} (not applicable: ${proof.notApplicable})`, () => {
      rows.push({ ...row, holds: 'not applicable', why: proof.notApplicable });
    });
    return;
  }
  test(title, async () => {
    try {
      if (!proof) throw new Error('Nobody has proven this');
      const beside = await proof();
      rows.push({ ...row, holds: 'yes', ...(beside && { why: beside }) });
    } catch (error) {
      const [why] = String((error as Error).message).split('\n');
      rows.push({ ...row, holds: 'no', why: why! });
      throw error;
    }
  });
}

/** What is printed: a line for every endpoint, with how much of it holds. */
function summary(): string {
  const endpoints = [...new Set(rows.map(({ endpoint }) => endpoint))];
  const lines = endpoints.map((endpoint) => {
    const of = rows.filter((row) => row.endpoint === endpoint);
    const count = (holds: Row['holds']) => String(of.filter((row) => row.holds === holds).length).padStart(3);
    return `${count('yes')} hold ${count('not applicable')} not applicable ${count('no')} do not: ${endpoint}`;
  });
  return `${lines.join('\n')}\n`;
}

/** For scripts/generate.mjs. A run of a part of the tests leaves what the last whole run wrote. */
function writeRows(): void {
  process.stdout.write(summary());
  if (rows.length < expected) return;
  const folder = join(import.meta.dirname, '../../.cache/conformance');
  mkdirSync(folder, { recursive: true });
  const file = basename(expect.getState().testPath!, '.test.ts');
  writeFileSync(join(folder, `${file}.json`), `${JSON.stringify(rows, null, 1)}\n`);
}

function checkAgainst({ body: example }: Example, path: string | undefined): Check {
  const documented = documentedFor(path);
  return (answer, { status, prefix = false } = {}) => {
    const { success, error, message } = example as { success?: boolean; error?: string; message?: string };
    const failure = success === false;
    const fits = status ? answer.status === status : failure ? answer.status >= 400 : answer.status < 300;
    if (!fits) throw new Error(`Status ${answer.status}: ${JSON.stringify(answer.body)}`);
    const problems = differences(example, answer.body, documented);
    if (problems.length > 0) throw new Error(problems.join('; '));
    // The text is what a program may look for; both fields carry it.
    const text = failure ? (error ?? message!) : message;
    const told = failure && error !== undefined ? answer.body['error'] : answer.body.message;
    const same = prefix ? String(told).startsWith(text!.replace(/: .*/, ': ')) : told === text;
    if (text !== undefined && !same) throw new Error(`Says ${JSON.stringify(told)}, documented: ${text}`);
    return answer.body;
  };
}

const formOf = ({ in: where, type, required }: Parameter) => `${where}, ${type}, ${required ? 'required' : 'optional'}`;

/** An example in one line: an error's text, or the keys. */
export function gist(body: Json): string {
  const { success, error, message } = (body ?? {}) as { success?: boolean; error?: string; message?: string };
  const text = error ?? message;
  return success !== true && text ? `“${text}”` : keysOf(body, 3);
}

function keysOf(value: Json, depth: number): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${keysOf(value[0]!, depth)}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (depth === 0) return '{…}';
  const fields = Object.entries(value).map(([name, field]) =>
    field !== null && typeof field === 'object' ? `${name}: ${keysOf(field, depth - 1)}` : name,
  );
  return `{${fields.join(', ')}}`;
}
