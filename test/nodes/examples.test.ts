import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  NodeHelpers,
  type INodeParameters,
  type INodeProperties,
  type INodePropertyOptions,
  type INodeTypeDescription,
} from 'n8n-workflow';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { WarblerTrigger } from '../../dist/nodes/WarblerTrigger/WarblerTrigger.node.js';
import { exampleNames, isToBeChosen, readExample, type Example } from '../n8n/examples.ts';
import { root } from '../n8n/n8n.ts';

type Node = Example['nodes'][number];

const warbler = new Warbler().description;
const ours: Record<string, INodeTypeDescription> = {
  'n8n-nodes-warbler.warbler': warbler,
  'n8n-nodes-warbler.warblerTool': warbler,
  'n8n-nodes-warbler.warblerTrigger': new WarblerTrigger().description,
};
const OF_N8N = /^(n8n-nodes-base|@n8n\/n8n-nodes-langchain)\./;
/** What n8n adds to a node that is a tool. */
const OF_TOOLS = ['descriptionType', 'toolDescription'];
const NOTE = 'n8n-nodes-base.stickyNote';

const isOurs = ({ type }: Node) => type in ours;
const isNote = ({ type }: Node) => type === NOTE;
const readme = readFileSync(join(root, 'examples', 'README.md'), 'utf8');

describe.each(exampleNames())('The example %s', (name) => {
  const example = readExample(name);
  const { nodes, connections } = example;
  const steps = nodes.filter((node) => !isNote(node));
  const links = Object.entries(connections).flatMap(([from, kinds]) =>
    Object.entries(kinds as Record<string, Array<Array<{ node: string }>>>).flatMap(([kind, outputs]) =>
      outputs.flat().map((to) => ({ from, kind, to: to.node })),
    ),
  );

  test('is in the table of the README', () => {
    expect(readme).toContain(`| [${name}.json](${name}.json) |`);
    expect(example.name).toMatch(/^Warbler: /);
  });

  test('brings nothing of whoever made it: credentials, data, people', () => {
    const text = JSON.stringify(example);
    expect(text).not.toMatch(/"(credentials|meta|instanceId|versionId|staticData)":/);
    expect(example).toMatchObject({ pinData: {} });
    for (const [number] of text.matchAll(/(?<![\w-])\d{10,}/g)) expect(number).toMatch(/^1(555|415555)\d+$/);
    expect(text).not.toMatch(/[\w.]+@[\w-]+\.\w+/);
  });

  test('asks for the session in the editor, or takes that of the trigger', () => {
    for (const { name: node, parameters } of nodes.filter(isOurs)) {
      const session = parameters['session'] as { mode: string; value: string };
      const isExpression = session.mode === 'id' && /^=\{\{ .*sessionId \}\}$/.test(session.value);
      // The demo runs the echo as it is.
      const isOfDemo = name === 'echo' && session.value === '1';
      expect([node, isToBeChosen(session) || isExpression || isOfDemo]).toEqual([node, true]);
    }
  });

  test('uses what our nodes have, by the names that a community installation has', () => {
    for (const { type } of nodes) expect([type, type in ours || OF_N8N.test(type)]).toEqual([type, true]);
    for (const { name: node, type, parameters } of nodes.filter(isOurs)) {
      const description = ours[type]!;
      const given = parameters as INodeParameters;
      const shown = description.properties.filter((one) => NodeHelpers.displayParameter(given, one, null, description));
      const unknown = Object.keys(given).filter((field) => !shown.some((one) => one.name === field));
      expect([node, unknown.filter((field) => !OF_TOOLS.includes(field))]).toEqual([node, []]);
      for (const property of shown) {
        const wrong = wrongIn(property, given[property.name]);
        expect([node, property.name, wrong]).toEqual([node, property.name, []]);
      }
    }
  });

  test('names its nodes in words, and says in a note what to set and how to try it', () => {
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(nodes.length);
    expect(new Set(nodes.map((node) => node.name)).size).toBe(nodes.length);
    for (const step of steps) expect(step.name).toMatch(/^[A-Z][A-Za-z15?, ]+$/);
    const words = nodes
      .filter(isNote)
      .map(({ parameters }) => String(parameters['content']))
      .join('\n');
    expect(words).toMatch(/\*\*Set\*\*[^]*\*\*Try\*\*/);
    for (const [, node] of words.matchAll(/^\d\. \*([^*]+)\*/gm)) {
      expect(steps.map((step) => step.name)).toContain(node);
    }
  });

  test('connects all its nodes, from left to right', () => {
    const at = (wanted: string) => nodes.find((node) => node.name === wanted)!['position'] as [number, number];
    for (const { from, kind, to } of links) {
      if (kind === 'main') expect(at(from)[0]).toBeLessThan(at(to)[0]);
      else expect(at(from)[1]).toBeGreaterThan(at(to)[1]);
    }
    const connected = new Set(links.flatMap(({ from, to }) => [from, to]));
    expect([...connected].sort()).toEqual(steps.map((node) => node.name).sort());
  });

  test('covers none of its nodes with another', () => {
    const boxes = nodes.map((node) => ({ name: node.name, ...boxOf(node) }));
    const pairs = boxes.flatMap((one, index) => boxes.slice(index + 1).map((other) => [one, other] as const));
    const covered = pairs.filter(([one, other]) => isTouching(one, other));
    expect(covered.map(([one, other]) => `${one.name} and ${other.name}`)).toEqual([]);
  });
});

/** What a menu or a collection of ours does not offer. */
function wrongIn({ type, options = [] }: INodeProperties, value: unknown): unknown[] {
  if (value === undefined || String(value).startsWith('=')) return [];
  const offered: unknown[] = (options as INodePropertyOptions[]).map((one) =>
    type === 'collection' ? one.name : one.value,
  );
  const isMenu = ['options', 'multiOptions'].includes(type);
  const used = type === 'collection' ? Object.keys(value as object) : isMenu ? [value].flat() : [];
  return used.filter((one) => !offered.includes(one));
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How large the editor draws a node: with its name below, an agent wider than others. */
function boxOf({ type, position, parameters }: Node): Box {
  const [x, y] = position as [number, number];
  if (type === NOTE) return { x, y, width: Number(parameters['width']), height: Number(parameters['height']) };
  return { x, y, width: type.endsWith('.agent') ? 256 : 96, height: 128 };
}

const isTouching = (one: Box, other: Box) =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;
