import type { INodeProperties, INodePropertyOptions, INodePropertyRouting } from 'n8n-workflow';
import { operations } from '../../engine/operations/index.ts';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { nodeOperations, shapeOf } from '../../scripts/nodes.mjs';

const RARELY_TO_MANY = 'rarely sent to many; the REST API takes it';
/** Fields of the engine that no node sets, and why. */
const WITHOUT_FIELD: Record<string, string> = {
  'inquiry.list page': 'set by the pagination',
  'inquiry.list per_page': 'set by the pagination',
  'approval.list page': 'set by the pagination',
  'approval.list per_page': 'set by the pagination',
  'bulk.create buttons': RARELY_TO_MANY,
  'bulk.create contact': RARELY_TO_MANY,
  'bulk.create contacts': RARELY_TO_MANY,
  'bulk.create event': RARELY_TO_MANY,
  'bulk.create footer': RARELY_TO_MANY,
  'bulk.create gif': RARELY_TO_MANY,
  'bulk.create list': RARELY_TO_MANY,
  'bulk.create location': RARELY_TO_MANY,
  'bulk.create mentionAll': RARELY_TO_MANY,
  'bulk.create mentions': RARELY_TO_MANY,
  'bulk.create poll': RARELY_TO_MANY,
  'bulk.create stickerUrl': RARELY_TO_MANY,
  'bulk.create videoNote': RARELY_TO_MANY,
  'bulk.create voice': RARELY_TO_MANY,
  'bulk.list page': 'set by the pagination',
  'bulk.list per_page': 'set by the pagination',
  'bulk.listRecipients page': 'set by the pagination',
  'bulk.listRecipients per_page': 'set by the pagination',
  'chat.list limit': 'set by the pagination',
  'chat.list page': 'set by the pagination',
  'chat.list paginated': 'set by the pagination',
  'contact.list paginated': 'set by the pagination',
  'contact.list page': 'set by the pagination',
  'contact.list limit': 'set by the pagination',
  'group.list paginated': 'set by the pagination',
  'group.list page': 'set by the pagination',
  'group.list limit': 'set by the pagination',
  'optOut.list page': 'set by the pagination',
  'optOut.list per_page': 'set by the pagination',
  'session.connect qr_as_image': 'Session: Get QR Code gives the picture as a file',
  'session.messageLogs page': 'set by the pagination',
  'session.messageLogs per_page': 'set by the pagination',
  'session.sessionLogs page': 'set by the pagination',
  'session.sessionLogs per_page': 'set by the pagination',
  'scheduled.list page': 'set by the pagination',
  'scheduled.list per_page': 'set by the pagination',
  'media.decrypt data': 'the engine has the message; its ID is enough',
  'media.decrypt msgId': 'id takes it, too',
  'media.upload base64': 'the file is the body',
  'media.upload mimetype': 'told by the file',
  'media.upload fileName': 'told by the file',
  'message.list limit': 'set by the pagination',
  'message.polls limit': 'set by the pagination',
  'message.polls page': 'set by the pagination',
  'message.polls paginated': 'set by the pagination',
  'message.send contact': 'contacts holds one as well',
  'message.send buttons': 'not shown by every WhatsApp; a poll is',
  'message.send list': 'not shown by every WhatsApp; a poll is',
  'message.send footer': 'belongs to buttons and lists',
  'webhook.deliveries after': 'set by the pagination',
  'webhook.deliveries limit': 'set by the pagination',
  'webhook.events limit': 'set by the pagination',
};

const { properties } = new Warbler().description;

/** The names that one routing sends, in body and query; `key.id` is part of `key`. */
function sentBy(routing: INodePropertyRouting | undefined): string[] {
  const { body, qs } = (routing?.request ?? {}) as { body?: object; qs?: object };
  const { property } = routing?.send ?? {};
  return [...Object.keys(body ?? {}), ...Object.keys(qs ?? {}), ...(property ? [property.split('.')[0]!] : [])];
}

/** What a field sends, with what is in its collection and what its choices add. */
const sentByField = ({ routing, options = [] }: INodeProperties): string[] => [
  ...sentBy(routing),
  ...(options as Array<INodeProperties & INodePropertyOptions>).flatMap((option) => sentByField(option)),
];

/** Every field that can be shown for an operation, whatever is chosen in the others. */
const fieldsOf = (resource: string, operation: string) =>
  properties.filter(({ displayOptions, name }) => {
    const { resource: resources, operation: own } = displayOptions?.show ?? {};
    return name !== 'operation' && name !== 'resource' && resources?.includes(resource) && own?.includes(operation);
  });

/** What Send and Wait for Response sends is looked at in sendAndWait.test.ts. */
const routed = nodeOperations(new Warbler().description).filter(({ operation }) => operation !== 'sendAndWait');
const requests = routed.map(({ resource, operation, option }) => {
  const { method, url } = option.routing!.request!;
  const known = operations.find(({ http }) => shapeOf(http) === `${String(method)} ${shapeOf(String(url))}`);
  const sent = [...sentBy(option.routing), ...fieldsOf(resource, operation).flatMap(sentByField)];
  return { name: `${resource}: ${operation}`, known, sent };
});

test.each(requests)('$name sends only what the engine takes', ({ known, sent }) => {
  const taken = Object.keys(known?.input.shape ?? {});
  expect(sent.filter((field) => !taken.includes(field))).toEqual([]);
});

test('every field that the engine takes can be set, or has a reason', () => {
  const missing = operations.flatMap(({ id, http, input }) => {
    const asking = requests.filter(({ known }) => known?.id === id);
    const inPath = [...http.matchAll(/:([A-Za-z_]+)/g)].map(([, name]) => name);
    const set = [...inPath, ...asking.flatMap(({ sent }) => sent)];
    return asking.length === 0
      ? []
      : Object.keys(input.shape)
          .filter((field) => !set.includes(field))
          .map((field) => `${id} ${field}`);
  });
  expect(missing.sort()).toEqual(Object.keys(WITHOUT_FIELD).sort());
});

test('what the engine requires is no option in the node', () => {
  for (const { name, known } of requests) {
    if (!known) continue;
    const [resource, operation] = name.split(': ') as [string, string];
    const fields = fieldsOf(resource, operation);
    const optional = fields.filter(({ type }) => type === 'collection').flatMap(sentByField);
    const always = fields.filter(({ type }) => type !== 'collection').flatMap(sentByField);
    const required = Object.entries(known.input.shape).filter(([, schema]) => !schema.safeParse(undefined).success);
    const lost = required
      .map(([field]) => field)
      .filter((field) => optional.includes(field) && !always.includes(field));
    expect([name, lost]).toEqual([name, []]);
  }
});
