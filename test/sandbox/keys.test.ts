import { expect, test } from '@jest/globals';
import * as curve from 'libsignal/src/curve.js';
import { generateKeyPair, sign, signalKey, verify } from '../../engine/sandbox/keys.ts';

test('a signature is judged as libsignal judges it', () => {
  for (let round = 0; round < 4; round++) {
    const pair = generateKeyPair();
    const message = Buffer.from(`message ${round}`);
    const genuine = sign(pair.private, message);
    const forged = Buffer.from(genuine);
    forged[round * 20] = (forged[round * 20] ?? 0) ^ 1;
    for (const signature of [genuine, forged]) {
      expect(verify(pair.public, message, signature)).toBe(
        curve.verifySignature(signalKey(pair.public), message, signature),
      );
    }
  }
});

test('what is no signature is not genuine', () => {
  const { public: key } = generateKeyPair();
  expect(verify(key, Buffer.from('x'), undefined)).toBe(false);
  expect(verify(key, Buffer.from('x'), Buffer.alloc(64))).toBe(false);
  expect(verify(Buffer.alloc(32), Buffer.from('x'), Buffer.alloc(64))).toBe(false);
  expect(verify(Buffer.alloc(31), Buffer.from('x'), Buffer.alloc(64))).toBe(false);
});
