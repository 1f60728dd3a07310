import type { IDataObject, IHttpRequestOptions, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';

type Search = (this: ILoadOptionsFunctions, filter?: string, token?: string) => Promise<INodeListSearchResult>;
const lists = new Warbler().methods.listSearch as unknown as Record<string, Search>;

const contact = (number: number) => ({ jid: `1555010${number}@s.whatsapp.net`, name: `Person ${number}` });
const CONTACTS = Array.from({ length: 150 }, (_, index) => contact(1000 + index));
const CHATS = [
  { jid: '15550101149@s.whatsapp.net', name: 'Person 1149', kind: 'direct' },
  { jid: '9@g.us', name: 'Family', kind: 'group' },
  { jid: '7@newsletter', name: null, kind: 'channel' },
];
const POLLS = [
  { msgId: 12, question: 'When?', chat: '9@g.us', chatName: 'Family' },
  { msgId: 11, question: 'Where?', chat: '5@g.us', chatName: null },
];
const JOBS = Array.from({ length: 250 }, (_, index) => ({
  id: 250 - index,
  name: index === 220 ? 'Spring sale' : null,
  status: 'completed',
}));
const SCHEDULED = [
  { msgId: 21, jid: '+15550101000', scheduledAt: '2026-01-15T09:30:00.000Z', content: { text: 'Good morning' } },
  { msgId: 22, jid: '9@g.us', scheduledAt: '2026-01-16T09:30:00.000Z', content: null },
];
const MEMBERS = [{ jid: '15550101000@s.whatsapp.net', admin: 'superadmin' }, { jid: '900000000003@lid' }];
const WEBHOOKS = [{ id: 'whk_1', url: 'https://n8n.example/webhook/1', state: 'parked' }];
const session = (id: number, status: string) => ({ id, name: `Shop ${id}`, phone_number: `+1555010000${id}`, status });
const SESSIONS = [session(1, 'connected'), session(2, 'need_scan'), session(3, 'disconnected')];
const WHOLE: Record<string, object[]> = {
  '/api/groups': [
    { jid: '9@g.us', name: 'Family' },
    { jid: '6@g.us', name: 'Familiar faces' },
  ],
  '/api/channels': [{ jid: '8@newsletter', name: 'News' }],
  '/api/groups/9%40g.us/participants': MEMBERS,
  '/api/whatsapp-sessions/1/webhooks': WEBHOOKS,
};
const SEARCHED: Record<string, object[]> = { '/api/contacts': CONTACTS, '/api/chats': CHATS, '/api/polls': POLLS };
const INQUIRIES = [{ id: 'inq_1', question: 'Pay invoice 1042?', status: 'open' }];
const LOGS: Record<string, object[]> = {
  '/api/inquiries': INQUIRIES,
  '/api/bulk-jobs': JOBS,
  '/api/scheduled-messages': SCHEDULED,
};

/** What the engine would answer, by path; the real one is asked in test/n8n. */
function answerOf({ url, headers }: IHttpRequestOptions): { statusCode: number; body: IDataObject } {
  if (url === '/api/whatsapp-sessions') return { statusCode: 200, body: { data: SESSIONS } };
  if (headers?.['X-Warbler-Session'] !== '1') {
    return { statusCode: 409, body: { code: 'session_not_connected', message: 'The session is not connected.' } };
  }
  const { pathname, searchParams } = new URL(url, 'http://engine.example');
  const ok = (data: unknown) => ({ statusCode: 200, body: { data } as IDataObject });
  if (pathname in WHOLE) return ok(WHOLE[pathname]);
  const page = Number(searchParams.get('page'));
  if (pathname in LOGS) {
    const size = Number(searchParams.get('per_page'));
    const all = LOGS[pathname]!;
    return ok({ data: all.slice((page - 1) * size, page * size), last_page: Math.ceil(all.length / size) });
  }
  const limit = Number(searchParams.get('limit'));
  const found = SEARCHED[pathname]!.filter((one) => JSON.stringify(one).includes(searchParams.get('search') ?? ''));
  const pagination = { total: found.length, page, limit, totalPages: Math.ceil(found.length / limit) };
  return ok({ items: found.slice((page - 1) * limit, page * limit), pagination });
}

const editor = (session: string, group = '9@g.us') =>
  ({
    getNode: () => ({ id: 'n', name: 'Warbler', type: 'warbler' }),
    getCurrentNodeParameter: (name: string) => ({ session, group })[name],
    getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
    helpers: {
      httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => answerOf(options),
    },
  }) as unknown as ILoadOptionsFunctions;

const search = async (list: string, filter?: string, token?: string) =>
  await lists[list]!.call(editor('1'), filter, token);

test('a session is its name and its number; what it waits for only where it is not connected', async () => {
  const names = async (filter?: string) => (await search('searchSessions', filter)).results.map(({ name }) => name);
  const [one, two, three] = [
    'Shop 1 (+15550100001)',
    'Shop 2 (+15550100002), need scan',
    'Shop 3 (+15550100003), disconnected',
  ];
  expect(await names()).toEqual([one, two, three]);
  expect(await names('0003')).toEqual([three]);
  expect(await names('Need Scan')).toEqual([two]);
  expect(await names('connected')).toEqual([one, three]);
});

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
  ['searchGroups', 'family', [{ name: 'Family', value: '9@g.us' }]],
  ['searchGroups', 'news', []],
  ['searchChannels', 'NEWS', [{ name: 'News', value: '8@newsletter' }]],
  [
    'searchMembers',
    '',
    [
      { name: '+15550101000, admin', value: '15550101000@s.whatsapp.net' },
      { name: '900000000003@lid', value: '900000000003@lid' },
    ],
  ],
  ['searchInquiries', 'invoice', [{ name: 'Pay invoice 1042? (open)', value: 'inq_1' }]],
  ['searchWebhooks', 'example', [{ name: 'https://n8n.example/webhook/1 (parked)', value: 'whk_1' }]],
  [
    'searchPolls',
    '',
    [
      { name: 'When? (Family)', value: '12' },
      { name: 'Where? (5@g.us)', value: '11' },
    ],
  ],
  ['searchScheduledMessages', 'morning', [{ name: '2026-01-15 09:30 UTC to +15550101000: Good morning', value: '21' }]],
  [
    'searchChats',
    '',
    [
      { name: 'Person 1149 (+15550101149)', value: '15550101149@s.whatsapp.net' },
      { name: 'Group: Family', value: '9@g.us' },
      { name: 'Channel: 7@newsletter', value: '7@newsletter' },
    ],
  ],
])('%s shows what fits %j in words', async (list, filter, expected) => {
  expect((await search(list, filter)).results).toEqual(expected);
});

