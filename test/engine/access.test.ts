import type { Logger } from 'pino';
import type { TokenScope } from '../../engine/model.ts';
import { Agent } from '../contract/agent.ts';
import { FRIEND, operations, Stage, TOKEN, type Answer } from '../whatsapp/stage.ts';
import { TestClock } from './clock.ts';
import { silent } from './fixtures.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import { Seal } from '../../engine/store/seal.ts';

const { Door, MOST_REMEMBERED, WRONG_KEYS } = await import('../../engine/operations/door.ts');
const { hashToken } = await import('../../engine/operations/access.ts');
const { changesSomething } = await import('../../engine/operations/operation.ts');

const clock = new TestClock(Date.now());
let stage: Stage;
let second: number;
const agents: Agent[] = [];
beforeAll(async () => {
  stage = await Stage.open({ clock });
  const settings = { name: 'Two', phone_number: '+15550109999', proxy_url: 'http://user:pa55word@127.0.0.1:9' };
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', settings);
  second = (body.data as { id: number }).id;
});
afterAll(async () => {
  for (const agent of agents) await agent.close();
  await stage?.close();
});

let names = 0;
async function made(about: { scope?: TokenScope; expires_in?: number } = {}): Promise<{ id: number; token: string }> {
  const { status, body } = await stage.call('POST', '/api/tokens', { name: `token ${++names}`, ...about });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.data as { id: number; token: string };
}
const by = (token: string, method: string, path: string, body?: unknown, session = '1'): Promise<Answer> =>
  stage.call(method, path, body, { authorization: `Bearer ${token}`, 'x-warbler-session': session });
/** Without X-Warbler-Session. */
const plainly = (token: string, path: string) =>
  fetch(`${stage.engine.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
const listed = async (id: number) => {
  const { body } = await stage.call('GET', '/api/tokens');
  return (body.data as { id: number; last_used_at: string | null; expired: boolean }[]).find((one) => one.id === id);
};
async function agentWith(token: string): Promise<Agent> {
  const agent = await Agent.connect(stage.engine.url, token);
  agents.push(agent);
  return agent;
}

/** What changes nothing. Of a request that is new here: does it really not, and hands out nothing that would let somebody? */
const READING =
  'system.health system.ready system.metrics system.authCheck documentation.get token.list approval.list session.list session.get session.getStatus session.user session.messageLogs session.sessionLogs session.limits message.list message.info message.pollResults message.polls bulk.list bulk.get bulk.listRecipients optOut.list scheduled.list scheduled.get inquiry.list inquiry.get chat.list media.file media.decrypt media.decrypted contact.list contact.get contact.picture contact.blocked contact.check contact.lidFromPn contact.pnFromLid group.list group.metadata group.participants group.inviteLink group.inviteInfo group.picture group.requests channel.get channel.list webhook.list webhook.get webhook.events webhook.deliveries accountWebhook.list accountWebhook.get'.split(
    ' ',
  );

test('who may only read, may do just this', () => {
  const reading = operations.filter((operation) => !changesSomething(operation)).map(({ id }) => id);
  expect(reading).toEqual(READING);
});

describe('a token that may only read', () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await made({ scope: { access: 'read' } }));
  });

  test('reads, of all sessions and of the account', async () => {
    for (const path of ['/api/whatsapp-sessions', '/api/tokens', '/api/contacts', '/api/messages', '/api/status']) {
      expect([path, (await by(token, 'GET', path)).status]).toEqual([path, 200]);
    }
    expect((await plainly(token, '/sandbox/phones')).status).toBe(200);
  });

  test('changes nothing, by any operation', async () => {
    for (const operation of operations.filter((one) => one.access !== 'public' && changesSomething(one))) {
      const [method, path] = operation.http.split(' ') as [string, string];
      const { status, body } = await by(token, method, path.replace(/:\w+/g, '1'), method === 'GET' ? undefined : {});
      expect([operation.id, status, body.message]).toEqual([operation.id, 403, expect.stringMatching(/may only read/)]);
    }
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${stage.engine.url}/sandbox/phones`, { method: 'POST', headers })).status).toBe(403);
  });

  test('has the tools that change nothing', async () => {
    const offered = await (await agentWith(token)).tools();
    expect(offered).toEqual(expect.arrayContaining(['list_messages', 'download_media', 'list_events']));
    for (const name of ['send_text_message', 'get_qr_code', 'connect_whatsapp_session'])
      expect(offered).not.toContain(name);
  });
});

