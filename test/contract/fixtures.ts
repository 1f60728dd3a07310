import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * WasenderApi's published documentation, as files: one for every heading with an endpoint or a webhook event, and one
 * for each page that says something about all of them. Bodies are verbatim but for broken JSON; `note` says what was
 * repaired, and where the documentation contradicts itself.
 */
const FOLDER = join(import.meta.dirname, 'fixtures');

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'body' | 'header';
  type: string;
  required: boolean;
  description: string;
}

export interface Example {
  title: string;
  body: Json;
}

export interface EndpointFixture {
  title: string;
  description: string;
  /** Missing for pages that are about no single endpoint. */
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path?: string;
  parameters?: Parameter[];
  /** Commands on one line, as documented: a backslash and a space stand where a line ended. */
  curl: string[];
  responses: Example[];
  note?: string;
}

export interface EventFixture {
  title: string;
  description: string;
  event: string;
  examples: Example[];
  note?: string;
}

function read<T>(folder: string): Map<string, T> {
  const files = readdirSync(join(FOLDER, folder)).sort();
  return new Map(
    files.map((file) => [basename(file, '.json'), JSON.parse(readFileSync(join(FOLDER, folder, file), 'utf8')) as T]),
  );
}

/** By file name without `.json`. */
export const ENDPOINTS: ReadonlyMap<string, EndpointFixture> = new Map([
  ...read<EndpointFixture>('endpoints'),
  ...read<EndpointFixture>('general'),
]);
export const EVENT_FIXTURES: ReadonlyMap<string, EventFixture> = read<EventFixture>('events');

export function endpoint(name: string): EndpointFixture {
  const fixture = ENDPOINTS.get(name);
  if (!fixture) throw new Error(`No fixture is called ${name}`);
  return fixture;
}
