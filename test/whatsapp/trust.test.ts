import { inspect } from 'node:util';
import { FRIEND, OWN, Stage } from './stage.ts';

// Only now: see stage.ts.
const { trustServersOf } = await import('../../engine/whatsapp/trust.ts');

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

async function reconnect(): Promise<void> {
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
}

const statusNow = async () => (await stage.call('GET', '/api/status')).body;

test.each(['wrong-root', 'wrong-signature'] as const)(
  'a server with a %s is refused, told apart, and believed again when it is itself',
  async (fault) => {
    stage.sandbox.addFault({ fault });
    await reconnect();
    expect(await statusNow()).toMatchObject({ status: 'connecting', reason: { code: 'server_untrusted' } });
    stage.sandbox.removeFaults();
    await stage.untilStatus(({ status }) => status === 'connected');
  },
);

test('an engine that trusts WhatsApp’s root refuses the sandbox', async () => {
  trustServersOf('whatsapp');
  await reconnect();
  expect(await statusNow()).toMatchObject({ status: 'connecting', reason: { code: 'server_untrusted' } });
  trustServersOf({ sandboxRootKey: stage.sandbox.rootKey });
  await stage.untilStatus(({ status }) => status === 'connected');
});

test('a forged device identity ends the pairing, and the half-made login is forgotten', async () => {
  stage.sandbox.addPhone({ phone: '15550100003' });
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Forged', phone_number: '15550100003' });
  const { id } = body.data as { id: number };
  const connect = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  stage.sandbox.addFault({ fault: 'forged-identity' });
  await stage.sandbox.scan('15550100003', (connect.body.data as { qrCode: string }).qrCode).catch(() => {});
  await stage.untilStatus(({ reason }) => reason?.code === 'identity_forged', id);
  expect(await stage.engine.store.auth.creds(id)).toBeUndefined();
});

test('nothing that libsignal prints gets out, though it does print', async () => {
  const written: string[] = [];
  const spies = (['log', 'info', 'warn', 'error'] as const).map((method) => ({ method, print: console[method] }));
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = ((chunk: string) => written.push(String(chunk)) > 0) as typeof process.stderr.write;
  try {
    await stage.send(FRIEND, 'one');
    stage.sandbox.loseSessions(FRIEND);
    // A new session replaces the old one, which is when libsignal prints the old one with its private keys.
    await stage.send(FRIEND, 'two');
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'three' });
    await stage.until((events) => events.some(({ event }) => event === 'messages.received'));
  } finally {
    process.stderr.write = write;
  }
  expect(spies.map(({ method, print }) => console[method] === print)).toEqual([true, true, true, true]);
  expect(inspect(written)).not.toMatch(/privKey|SessionEntry|Closing session/);
});
