import { Cipher } from '../../engine/sandbox/cipher.ts';
import { crossing, READ } from './crossing.ts';

test('a phone reads on after a message on an old session has crossed the beginning of a new one', async () => {
  expect(await crossing(Cipher)).toEqual(READ);
});
