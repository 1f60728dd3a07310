import { addressOf, eventFilter, faultOf, fits, type EventFilter, type Filtered } from '../../engine/filter.ts';

const { toJid } = await import('../../engine/whatsapp/jid.ts');

const ROBIN = { lid: '200000000000002@lid', phone: '15550100002' };
const DIRECT = { jid: `${ROBIN.phone}@s.whatsapp.net`, ...ROBIN };
const BY_LID = { jid: ROBIN.lid, ...ROBIN };
const GROUP = { jid: '120363000000000001@g.us', ...ROBIN };
const CHANNEL = { jid: '120363000000000002@newsletter' };
const STATUS = { jid: 'status@broadcast', ...ROBIN };

const payload = (message: object, { text = '', own = false } = {}) => ({
  key: { id: '3EB0', fromMe: own },
  messageBody: text,
  message,
});
const received = (where: object, message: object, text = ''): Filtered => ({
  event: 'messages.received',
  ...where,
  data: { messages: payload(message, { text }) },
});
const says = (text: string, where: object = DIRECT) => received(where, { conversation: text }, text);
const written = (where: object, own: boolean, text = 'Hello'): Filtered => ({
  event: 'messages.upsert',
  ...where,
  data: { messages: [payload({ conversation: text }, { text, own })] },
});

const voted = (own: boolean): Filtered => ({
  event: 'poll.results',
  ...DIRECT,
  data: { key: { id: '3EB0' }, vote: { options: ['Blue'], key: { id: '3EB1', fromMe: own } } },
});

