import { z } from 'zod';
import type { Operation } from '../../engine/operations/operation.ts';
import { documented, FRIEND, operations, OWN, TOKEN } from '../whatsapp/stage.ts';
import { Agent } from './agent.ts';
import { World } from './world.ts';

const { tools } = await import('../../engine/surfaces/mcp/tools.ts');

/** Things of session 1, and whoever may use session 2 alone: its API key, and a token. Both sessions are connected. */
let world: World;
let second: { id: number; phone: string; apiKey: string };
let group: string;
let token: string;
const mine: Record<string, unknown> = {};

beforeAll(async () => {
  world = await World.open();
  second = await world.session({ connected: true, keep: true });
  group = world.group([second.phone, FRIEND]);
  token = await tokenFor({ sessions: [second.id] });
  const one = { authorization: `Bearer ${TOKEN}`, 'x-warbler-session': '1' };
  const made = async (http: string, body: Record<string, unknown>): Promise<Record<string, unknown>> => {
    const answer = await ask(http, body, one);
    if (answer.status >= 300) throw new Error(`${http}: ${JSON.stringify(answer.body)}`);
    return (answer.body['data'] ?? answer.body) as Record<string, unknown>;
  };
  const text = await made('POST /api/send-message', { to: FRIEND, text: 'of session 1', wait: true });
  Object.assign(mine, { msgId: text['msgId'], waId: text['id'] });
  const later = { scheduledAt: new Date(Date.now() + 86_400_000).toISOString() };
  mine['scheduled'] = (await made('POST /api/send-message', { to: FRIEND, text: 'later', ...later }))['msgId'];
  mine['job'] = (await made('POST /api/bulk-jobs', { recipients: [FRIEND], text: 'x', start: false }))['id'];
  const inquiry = { to: FRIEND, kind: 'text', text: 'Well?' };
  mine['inquiry'] = (await made('POST /api/inquiries', inquiry))['id'];
  mine['file'] = (await made('POST /api/upload', { base64: 'aGVsbG8=', mimetype: 'text/plain' }))['id'];
  const webhooks = 'POST /api/whatsapp-sessions/1/webhooks';
  mine['webhook'] = (await made(webhooks, { url: `${world.files.url('image.jpg')}/no`, events: ['*'] }))['id'];
  await world.sandbox.send(FRIEND, { to: OWN, text: 'hello' });
  // Nobody is there: it is given up, so that nothing about it changes by itself from now on.
  const { store } = world.stage.engine;
  mine['delivery'] = await world.eventually('a parked delivery', async () => {
    const [first] = await store.deliveries.list(1, { status: 'parked' }, { after: 0, limit: 1 });
    return first?.id;
  });
});
afterAll(() => world?.close());

async function tokenFor(scope: object): Promise<string> {
  const { body } = await world.account('POST', '/api/tokens', { name: JSON.stringify(scope), scope });
  return (body.data as { token: string }).token;
}

interface Heard {
  status: number;
  body: Record<string, unknown>;
}

async function ask(http: string, fields: Record<string, unknown>, headers: Record<string, string>): Promise<Heard> {
  const [method, template] = http.split(' ') as [string, string];
  const left = { ...fields };
  let path = template.replace(/:(\w+)/g, (_, name: string) => {
    const value = String(left[name]);
    delete left[name];
    return encodeURIComponent(value);
  });
  const json = method !== 'GET';
  if (!json) path += `?${new URLSearchParams(left as Record<string, string>)}`;
  const response = await fetch(`${world.stage.engine.url}${path}`, {
    method,
    headers: { ...headers, ...(json && { 'content-type': 'application/json' }) },
    ...(json && { body: JSON.stringify(left) }),
  });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  documented(method, path, body);
  return { status: response.status, body };
}

