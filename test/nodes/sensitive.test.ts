import { z } from 'zod';
import { operations } from '../../engine/operations/index.ts';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { nodeOperations, shapeOf } from '../../scripts/nodes.mjs';

/** Names of what nobody should read in a log of executions. */
const SECRET = /secret|api_?key|token|password|proxy|^qr/i;
/** Named like that, and no secret: the name of the token that an agent has. */
const HARMLESS = ['token'];
/** Not named like that: the code that links a phone. Within something else a code is the name of a reason. */
const PAIRING_CODE = 'code';

interface Schema {
  type?: string | string[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** Paths of the secrets in an answer, as n8n names fields of an item. */
function secretsIn(schema: Schema, path = ''): string[] {
  const { anyOf = [], properties = {}, items } = schema;
  return [
    ...anyOf.flatMap((option) => secretsIn(option, path)),
    // A list becomes an item per entry, and so does what an envelope of a page holds.
    ...(items ? secretsIn(items, path === '' || /^(items|data)\.$/.test(path) ? '' : path.replace(/\.$/, '[*].')) : []),
    ...Object.entries(properties).flatMap(([name, inner]) => {
      const isSecret = (SECRET.test(name) && !HARMLESS.includes(name)) || `${path}${name}` === PAIRING_CODE;
      return [...(isSecret ? [`${path}${name}`] : []), ...secretsIn(inner, `${path}${name}.`)];
    }),
  ];
}

const { description } = new Warbler();
const asked = nodeOperations(description).map(({ option }) => {
  const { method, url } = option.routing!.request!;
  return operations.find(({ http }) => shapeOf(http) === `${String(method)} ${shapeOf(String(url))}`)!;
});
const secrets = [
  ...new Set(asked.flatMap(({ output }) => secretsIn(z.toJSONSchema(output, { unrepresentable: 'any' }) as Schema))),
];

test('every secret in an answer is redacted where n8n shows executions', () => {
  expect(secrets).toEqual(expect.arrayContaining(['api_key', 'code', 'webhook_secret', 'proxy_url', 'secret']));
  expect(description.sensitiveOutputFields).toEqual(expect.arrayContaining(secrets));
});