describe('a token for one session', () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await made({ scope: { sessions: [1] } }));
  });

  test('need not name it', async () => {
    expect((await plainly(token, '/api/status')).status).toBe(200);
    const { token: wider } = await made({ scope: { sessions: [1, second] } });
    expect((await plainly(wider, '/api/status')).status).toBe(400);
  });

  test('sees it alone, may change it, and nothing of the account', async () => {
    const { body } = await by(token, 'GET', '/api/whatsapp-sessions');
    expect((body.data as { id: number }[]).map(({ id }) => id)).toEqual([1]);
    expect((await by(token, 'PUT', '/api/whatsapp-sessions/1', { name: 'Renamed' })).status).toBe(200);
    expect((await by(token, 'PUT', `/api/whatsapp-sessions/${second}`, { name: 'Renamed' })).status).toBe(403);
    expect((await by(token, 'DELETE', `/api/whatsapp-sessions/${second}`)).status).toBe(403);
    expect((await by(token, 'GET', '/api/auth-check')).status).toBe(200);
    const { status, body: refusal } = await by(token, 'POST', '/api/tokens', { name: 'more' });
    expect([status, refusal.message]).toEqual([403, expect.stringMatching(/session 1 alone.*account as a whole/)]);
  });
});

test.each<[string, object, string]>([
  ['nothing', {}, 'scope'],
  ['nothing, at length', { access: 'write', mcp_only: false }, 'scope'],
  ['to sessions that do not exist', { sessions: [1, 77] }, 'scope.sessions'],
  ['what REST cannot hold to, over REST', { mcp_only: false, tools: ['read'] }, 'scope.mcp_only'],
])('a scope that limits %s is refused', async (_what, scope, field) => {
  const { status, body } = await stage.call('POST', '/api/tokens', { name: 'wrong', scope });
  expect([status, Object.keys(body['errors'] as object)]).toEqual([422, [field]]);
});

describe('a token with a scope never sees what would give it more', () => {
  const scopes: TokenScope[] = [
    { access: 'read' },
    { sessions: [1] },
    { sessions: [1], access: 'read' },
    { recipients: [`+${FRIEND}`] },
  ];
  test.each(scopes.map((scope) => [scope]))('%j', async (scope) => {
    const { token } = await made({ scope });
    const secrets = ['pa55word', '2@a-code-to-scan'];
    await stage.engine.store.commit({
      sessionId: 1,
      events: [{ event: 'qrcode.updated', lane: 'session', data: { qr: '2@a-code-to-scan' } }],
    });
    for (const { apiKey, webhookSecret } of await stage.engine.store.sessions.list())
      secrets.push(apiKey, webhookSecret);
    let asked = 0;
    const told: string[] = [];
    const hear = (who: string, text: string) => {
      asked++;
      for (const secret of secrets) if (text.includes(secret)) told.push(`${who} tells ${secret}`);
    };
    for (const { http, id } of operations.filter(({ http }) => http.startsWith('GET '))) {
      const { body } = await by(token, 'GET', `${http.slice(4).replace(/:\w+/g, '1')}?limit=500`);
      hear(id, JSON.stringify(body));
    }
    if (scope.sessions)
      await by(token, 'PUT', '/api/whatsapp-sessions/1', { name: 'N' }).then(({ body }) =>
        hear('session.update', JSON.stringify(body)),
      );
    const agent = await agentWith(token);
    for (const name of ['list_events', 'get_specific_whatsapp_session', 'list_whatsapp_sessions']) {
      hear(name, JSON.stringify(await agent.call(name, { ...(name.includes('list_w') ? {} : { session_id: 1 }) })));
    }
    expect(asked).toBeGreaterThan(30);
    // Who may link a phone may see the code for it.
    expect(told.filter((one) => scope.access === 'read' || !one.includes('2@'))).toEqual([]);
    const { status } = await by(token, 'POST', '/api/whatsapp-sessions/1/regenerate-key');
    expect(status).toBe(403);
  });

  test('while one without sees it', async () => {
    const { body } = await stage.call('GET', `/api/whatsapp-sessions/${second}`);
    expect(JSON.stringify(body)).toContain('pa55word');
    expect(body.data).toMatchObject({ api_key: expect.any(String), webhook_secret: expect.any(String) });
  });
});

