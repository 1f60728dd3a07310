import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { COLLECTED, EVENT_NAMES } from '../../engine/events.ts';
import { eventFilter } from '../../engine/filter.ts';
import { operations } from '../../engine/operations/index.ts';
import { WarblerApi } from '../../dist/credentials/WarblerApi.credentials.js';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { eventsOf, GROUPS, MESSAGES } from '../../dist/nodes/WarblerTrigger/events.js';
import { filtersField } from '../../dist/nodes/WarblerTrigger/filters.js';
import { WarblerTrigger } from '../../dist/nodes/WarblerTrigger/WarblerTrigger.node.js';
import { nodeOperations, shapeOf } from '../../scripts/nodes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What a node does not offer, and why. An operation that gets a node leaves this list. */
const WITHOUT_NODE: Record<string, string> = {
  'system.health': 'asked by the credential test, not by people',
  'system.ready': 'for whoever starts the engine',
  'system.metrics': 'read by Prometheus',
  'system.authCheck': 'asked by the credential test, not by people',
  'bulk.send': 'Bulk Job: Create does more, and a workflow need not wait for it',
  'documentation.get': 'read by people and agents, not by workflows',
  'token.create': 'administration: who may do what is not decided in a workflow',
  'token.list': 'administration',
  'token.remove': 'administration',
  'media.file': 'the bytes behind a link, fetched by who is sent the link; workflows have the file already',
  'media.decrypted': 'the bytes behind a link, fetched by Media: Download',
  'webhook.sample': 'asked for by the trigger, which shows what comes',
  'accountWebhook.sample': 'asked for by the trigger, which shows what comes',
};

interface Request {
  source: string;
  method: string;
  path: string;
}

const ofNode: Request[] = nodeOperations(new Warbler().description).map(({ resource, operation, option }) => ({
  source: `${resource}: ${operation}`,
  method: String(option.routing?.request?.method),
  path: String(option.routing?.request?.url),
}));

/** The trigger, the lists and the credential ask by hand-written requests; their paths are read from the sources. */
const WEBHOOKS = '/api/whatsapp-sessions/*/webhooks';
const byHand: Request[] = [
  { source: 'credential', method: 'GET', path: String(new WarblerApi().test.request.url) },
  { source: 'credential', method: 'GET', path: '/healthz' },
  { source: 'searchBulkJobs', method: 'GET', path: '/api/bulk-jobs' },
  { source: 'searchChannels', method: 'GET', path: '/api/channels' },
  { source: 'searchChats', method: 'GET', path: '/api/chats' },
  { source: 'searchContacts', method: 'GET', path: '/api/contacts' },
  { source: 'searchGroups', method: 'GET', path: '/api/groups' },
  { source: 'searchInquiries', method: 'GET', path: '/api/inquiries' },
  { source: 'searchMembers', method: 'GET', path: '/api/groups/*/participants' },
  { source: 'searchPolls', method: 'GET', path: '/api/polls' },
  { source: 'searchScheduledMessages', method: 'GET', path: '/api/scheduled-messages' },
  { source: 'searchSessions', method: 'GET', path: '/api/whatsapp-sessions' },
  { source: 'searchWebhooks', method: 'GET', path: '/api/whatsapp-sessions/*/webhooks' },
  { source: 'files', method: 'POST', path: '/api/upload' },
  { source: 'trigger', method: 'POST', path: '/api/decrypt-media' },
  ...[WEBHOOKS, '/api/webhooks'].flatMap((path) => [
    { source: 'trigger', method: 'POST', path },
    { source: 'trigger', method: 'GET', path },
    { source: 'trigger', method: 'GET', path: `${path}/*` },
    { source: 'trigger', method: 'DELETE', path: `${path}/*` },
    { source: 'trigger', method: 'POST', path: `${path}/*/sample` },
  ]),
];

const known = operations.map(({ id, http }) => {
  const [method, path] = http.split(' ') as [string, string];
  return { id, method, path: shapeOf(path) };
});
const operationFor = ({ method, path }: Request) =>
  known.find((operation) => operation.method === method && operation.path === shapeOf(path))?.id;

