import type { FaultRequest } from '../../engine/sandbox/index.ts';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

const NEW = '15550100003';
const clock = new TestClock();
let stage: Stage;
// An answer on loopback takes milliseconds; a machine that is busy may need more.
beforeAll(async () => {
  stage = await Stage.open({ clock, pulse: { clock, silentMs: 35_000, answerMs: 1000, dealtMs: 60_000 } });
  stage.sandbox.addPhone({ phone: NEW, name: 'Wren' });
});
afterEach(() => stage.sandbox.removeFaults());
afterAll(() => stage?.close());

const seen = async () =>
  ((await stage.call('GET', '/api/whatsapp-sessions/1')).body.data as { last_seen_at: string }).last_seen_at;
const stalls = async (id = 1) =>
  (await stage.events('session.status', id)).filter(({ data }) => JSON.stringify(data).includes('"stalled"')).length;
/** Time passes until the session has noticed. */
const untilStalled = async (id = 1) => {
  const before = await stalls(id);
  await stage.untilTrue(async () => {
    clock.advance(20_000);
    return (await stalls(id)) > before;
  });
};
const connected = (id = 1) =>
  stage.untilTrue(() => {
    clock.advance(1000);
    return stage.engine.sessions.get(id).status.status === 'connected';
  });

test('a connection that is silent and answers is alive, however long nothing else comes', async () => {
  for (let hour = 0; hour < 3; hour++) {
    clock.advance(3_600_000);
    await stage.untilTrue(async () => Date.parse(await seen()) === clock.now());
  }
  expect(await stalls()).toBe(0);
});

test('half-open while live: stalled is told, the connection dropped, and what came meanwhile arrives', async () => {
  stage.sandbox.addFault({ fault: 'half-open', phone: OWN });
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'into the void' });
  await untilStalled();
  await connected();
  await stage.until((events) => textsOf(events).includes('into the void'));
  const told = (await stage.events('session.status')).map(({ data }) => data).slice(-2);
  expect(told).toEqual([
    { status: 'connecting', reason: { code: 'stalled', message: expect.stringContaining('Connecting anew') } },
    { status: 'connected' },
  ]);
});

test('half-open right after a send: the friend has the message once', async () => {
  stage.sandbox.addFault({ fault: 'half-open', phone: OWN, match: 'ack', direction: 'out' });
  const { body } = await stage.call('POST', '/api/send-message', { to: FRIEND, text: 'arrived?' });
  const { msgId } = body.data as { msgId: number };
  await stage.untilTrue(() => stage.sandbox.faults()[0]!.fired > 0);
  stage.sandbox.removeFaults();
  await untilStalled();
  await connected();
  await stage.until((events) =>
    events.find(({ event, data }) => event === 'message.sent' && (data as { msgId: number }).msgId === msgId),
  );
  expect(stage.sandbox.messages(FRIEND).filter(({ text }) => text === 'arrived?')).toHaveLength(1);
});

test('pings that are never answered', async () => {
  stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'ping' });
  await untilStalled();
  stage.sandbox.removeFaults();
  await connected();
});

test.each([
  ['before the handshake', { fault: 'half-open', match: 'handshake', times: 1 }],
  ['during the login', { fault: 'half-open', phone: OWN, match: 'iq', direction: 'out', times: 1 }],
] as [string, FaultRequest][])('half-open %s', async (_, fault) => {
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  stage.sandbox.addFault(fault);
  void stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.untilTrue(() => stage.sandbox.faults()[0]!.fired > 0);
  await untilStalled();
  await connected();
});

test('half-open while a QR code waits: a fresh code comes', async () => {
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: `+${NEW}` });
  const { id } = body.data as { id: number };
  await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  const codes = () => stage.events('qrcode.updated', id);
  const [first] = await codes();
  stage.sandbox.addFault({ fault: 'half-open' });
  await untilStalled(id);
  await stage.untilTrue(async () => {
    clock.advance(1000);
    return (await codes()).length > 1;
  });
  const second = (await codes()).at(-1)!;
  expect(second.data).not.toEqual(first!.data);
  await stage.sandbox.scan(NEW, (second.data as { qr: string }).qr);
  await connected(id);
  await connected();
});

test('a message that came in and is not dealt with, on a connection whose pings are answered', async () => {
  const { messages } = stage.engine.store;
  const content = messages.content.bind(messages);
  messages.content = () => new Promise(() => {});
  try {
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'not dealt with' });
    await stage.untilStanza('out', 'message').catch(() => {});
    await untilStalled();
  } finally {
    messages.content = content;
  }
  await connected();
  await stage.until((events) => textsOf(events).includes('not dealt with'));
});