describe('a filter', () => {
  test.each<[string, EventFilter, Filtered, boolean]>([
    ['without conditions takes everything', {}, says('Hello'), true],

    ['takes a chat of its kinds', { chats: ['direct'] }, says('Hello'), true],
    ['takes a chat that is known by its LID', { chats: ['direct'] }, says('Hello', BY_LID), true],
    ['holds a chat of another kind back', { chats: ['direct', 'channel'] }, says('Hello', GROUP), false],
    ['knows groups', { chats: ['group'] }, says('Hello', GROUP), true],
    ['knows channels', { chats: ['channel'] }, says('Hello', CHANNEL), true],
    ['knows status posts', { chats: ['status'] }, says('Hello', STATUS), true],
    ['counts a status post for no chat', { chats: ['direct'] }, says('Hello', STATUS), false],
    [
      'holds events back that are about another chat',
      { chats: ['group'] },
      { event: 'call', ...DIRECT, data: {} },
      false,
    ],
    [
      'says nothing of what is in no chat',
      { chats: ['group'], in: ['1@g.us'], from: ['+15550100009'], text: { contains: 'x' }, types: ['text'] },
      { event: 'session.status', data: { status: 'connected' } },
      true,
    ],

    ['takes a chat by its number', { in: ['+1 (555) 010-0002'] }, says('Hello', BY_LID), true],
    ['takes a chat by its LID', { in: [ROBIN.lid] }, says('Hello'), true],
    ['takes a group by its address', { in: ['+15550100009', GROUP.jid] }, says('Hello', GROUP), true],
    ['does not take a person for the group they write in', { in: ['+15550100002'] }, says('Hello', GROUP), false],
    ['holds another chat back', { in: ['+15550100009'] }, says('Hello'), false],
    ['takes what we write in the chat', { in: ['+15550100002'] }, written(DIRECT, true), true],

    ['takes a person by number', { from: ['15550100002@c.us'] }, says('Hello', BY_LID), true],
    ['takes a person by LID', { from: [ROBIN.lid] }, says('Hello'), true],
    ['takes a person in a group', { from: ['0015550100002'] }, says('Hello', GROUP), true],
    ['holds others in the group back', { from: ['+15550100009'] }, says('Hello', GROUP), false],
    ['does not take what we write to a person for theirs', { from: ['+15550100002'] }, written(DIRECT, true), false],
    ['takes receipts of a person', { from: ['+15550100002'] }, { event: 'messages.update', ...DIRECT, data: {} }, true],
    ['knows nobody who is known by neither address', { from: ['+15550100002'] }, says('Hello', CHANNEL), false],

    ['finds words in whatever case', { text: { contains: 'ORDER' } }, says('my order, please'), true],
    ['holds other words back', { text: { contains: 'order' } }, says('Hello'), false],
    ['finds an expression anywhere', { text: { matches: '#\\d{4}' } }, says('about #1042!'), true],
    ['finds an expression in its case', { text: { matches: 'order' } }, says('ORDER'), false],
    ['finds an expression in any case when told to', { text: { matches: '(?i)^order' } }, says('Order it'), true],
    ['wants both, of words and expression', { text: { contains: 'a', matches: 'b' } }, says('a'), false],
    ['wants a text in a caption', { text: { contains: 'cat' } }, received(DIRECT, { imageMessage: {} }, 'A cat'), true],
    ['holds a picture without one back', { text: { contains: 'cat' } }, received(DIRECT, { imageMessage: {} }), false],
    [
      'looks at the new text of an edit',
      { text: { contains: 'order' } },
      { event: 'messages.update', ...DIRECT, data: { update: { message: { conversation: 'no' }, messageBody: 'no' } } },
      false,
    ],
    [
      'says nothing of a receipt’s text',
      { text: { contains: 'order' }, types: ['image'] },
      { event: 'messages.update', ...DIRECT, data: { update: { status: 4 }, key: { fromMe: true } } },
      true,
    ],
    ['reads no expression that is none', { text: { matches: '(' } }, says('Hello'), true],

    ['holds back what this account has written', { ignoreOwn: true }, written(DIRECT, true), false],
    ['takes what others have', { ignoreOwn: true }, written(DIRECT, false), true],
    [
      'holds our own reaction back',
      { ignoreOwn: true },
      { event: 'messages.reaction', ...DIRECT, data: [{ reaction: { text: '👍', key: { fromMe: true } } }] },
      false,
    ],
    [
      'takes what became of our messages, which is always ours',
      { ignoreOwn: true },
      { event: 'message.sent', ...DIRECT, data: { ...payload({ conversation: 'x' }, { own: true }), success: true } },
      true,
    ],
    ['holds back our own votes', { ignoreOwn: true }, voted(true), false],
    ['takes the votes of others', { ignoreOwn: true }, voted(false), true],
    ['does not take our vote for one of theirs', { from: ['+15550100002'] }, voted(true), false],
    ['takes theirs', { from: ['+15550100002'] }, voted(false), true],
    ['wants all that it says', { chats: ['group'], text: { contains: 'order' } }, says('order'), false],
  ])('%s', (_what, filter, event, expected) => {
    expect(fits(event, filter)).toBe(expected);
  });

  test.each([
    ['text', { extendedTextMessage: { text: 'x' }, messageContextInfo: {} }],
    ['image', { imageMessage: {} }],
    ['image', { viewOnceMessageV2: { message: { imageMessage: {} } } }],
    ['video', { ptvMessage: {} }],
    ['audio', { audioMessage: { ptt: false } }],
    ['voice', { ephemeralMessage: { message: { audioMessage: { ptt: true } } } }],
    ['document', { documentWithCaptionMessage: { message: { documentMessage: {} } } }],
    ['sticker', { stickerMessage: {} }],
    ['contact', { contactsArrayMessage: {} }],
    ['location', { liveLocationMessage: {} }],
    ['poll', { pollCreationMessageV3: {} }],
    ['poll', { pollCreationMessageV4: { message: { pollCreationMessageV3: {} } } }],
    ['poll', { pollCreationMessageV5: {} }],
    ['event', { eventMessage: {} }],
    ['reaction', { reactionMessage: {} }],
    ['other', { protocolMessage: {} }],
    ['other', { constructor: {} }],
  ] as const)('knows a message of the kind %s by %j', (type, message) => {
    const event = received(DIRECT, message);
    expect(fits(event, { types: [type] })).toBe(true);
    expect(fits(event, { types: eventFilter.shape.types.unwrap().element.options.filter((one) => one !== type) })).toBe(
      false,
    );
  });

  test('holds a file that is ready to the kind of its message', () => {
    const ready = (kind: string): Filtered => ({ event: 'media.ready', ...DIRECT, data: { kind } });
    expect(fits(ready('image'), { types: ['image'] })).toBe(true);
    expect(fits(ready('video'), { types: ['image'] })).toBe(false);
    expect(fits(ready('audio'), { types: ['voice'] })).toBe(true);
  });

  test('takes any event that it knows nothing of, whatever is in it', () => {
    const all: EventFilter = { text: { contains: 'x', matches: 'y' }, types: ['text'], ignoreOwn: true };
    for (const data of [undefined, null, {}, [], 'text', { messages: null }, { messages: [] }, { update: null }]) {
      for (const event of ['messages.received', 'messages.upsert', 'messages.update', 'messages.reaction'] as const) {
        expect(fits({ event, data }, all)).toBe(true);
      }
      for (const event of ['message.sent', 'media.ready', 'poll.results'] as const) {
        expect(fits({ event, data }, all)).toBe(true);
      }
    }
  });
});

