import fc from 'fast-check';
import { Seal, SealError } from '../../engine/store/seal.ts';

const seal = new Seal(Buffer.alloc(32, 1));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

test('what was sealed opens in its place, whatever it is', () => {
  fc.assert(
    fc.property(bytes, fc.string(), (plain, place) => {
      expect(seal.open(seal.close(plain, place), place).equals(plain)).toBe(true);
    }),
  );
});

test('the same secret looks different each time it is sealed', () => {
  const plain = Buffer.from('secret');
  expect(seal.close(plain, 'here').equals(seal.close(plain, 'here'))).toBe(false);
});

test('a sealed value that was moved to another place does not open', () => {
  const sealed = seal.close(Buffer.from('secret'), 'key:1:session:bob');
  expect(() => seal.open(sealed, 'key:2:session:bob')).toThrow(SealError);
});

test('a sealed value does not open with another key', () => {
  const sealed = seal.close(Buffer.from('secret'), 'here');
  expect(() => new Seal(Buffer.alloc(32, 2)).open(sealed, 'here')).toThrow(SealError);
});

test('a sealed value with any single bit turned, or cut anywhere, does not open', () => {
  const sealed = seal.close(Buffer.from('secret'), 'here');
  fc.assert(
    fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
      const turned = Buffer.from(sealed);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => seal.open(turned, 'here')).toThrow(SealError);
    }),
  );
  // An empty one is all tag: were a short tag taken, four bytes would be enough to forge one.
  for (const whole of [sealed, seal.close(Buffer.alloc(0), 'here')]) {
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => seal.open(whole.subarray(0, length), 'here')).toThrow(SealError);
    }
  }
});

test('a refusal names the place and never the secret or the key', () => {
  const sealed = seal.close(Buffer.from('secret'), 'there');
  expect(() => seal.open(sealed, 'here')).toThrow('What is stored at here cannot be opened with this encryption key.');
});
