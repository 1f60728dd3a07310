import { Stage } from '../whatsapp/stage.ts';
import { Asking, FRIEND, OWN, type Shown } from './asking.ts';

const WREN = '15550100003';
const FRIEND_JID = `${FRIEND}@s.whatsapp.net`;

let stage: Stage;
let asking: Asking;
let group: string;
beforeAll(async () => {
  stage = await Stage.open();
  asking = new Asking(stage);
  stage.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  group = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
});
afterAll(() => stage?.close());

const friend = () => ({ jid: FRIEND_JID, lid: stage.sandbox.phone(FRIEND).lid, phone: FRIEND });
const vote = ({ waId: id }: Shown, options: string[], phone = FRIEND, chat = OWN) =>
  stage.sandbox.gestures.vote(phone, { chat, id, options });
const react = ({ waId: id }: Shown, emoji: string, phone = FRIEND, chat = OWN) =>
  stage.sandbox.gestures.react(phone, { chat, id, emoji });
const onPhone = ({ waId }: Shown) => stage.message(FRIEND, waId)!;
/** Closes what is left open, so that the next test's messages answer the next test's questions. */
afterEach(async () => {
  const { body } = await stage.call('GET', '/api/inquiries?status=open&per_page=100');
  for (const { id } of (body.data as { data: Shown[] }).data) await stage.call('POST', `/api/inquiries/${id}/cancel`);
});

describe('a text', () => {
  test('is answered by the next message, with who has written it and when', async () => {
    const inquiry = await asking.ask({ text: 'Which colour?' });
    expect(onPhone(inquiry)).toMatchObject({ type: 'text', text: 'Which colour?' });
    expect(inquiry).toMatchObject({
      id: expect.stringMatching(/^inq_[0-9a-f]{24}$/),
      ...{ status: 'open', kind: 'text', jid: `+${FRIEND}`, answer: null, expiresAt: null, closedAt: null },
    });
    const { id } = await asking.says('blue');
    const event = await asking.closed(inquiry);
    const answer = {
      ...{ text: 'blue', via: 'message', messageId: id, type: 'conversation' },
      from: { ...friend(), name: expect.any(String) },
      respondedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    };
    expect(event).toMatchObject(friend());
    expect(event.data).toEqual({
      ...{ inquiryId: inquiry.id, kind: 'text', status: 'answered', msgId: inquiry.msgId, question: 'Which colour?' },
      answer,
    });
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'answered', answer, closedAt: expect.any(String) });
  });

  test('is answered once: what comes after that is only a message', async () => {
    const inquiry = await asking.ask();
    await asking.says('first');
    await asking.says('second');
    await asking.heard();
    expect(await asking.shown(inquiry)).toMatchObject({ answer: { text: 'first' } });
    expect(await stage.events('inquiry.answered')).toHaveLength(
      new Set((await stage.events('inquiry.answered')).map(({ data }) => (data as { inquiryId: string }).inquiryId))
        .size,
    );
  });

  test('that wants a reply is answered by nothing else', async () => {
    const inquiry = await asking.ask({ replyOnly: true });
    await asking.says('not to you');
    await asking.heard();
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
    await asking.says('to you', { replyTo: inquiry.waId });
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'to you', via: 'reply' });
  });

  test('is answered by a file, too, with its kind', async () => {
    const inquiry = await asking.ask({ text: 'A picture, please' });
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
    await stage.sandbox.send(FRIEND, { to: OWN, imageUrl: `data:image/png;base64,${png}` });
    expect(await asking.answer(inquiry)).toMatchObject({ text: '', type: 'imageMessage' });
  });

  test('is not answered by what is done to other messages, nor by what the person takes back or changes', async () => {
    const { id } = await asking.says('before');
    const inquiry = await asking.ask();
    await stage.sandbox.gestures.react(FRIEND, { chat: OWN, id, emoji: '👍' });
    await stage.sandbox.gestures.edit(FRIEND, { chat: OWN, id, text: 'after' });
    await stage.sandbox.gestures.delete(FRIEND, { chat: OWN, id });
    await asking.stored(id, 'messages.delete');
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });

  test('is not answered by what the account’s own phone writes in the chat', async () => {
    const inquiry = await asking.ask();
    await asking.says('I shall ask again', {}, OWN, FRIEND);
    await asking.heard(OWN, FRIEND);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });
});

