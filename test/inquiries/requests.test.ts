import { Stage } from '../whatsapp/stage.ts';
import { Asking, FRIEND, OWN, type Shown } from './asking.ts';

let stage: Stage;
let asking: Asking;
beforeAll(async () => {
  stage = await Stage.open();
  asking = new Asking(stage);
});
afterAll(() => stage?.close());

const GROUP = '120363041234567890@g.us';
const DAYS = { kind: 'choice', options: ['Friday', 'Saturday'] };
const cancel = ({ id }: { id: string }) => stage.call('POST', `/api/inquiries/${id}/cancel`);

test.each<[string, Record<string, unknown>, string, RegExp]>([
  ['a choice without options', { kind: 'choice' }, 'options', /required for kind choice/],
  ['options that are the same when typed', { ...DAYS, options: ['Yes', ' yes'] }, 'options', /different/],
  ['options of a text', { options: ['a', 'b'] }, 'options', /kind choice only/],
  ['labels of a choice', { ...DAYS, approveLabel: 'Yes' }, 'approveLabel', /kind approval only/],
  ['labels that are the same', { kind: 'approval', approveLabel: 'OK', rejectLabel: 'ok' }, 'rejectLabel', /different/],
  ['a label that is the other one’s own', { kind: 'approval', approveLabel: '✗ decline' }, 'approveLabel', /different/],
  ['a reply to an approval', { kind: 'approval', replyOnly: true }, 'replyOnly', /kind text only/],
  ['a group without anybody to answer', { to: GROUP }, 'from', /required for a group/],
  ['a group that answers', { to: GROUP, from: GROUP }, 'from', /must be a person/],
  ['somebody else in a private chat', { from: '+15550100003' }, 'from', /group only/],
  ['nobody', { to: GROUP, from: 'Robin' }, 'from', /phone number/],
  ['a channel', { to: '120363144038483540@newsletter' }, 'to', /person or a group/],
  ['a status', { to: 'status@broadcast' }, 'to', /person or a group/],
  ['a reminder after the end', { expireAfter: 60, reminder: { after: 60 } }, 'reminder.after', /less than expireAfter/],
  ['a secret for nobody', { secret: `whsec_${'A'.repeat(44)}` }, 'secret', /callbackUrl only/],
  ['a secret that is none', { callbackUrl: 'http://127.0.0.1:9/', secret: 'hunter2' }, 'secret', /whsec_/],
])('%s is refused, with what would do', async (_what, body, field, text) => {
  const { status, body: answer } = await asking.post(body);
  expect({ status, errors: answer['errors'] }).toEqual({
    status: 422,
    errors: { [field]: [expect.stringMatching(text)] },
  });
});

test('a repeated request asks once, and another one under the same key is refused', async () => {
  const key = { 'idempotency-key': 'invoice-1042' };
  const body = { kind: 'approval', text: 'Pay?', expireAfter: 3600, callbackUrl: 'http://127.0.0.1:9/waiting' };
  const [one, again] = [await asking.post(body, key), await asking.post(body, key)];
  expect(one.status).toBe(201);
  expect(again.body.data).toEqual(one.body.data);
  const other = await asking.post({ ...body, expireAfter: 7200 }, key);
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  await cancel(one.body.data as Shown);
});

test('inquiries are listed by status and by pages, and one that is closed cannot be cancelled', async () => {
  const [one, other] = [await asking.ask(), await asking.ask()];
  await asking.says('blue');
  await asking.answer(other);
  const list = async (query: string) => (await stage.call('GET', `/api/inquiries${query}`)).body.data;
  expect(await list('?status=open')).toMatchObject({ data: [{ id: one.id }], total: 1 });
  expect(await list('?per_page=1')).toMatchObject({ data: [{ id: other.id, status: 'answered' }], per_page: 1 });
  expect(await cancel(other)).toMatchObject({
    status: 409,
    body: { code: 'conflict', details: { status: 'answered' } },
  });
  expect((await cancel(one)).body.data).toMatchObject({ status: 'cancelled', closedAt: expect.any(String) });
  expect((await cancel(one)).status).toBe(200);
  expect(await cancel({ id: 'inq_none' })).toMatchObject({ status: 404, body: { code: 'inquiry_not_found' } });
});

test('a cancelled inquiry takes no answer, and its question does not leave if it has not yet', async () => {
  const quiet = { quiet_hours: { from: '00:00', to: '23:59', time_zone: 'UTC' } };
  await stage.call('PUT', '/api/whatsapp-sessions/1', quiet);
  const inquiry = await asking.accepted({ text: 'Never seen' });
  await cancel(inquiry);
  await stage.call('PUT', '/api/whatsapp-sessions/1', { quiet_hours: null });
  expect((await stage.send(FRIEND, 'the end')).status).toBe(200);
  expect(stage.sandbox.messages(FRIEND).map(({ text }) => text)).not.toContain('Never seen');
  await asking.says('blue');
  await asking.heard(OWN, FRIEND);
  expect(await asking.shown(inquiry)).toMatchObject({ status: 'cancelled', answer: null });
});