/** Fields that name things of a session by ids which the engine, or WhatsApp, gave them. */
const THINGS: Record<string, (operation: Operation) => unknown> = {
  msgId: ({ id }) => mine[id.startsWith('scheduled.') ? 'scheduled' : 'msgId'],
  message: () => mine['msgId'],
  replyTo: () => mine['msgId'],
  id: () => mine['waId'],
  job: () => mine['job'],
  inquiryId: () => mine['inquiry'],
  webhookId: () => mine['webhook'],
  deliveryId: () => mine['delivery'],
  imageUrl: () => mine['file'],
  videoUrl: () => mine['file'],
  audioUrl: () => mine['file'],
  documentUrl: () => mine['file'],
  stickerUrl: () => mine['file'],
  profilePicUrl: () => mine['file'],
};
/** Names like those of ids, of what is WhatsApp’s and is asked there, or of nothing that belongs to a session. */
const NOT_OURS = ['groupId', 'callId', 'key', 'approvalId', 'tokenId', 'callbackUrl'];
const ofSession = ({ access }: Operation) => access === 'own' || access === 'session';
const inPath = (operation: Operation) => operation.http.includes(':whatsappSession');
const fieldsOf = (operation: Operation) => Object.keys(operation.input.shape);

/** What rules ask for beside the fields that a schema requires. */
const MORE: Record<string, object> = {
  'message.send': { text: 'of session 2' },
  'bulk.send': { recipients: [FRIEND] },
  'bulk.create': { recipients: [FRIEND], text: 'x' },
  'scheduled.update': { text: 'other' },
  'webhook.replay': { from: '2026-01-01T00:00:00Z' },
  'accountWebhook.replay': { from: '2026-01-01T00:00:00Z' },
};

/** A request that nothing is wrong with, as far as examples go. */
function filled({ id, input }: Operation): Record<string, unknown> {
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' });
  const examples = required.map((name) => [name, (properties[name] as { examples?: unknown[] }).examples?.[0]]);
  const person = 'to' in properties && !id.startsWith('webhook.') ? { to: FRIEND } : {};
  const place = 'groupJid' in properties ? { groupJid: group } : {};
  return { ...Object.fromEntries(examples), ...person, ...place, ...MORE[id] };
}

const callers = () => ({
  'the API key of another session': { authorization: `Bearer ${second.apiKey}` },
  'a token for another session': { authorization: `Bearer ${token}` },
});

/** All that a stranger could have changed about session 1. */
async function everything(): Promise<string> {
  const { store } = world.stage.engine;
  const page = { offset: 0, limit: 500 };
  const delivery = await store.deliveries.get(1, Number(mine['delivery']));
  return JSON.stringify([
    await store.sessions.get(1),
    (await store.messages.logs(1, page)).items,
    (await store.schedule.list(1, page)).items,
    (await store.jobs.list(1, {}, page)).items,
    (await store.optOuts.list(1, page)).items,
    (await store.inquiries.list(1, {}, page)).items,
    await store.subscriptions.list(1),
    [delivery?.status, delivery?.redeliveries],
    world.sandbox.messages(OWN),
  ]);
}

let asked = 0;
/** Asks as each of those who may use session 2, and answers what they heard of session 1: nothing. */
async function refused(http: string, fields: Record<string, unknown>, headers: Record<string, string> = {}) {
  for (const [who, key] of Object.entries(callers())) {
    const { status, body } = await ask(http, fields, { ...key, ...headers });
    asked++;
    expect([who, http, status, body['code']]).toEqual([who, http, 403, 'forbidden']);
  }
}

test('every field that names something is known to this suite', () => {
  const names = operations.flatMap(fieldsOf).filter((name) => /(^id|Id|Url|^key|^message|^job|^replyTo)$/.test(name));
  const unknown = names.filter((name) => !(name in THINGS) && !NOT_OURS.includes(name));
  expect([...new Set(unknown)]).toEqual([]);
});

