import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Agent } from '../contract/agent.ts';
import { FRIEND, OWN, TOKEN, Victim, pause, until } from '../kill/victim.ts';
import { Receiver } from './receiver.ts';

/** Stops a real process by signals, as Docker, systemd and people do. */

let victim: Victim;
let receiver: Receiver;
beforeAll(async () => {
  victim = await Victim.start();
  receiver = await Receiver.start();
  await victim.ask('POST', '/api/whatsapp-sessions/1/webhooks', {
    url: receiver.origin,
    events: ['messages.received'],
  });
}, 60_000);
afterAll(async () => {
  await victim?.close();
  await receiver?.close();
});
beforeEach(async () => {
  victim.sandbox.removeFaults();
  receiver.answer = () => 200;
  if (victim.gone) victim.launch();
  await victim.ready();
  await until(
    () => 'the session to be connected',
    () => victim.online,
  );
});

async function restart(): Promise<void> {
  victim.launch();
  await victim.ready();
}

/** A connection on which more than one request is made, as proxies and clients keep them. */
async function keptConnection(): Promise<{
  ask(method: string, path: string, body?: object): void;
  answers(): string;
}> {
  const socket: Socket = connect(Number(new URL(victim.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => {});
  return {
    ask(method, path, body) {
      const json = body ? JSON.stringify(body) : '';
      const about = `Host: engine\r\nAuthorization: Bearer ${TOKEN}\r\nX-Warbler-Session: 1\r\nContent-Type: application/json`;
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${about}\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
      );
    },
    answers: () => text,
  };
}

/** An upload of which one half has left; `finish` sends the other and answers the status. */
function halfUpload(): { finish(): Promise<number | undefined>; broken: Promise<boolean> } {
  const upload = request(`${victim.url}/api/upload`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'x-warbler-session': '1',
      'content-type': 'text/plain',
      'content-length': 20,
    },
  });
  const answered = new Promise<number | undefined>((resolve) =>
    upload.on('response', (response) => resolve(response.resume().statusCode)).on('error', () => resolve(undefined)),
  );
  upload.write('one half, ');
  return {
    async finish() {
      upload.end('the other.');
      return answered;
    },
    broken: answered.then((status) => status === undefined),
  };
}

const stanzas = (tag: string) =>
  victim.sandbox
    .stanzas({ phone: OWN, limit: 20_000 })
    .filter(({ direction, stanza }) => direction === 'in' && (stanza as { tag?: string }).tag === tag).length;

/** Waits until the engine has written one more message to WhatsApp, whether or not that was acknowledged. */
async function written(act: () => unknown): Promise<void> {
  const before = stanzas('message');
  act();
  await until(
    () => 'a message to leave',
    () => stanzas('message') > before,
  );
}

const refusesConnections = async () => (await victim.ask('GET', '/healthz')).status === 0;

test('a stop answers whoever has asked, refuses whoever comes, says goodbye to WhatsApp and ends with 0', async () => {
  const token = await victim.ask('POST', '/api/tokens', {
    name: 'agent',
    scope: { approval: 'writes', mcp_only: true },
  });
  const agent = await Agent.connect(victim.url, (token.body['data'] as { token: string }).token);
  const asked = agent.call('send_text_message', { to: FRIEND, text: 'may I?' });
  await until(
    () => 'the approval to be asked for',
    async () => ((await victim.ask('GET', '/api/approvals')).body['data'] as { data: unknown[] }).data.length > 0,
  );
  const release = receiver.hold();
  await victim.sandbox.send(FRIEND, { to: OWN, text: 'on its way to the receiver' });
  await receiver.next();
  const upload = halfUpload();
  const kept = await keptConnection();
  victim.sandbox.addFault({ fault: 'delay', phone: OWN, match: 'message', ms: 1500 });
  await written(() => kept.ask('POST', '/api/send-message', { to: FRIEND, text: 'in flight', wait: true }));

  victim.signal('SIGTERM');
  await until(() => 'new connections to be refused', refusesConnections);
  kept.ask('GET', '/readyz');
  const answer = await asked;
  expect(answer.error).toMatchObject({ code: 'conflict', details: { approval_id: expect.any(Number) } });
  expect(await upload.finish()).toBe(200);
  release();
  expect(await victim.exited()).toBe(0);

  const [sent, ready] = kept.answers().split(/(?=HTTP\/1\.1 )/);
  expect(sent).toMatch(/^HTTP\/1\.1 200 .*"status":"sent"/s);
  expect(ready).toMatch(/^HTTP\/1\.1 503 .*Connection: close.*the engine is stopping/is);
  expect(victim.goodbyes.at(-1)).toBe('closed');
  await agent.close();

  await restart();
  expect(await victim.delivered()).toBe(true);
  expect(receiver.requests).toHaveLength(1);
  expect(victim.output).not.toMatch(/"level":(50|60)/);
}, 60_000);

test('a stop waits for nobody who never ends: it ends with 0 all the same, and nothing is lost', async () => {
  receiver.answer = () => 'hang';
  await victim.sandbox.send(FRIEND, { to: OWN, text: 'nobody answers' });
  const { event } = await receiver.next();
  const upload = halfUpload();
  victim.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'message' });
  let waiting: Promise<{ status: number; body: Record<string, unknown> }> | undefined;
  await written(() => {
    waiting = victim.ask('POST', '/api/send-message', { to: FRIEND, text: 'never acknowledged', wait: true });
  });

  victim.signal('SIGTERM');
  const { status, body } = await waiting!;
  expect([status, body]).toMatchObject([504, { code: 'whatsapp_timeout', details: { msgId: expect.any(Number) } }]);
  expect(await upload.broken).toBe(true);
  expect(await victim.exited()).toBe(0);

  victim.sandbox.removeFaults();
  receiver.answer = () => 200;
  await restart();
  expect((await receiver.next()).event).toEqual(event);
  await until(() => 'the last delivery', victim.delivered);
  const texts = () => victim.sandbox.messages(FRIEND, { limit: 1000 }).map(({ text }) => text);
  expect(texts().filter((text) => text === 'never acknowledged')).toHaveLength(1);
}, 60_000);

test('a second signal does not wait', async () => {
  receiver.answer = () => 'hang';
  await victim.sandbox.send(FRIEND, { to: OWN, text: 'nobody answers now' });
  const { event } = await receiver.next();
  victim.signal('SIGTERM');
  await until(() => 'new connections to be refused', refusesConnections);
  victim.signal('SIGINT');
  // The stop itself would have ended with 0.
  expect(await victim.exited()).toBe(1);
  receiver.answer = () => 200;
  await restart();
  expect((await receiver.next()).event).toEqual(event);
}, 60_000);

test('a stop while the engine starts ends with 0, or before anything was begun', async () => {
  victim.signal('SIGTERM');
  expect(await victim.exited()).toBe(0);
  const answering = () =>
    until(
      () => 'the first answer',
      async () => (await victim.ask('GET', '/readyz')).status !== 0,
    );
  const ends: (number | string)[] = [];
  for (const moment of [() => pause(300), () => pause(1500 * Math.random()), answering, answering]) {
    victim.launch();
    await moment();
    victim.signal('SIGTERM');
    ends.push(await victim.exited());
  }
  console.log(`stop: while starting, ends with ${ends.join(', ')}`);
  for (const end of ends.slice(0, 2)) expect([0, 'SIGTERM']).toContain(end);
  expect(ends.slice(2)).toEqual([0, 0]);
  await restart();
  await until(
    () => 'the session to be back without a new scan',
    () => victim.online,
  );
  expect(victim.output).not.toMatch(/"level":(50|60)/);
}, 60_000);