test('an address that was typed is the one it would be sent to', () => {
  const typed = [
    '+1 (555) 010-0002',
    '0015550100002',
    '15550100002',
    '\u202a+1 555 010 0002\u202c',
    '15550100002@c.us',
    '15550100002:3@s.whatsapp.net',
    ' 200000000000002@LID ',
    '120363000000000001@g.us',
    '123456789-987654321@g.us',
    '120363000000000002@newsletter',
    'status@broadcast',
  ];
  expect(typed.map(addressOf)).toEqual(typed.map((one) => toJid(one)));
});

describe('an expression', () => {
  test.each(['(', '[z-a]', 'a{2,1}', '(?=a)', '(?<!a)b', '\\1', 'a**'])('%s is none', (source) => {
    expect(faultOf(source)).toMatch(/\S/);
  });
  test.each(['order', '(?i)^ja$', '\\bAB-\\d+', '[äöü]+', '🐦', '.*'])('%s is one', (source) => {
    expect(faultOf(source)).toBeUndefined();
  });

  test('that is too large is refused, however it is written', () => {
    for (const source of ['(a{30}){33}b{100}', 'a{1000}b{1000}', '(a?){1000}'.repeat(40), '\\pL{1000}']) {
      expect(faultOf(source)).toMatch(/too large/);
    }
    expect(faultOf(`((${'a?'.repeat(235)}){31}){32}`)).toMatch(/too large/);
    expect(faultOf('((a{60}){60}){2}')).toMatch(/repeat/);
    for (const fine of ['\\w{1,64}@\\w{1,64}\\.\\w{2,10}', '[^)]{20}\\({3}[]({9}]{2}', '(\\d{3}-){2}\\d{4}']) {
      expect([fine, faultOf(fine)]).toEqual([fine, undefined]);
    }
  });

  test('takes time in proportion to the text, whatever somebody writes', () => {
    const text = `${'a'.repeat(9_999)}!`;
    const hostile = [
      '(a+)+$',
      '(a|aa)+$',
      '(a*)*b',
      '(.*)(.*)(.*)(.*)(.*)x',
      '([a-z]+)*\\d',
      '(?:a|b)*a(?:a|b){400}[cd]',
    ];
    // An engine that goes back and tries again would not be through with any of them before the sun is.
    for (const matches of hostile) {
      expect(faultOf(matches)).toBeUndefined();
      expect([matches, fits(says(text), { text: { matches } })]).toEqual([matches, false]);
    }
  });
});
