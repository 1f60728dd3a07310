import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  NodeHelpers,
  type INode,
  type INodeProperties,
  type INodePropertyCollection,
  type INodePropertyOptions,
  type INodeType,
} from 'n8n-workflow';
import { WarblerApi } from '../../dist/credentials/WarblerApi.credentials.js';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { WarblerTrigger } from '../../dist/nodes/WarblerTrigger/WarblerTrigger.node.js';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'nodes');
const nodes: Array<[string, INodeType, string]> = [
  ['Warbler', new Warbler(), join(dist, 'Warbler')],
  ['Warbler Trigger', new WarblerTrigger(), join(dist, 'WarblerTrigger')],
];
const warbler = new Warbler().description;
const trigger = new WarblerTrigger().description;

const optionsOf = ({ options = [] }: INodeProperties) => options as INodePropertyOptions[];
const resources = optionsOf(warbler.properties.find(({ name }) => name === 'resource')!).map(({ value }) =>
  String(value),
);
const operations = resources.flatMap((resource) => {
  const menu = warbler.properties.find(
    ({ name, displayOptions }) => name === 'operation' && displayOptions?.show?.resource?.includes(resource),
  );
  return optionsOf(menu!).map((option) => ({ resource, operation: String(option.value), option }));
});

/** Every property with those nested in collections. */
const flat = (properties: INodeProperties[]): INodeProperties[] =>
  properties.flatMap((property) => [
    property,
    ...(property.type === 'collection' ? flat(property.options as INodeProperties[]) : []),
    ...(property.type === 'fixedCollection'
      ? (property.options as INodePropertyCollection[]).flatMap(({ values }) => flat(values))
      : []),
  ]);

describe.each(nodes)('%s', (displayName, node, folder) => {
  const { description } = node;

  test('is found by its name and by WhatsApp', () => {
    const codex = JSON.parse(readFileSync(join(folder, `${displayName.replace(' ', '')}.node.json`), 'utf8')) as {
      node: string;
      alias: string[];
      categories: string[];
    };
    expect(description.displayName).toBe(displayName);
    expect(description.description).toContain('WhatsApp');
    expect(codex.node).toBe(`n8n-nodes-warbler.${description.name}`);
    expect(codex.alias).toContain('WhatsApp');
    expect(codex.categories[0]).toBe('Communication');
  });

  test('has a subtitle and two different pictures that reach the package', () => {
    const { light, dark } = description.icon as { light: string; dark: string };
    const read = (icon: string) => readFileSync(join(folder, icon.replace('file:', '')), 'utf8');
    expect(description.subtitle).toBeTruthy();
    expect(read(light)).toContain('<svg');
    expect(read(light)).not.toBe(read(dark));
  });

  test('offers what it knows from a list first, and has the method that fills it', () => {
    const locators = flat(description.properties).filter(({ type }) => type === 'resourceLocator');
    expect(locators.length).toBeGreaterThan(0);
    for (const { modes = [] } of locators) {
      expect(modes[0]).toMatchObject({ name: 'list', typeOptions: { searchable: true } });
      const method = modes[0]?.typeOptions?.searchListMethod as string;
      expect(node.methods?.listSearch?.[method]).toBeInstanceOf(Function);
    }
  });

  test('has fields worded for people', () => {
    for (const property of flat(description.properties)) {
      const words = property.displayName.split(' ');
      const titled = words.every(
        (word) => /^[A-Z0-9]/.test(word) || ['a', 'and', 'as', 'for', 'in', 'of', 'on', 'or', 'to'].includes(word),
      );
      if (property.type !== 'notice') expect([property.displayName, titled]).toEqual([property.displayName, true]);
      if (property.type === 'boolean') expect(property.description).toMatch(/^Whether /);
      if (property.placeholder && property.type === 'string') expect(property.placeholder).toMatch(/^e\.g\. /);
      expect(JSON.stringify(property)).not.toMatch(/\b(error|problem|failure)\b/i);
    }
  });
});

test('a person can also be named by phone number and by link, and everything by its ID', () => {
  const modesOf = (name: string) => {
    const locator = flat(warbler.properties).find((field) => field.name === name && field.type === 'resourceLocator');
    return locator?.modes?.map((mode) => mode.name);
  };
  for (const name of ['to', 'chat', 'contact']) expect(modesOf(name)).toEqual(['list', 'phone', 'url', 'id']);
  expect(modesOf('channel')).toEqual(['list', 'url', 'id']);
  for (const name of ['session', 'group', 'messageId', 'bulkJobId', 'participants', 'webhookId']) {
    expect(modesOf(name)).toEqual(['list', 'id']);
  }
});