describe('a choice', () => {
  const DAYS = { kind: 'choice', text: 'When?', options: ['Friday', 'Saturday'] };

  test('is a poll, and answered by a vote', async () => {
    const inquiry = await asking.ask(DAYS);
    expect(onPhone(inquiry)).toMatchObject({
      type: 'poll',
      poll: { options: [{ name: 'Friday' }, { name: 'Saturday' }] },
    });
    const { id } = await vote(inquiry, ['Saturday']);
    expect(await asking.answer(inquiry)).toMatchObject({
      ...{ choice: 'Saturday', via: 'vote', messageId: id, type: 'pollUpdateMessage', from: friend() },
    });
  });

  test('is not answered by a vote that is taken back', async () => {
    const inquiry = await asking.ask(DAYS);
    await vote(inquiry, []);
    await asking.heard();
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });

  test('is answered by its words, or by their number, as a message', async () => {
    const one = await asking.ask(DAYS);
    await asking.says('Sunday');
    await asking.says(' friday ');
    expect(await asking.answer(one)).toMatchObject({ choice: 'Friday', text: ' friday ', via: 'message' });
    const other = await asking.ask(DAYS);
    await asking.says('2', { replyTo: other.waId });
    expect(await asking.answer(other)).toMatchObject({ choice: 'Saturday', via: 'reply' });
  });

  test('with a question that is too long for a poll is a text with its options', async () => {
    const text = 'When? '.repeat(50).trim();
    const inquiry = await asking.ask({ ...DAYS, text });
    expect(onPhone(inquiry)).toMatchObject({ type: 'text', text: `${text}\n\n1. Friday\n2. Saturday` });
    await asking.says('1');
    expect(await asking.answer(inquiry)).toMatchObject({ choice: 'Friday' });
  });
});

describe('an approval', () => {
  const PAY = { kind: 'approval', text: 'Pay invoice 1042?' };

  test('is a poll of two options, and given by a vote', async () => {
    const inquiry = await asking.ask(PAY);
    expect(inquiry.options).toEqual(['✓ Approve', '✗ Decline']);
    await vote(inquiry, ['✓ Approve']);
    expect(await asking.answer(inquiry)).toMatchObject({ approved: true, via: 'vote' });
  });

  test('is refused by a vote, in words of its own', async () => {
    const inquiry = await asking.ask({ ...PAY, approveLabel: 'Ja', rejectLabel: 'Nein' });
    await vote(inquiry, ['Nein']);
    expect(await asking.answer(inquiry)).toMatchObject({ approved: false, via: 'vote' });
  });

  test.each([
    ['👍', true],
    ['👍🏾', true],
    ['✅', true],
    ['👎🏼', false],
    ['❌', false],
  ])('is decided by a reaction: %s', async (emoji, approved) => {
    const inquiry = await asking.ask(PAY);
    const { id } = await react(inquiry, emoji);
    expect(await asking.answer(inquiry)).toMatchObject({ approved, via: 'reaction', messageId: id });
  });

  test('is not decided by another reaction, nor by one that is taken back', async () => {
    const inquiry = await asking.ask(PAY);
    await react(inquiry, '❤️');
    await react(inquiry, '');
    await asking.heard();
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });

  test('is decided by its words', async () => {
    const inquiry = await asking.ask(PAY);
    await asking.says('hm, decline?');
    await asking.says('Decline');
    expect(await asking.answer(inquiry)).toMatchObject({ approved: false, text: 'Decline', via: 'message' });
  });

  test('that is too long for a poll is a text, and decided by a reaction', async () => {
    const text = 'The agent wants to pay. '.repeat(20).trim();
    const inquiry = await asking.ask({ ...PAY, text });
    expect(onPhone(inquiry)).toMatchObject({ type: 'text', text: `${text}\n\n👍 ✓ Approve\n👎 ✗ Decline` });
    await react(inquiry, '👍');
    expect(await asking.answer(inquiry)).toMatchObject({ approved: true, via: 'reaction' });
  });
});

