import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

const outcome = (callId: string) => stage.sandbox.calls.list(FRIEND).find((one) => one.callId === callId)?.outcome;
const callEvent = (id: string, status: string) =>
  stage.until((events) =>
    events.find(({ event, data }) => {
      const { call } = (event === 'call' ? data : {}) as { call?: { id: string; status: string } };
      return call?.id === id && call.status === status;
    }),
  );

test('a call is told as WasenderApi documents it, and its end, too', async () => {
  const { callId } = stage.sandbox.calls.start(FRIEND, { to: OWN, video: true });
  const { data, phone, lid } = await callEvent(callId, 'offer');
  expect(data).toEqual({
    call: {
      id: callId,
      from: `${FRIEND}@s.whatsapp.net`,
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      isGroup: false,
      isVideo: true,
      status: 'offer',
    },
  });
  expect([phone, lid]).toEqual([FRIEND, expect.stringMatching(/@lid$/)]);
  stage.sandbox.calls.hangUp(FRIEND, { callId });
  expect((await callEvent(callId, 'terminate')).data).toMatchObject({ call: { isVideo: true } });
});

test('a call is rejected through the API, and the caller sees it', async () => {
  const { callId } = stage.sandbox.calls.start(FRIEND, { to: OWN });
  const { jid } = await callEvent(callId, 'offer');
  const { status } = await stage.call('POST', `/api/calls/${callId}/reject`, { from: jid });
  expect(status).toBe(200);
  await stage.untilTrue(() => outcome(callId) === 'rejected');
});

test('with auto_reject_calls nobody’s phone rings for long', async () => {
  await stage.call('PUT', '/api/whatsapp-sessions/1', { auto_reject_calls: true });
  const { callId } = stage.sandbox.calls.start(FRIEND, { to: OWN });
  await stage.untilTrue(() => outcome(callId) === 'rejected');
  await stage.call('PUT', '/api/whatsapp-sessions/1', { auto_reject_calls: false });
});