/** With All Sessions chosen, operations of a webhook ask here; see nodes/Warbler/resources/webhook/webhookFields.ts. */
const ofAllSessions = ofNode
  .filter(({ source }) => source.startsWith('webhook: '))
  .map((request) => ({ ...request, path: shapeOf(request.path).replace('/whatsapp-sessions/*/', '/') }));

test.each([...ofNode, ...ofAllSessions, ...byHand])(
  '$source asks for something the engine offers: $method $path',
  (request) => {
    expect(operationFor(request)).toBeDefined();
  },
);

test('each operation has a node operation or a reason for having none', () => {
  const offered = new Set([...ofNode, ...ofAllSessions].map(operationFor));
  const without = operations.map(({ id }) => id).filter((id) => !offered.has(id));
  expect(without.sort()).toEqual(Object.keys(WITHOUT_NODE).sort());
});

test('every operation is tried in a real n8n', () => {
  const files = readdirSync(join(root, 'test/n8n')).filter((name) => name.endsWith('.test.ts'));
  const tests = files.map((name) => readFileSync(join(root, 'test/n8n', name), 'utf8')).join();
  const untried = ofNode
    .map(({ source }) => source)
    .filter((source) => !tests.includes(`'${source}'`) && !tests.includes(`'${source.replace('message: ', '')}'`));
  expect(untried).toEqual([]);
});

test('the trigger offers every event by its name, and groups of them', () => {
  const { options, default: preset } = new WarblerTrigger().description.properties.find(
    ({ name }) => name === 'events',
  )!;
  const offered = (options as INodePropertyOptions[]).map(({ value }) => String(value));
  expect(offered.sort()).toEqual([...EVENT_NAMES, ...Object.keys(GROUPS)].sort());
  expect(eventsOf(offered).sort()).toEqual([...EVENT_NAMES].sort());
  expect(preset).toEqual(['messages.received']);
});

test('the trigger filters by what the engine can filter by, and by all of it', () => {
  const options = filtersField.options as INodeProperties[];
  const valuesOf = (field: string) => {
    const menu = options.find(({ name }) => name === field)?.options as INodePropertyOptions[];
    return menu.map(({ value }) => value).sort();
  };
  const { text, ...conditions } = eventFilter.shape;
  const { chats, types } = conditions;
  expect(valuesOf('chats')).toEqual([...chats.unwrap().element.options].sort());
  expect(valuesOf('types')).toEqual([...types.unwrap().element.options].sort());
  const known = [...Object.keys(conditions), ...Object.keys(text.unwrap().shape)];
  expect(options.map(({ name }) => name).sort()).toEqual(known.sort());
  expect([...MESSAGES].sort()).toEqual([...COLLECTED].sort());
});

test('the paths listed by hand are the ones in the sources', () => {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const subscription = shapeOf(read('nodes/WarblerTrigger/subscription.ts'));
  for (const path of [WEBHOOKS, "'/api/webhooks'", '/sample']) expect(subscription).toContain(path);
  expect(read('nodes/WarblerTrigger/media.ts')).toContain("path: '/api/decrypt-media'");
  const list = (name: string) => read(`nodes/Warbler/listSearch/${name}.ts`);
  for (const { source, path } of byHand.filter(({ source }) => source.startsWith('search'))) {
    expect([source, shapeOf(list(source))]).toEqual([source, expect.stringContaining(path)]);
  }
  const lists = readdirSync(join(root, 'nodes/Warbler/listSearch')).filter((name) => name.startsWith('search'));
  const sources = byHand.map(({ source }) => `${source}.ts`);
  // Made of the others.
  expect(lists.filter((name) => !sources.includes(name))).toEqual(['searchRecipients.ts']);
  expect(read('nodes/Warbler/shared/files.ts')).toContain("url: '/api/upload'");
  expect(read('nodes/Warbler/sendAndWait/ask.ts')).toContain("path: '/api/inquiries'");
  expect(read('credentials/WarblerApi.credentials.ts')).toContain('/healthz');
});
