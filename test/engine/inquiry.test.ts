import type { InquiryRecord } from '../../engine/model.ts';
import { findAnswer, sameOption, type Heard } from '../../engine/store/inquiry.ts';

const ASKED = Date.UTC(2026, 0, 5, 12, 0, 0, 700);
const MINUTE = 60_000;
const APPROVAL = ['✓ Approve', '✗ Decline'];
const DAYS = ['Friday', 'Saturday', 'Café, at 5'];

const inquiry = (about: Partial<InquiryRecord> = {}): InquiryRecord => ({
  id: 'inq_1',
  sessionId: 1,
  msgId: 7,
  waId: 'Q1',
  reminderWaId: 'R1',
  chat: '15550100002@s.whatsapp.net',
  person: '15550100002@s.whatsapp.net',
  kind: 'text',
  question: 'Well?',
  options: [],
  replyOnly: false,
  status: 'open',
  answer: null,
  error: null,
  createdAt: ASKED,
  askedAt: ASKED,
  expiresAt: null,
  closedAt: null,
  ...about,
});
const text = (about: Partial<InquiryRecord> = {}) => inquiry({ kind: 'text', ...about });
const choice = (about: Partial<InquiryRecord> = {}) => inquiry({ kind: 'choice', options: DAYS, ...about });
const approval = (about: Partial<InquiryRecord> = {}) => inquiry({ kind: 'approval', options: APPROVAL, ...about });
const heard = (about: Partial<Heard> = {}): Heard => ({ at: ASKED + 1000, text: '', ...about });
const answerTo = (one: InquiryRecord, about: Partial<Heard>) => findAnswer([one], heard(about), ASKED + MINUTE)?.answer;

describe('a text', () => {
  test.each<[string, Partial<Heard>, Partial<InquiryRecord>, object | undefined]>([
    ['is answered by any message', { text: 'blue' }, {}, { text: 'blue', via: 'message' }],
    ['also by one without words', { text: '' }, {}, { text: '', via: 'message' }],
    ['by a reply to it', { text: 'blue', quotes: 'Q1' }, {}, { text: 'blue', via: 'reply' }],
    ['by a reply to its reminder', { text: 'blue', quotes: 'R1' }, {}, { text: 'blue', via: 'reply' }],
    ['by a reply to something else', { text: 'blue', quotes: 'X' }, {}, { text: 'blue', via: 'message' }],
    ['not by a reaction', { emoji: '👍', about: 'Q1' }, {}, undefined],
    ['not by a vote', { chosen: ['Friday'], about: 'Q1' }, {}, undefined],
    [
      'by a reply when only those count',
      { text: 'blue', quotes: 'Q1' },
      { replyOnly: true },
      { text: 'blue', via: 'reply' },
    ],
    ['and then not by anything else', { text: 'blue' }, { replyOnly: true }, undefined],
    ['nor by a reply to something else', { text: 'blue', quotes: 'X' }, { replyOnly: true }, undefined],
  ])('%s', (_what, said, about, answer) => {
    expect(answerTo(text(about), said)).toEqual(answer);
  });
});

describe('a choice', () => {
  test.each<[string, Partial<Heard>, object | undefined]>([
    ['is answered by a vote', { chosen: ['Friday'], about: 'Q1' }, { choice: 'Friday', via: 'vote' }],
    ['not by a vote that is taken back', { chosen: [], about: 'Q1' }, undefined],
    ['not by a vote for two', { chosen: ['Friday', 'Saturday'], about: 'Q1' }, undefined],
    ['not by a vote in another poll', { chosen: ['Friday'], about: 'X' }, undefined],
    ['by its word', { text: 'Friday' }, { choice: 'Friday', text: 'Friday', via: 'message' }],
    ['in any case and with blanks', { text: '  fRIDAY\n' }, { choice: 'Friday', text: '  fRIDAY\n', via: 'message' }],
    [
      'with blanks of any kind',
      { text: 'café,  at\u00a05' },
      { choice: DAYS[2], text: 'café,  at\u00a05', via: 'message' },
    ],
    ['with a full stop', { text: 'Saturday.' }, { choice: 'Saturday', text: 'Saturday.', via: 'message' }],
    ['by its number', { text: ' 2 ' }, { choice: 'Saturday', text: ' 2 ', via: 'message' }],
    ['by its number with a dot', { text: '3.' }, { choice: DAYS[2], text: '3.', via: 'message' }],
    ['not by a number that none has', { text: '4' }, undefined],
    ['not by 0', { text: '0' }, undefined],
    ['not by other words', { text: 'Friday or Saturday' }, undefined],
    ['not by no words', { text: '' }, undefined],
    ['by a reply with its word', { text: 'friday', quotes: 'Q1' }, { choice: 'Friday', text: 'friday', via: 'reply' }],
    ['not by a reaction', { emoji: '👍', about: 'Q1' }, undefined],
  ])('%s', (_what, said, answer) => {
    expect(answerTo(choice(), said)).toEqual(answer);
  });

  test('between numbers is answered by the number itself, not by its place', () => {
    expect(answerTo(choice({ options: ['2', '1'] }), { text: '1' })).toMatchObject({ choice: '1' });
  });

  test('between signs that differ in nothing else is answered by the sign alone', () => {
    const signs = { options: ['+1', '-1'] };
    expect(answerTo(choice(signs), { text: '-1' })).toMatchObject({ choice: '-1' });
    expect(answerTo(choice({ options: ['A+', 'A-'] }), { text: 'A' })).toBeUndefined();
  });
});

