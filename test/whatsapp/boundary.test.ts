import type { SocketHandlers } from '../../engine/whatsapp/socket.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

const { Session } = await import('../../engine/whatsapp/session.ts');

type Name = keyof SocketHandlers;
type Handlers = Record<Name, (...args: unknown[]) => unknown>;
const prototype = Session.prototype as unknown as { handlers(this: { id: number }, ...args: unknown[]): Handlers };
const handlersOf = prototype.handlers;

/** The handler that throws, in the session of this id, and how often it has. */
let broken: { name: Name; id: number; thrown: number } | undefined;
prototype.handlers = function (...args) {
  const handlers = handlersOf.apply(this, args);
  const names = Object.keys(handlers) as Name[];
  const wrapped = names.map((name) => {
    const works = (...given: unknown[]) => {
      if (broken?.name !== name || broken.id !== this.id) return handlers[name](...given);
      broken.thrown++;
      throw new Error(`${name} fails, as the test wants it`);
    };
    return [name, works];
  });
  return Object.fromEntries(wrapped) as Handlers;
};

const OTHER = '15550100003';
const STRANGER = '15550100004';
let stage: Stage;
let other = 0;
let scans = 0;
let works = () => {};
const rejections: unknown[] = [];
const rejected = (error: unknown) => void rejections.push(error);

const linked = async (phone: string) => {
  const id = await unlinked(phone);
  const { body } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  await stage.sandbox.scan(phone, (body.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected', id);
  return id;
};
const unlinked = async (phone: string) => {
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: phone, phone_number: `+${phone}` });
  return (body.data as { id: number }).id;
};

beforeAll(async () => {
  process.on('unhandledRejection', rejected);
  stage = await Stage.open();
  for (const phone of [OTHER, STRANGER]) stage.sandbox.addPhone({ phone, name: phone });
  other = await linked(OTHER);
}, 90_000);
afterEach(() => {
  works();
  broken = undefined;
  stage.sandbox.removeFaults();
});
afterAll(async () => {
  await stage?.close();
  process.off('unhandledRejection', rejected);
});

const group = () =>
  stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, STRANGER] }).jid;
const anew = async (id = 1) => {
  await stage.call('POST', `/api/whatsapp-sessions/${id}/disconnect`);
  await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
};
const send = (to: string, text = 'hello') => void stage.call('POST', '/api/send-message', { to, text });
const receive = (to = OWN) => stage.sandbox.send(FRIEND, { to, text: 'hello' });
const pairing = async () => {
  const { qr } = stage.engine.sessions.get(broken!.id);
  if (qr) return stage.sandbox.scan(`1555020${scans}`.padEnd(11, '0'), qr);
};

/** What makes a connection call each of the handlers; a new one has to be given here. */
const CALLED: Record<Name, () => unknown> = {
  qr: () => anew(broken!.id),
  paired: async () => {
    await anew(broken!.id);
    await pairing();
  },
  passkey: async () => {
    stage.sandbox.addFault({ fault: 'demand-passkey' });
    await anew(broken!.id);
    await pairing();
  },
  opened: () => anew(),
  closed: () => stage.sandbox.addFault({ fault: 'drop', phone: OWN }),
  caughtUp: () => anew(),
  told: () => anew(),
  commit: () => stage.sandbox.calls.start(FRIEND, { to: OWN }),
  refused: () => {
    const { messages } = stage.engine.store;
    const { content } = messages;
    works = () => void (messages.content = content);
    messages.content = () => Promise.reject(new Error('cannot be read, as the test wants it'));
    return receive();
  },
  learnt: group,
  timelock: () => stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 60 }),
  capping: () => stage.sandbox.addFault({ fault: 'limit-new-chats', phone: OWN, quota: 2 }),
  forbidden: () => {
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 463, times: 1 });
    send(FRIEND);
  },
  slowed: () => {
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 429, times: 1 });
    send(FRIEND);
  },
  call: () => stage.sandbox.calls.start(FRIEND, { to: OWN }),
  stored: () => receive(),
  lidOf: () => send(STRANGER),
  exists: async () => {
    // Only of numbers whose LID nobody knows.
    send('15550100099');
    await stage.untilTrue(() => broken!.thrown > 0);
  },
  needGroup: () => send(group()),
  group: () => send(group()),
  content: () => {
    const retry = { tag: 'retry', attrs: { count: '1', id: 'UNKNOWN', t: '1', v: '1' } };
    const from = `${FRIEND}@s.whatsapp.net`;
    const node = { tag: 'receipt', attrs: { id: 'UNKNOWN', from, type: 'retry', t: '1' }, content: [retry] };
    return stage.sandbox.sendStanza({ phone: OWN, node });
  },
};

test.each(Object.keys(CALLED) as Name[])('%s throws: it is the only one that notices', async (name) => {
  const pairs = ['qr', 'paired', 'passkey'].includes(name);
  const phone = `1555020${++scans}`.padEnd(11, '0');
  if (pairs) stage.sandbox.addPhone({ phone, name });
  broken = { name, id: pairs ? await unlinked(phone) : 1, thrown: 0 };
  const { id } = broken;
  void Promise.resolve(CALLED[name]()).catch(() => {});
  await stage.untilTrue(() => broken!.thrown > 0);

  works();
  const text = `while ${name} throws`;
  await stage.sandbox.send(FRIEND, { to: OTHER, text });
  await stage.until((events) => textsOf(events).includes(text), other);
  const answer = await stage.call(
    'POST',
    '/api/send-message',
    { to: FRIEND, text, wait: true },
    { 'x-warbler-session': String(other) },
  );
  expect(answer.status).toBe(200);
  expect(await stage.status(other)).toBe('connected');

  broken = undefined;
  stage.sandbox.removeFaults();
  await anew(id);
  if (pairs) {
    await stage.untilStatus(({ status }) => status === 'need_scan' || status === 'connected', id);
    return;
  }
  await stage.untilStatus(({ status }) => status === 'connected', id);
  await stage.sandbox.send(FRIEND, { to: OWN, text: `after ${name}` });
  await stage.until((events) => textsOf(events).includes(`after ${name}`));
  expect(rejections).toEqual([]);
});