test('no operation takes another session in its path, whether or not there is one', async () => {
  const before = await everything();
  for (const operation of operations.filter(inPath)) {
    for (const [who, headers] of Object.entries(callers())) {
      const answers = await Promise.all(
        [1, 999].map((whatsappSession) => ask(operation.http, { ...filled(operation), whatsappSession }, headers)),
      );
      asked += 2;
      expect([who, operation.id, answers[0]!.status]).toEqual([who, operation.id, 403]);
      expect(answers[1]).toEqual(answers[0]);
    }
  }
  expect(await everything()).toBe(before);
});

test('no operation takes another session in X-Warbler-Session', async () => {
  const before = await everything();
  for (const operation of operations.filter(({ access }) => access === 'session')) {
    await refused(operation.http, filled(operation), { 'x-warbler-session': '1' });
    await refused(operation.http, filled(operation), { 'x-warbler-session': '999' });
  }
  expect(await everything()).toBe(before);
});

test('nothing of the account is open', async () => {
  const before = await everything();
  for (const operation of operations.filter(({ access }) => access === 'account')) {
    await refused(operation.http, filled(operation));
  }
  await refused('GET /sandbox/phones', {});
  expect(await everything()).toBe(before);
});

/** How it is said that a thing is not there. */
const NOT_THERE = /^(message|job|inquiry|webhook|delivery|media)_not_found$/;
/** WasenderApi documents that this message is somebody else’s. */
const SAYS_WHOSE = ['message.resend'];

describe('things of another session are not there', () => {
  const cases = operations
    .filter(ofSession)
    .flatMap((operation) => fieldsOf(operation).flatMap((name) => (name in THINGS ? [{ operation, name }] : [])));

  test.each(cases.map(({ operation, name }) => [operation.id, name, operation] as const))(
    '%s by %s',
    async (id, name, operation) => {
      const before = await everything();
      const fields = { ...filled(operation), [name]: THINGS[name]!(operation) };
      if (inPath(operation)) fields['whatsappSession'] = second.id;
      for (const headers of Object.values(callers())) {
        const { status, body } = await ask(operation.http, fields, headers);
        asked++;
        const { code, data, errors } = body as { code?: string; data?: unknown; errors?: Record<string, string[]> };
        if (id === 'webhook.deliveries') expect(data).toEqual([]);
        // It tells of each setting by itself what became of it.
        else if (id === 'group.settings')
          expect(body).toMatchObject({ details: { failed: { [name]: expect.anything() } } });
        else if (SAYS_WHOSE.includes(id)) expect([status, code]).toEqual([403, 'not_permitted']);
        else if (code === 'validation_failed')
          expect(errors).toEqual({ [name]: [expect.stringMatching(/names no (file|message) of this session/)] });
        else expect([status, code]).toEqual([404, expect.stringMatching(NOT_THERE)]);
      }
      expect(await everything()).toBe(before);
    },
  );
});

test('an agent gets no further by any tool', async () => {
  const before = await everything();
  for (const key of [second.apiKey, token]) {
    const agent = await Agent.connect(world.stage.engine.url, key);
    const offered = await agent.tools();
    expect(offered).not.toContain('create_whatsapp_session');
    for (const name of offered) {
      const { operation, fields, ofSession: takesSession } = tools.get(name)!;
      if (!takesSession) continue;
      const args = Object.entries(filled(operation)).filter(([field]) => fields.includes(field));
      const { error } = await agent.call(name, { ...Object.fromEntries(args), session_id: 1 });
      asked++;
      expect([name, error?.code]).toEqual([name, 'session_not_found']);
      for (const field of fields.filter((one) => one in THINGS)) {
        const heard = await agent.call(name, { ...Object.fromEntries(args), [field]: THINGS[field]!(operation) });
        asked++;
        expect([name, field, heard.isError]).toEqual([name, field, true]);
      }
    }
    await agent.close();
  }
  expect(await everything()).toBe(before);
});

afterAll(() =>
  console.log(`sessions apart: ${asked} requests for what is another session's, nothing told, nothing changed`),
);