describe('an approval', () => {
  test.each<[string, Partial<Heard>, object | undefined]>([
    ['is given by a vote', { chosen: ['✓ Approve'], about: 'Q1' }, { approved: true, via: 'vote' }],
    ['refused by a vote', { chosen: ['✗ Decline'], about: 'Q1' }, { approved: false, via: 'vote' }],
    ['not decided by a vote for both', { chosen: APPROVAL, about: 'Q1' }, undefined],
    ['given by 👍', { emoji: '👍', about: 'Q1' }, { approved: true, via: 'reaction' }],
    ['given by 👍 of any skin', { emoji: '👍🏿', about: 'Q1' }, { approved: true, via: 'reaction' }],
    ['given by ✅', { emoji: '✅', about: 'Q1' }, { approved: true, via: 'reaction' }],
    ['given by a reaction to the reminder', { emoji: '👍', about: 'R1' }, { approved: true, via: 'reaction' }],
    ['refused by 👎', { emoji: '👎🏻', about: 'Q1' }, { approved: false, via: 'reaction' }],
    ['refused by ❌', { emoji: '❌\uFE0F', about: 'Q1' }, { approved: false, via: 'reaction' }],
    ['not decided by another reaction', { emoji: '❤️', about: 'Q1' }, undefined],
    ['nor by one that is taken back', { emoji: '', about: 'Q1' }, undefined],
    ['nor by one to another message', { emoji: '👍', about: 'X' }, undefined],
    ['given by its word', { text: 'approve' }, { approved: true, text: 'approve', via: 'message' }],
    ['refused by its word', { text: '✗ DECLINE' }, { approved: false, text: '✗ DECLINE', via: 'message' }],
    ['given by the sign as a message', { text: '👍' }, { approved: true, text: '👍', via: 'message' }],
    ['not decided by a number', { text: '1' }, undefined],
    ['nor by words that hold its word', { text: 'I do not approve' }, undefined],
    ['nor by no words', { text: '' }, undefined],
  ])('%s', (_what, said, answer) => {
    expect(answerTo(approval(), said)).toEqual(answer);
  });
});

describe('of several questions', () => {
  const older = text({ id: 'older', waId: 'Q0', reminderWaId: null });
  const find = (inquiries: InquiryRecord[], about: Partial<Heard>) =>
    findAnswer(inquiries, heard(about), ASKED + MINUTE)?.inquiry.id;

  test('the latest is answered', () => {
    expect(find([text({ id: 'newer' }), older], { text: 'blue' })).toBe('newer');
  });

  test('a reply answers the one that it quotes', () => {
    expect(find([text({ id: 'newer' }), older], { text: 'blue', quotes: 'Q0' })).toBe('older');
  });

  test('one is passed over that the message is no answer to', () => {
    expect(find([approval({ id: 'newer' }), older], { text: 'blue' })).toBe('older');
    expect(find([text({ id: 'newer', replyOnly: true }), older], { text: 'blue' })).toBe('older');
  });

  test('a reply to one that is closed, or that it is no answer to, answers none', () => {
    const closed = text({ id: 'closed', waId: 'Q2', status: 'answered' });
    expect(find([text({ id: 'newer' }), closed], { text: 'blue', quotes: 'Q2' })).toBeUndefined();
    expect(find([approval({ id: 'newer' }), older], { text: 'blue', quotes: 'Q1' })).toBeUndefined();
  });
});

describe('the time', () => {
  const END = ASKED + 10 * MINUTE;
  const find = (about: Partial<InquiryRecord>, said: Partial<Heard>, now: number) =>
    findAnswer([text(about)], heard({ text: 'blue', ...said }), now) !== undefined;

  test.each<[string, Partial<Heard>, number, boolean]>([
    ['written and come in time', { at: END - MINUTE }, END - MINUTE, true],
    ['written in time and come late', { at: END - MINUTE }, END + 60 * MINUTE, true],
    ['come in time, written late by a clock that is ahead', { at: END + MINUTE }, END - 1, true],
    ['written late', { at: END + MINUTE }, END + 60 * MINUTE, false],
    ['written late, as a reply', { at: END + MINUTE, quotes: 'Q1' }, END + 60 * MINUTE, false],
  ])('%s', (_what, said, now, counts) => {
    expect(find({ expiresAt: END }, said, now)).toBe(counts);
  });

  test('what was written before the question answers it only by naming it', () => {
    const before = { at: ASKED - 2000 };
    expect(find({}, before, ASKED + MINUTE)).toBe(false);
    expect(find({}, { ...before, quotes: 'Q1' }, ASKED + MINUTE)).toBe(true);
    expect(find({}, { at: Math.floor(ASKED / 1000) * 1000 }, ASKED + MINUTE)).toBe(true);
  });

  test('a question that has not left is answered by nothing that comes', () => {
    expect(find({ askedAt: null }, {}, ASKED + MINUTE)).toBe(false);
  });
});

test('options are the same when whoever types them could not tell them apart', () => {
  expect(sameOption('Friday', ' friday ')).toBe(true);
  expect(sameOption('Café', 'Cafe\u0301')).toBe(true);
  expect(sameOption('Friday', 'Saturday')).toBe(false);
});
