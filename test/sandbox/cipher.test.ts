import { Cipher } from '../../engine/sandbox/cipher.ts';
import { answering, crossing, READ } from './crossing.ts';

test('a phone reads on after a message on an old session has crossed the beginning of a new one', async () => {
  expect(await crossing(Cipher)).toEqual(READ);
});

test('what a phone keeps of a conversation does not grow with every answer, and what comes late is read', async () => {
  expect(await answering(Cipher, { answers: 30, late: 4 })).toEqual({ read: 'late', chains: 6 });
});
