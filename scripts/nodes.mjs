import { z } from 'zod';

/** Each operation of the Warbler node: resource, value in the menu, and the menu's option. */
export function nodeOperations({ properties }) {
  return properties
    .filter(({ name }) => name === 'operation')
    .flatMap(({ displayOptions, options }) =>
      options.map((option) => ({ resource: displayOptions.show.resource[0], operation: option.value, option })),
    );
}

/** Brings a node's `=/api/x/{{ … }}/y` and an engine's `/api/x/:id/y` to one form, with a star for what is filled in. */
export const shapeOf = (path) => path.replace(/^=/, '').replace(/\{\{.*?\}\}|\$\{[^}]*\}|:[A-Za-z_]+/g, '*');

/** What a step of the node makes of any answer, for the steps that do not pass on what the engine said. */
const MADE_BY_STEP = {
  eventInShort: {
    event: { type: 'string' },
    id: { type: 'string' },
    seq: { type: 'integer' },
    timestamp: { type: 'integer' },
    text: { type: 'string' },
    phone: { type: ['string', 'null'] },
    chat: { type: 'string' },
    name: { type: ['string', 'null'] },
    type: { type: 'string' },
    isGroup: { type: 'boolean' },
    media: { type: ['object', 'null'] },
    messageId: { type: 'string' },
  },
  confirmDeletion: { deleted: { type: 'boolean' } },
  toPicture: { session: { type: 'string' } },
  fetchFile: { fileName: { type: 'string' }, mimeType: { type: 'string' }, fileSize: { type: 'string' } },
};

/** The JSON schema of an operation's output, as n8n reads such files: types only. */
function plain({ type, anyOf, properties, items }) {
  const options = anyOf?.filter((option) => option.type !== 'null');
  if (options) {
    const first = plain(options[0]);
    return options.length === anyOf.length ? first : { ...first, type: [first.type, 'null'].flat() };
  }
  return {
    type: type ?? 'object',
    ...(properties && { properties: mapped(properties) }),
    ...(items && { items: plain(items) }),
  };
}
const mapped = (properties) =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, plain(schema)]));

/** One item of what `unwrap` in nodes/Warbler/shared/answers.ts makes of an answer. */
function itemOf(schema) {
  const { items, data } = schema.properties ?? {};
  const list = [schema, items, data].find((candidate) => candidate?.type === 'array');
  const item = list ? list.items : schema;
  if (item.type === 'object') {
    return Object.keys(item.properties ?? {}).length > 0 ? item.properties : { success: { type: 'boolean' } };
  }
  return { jid: item };
}

/** Whether a field of an operation is on unless somebody turns it off. */
const isOn = ({ properties }, name, { resource, operation }) =>
  properties.some(
    (property) =>
      property.name === name &&
      property.default === true &&
      property.displayOptions?.show?.resource?.includes(resource) &&
      property.displayOptions.show.operation?.includes(operation),
  );

/** What comes of a question (nodes/Warbler/sendAndWait/answer.ts): the answer as the engine tells it, or that there is none. */
function outcomeOf(engineOperations) {
  const { output } = engineOperations.find(({ id }) => id === 'inquiry.get');
  const { answer } = plain(z.toJSONSchema(output, { io: 'output', unrepresentable: 'any' })).properties;
  const text = { type: 'string' };
  const properties = { answered: { type: 'boolean' }, ...answer.properties, status: text, error: text };
  return { data: { type: 'object', properties } };
}

/** Path of each schema file under nodes/Warbler/__schema__, with what belongs into it. */
export function outputSchemas(description, engineOperations) {
  const byRequest = new Map(
    engineOperations.map((operation) => {
      const [method, path] = operation.http.split(' ');
      return [`${method} ${shapeOf(path)}`, operation];
    }),
  );
  return nodeOperations(description).flatMap(({ resource, operation, option }) => {
    if (operation === 'sendAndWait') {
      const properties = outcomeOf(engineOperations);
      return [[`v1.0.0/${resource}/${operation}.json`, { type: 'object', properties, version: 1 }]];
    }
    const { method, url } = option.routing.request;
    const known = byRequest.get(`${method} ${shapeOf(url)}`);
    if (!known) return [];
    const step = option.routing.output.postReceive.at(-1);
    const output = z.toJSONSchema(known.output, { io: 'output', unrepresentable: 'any' });
    const whole = MADE_BY_STEP[step.name] ?? itemOf(plain(output));
    const isSimple = step.fields && isOn(description, 'simple', { resource, operation });
    const left = isSimple ? step.fields : Object.keys(whole);
    const properties = Object.fromEntries(left.map((field) => [field, whole[field]]));
    return [[`v1.0.0/${resource}/${operation}.json`, { type: 'object', properties, version: 1 }]];
  });
}

/** The README's table of resources and operations. */
export function operationsTable(description) {
  const resources = description.properties.find(({ name }) => name === 'resource').options;
  const rows = resources.map(({ name, value }) => {
    const names = nodeOperations(description)
      .filter(({ resource }) => resource === value)
      .map(({ option }) => option.name);
    return `| ${name} | ${names.join(', ')} |`;
  });
  return ['| resource | operations |', '|---|---|', ...rows].join('\n');
}
