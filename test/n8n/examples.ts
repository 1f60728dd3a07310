import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, type Workflow } from './n8n.ts';
import { typed } from './workbench.ts';

const folder = join(root, 'examples');

type Node = Workflow['nodes'][number] & { parameters: Record<string, unknown> };

export interface Example {
  name: string;
  nodes: Node[];
  connections: Record<string, unknown>;
}

/** What somebody who has imported an example fills in: values of fields, by the name of the node. */
export type Choices = Record<string, Record<string, unknown>>;

export const exampleNames = () =>
  readdirSync(folder).flatMap((file) => (file.endsWith('.json') ? [file.replace(/\.json$/, '')] : []));

export const readExample = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Example;

/** Where the editor asks for something from a list. */
export const isToBeChosen = (value: unknown) =>
  typeof value === 'object' && value !== null && 'mode' in value && 'value' in value && value.value === '';

/**
 * An example as it stands in the editor once somebody has followed its note: session 1 wherever a session is asked for,
 * a credential for what is not ours by its type, and the choices. Throws when something is left to be chosen.
 */
export function filledIn(name: string, choices: Choices, credentials: Record<string, object>): Example {
  const example = readExample(name);
  const strangers = Object.keys(choices).filter((one) => !example.nodes.some((node) => node.name === one));
  if (strangers.length > 0) throw new Error(`${name} has no node ${strangers.join(', ')}`);
  const nodes = example.nodes.map((node) => filledInNode(node, choices[node.name] ?? {}, credentials));
  return { ...example, nodes };
}

function filledInNode(node: Node, choices: Record<string, unknown>, all: Record<string, object>): Node {
  const parameters = { ...node.parameters };
  if (isToBeChosen(parameters['session'])) parameters['session'] = typed('1');
  if (node.type === 'n8n-nodes-base.set') parameters['assignments'] = assigned(parameters['assignments'], choices);
  else Object.assign(parameters, choices);
  const left = Object.keys(parameters).filter((field) => isToBeChosen(parameters[field]));
  if (left.length > 0) throw new Error(`${node.name}: nobody has chosen ${left.join(', ')}`);
  const type = credentialOf(node);
  return { ...node, parameters, ...(type && { credentials: { [type]: all[type] } }) };
}

function assigned(assignments: unknown, choices: Record<string, unknown>) {
  const given = (assignments as { assignments: Array<{ name: string; value: unknown }> }).assignments;
  return { assignments: given.map((one) => ({ ...one, value: choices[one.name] ?? one.value })) };
}

/** Which credential the editor asks for, of nodes that are not ours. */
function credentialOf({ type, parameters }: Node): string | undefined {
  if (type.endsWith('.lmChatOpenAi')) return 'openAiApi';
  return parameters['authentication'] === 'basicAuth' ? 'httpBasicAuth' : undefined;
}