test('a log that the engine does not search is read on until something fits', async () => {
  const found = await search('searchBulkJobs', 'spring');
  expect(found).toEqual({ results: [{ name: 'Spring sale (completed)', value: '30' }] });
  const first = await search('searchBulkJobs');
  expect([first.results.length, first.paginationToken]).toEqual([100, '2']);
  expect((await search('searchBulkJobs', 'nothing like that')).results).toEqual([]);
});

test('recipients are recent chats, groups, channels and then page after page of contacts, each once', async () => {
  const first = await search('searchRecipients');
  expect(first.results.slice(0, 6).map(({ name }) => name)).toEqual([
    'Person 1149 (+15550101149)',
    'Group: Family',
    'Channel: 7@newsletter',
    'Group: Familiar faces',
    'Channel: News',
    'Person 1000 (+15550101000)',
  ]);
  const second = await search('searchRecipients', '', first.paginationToken as string);
  const all = [...first.results, ...second.results].map(({ value }) => value);
  expect(all).toHaveLength(5 + 149);
  expect(new Set(all).size).toBe(all.length);
});

test.each(Object.keys(lists).filter((list) => !/Sessions$/.test(list)))(
  '%s says why there is no list',
  async (list) => {
    await expect(lists[list]!.call(editor(''))).rejects.toThrow('Choose a session first');
    await expect(lists[list]!.call(editor('2'))).rejects.toThrow('The session is not connected.');
  },
);

test('participants are those of a group', async () => {
  await expect(lists['searchMembers']!.call(editor('1', ''))).rejects.toThrow('Choose a group first');
});
