import type { IDataObject, IHttpRequestOptions, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';

type Search = (this: ILoadOptionsFunctions, filter?: string, token?: string) => Promise<INodeListSearchResult>;
const lists = new Warbler().methods.listSearch as unknown as Record<string, Search>;

const contact = (number: number) => ({ jid: `1555010${number}@s.whatsapp.net`, name: `Person ${number}` });
const CONTACTS = Array.from({ length: 150 }, (_, index) => contact(1000 + index));

/** What the engine would answer, by path; the real one is asked in test/n8n. */
function answerOf({ url, headers }: IHttpRequestOptions): { statusCode: number; body: IDataObject } {
  if (headers?.['X-Warbler-Session'] !== '1') {
    return { statusCode: 409, body: { code: 'session_not_connected', message: 'The session is not connected.' } };
  }
  const { pathname, searchParams } = new URL(url, 'http://engine.example');
  if (pathname === '/api/groups') return { statusCode: 200, body: { data: [{ jid: '9@g.us', name: 'Family' }] } };
  if (pathname === '/api/channels') return { statusCode: 200, body: { data: [{ jid: '8@newsletter', name: 'News' }] } };
  const [page, limit] = [Number(searchParams.get('page')), Number(searchParams.get('limit'))];
  const found = CONTACTS.filter(({ name }) => name.includes(searchParams.get('search') ?? ''));
  const pagination = { total: found.length, page, limit, totalPages: Math.ceil(found.length / limit) };
  return { statusCode: 200, body: { data: { items: found.slice((page - 1) * limit, page * limit), pagination } } };
}

const editor = (session: string) =>
  ({
    getNode: () => ({ id: 'n', name: 'Warbler', type: 'warbler' }),
    getCurrentNodeParameter: (name: string) => (name === 'session' ? session : undefined),
    getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
    helpers: {
      httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => answerOf(options),
    },
  }) as unknown as ILoadOptionsFunctions;

const search = async (list: string, filter?: string, token?: string) =>
  await lists[list]!.call(editor('1'), filter, token);

test('contacts come in pages, by name and number', async () => {
  const first = await search('searchContacts');
  expect(first.results).toHaveLength(100);
  expect(first.results[0]).toEqual({ name: 'Person 1000 (+15550101000)', value: '15550101000@s.whatsapp.net' });
  const second = await search('searchContacts', undefined, first.paginationToken as string);
  expect(second.results).toHaveLength(50);
  expect(second.paginationToken).toBeUndefined();
});

test('the engine filters contacts, whatever is typed', async () => {
  const { results } = await search('searchContacts', ' 1149 ');
  expect(results.map(({ name }) => name)).toEqual(['Person 1149 (+15550101149)']);
});

test.each([
  ['searchGroups', 'fam', [{ name: 'Family', value: '9@g.us' }]],
  ['searchGroups', 'news', []],
  ['searchChannels', 'NEWS', [{ name: 'News', value: '8@newsletter' }]],
])('%s filters by what shows', async (list, filter, expected) => {
  expect((await search(list, filter)).results).toEqual(expected);
});

test('recipients are groups, channels and then page after page of contacts', async () => {
  const first = await search('searchRecipients');
  expect(first.results.slice(0, 3).map(({ name }) => name)).toEqual([
    'Group: Family',
    'Channel: News',
    'Person 1000 (+15550101000)',
  ]);
  const second = await search('searchRecipients', '', first.paginationToken as string);
  expect(second.results).toHaveLength(50);
});

test.each(['searchChannels', 'searchContacts', 'searchGroups', 'searchRecipients'])(
  '%s says why there is no list',
  async (list) => {
    await expect(lists[list]!.call(editor(''))).rejects.toThrow('Choose a session first');
    await expect(lists[list]!.call(editor('2'))).rejects.toThrow('The session is not connected.');
  },
);
