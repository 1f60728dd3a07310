import type { Json } from './fixtures.ts';
import { differences, documentedFor } from './matcher.ts';

const CONTACT = {
  success: true,
  data: [{ jid: '1234567890', name: 'Robin', imgUrl: 'https://example.com/a.jpg', status: null }],
};

test('keys of our own, other values and either form of a person are as documented', () => {
  const answer = {
    success: true,
    data: [{ jid: '15550100002@s.whatsapp.net', name: 'Wren', imgUrl: 'http://127.0.0.1/b', status: null, phone: '1' }],
  };
  expect(differences(CONTACT, answer)).toEqual([]);
});

test.each([
  ['a key is missing', { success: true, data: [{ jid: '1', name: 'Wren', imgUrl: 'http://a' }] }, 'data[0].status'],
  [
    'another type',
    { success: true, data: [{ jid: 1, name: 'Wren', imgUrl: 'http://a', status: null }] },
    'data[0].jid',
  ],
  ['another kind of text', { success: true, data: [{ jid: '1', name: 'W', imgUrl: 'no', status: null }] }, 'imgUrl'],
  ['a failure', { success: false, data: [{ jid: '1', name: 'W', imgUrl: 'http://a', status: null }] }, 'success'],
  ['an empty list', { success: true, data: [] }, 'data is empty'],
  ['null where none is documented', { success: true, data: null }, 'data is null'],
  ['nothing at all', undefined, 'the answer'],
])('%s is told, and where', (_what, answer, where) => {
  expect(differences(CONTACT, answer)).toEqual([expect.stringContaining(where)]);
});

test('each element of a list may be like another element of the example', () => {
  const example: Json = [{ id: '1@lid' }, { id: '2@lid', admin: 'superadmin' }];
  expect(differences(example, [{ id: '3@lid', admin: 'admin' }, { id: '4@lid' }])).toEqual([]);
  expect(differences(example, [{ id: '3@lid' }, { name: 'nobody' }])).toEqual([expect.stringContaining('[1].id')]);
});

test('null is taken where the documentation shows it for that field of that resource', () => {
  const sessions = documentedFor('/api/whatsapp-sessions');
  expect(differences({ webhook_url: 'https://a' }, { webhook_url: null }, sessions)).toEqual([]);
  expect(differences({ name: 'Shop' }, { name: null }, sessions)).not.toEqual([]);
  expect(differences({ webhook_url: 'https://a' }, { webhook_url: null }, documentedFor('/api/user'))).not.toEqual([]);
});
