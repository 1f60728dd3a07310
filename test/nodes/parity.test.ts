import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { operations } from '../../engine/operations/index.ts';
import { WarblerApi } from '../../dist/credentials/WarblerApi.credentials.js';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What a node does not offer, and why. An operation that gets a node leaves this list. */
const WITHOUT_NODE: Record<string, string> = {
  'system.health': 'asked by the credential test, not by people',
  'system.ready': 'for whoever starts the engine',
  'system.authCheck': 'asked by the credential test, not by people',
  'session.update': 'settings of a session are changed in the dashboard',
  'session.remove': 'a workflow should not be able to lose a paired account',
  'session.disconnect': 'belongs to the dashboard; a workflow connects',
  'session.restart': 'the engine recovers by itself; by hand in the dashboard',
  'session.regenerateKey': 'keys are shown to people, not to workflows',
  'webhook.create': 'the trigger registers itself',
  'webhook.list': 'the trigger looks itself up',
  'webhook.get': 'the trigger looks itself up',
  'webhook.remove': 'the trigger removes itself',
  'webhook.resume': 'registering again resumes, which activating a workflow does',
  'webhook.events': 'the log of the engine is read in the dashboard',
  'webhook.deliveries': 'the log of the engine is read in the dashboard',
  'webhook.redeliver': 'done in the dashboard by whoever looks at a delivery',
};

interface Request {
  source: string;
  method: string;
  path: string;
}

/** Brings a node's `=/api/x/{{ … }}/y` and an operation's `/api/x/:id/y` to one form, with a star for what is filled in. */
const shape = (path: string) => path.replace(/^=/, '').replace(/\{\{.*?\}\}|\$\{[^}]*\}|:[A-Za-z]+/g, '*');

const menus = new Warbler().description.properties.filter(({ name }: INodeProperties) => name === 'operation');
const ofNode: Request[] = menus.flatMap(({ options, displayOptions }) =>
  (options as INodePropertyOptions[]).map(({ value, routing }) => ({
    source: `${String(displayOptions?.show?.resource?.[0])}: ${String(value)}`,
    method: String(routing?.request?.method),
    path: String(routing?.request?.url),
  })),
);

/** The trigger, the lists and the credential ask by hand-written requests; their paths are read from the sources. */
const WEBHOOKS = '/api/whatsapp-sessions/*/webhooks';
const byHand: Request[] = [
  { source: 'credential', method: 'GET', path: String(new WarblerApi().test.request.url) },
  { source: 'credential', method: 'GET', path: '/healthz' },
  { source: 'searchSessions', method: 'GET', path: '/api/whatsapp-sessions' },
  { source: 'trigger', method: 'POST', path: WEBHOOKS },
  { source: 'trigger', method: 'GET', path: WEBHOOKS },
  { source: 'trigger', method: 'GET', path: `${WEBHOOKS}/*` },
  { source: 'trigger', method: 'DELETE', path: `${WEBHOOKS}/*` },
];

const known = operations.map(({ id, http }) => {
  const [method, path] = http.split(' ') as [string, string];
  return { id, method, path: shape(path) };
});
const operationFor = ({ method, path }: Request) =>
  known.find((operation) => operation.method === method && operation.path === shape(path))?.id;

test.each([...ofNode, ...byHand])('$source asks for something the engine offers: $method $path', (request) => {
  expect(operationFor(request)).toBeDefined();
});

test('each operation has a node operation or a reason for having none', () => {
  const offered = new Set(ofNode.map(operationFor));
  const without = operations.map(({ id }) => id).filter((id) => !offered.has(id));
  expect(without.sort()).toEqual(Object.keys(WITHOUT_NODE).sort());
});

test('the paths listed by hand are the ones in the sources', () => {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  expect(shape(read('nodes/WarblerTrigger/subscription.ts'))).toContain('/api/whatsapp-sessions/*/webhooks');
  expect(read('nodes/Warbler/listSearch/searchSessions.ts')).toContain("method: 'GET', path: '/api/whatsapp-sessions'");
  expect(read('credentials/WarblerApi.credentials.ts')).toContain('/healthz');
});
