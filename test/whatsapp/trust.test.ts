import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Stage } from './stage.ts';

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

test.each(['wrong-root', 'wrong-signature', 'stolen-certificate'] as const)(
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

test.each(['signature', 'hmac'] as const)('a forged %s of the device identity ends the pairing', async (part) => {
  stage.sandbox.addPhone({ phone: '15550100003' });
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Forged', phone_number: '15550100003' });
  const { id } = body.data as { id: number };
  const connect = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  stage.sandbox.addFault({ fault: 'forged-identity', part });
  await stage.sandbox.scan('15550100003', (connect.body.data as { qrCode: string }).qrCode).catch(() => {});
  await stage.untilStatus(({ reason }) => reason?.code === 'identity_forged', id);
  // the half-made login is forgotten
  expect(await stage.engine.store.auth.creds(id)).toBeUndefined();
});

/** Makes libsignal close a session in a process of its own, which is when it prints it; answers what was printed. */
async function printedByLibsignal(before: string): Promise<string> {
  const script = `
    ${before}
    const { default: libsignal } = await import('libsignal');
    const record = new libsignal.SessionRecord();
    const entry = libsignal.SessionRecord.createEntry();
    entry.indexInfo = { baseKey: Buffer.from('base'), closed: -1 };
    entry.currentRatchet = { ephemeralKeyPair: { privKey: Buffer.from('secret') } };
    record.closeSession(entry);
    console.log('said by somebody else');`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('../../engine/', import.meta.url).pathname,
  });
  return stdout + stderr;
}

test('libsignal prints private keys, and with the engine’s hardening it does not', async () => {
  expect(await printedByLibsignal('')).toMatch(/Closing session[^]*privKey/);
  const hardened = await printedByLibsignal(`await import('./dist/whatsapp/hardening.js');`);
  expect(hardened).toBe('said by somebody else\n');
});
