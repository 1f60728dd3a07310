import { z } from 'zod';

const TITLES = {
  system: 'Engine',
  session: 'Sessions',
  message: 'Messages',
  chat: 'Chats and presence',
  call: 'Calls',
  media: 'Media',
  contact: 'Contacts',
  group: 'Groups',
  channel: 'Channels',
  webhook: 'Webhooks and events',
};
const ACCESS = {
  public: 'none',
  account: 'personal access token',
  own: 'personal access token, or the key of this session',
  session: 'session key, or personal access token with `X-Warbler-Session`',
};

/** The page of the REST API, in Markdown: every operation with its fields, by resource, in the order of the list. */
export function apiPage(operations) {
  const resources = [...new Set(operations.map(({ id }) => id.split('.')[0]))];
  const parts = resources.map((resource) => {
    const own = operations.filter(({ id }) => id.startsWith(`${resource}.`));
    return [`## ${TITLES[resource]}`, ...own.map(section)].join('\n\n');
  });
  return [
    '# REST API',
    'Every request that the engine answers. Bodies are JSON; fields in the path win over those in the query and the body. An answer is `{"success": true, "data": …}` unless said otherwise, a refusal `{"success": false, "code", "message", "error", "errors"?, "retry_after"?, "details"?}`. This page is generated from `engine/operations/` (`npm run generate`).',
    ...parts,
    '',
  ].join('\n\n');
}

const ENVELOPE = {
  flat: 'The fields of the answer stand beside `success`.',
  bare: 'The answer is the object alone.',
};

function section({ http, summary, access, input, envelope, answers, status }) {
  const rows = fields(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }));
  const table = rows.length
    ? ['| field | type | about |', '|---|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n')
    : '';
  const notes = [
    `Needs: ${ACCESS[access]}.`,
    answers === 'file' ? 'Answers the file.' : ENVELOPE[envelope],
    status && status !== 200 ? `Status ${status}.` : undefined,
  ].filter(Boolean);
  return [`### \`${http}\``, `${summary}. ${notes.join(' ')}`, table].filter(Boolean).join('\n\n');
}

/** One row per field, those of objects behind a dot. */
function fields(schema, prefix = '') {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const about = [required.has(name) ? '**required**' : '', field.description, fallback(field)].filter(Boolean);
    const row = [`\`${path}\``, typeOf(field), about.join('. ').replaceAll('|', '\\|')];
    const inner = field.type === 'array' ? field.items : field;
    return [row, ...(inner?.properties ? fields(inner, `${path}${field.type === 'array' ? '[]' : ''}.`) : [])];
  });
}

const fallback = ({ default: value }) =>
  value === undefined || value === null ? undefined : `Default \`${JSON.stringify(value)}\``;

function typeOf({ type, anyOf, enum: values, const: value, items }) {
  if (values) return values.map((one) => `\`${one}\``).join(', ');
  if (value !== undefined) return `\`${value}\``;
  if (anyOf) return [...new Set(anyOf.filter((one) => one.type !== 'null').map(typeOf))].join(' or ');
  if (type === 'array') return `list of ${typeOf(items ?? {})}`;
  return [type ?? 'any']
    .flat()
    .filter((one) => one !== 'null')
    .join(' or ');
}