describe('a token', () => {
  test('ends, says so to who has it, is listed as such, and is forgotten in the end', async () => {
    const { id, token } = await made({ expires_in: 3600 });
    expect((await by(token, 'GET', '/api/auth-check')).status).toBe(200);
    clock.advance(3_600_000);
    const { status, body, headers } = await by(token, 'GET', '/api/auth-check');
    expect([status, body.message]).toEqual([401, expect.stringMatching(/This token expired on 20/)]);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect((await by(`${token}x`, 'GET', '/api/auth-check')).body.message).toBe('Invalid API key');
    expect(await listed(id)).toMatchObject({ expired: true });
    clock.advance(31 * 86_400_000);
    // Housekeeping comes by every ten minutes of the day, whatever the clock says, and with every start.
    await stage.engine.stop();
    await stage.startEngine();
    await stage.untilTrue(async () => (await listed(id)) === undefined);
  });

  test('says when it was used last, to the minute', async () => {
    const { id, token } = await made();
    expect(await listed(id)).toMatchObject({ last_used_at: null });
    const use = async () => {
      await by(token, 'GET', '/api/auth-check');
      return Date.parse((await listed(id))!.last_used_at!);
    };
    const first = await use();
    expect([first % 60_000, clock.now() - first < 60_000]).toEqual([0, true]);
    clock.advance(60_000);
    expect(await use()).toBe(first + 60_000);
  });

  test('may revoke itself, and is invalid at once', async () => {
    const { id, token } = await made();
    expect((await by(token, 'DELETE', `/api/tokens/${id}`)).status).toBe(204);
    expect((await by(token, 'GET', '/api/auth-check')).status).toBe(401);
  });

  test('that is revoked ends the calls that wait for a person, and what it asked for is never done', async () => {
    const { id, token } = await made({ scope: { sessions: [1], approval: 'writes' } });
    const agent = await agentWith(token);
    const waiting = agent.call('send_text_message', { to: FRIEND, text: 'too late' });
    await stage.untilTrue(async () => {
      const { body } = await stage.call('GET', '/api/approvals?status=pending');
      return (body['data'] as { data: unknown[] }).data.length > 0;
    });
    await stage.call('DELETE', `/api/tokens/${id}`);
    // Long before anybody would give up waiting: the clock stands still.
    expect((await waiting).error).toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/token or session/),
    });
    await expect(agent.tools()).rejects.toThrow(/Invalid API key/);
    expect(stage.sandbox.messages(FRIEND).map(({ text }) => text)).not.toContain('too late');
  });

  test('that ends while a call of it waits does not do it any more', async () => {
    const { token } = await made({ scope: { sessions: [1], approval: 'writes' }, expires_in: 60 });
    const agent = await agentWith(token);
    const waiting = agent.call('send_text_message', { to: FRIEND, text: 'over' });
    const pending = async () => {
      const { body } = await stage.call('GET', '/api/approvals?status=pending');
      return (body['data'] as { data: { id: number }[] }).data[0]?.id;
    };
    await stage.untilTrue(pending);
    const id = await pending();
    clock.advance(60_000);
    expect((await stage.call('POST', `/api/approvals/${id}/approve`, {})).status).toBe(200);
    expect((await waiting).error).toMatchObject({ code: 'unauthorized' });
    expect(stage.sandbox.messages(FRIEND).map(({ text }) => text)).not.toContain('over');
  });
});

