import fc from 'fast-check';
import { isChannel, isGroup, isPerson, lidOf, phoneOf, toJid } from '../../engine/whatsapp/jid.ts';

test.each([
  ['+15551234567', '15551234567@s.whatsapp.net'],
  ['15551234567', '15551234567@s.whatsapp.net'],
  ['0015551234567', '15551234567@s.whatsapp.net'],
  ['+1 (555) 123-4567', '15551234567@s.whatsapp.net'],
  ['+1.555.123.4567', '15551234567@s.whatsapp.net'],
  ['  +49 151 23456789\n', '4915123456789@s.whatsapp.net'],
  ['+1\u00a0555\u2011123\u20134567', '15551234567@s.whatsapp.net'],
  ['\u202a+1 555 123 4567\u202c', '15551234567@s.whatsapp.net'],
  ['https://wa.me/15551234567', '15551234567@s.whatsapp.net'],
  ['http://wa.me/+15551234567?text=hello', '15551234567@s.whatsapp.net'],
  ['https://api.whatsapp.com/send?text=a&phone=15551234567', '15551234567@s.whatsapp.net'],
  ['15551234567@s.whatsapp.net', '15551234567@s.whatsapp.net'],
  ['15551234567:12@s.whatsapp.net', '15551234567@s.whatsapp.net'],
  ['15551234567@c.us', '15551234567@s.whatsapp.net'],
  ['15551234567@S.WhatsApp.net', '15551234567@s.whatsapp.net'],
  ['100000000000001@lid', '100000000000001@lid'],
  ['100000000000001:3@lid', '100000000000001@lid'],
  ['120363000000000000@g.us', '120363000000000000@g.us'],
  ['15551234567-1600000000@g.us', '15551234567-1600000000@g.us'],
  ['120363000000000001@newsletter', '120363000000000001@newsletter'],
])('%j is written to as %s', (typed, jid) => {
  expect(toJid(typed)).toBe(jid);
});

test.each([
  '',
  ' ',
  'Robin',
  '+',
  '0151 23456789',
  '+0015551234567',
  '++15551234567',
  '1234',
  '1234567890123456',
  '+1555123456a',
  '1555,1234567',
  '+15551234567;+15557654321',
  '１５５５１２３４５６７',
  'https://wa.me/',
  'https://wa.me/message/ABCDEFGHIJKL',
  'https://wa.me.example/15551234567',
  'https://chat.whatsapp.com/I8mjkHnC984Ubg3EVkzqxz',
  '@s.whatsapp.net',
  'robin@s.whatsapp.net',
  '015551234567@s.whatsapp.net',
  'robin@example.com',
  '1234@broadcast',
  '15551234567@broadcast',
  '15551234567@s.whatsapp.net.evil.test',
  '15551234567@s.whatsapp.net@g.us',
  'a-b@g.us',
  '12-34-56@g.us',
])('%j is not written to', (typed) => {
  expect(() => toJid(typed)).toThrow(expect.objectContaining({ code: 'validation_failed', status: 422 }));
});

test('a refusal names the field that was wrong and how to put it right', () => {
  const refusal = (typed: string, field?: string) => {
    try {
      return toJid(typed, field);
    } catch (error) {
      return (error as { fields: unknown }).fields;
    }
  };
  expect(refusal('Robin')).toEqual({ to: [expect.stringMatching(/^The to field must be .*\+15551234567/)] });
  expect(refusal('x@y', 'mentions')).toEqual({ mentions: [expect.stringMatching(/^The mentions field is not/)] });
});

test('whatever is typed becomes a clean address or a validation error, and an address stays itself', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[\d+@:.a-z-]{0,30}$/)),
      (typed) => {
        let jid: string;
        try {
          jid = toJid(typed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'validation_failed' });
          return;
        }
        expect(jid).toMatch(/^\d+(-\d+)?@(s\.whatsapp\.net|lid|g\.us|newsletter)$/);
        expect(toJid(jid)).toBe(jid);
      },
    ),
  );
});

test.each([
  ['15551234567@s.whatsapp.net', '15551234567', undefined, 'person'],
  ['15551234567:4@s.whatsapp.net', '15551234567', undefined, 'person'],
  ['100000000000001@lid', undefined, '100000000000001@lid', 'person'],
  ['100000000000001:4@lid', undefined, '100000000000001@lid', 'person'],
  ['120363000000000000@g.us', undefined, undefined, 'group'],
  ['120363000000000001@newsletter', undefined, undefined, 'channel'],
  ['1234@broadcast', undefined, undefined, 'neither'],
  ['', undefined, undefined, 'neither'],
])('of %j phone, LID and kind are known', (jid, phone, lid, kind) => {
  expect([phoneOf(jid), lidOf(jid)]).toEqual([phone, lid]);
  expect([isPerson(jid), isGroup(jid), isChannel(jid)]).toEqual([
    kind === 'person',
    kind === 'group',
    kind === 'channel',
  ]);
});

test('nothing is known of an address that is missing', () => {
  expect([phoneOf(undefined), phoneOf(null), lidOf(undefined), lidOf(null)]).toEqual(Array(4).fill(undefined));
});