describe('only the person who was asked answers', () => {
  test('in a private chat nobody else, not even by quoting the question', async () => {
    const inquiry = await asking.ask();
    await asking.says('me, me!', {}, WREN);
    const forged = {
      extendedTextMessage: {
        text: 'me',
        contextInfo: { stanzaId: inquiry.waId, participant: `${OWN}@s.whatsapp.net` },
      },
    };
    await stage.sandbox.send(WREN, { to: OWN, message: forged } as never);
    await asking.heard(WREN);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });

  test('and not in another chat, by whatever they quote', async () => {
    const inquiry = await asking.ask();
    await asking.says('hello, birds', {}, FRIEND, group);
    const elsewhere = { extendedTextMessage: { text: 'blue', contextInfo: { stanzaId: inquiry.waId } } };
    await stage.sandbox.send(FRIEND, { to: group, message: elsewhere } as never);
    await asking.heard(FRIEND, group);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
  });

  test('in a group the one who is named, whoever else writes, replies, votes or reacts before', async () => {
    const inquiry = await asking.ask({ to: group, from: `+${FRIEND}`, kind: 'approval', text: 'Shall we fly?' });
    await stage.untilTrue(() => stage.message(WREN, inquiry.waId));
    await asking.says('approve', {}, WREN, group);
    await asking.says('approve', { replyTo: inquiry.waId }, WREN, group);
    await vote(inquiry, ['✓ Approve'], WREN, group);
    await react(inquiry, '👍', WREN, group);
    await asking.heard(WREN, group);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open', jid: group });
    await vote(inquiry, ['✗ Decline'], FRIEND, group);
    const event = await asking.closed(inquiry);
    expect(event.data.answer).toMatchObject({ approved: false, via: 'vote', from: friend() });
    expect(event).toMatchObject({ ...friend(), jid: group });
  });

  test('by whichever of their two addresses they were asked', async () => {
    const { lid } = stage.sandbox.phone(FRIEND);
    const inquiry = await asking.ask({ to: lid });
    await asking.says('blue');
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'blue', from: { lid } });
    const inGroup = await asking.ask({ to: group, from: lid });
    await asking.says('green', {}, FRIEND, group);
    expect(await asking.answer(inGroup)).toMatchObject({ text: 'green', from: friend() });
  });

  test('and oneself, when the account asks its own number', async () => {
    const inquiry = await asking.accepted({ to: `+${OWN}`, kind: 'approval', text: 'Shall I?' });
    await stage.untilTrue(() => stage.message(OWN, inquiry.waId));
    await react(inquiry, '👍', OWN, OWN);
    expect(await asking.answer(inquiry)).toMatchObject({ approved: true, from: { phone: OWN } });
  });
});

describe('of two open questions', () => {
  test('the latest is answered by what quotes none, and then the other one', async () => {
    const [first, second] = [await asking.ask({ text: 'First?' }), await asking.ask({ text: 'Second?' })];
    await asking.says('to the second');
    expect(await asking.answer(second)).toMatchObject({ text: 'to the second' });
    expect(await asking.shown(first)).toMatchObject({ status: 'open' });
    await asking.says('to the first');
    expect(await asking.answer(first)).toMatchObject({ text: 'to the first' });
  });

  test('the one is answered that is quoted, and that one alone', async () => {
    const [first, second] = [await asking.ask({ text: 'First?' }), await asking.ask({ text: 'Second?' })];
    await asking.says('to the first', { replyTo: first.waId });
    expect(await asking.answer(first)).toMatchObject({ text: 'to the first', via: 'reply' });
    const { id } = await asking.says('once more to the first', { replyTo: first.waId });
    await asking.stored(id);
    expect(await asking.shown(second)).toMatchObject({ status: 'open' });
  });
});