describe('the door', () => {
  const guess = (index: number, path = '/api/auth-check') => plainly(`wblr_guess-${index}`, path);
  const surfaces = ['/api/auth-check', '/mcp', '/sandbox/phones', '/api/status'];
  /** Every minute begins anew. */
  beforeEach(() => clock.advance(60_000));

  test.each(surfaces)('shuts %s to whoever tries keys, and everything else', async (path) => {
    for (let index = 0; index < WRONG_KEYS; index++) expect((await guess(index, path)).status).toBe(401);
    const { token } = await made();
    for (const other of surfaces) {
      // Not even the right one is looked at.
      const refused = await plainly(token, other);
      expect([other, refused.status]).toEqual([other, 429]);
      expect(Number(refused.headers.get('retry-after'))).toBe(60);
      expect(await refused.json()).toMatchObject({ code: 'rate_limited', retry_after: 60 });
    }
    clock.advance(60_000);
    expect((await plainly(token, '/api/auth-check')).status).toBe(200);
  });

  test('lets those go on who were let in from there before: tokens, sessions’ keys and agents', async () => {
    const { apiKey } = (await stage.engine.store.sessions.get(1))!;
    const { id, token } = await made();
    const agent = await agentWith(token);
    expect((await plainly(apiKey, '/api/status')).status).toBe(200);
    for (let index = 0; index < 5 * WRONG_KEYS; index++) await guess(index);
    expect((await plainly(apiKey, '/api/status')).status).toBe(200);
    expect((await plainly(token, '/api/auth-check')).status).toBe(200);
    expect(await agent.data('list_whatsapp_sessions')).toHaveLength(2);
    // A key that is revoked is a wrong one.
    await stage.call('DELETE', `/api/tokens/${id}`);
    expect((await plainly(token, '/api/auth-check')).status).toBe(401);
    expect((await plainly(token, '/api/auth-check')).status).toBe(429);
  });

  test('counts keys alone: who shows none is asked for one, and health is everybody’s', async () => {
    for (let index = 0; index < 2 * WRONG_KEYS; index++) {
      expect((await fetch(`${stage.engine.url}/api/auth-check`)).status).toBe(401);
      expect((await guess(index, '/healthz')).status).toBe(200);
    }
    expect((await guess(0)).status).toBe(401);
  });

  describe('by itself', () => {
    const store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
    afterAll(() => store.close());
    const lines: unknown[] = [];
    const log = { ...silent, warn: (line: unknown) => void lines.push(line) } as unknown as Logger;
    const knock = (door: InstanceType<typeof Door>, key: string, address: string) =>
      door.identify(`Bearer ${key}`, address).then(
        () => 'in',
        (error: { code: string }) => error.code,
      );

    test('remembers no more of 100,000 addresses than of some', async () => {
      await store.tokens.put('mine', hashToken(TOKEN));
      const door = new Door({ store, clock, log });
      const { tries, known } = door as unknown as { tries: Map<string, unknown>; known: Set<string> };
      const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      for (let index = 0; index < 100_000; index++) await knock(door, 'wrong', address(index));
      for (let index = 0; index < MOST_REMEMBERED + 500; index++) await knock(door, TOKEN, address(index));
      expect([tries.size, known.size]).toEqual([MOST_REMEMBERED, MOST_REMEMBERED]);
      expect([...tries.keys()].at(-1)).toBe(address(99_999));
      console.log(`door: 100,000 addresses, ${tries.size} remembered, ${lines.length} lines in the log`);
      expect(lines).toEqual([]);
      // A busy machine takes its time for so many.
    }, 120_000);

    test.each([
      ['::ffff:192.0.2.7', '192.0.2.7', true],
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
      ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
      ['192.0.2.7', '192.0.2.8', false],
      ['fe80::1%eth0', 'fe80::2', true],
    ])('takes %s and %s for one place: %s', async (one, other, same) => {
      const door = new Door({ store, clock, log: silent });
      for (let index = 0; index < WRONG_KEYS; index++) await knock(door, `wrong ${index}`.replace(' ', '-'), one);
      expect(await knock(door, 'wrong', other)).toBe(same ? 'rate_limited' : 'unauthorized');
    });

    test('says it once, with the place, and never the key', async () => {
      lines.length = 0;
      const door = new Door({ store, clock, log });
      for (let minute = 0; minute < 3; minute++) {
        for (let index = 0; index < 500; index++) await knock(door, `secret-guess-${index}`, '192.0.2.9');
        clock.advance(60_000);
      }
      expect(lines).toEqual(Array.from({ length: 3 }, () => ({ address: '192.0.2.9', wrong: WRONG_KEYS })));
    });
  });
});