test('what the editor calls By ID or By URL, whatever we call it, says what it takes', () => {
  const locators = flat([...warbler.properties, ...trigger.properties]).filter(
    ({ type }) => type === 'resourceLocator',
  );
  const typed = locators.flatMap(({ modes = [] }) => modes).filter(({ name }) => ['id', 'url'].includes(name));
  const mute = typed.filter(({ name, displayName, placeholder = '', hint = '' }) => {
    const meant = { 'By ID': 'e.g. ', 'By Link': 'e.g. https://' }[displayName];
    return !(meant ? placeholder.startsWith(meant) : name === 'id' && hint.includes('JID'));
  });
  expect(mute).toEqual([]);
  expect(new Set(typed.map(({ displayName }) => displayName)).size).toBe(4);
});

test.each([
  ['phone', '+1 (415) 555-2671', true],
  ['phone', '14155552671', true],
  ['phone', '14155552671@s.whatsapp.net', false],
  ['phone', 'Robin', false],
  ['url', 'https://wa.me/14155552671', true],
  ['url', 'https://api.whatsapp.com/send?phone=14155552671', true],
  ['url', 'https://chat.whatsapp.com/I8mjkHnC984Ubg3EVkzqxz', false],
])('in the mode %s, %s is taken: %s', (mode, value, taken) => {
  const to = warbler.properties.find(({ name }) => name === 'to')!;
  const node = { parameters: { to: { __rl: true, mode, value } }, typeVersion: 1 } as unknown as INode;
  const shown = { ...to, displayOptions: {} };
  expect(NodeHelpers.getParameterIssues(shown, node.parameters, '', node, warbler).parameters === undefined).toBe(
    taken,
  );
});

test('a value that was saved when a picker was a text field is no mistake', () => {
  const poll = warbler.properties.find(({ name, type }) => name === 'messageId' && type === 'resourceLocator')!;
  const node = { parameters: { messageId: '100000' }, typeVersion: 1 } as unknown as INode;
  const shown = { ...poll, displayOptions: {} };
  expect(NodeHelpers.getParameterIssues(shown, node.parameters, '', node, warbler)).toEqual({});
});

test('operations that are older than Simplify give what they always gave, unless it is turned on', () => {
  const byDefault = (wanted: boolean) =>
    warbler.properties
      .filter(({ name, default: preset }) => name === 'simple' && preset === wanted)
      .map(
        ({ displayOptions }) => `${String(displayOptions?.show?.resource)}: ${String(displayOptions?.show?.operation)}`,
      );
  expect(byDefault(false).sort()).toEqual([
    'contact: get',
    'contact: getMany',
    'group: get',
    'message: getInfo',
    'session: get',
    'session: getMany',
  ]);
  expect(byDefault(true).sort()).toEqual([
    'delivery: getMany',
    'delivery: redeliver',
    'event: getMany',
    'webhook: get',
    'webhook: getMany',
  ]);
});

test('every field says what it takes, to whoever fills it in: a person or a language model', () => {
  const mute = flat(warbler.properties)
    .filter(({ type, name }) => !/ollection|notice|hidden/.test(type) && !['resource', 'operation'].includes(name))
    .filter(({ description, hint }) => !description && !hint);
  expect(mute.map(({ displayName }) => displayName)).toEqual([]);
});

test('a list can be had whole or up to a limit', () => {
  const LISTS =
    /^(getMany|getAll|getPolls|getRecipients|getOptOuts|getBlocked|getParticipants|getRequests|get\w+Logs)$/;
  for (const { resource, operation } of operations.filter((one) => LISTS.test(one.operation))) {
    const names = warbler.properties
      .filter((property) => isShown(property, resource, operation))
      .map(({ name }) => name);
    expect([resource, operation, names]).toEqual([resource, operation, expect.arrayContaining(['returnAll'])]);
  }
});

test('menus are in the order of the alphabet', () => {
  const events = trigger.properties.find(({ name }) => name === 'events')!;
  const menus = warbler.properties.filter(({ name }) => ['resource', 'operation'].includes(name));
  for (const menu of [...menus, events]) {
    const names = optionsOf(menu).map(({ name }) => name);
    expect(names).toEqual([...names].sort((one, other) => one.localeCompare(other)));
  }
});

test('collections are in the order of the alphabet', () => {
  for (const { type, options = [] } of [...warbler.properties, ...trigger.properties]) {
    if (type !== 'collection') continue;
    const names = (options as INodeProperties[]).map(({ displayName }) => displayName);
    expect(names).toEqual([...names].sort((one, other) => one.localeCompare(other)));
  }
});

