import { answering, crossing, READ } from '../sandbox/crossing.ts';

const { SessionCipher } = await import('libsignal');

/** Baileys begins a new session with whomever it writes to for the first time since it was started. */
test('the engine reads on after a message on an old session has crossed the beginning of a new one', async () => {
  await expect(crossing(SessionCipher)).rejects.toThrow('No matching sessions');
  await import('../../engine/whatsapp/hardening.ts');
  expect(await crossing(SessionCipher)).toEqual(READ);
});

test('what the engine keeps of a conversation does not grow with every answer, and what comes late is read', async () => {
  expect(await answering(SessionCipher, { answers: 30, late: 4 })).toEqual({ read: 'late', chains: 6 });
});
