import type { EventEnvelope } from '../../engine/events.ts';
import type { TokenScope } from '../../engine/model.ts';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';
import { Agent } from './agent.ts';

const clock = new TestClock(Date.now());
let stage: Stage;
const agents: Agent[] = [];
let tokens = 0;

beforeAll(async () => {
  stage = await Stage.open({ clock });
});
afterAll(async () => {
  for (const agent of agents) await agent.close();
  await stage?.close();
});

async function tokenFor(scope: TokenScope, name = `agent ${++tokens}`): Promise<string> {
  const { status, body } = await stage.call('POST', '/api/tokens', { name, scope });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return (body.data as { token: string }).token;
}
/** An agent with a scoped token. */
async function limited(scope: TokenScope): Promise<Agent> {
  return connected(await tokenFor(scope));
}
async function connected(token: string): Promise<Agent> {
  const agent = await Agent.connect(stage.engine.url, token);
  agents.push(agent);
  return agent;
}
const texts = (phone: string) =>
  stage.sandbox.messages(phone).flatMap(({ text, fromMe }) => (fromMe || !text ? [] : [text]));

async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`Never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a token with a scope', () => {
  test('opens /mcp and nothing else', async () => {
    const authorization = `Bearer ${await tokenFor({ tools: ['read'] })}`;
    for (const path of ['/api/whatsapp-sessions', '/api/status', '/api/tokens', '/api/whatsapp-sessions/1']) {
      const { status, body } = await stage.call('GET', path, undefined, { authorization });
      expect([status, body.message]).toEqual([403, expect.stringMatching(/opens \/mcp and nothing else/)]);
    }
  });

  test('is shown once, listed by its scope, and invalid once it is deleted', async () => {
    const agent = await limited({ tools: ['read'], sessions: [1], calls_per_day: 9, approval: 'writes' });
    const { body } = await stage.call('GET', '/api/tokens');
    const listed = (body.data as { id: number; name: string }[]).at(-1)!;
    expect(listed).toMatchObject({ scope: { tools: ['read'], sessions: [1], calls_per_day: 9, approval: 'writes' } });
    expect(JSON.stringify(body)).not.toContain('wblr_');
    expect((await stage.call('POST', '/api/tokens', { name: listed.name })).status).toBe(409);
    expect((await stage.call('DELETE', `/api/tokens/${listed.id}`)).status).toBe(204);
    expect((await stage.call('DELETE', `/api/tokens/${listed.id}`)).status).toBe(404);
    await expect(agent.tools()).rejects.toThrow(/Invalid API key/);
  });

  test.each([
    [{ tools: ['send_telegram'] }, 'scope.tools'],
    [{ approval: ['nothing'] }, 'scope.approval'],
    [{ recipients: ['Bob'] }, 'scope.recipients'],
    [{ calls_per_day: 0 }, 'scope.calls_per_day'],
  ])('%j cannot be made', async (scope, field) => {
    const { status, body } = await stage.call('POST', '/api/tokens', { name: 'wrong', scope });
    expect([status, Object.keys(body['errors'] as object)]).toEqual([422, [field]]);
  });

  test('sees and calls its tools only', async () => {
    const reader = await limited({ tools: ['read', 'send_text_message'] });
    const names = await reader.tools();
    expect(names).toEqual(expect.arrayContaining(['list_contacts', 'send_text_message']));
    expect(names).not.toContain('send_image_message');
    const { error } = await reader.call('block_contact', { contactPhoneNumber: FRIEND });
    expect(error).toMatchObject({ code: 'forbidden' });
  });

  test('sees and uses its sessions only', async () => {
    const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: '+15550109999' });
    const { id } = body.data as { id: number };
    const agent = await limited({ sessions: [1] });
    expect(await agent.data('list_whatsapp_sessions')).toEqual([expect.objectContaining({ id: 1 })]);
    expect(await agent.data('get_session_user')).toMatchObject({ id: expect.stringContaining(OWN) });
    const { error } = await agent.call('get_specific_whatsapp_session', { session_id: id });
    expect(error).toMatchObject({ code: 'session_not_found' });
    expect(await agent.tools()).not.toContain('create_whatsapp_session');
    await stage.call('DELETE', `/api/whatsapp-sessions/${id}`);
  });

  test('makes so many calls a day, and then is told when the next may come', async () => {
    const agent = await limited({ calls_per_day: 2 });
    await agent.data('list_whatsapp_sessions');
    await agent.data('list_whatsapp_sessions');
    const { error } = await agent.call('list_whatsapp_sessions');
    expect(error).toMatchObject({ code: 'rate_limited', retry_after: 86_400 });
    clock.advance(86_400_000);
    expect(await agent.data('list_whatsapp_sessions')).toHaveLength(1);
  });
});

describe('a call that needs an approval', () => {
  interface Shown {
    id: number;
    status: string;
    tool: string;
    input: Record<string, unknown>;
  }
  const approvals = async (status = 'pending') => {
    const { body } = await stage.call('GET', `/api/approvals?status=${status}&per_page=100`);
    return (body.data as { data: Shown[] }).data;
  };
  const asked = (text: string, status = 'pending') =>
    until(`the approval of ${text}`, async () => (await approvals(status)).find(({ input }) => input['text'] === text));
  const decide = (id: number, how: 'approve' | 'reject', note?: string) =>
    stage.call('POST', `/api/approvals/${id}/${how}`, { note });
  const send = (agent: Agent, text: string) => agent.call('send_text_message', { to: FRIEND, text, wait: true });
  /** Lets the wait for a person end. */
  const wait = () => clock.advance(5 * 60_000);

  test('waits, runs once when a person approves, and answers', async () => {
    const agent = await limited({ approval: 'writes' });
    const sending = send(agent, 'please');
    const { id, tool } = await asked('please');
    expect([tool, texts(FRIEND)]).toEqual(['send_text_message', expect.not.arrayContaining(['please'])]);
    expect((await decide(id, 'approve')).body.data).toMatchObject({ id, status: 'approved' });
    expect((await sending).data).toMatchObject({ status: 'sent' });
    expect(texts(FRIEND).filter((text) => text === 'please')).toHaveLength(1);
    expect(await asked('please', 'done')).toMatchObject({ id });
    expect((await decide(id, 'reject')).body).toMatchObject({ code: 'conflict' });
    expect((await decide(999, 'approve')).status).toBe(404);
  });

  test.each<[string, Record<string, unknown>]>([
    ['create_bulk_job', { recipients: [FRIEND], text: 'unasked' }],
    ['resume_bulk_job', { job: 1 }],
    ['update_scheduled_message', { msgId: 1, text: 'unasked' }],
    ['cancel_scheduled_message', { msgId: 1 }],
    ['add_opt_out', { to: FRIEND }],
  ])('is one of %s, too', async (tool, input) => {
    const agent = await limited({ approval: 'writes' });
    const calling = agent.call(tool, input);
    const { id } = await until('it', async () => (await approvals()).find((one) => one.tool === tool));
    await decide(id, 'reject');
    expect((await calling).error).toMatchObject({ code: 'forbidden', details: { approval_id: id } });
    expect(texts(FRIEND)).not.toContain('unasked');
  });

  test('is told to whoever listens', async () => {
    const agent = await limited({ approval: ['send_text_message'] });
    await agent.data('list_whatsapp_sessions');
    const sending = send(agent, 'tell them');
    const { id } = await asked('tell them');
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/events?limit=500');
    const event = (body.data as EventEnvelope[]).filter(({ event: name }) => name === 'approval.requested').at(-1);
    expect(event?.data).toMatchObject({ id, tool: 'send_text_message', input: { to: FRIEND, text: 'tell them' } });
    await decide(id, 'reject', 'Ask the customer first');
    const { isError, text } = await sending;
    expect([isError, text]).toEqual([true, expect.stringContaining('Ask the customer first')]);
    // Nobody is asked again.
    expect((await send(agent, 'tell them')).error).toMatchObject({ code: 'forbidden', details: { approval_id: id } });
    expect(texts(FRIEND)).not.toContain('tell them');
  });

  test('tells a client that asks for it that it waits', async () => {
    const agent = await limited({ approval: 'all' });
    const heard: (string | undefined)[] = [];
    const listing = agent.client.callTool({ name: 'list_whatsapp_sessions', arguments: {} }, undefined, {
      onprogress: ({ message }) => heard.push(message),
    });
    const { id } = await until('it', async () =>
      (await approvals()).find(({ tool }) => tool === 'list_whatsapp_sessions'),
    );
    await until('progress', () => heard.length > 0);
    expect(heard[0]).toContain(`approval ${id}`);
    clock.advance(15_000);
    await until('more progress', () => heard.length > 1);
    await decide(id, 'approve');
    expect(await listing).toMatchObject({ structuredContent: { data: [{ id: 1 }] } });
  });

  test('goes on when it is repeated, with an approval that came late, and uses that once', async () => {
    const agent = await limited({ approval: 'writes' });
    const first = send(agent, 'late');
    const { id } = await asked('late');
    wait();
    expect((await first).error).toMatchObject({ code: 'conflict', details: { approval_id: id } });
    await decide(id, 'approve');
    expect((await send(agent, 'late')).data).toMatchObject({ status: 'sent' });
    const another = send(agent, 'late');
    const { id: next } = await asked('late');
    expect(next).not.toBe(id);
    wait();
    await another;
    expect(texts(FRIEND).filter((text) => text === 'late')).toHaveLength(1);
  });

  test('is one, when it is made twice at the same time', async () => {
    const agent = await limited({ approval: 'writes' });
    const both = [send(agent, 'twice'), send(agent, 'twice')];
    const { id } = await asked('twice');
    await decide(id, 'approve');
    const answers = await Promise.all(both);
    expect(answers[1]!.data).toEqual(answers[0]!.data);
    expect(texts(FRIEND).filter((text) => text === 'twice')).toHaveLength(1);
  });

  test('expires', async () => {
    const agent = await limited({ approval: 'writes' });
    const first = send(agent, 'old');
    const { id } = await asked('old');
    wait();
    await first;
    clock.advance(24 * 3_600_000);
    expect((await decide(id, 'approve')).body.message).toMatch(/expired/);
    expect((await approvals()).map((one) => one.id)).not.toContain(id);
    expect(await asked('old', 'expired')).toMatchObject({ id, status: 'expired' });
    const again = send(agent, 'old');
    const { id: next } = await asked('old');
    expect(next).not.toBe(id);
    await decide(next, 'reject');
    await again;
  });

  test('survives a restart of the engine', async () => {
    const token = await tokenFor({ approval: 'writes' });
    const before = send(await connected(token), 'after all').catch(() => {});
    const { id } = await asked('after all');
    await stage.engine.stop();
    await before;
    await stage.startEngine();
    expect(await asked('after all')).toMatchObject({ id });
    await decide(id, 'approve');
    const agent = await connected(token);
    expect((await send(agent, 'after all')).data).toMatchObject({ status: 'sent' });
    expect(texts(FRIEND).filter((text) => text === 'after all')).toHaveLength(1);
  });

  test('reaches a client that lost its connection meanwhile', async () => {
    const token = await tokenFor({ approval: 'writes' });
    let cut = () => {};
    // The first stream of a call ends as if a proxy had closed it.
    const cutting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!response.body || typeof init?.body !== 'string' || !init.body.includes('tools/call')) return response;
      const reader = response.body.getReader();
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          const end = new Promise<void>((resolve) => (cut = resolve)).then(() => ({ done: true, value: undefined }));
          for (;;) {
            const { done, value } = await Promise.race([reader.read(), end]);
            if (done || !value) break;
            controller.enqueue(value);
          }
          controller.close();
          await reader.cancel();
        },
      });
      return new Response(body, response);
    };
    const agent = await Agent.connect(stage.engine.url, token, {
      fetch: cutting,
      reconnectionOptions: {
        initialReconnectionDelay: 1,
        maxReconnectionDelay: 1,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 5,
      },
    });
    agents.push(agent);
    const sending = send(agent, 'reconnected');
    const { id } = await asked('reconnected');
    cut();
    await decide(id, 'approve');
    expect((await sending).data).toMatchObject({ status: 'sent' });
    expect(texts(FRIEND).filter((text) => text === 'reconnected')).toHaveLength(1);
  });
});