/** What the editor shows of the trigger's filters and options for a choice of events. */
function shownFor(events: string[]): string[] {
  const parameters = { session: { __rl: true, mode: 'id', value: '1' }, events, filters: {}, options: {} };
  const node = { id: 'n', name: 'n', type: 't', typeVersion: 1, position: [0, 0] as [number, number], parameters };
  const isShown = (property: INodeProperties, path: string) =>
    NodeHelpers.displayParameterPath(parameters, property, path, node, trigger);
  return trigger.properties.flatMap((property) => {
    if (!isShown(property, '')) return [];
    if (property.type !== 'collection') return property.name;
    const options = property.options as INodeProperties[];
    return [property.name, ...options.filter((one) => isShown(one, property.name)).map(({ name }) => name)];
  });
}

test('the trigger shows filters and options only where they say something', () => {
  const always = ['session', 'events', 'options', 'testWith'];
  expect(shownFor(['session.status', 'bulk.status']).sort()).toEqual([...always].sort());
  const places = [...always, 'filters', 'chats', 'from', 'in'];
  expect(shownFor(['groupChanges']).sort()).toEqual([...places].sort());
  expect(shownFor(['messages.reaction']).sort()).toEqual([...places, 'ignoreOwn'].sort());
  expect(shownFor(['poll.results']).sort()).toEqual([...places, 'ignoreOwn'].sort());
  const texts = [...places, 'types', 'contains', 'matches'];
  expect(shownFor(['message.sent']).sort()).toEqual([...texts].sort());
  const messages = [...texts, 'notice', 'collect', 'downloadMedia', 'markAsRead'];
  expect(shownFor(['messages.received', 'session.status']).sort()).toEqual([...messages].sort());
});

test('the trigger’s subtitle says what was chosen in the words of its menu', () => {
  const names = /\((\{.*\})\)\[event\]/.exec(trigger.subtitle!)?.[1];
  expect(JSON.parse(names!)).toMatchObject({ 'messages.received': 'New Message', groupChanges: 'Group Changes' });
});

test('an action is usable as a tool, under a name that tells a model of WhatsApp; a trigger is not', () => {
  expect(warbler.usableAsTool).toBe(true);
  expect(warbler.defaults.name).toContain('WhatsApp');
  expect(trigger.usableAsTool).toBeUndefined();
});

test('the node file is short, its operations live in files of their own', () => {
  const source = readFileSync(join(dist, '..', '..', 'nodes', 'Warbler', 'Warbler.node.ts'), 'utf8');
  expect(source.split('\n').length).toBeLessThanOrEqual(120);
});

/** Those that ask the engine by themselves, in place of a routing. */
const custom = new Warbler().customOperations as Record<string, Record<string, unknown> | undefined>;

describe.each(operations)('$resource: $operation', ({ resource, operation, option }) => {
  test('names a request and turns refusals into advice first', () => {
    expect(option.action).toMatch(/^[A-Z][a-z]+ (?!a |an |the )/);
    if (custom[resource]?.[operation]) return;
    expect(option.routing?.request).toMatchObject({ method: expect.any(String), url: expect.any(String) });
    const [first] = option.routing?.output?.postReceive ?? [];
    expect((first as { name: string }).name).toBe('refuse');
  });

  test('shows its own fields and no others', () => {
    const parameters = NodeHelpers.getNodeParameters(
      warbler.properties,
      { resource, operation },
      true,
      false,
      null,
      warbler,
    );
    const own = warbler.properties.filter((property) => isShown(property, resource, operation));
    expect(Object.keys(parameters ?? {}).sort()).toEqual([...new Set(own.map(({ name }) => name))].sort());
  });
});

/** Whether a field shows while all fields have their defaults. */
function isShown({ displayOptions }: INodeProperties, resource: string, operation: string): boolean {
  const chosen: Record<string, unknown> = { resource, operation };
  return Object.entries(displayOptions?.show ?? {}).every(([name, values]) => {
    const wanted = values as unknown[];
    if (name in chosen) return wanted.includes(chosen[name]);
    const other = warbler.properties.find(
      (property) => property.name === name && isShown(property, resource, operation),
    );
    return other !== undefined && wanted.includes(other.default);
  });
}

test('the credential keeps its token hidden and shows it to nobody but the engine', () => {
  const credential = new WarblerApi();
  expect(credential.properties.find(({ name }) => name === 'token')?.typeOptions?.password).toBe(true);
  expect(credential.authenticate.properties.headers).toEqual({ Authorization: '=Bearer {{$credentials.token}}' });
  expect(JSON.stringify(credential.test)).not.toContain('token}}');
});
