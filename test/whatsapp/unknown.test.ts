import { FRIEND, OWN, Stage } from './stage.ts';

const { unknown } = await import('../../engine/whatsapp/outcomes.ts');

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

/** How often a message was told to have been sent, or given up. */
const told = async (id: string) =>
  (await stage.events('message.sent')).flatMap(({ data }) => {
    const { key, success, unknown: open } = data as { key: { id: string }; success: boolean; unknown?: boolean };
    return key.id === id ? [{ success, unknown: open }] : [];
  });

test.each(['a person', 'a group'])(
  'a send to %s whose outcome was unknown is sent when WhatsApp tells so in the end',
  async (whom) => {
    const to =
      whom === 'a person'
        ? FRIEND
        : stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] }).jid;
    await stage.send(to, 'to begin with');
    // The acknowledgement is lost for good; a receipt comes, late.
    stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'message', lose: 'answer', times: 1 });
    stage.sandbox.addFault({ fault: 'delay', phone: OWN, match: 'receipt', direction: 'out', ms: 3000, times: 1 });
    const { body } = await stage.call('POST', '/api/send-message', { to, text: 'did it arrive?' });
    const { msgId, id } = body.data as { msgId: number; id: string };
    await stage.untilTrue(() => stage.message(FRIEND, id));
    await stage.engine.store.commit({ sessionId: 1, outcomes: [unknown(id)] });
    const info = async () => (await stage.call('GET', `/api/messages/${msgId}/info`)).body.data;
    expect(await info()).toMatchObject({ status: 0, unknown: true, error: expect.stringContaining('unknown') });
    expect(await told(id)).toEqual([{ success: false, unknown: true }]);
    await stage.untilTrue(async () => (await told(id)).length === 2);
    expect(await told(id)).toEqual([{ success: false, unknown: true }, { success: true }]);
    expect(await info()).toMatchObject({ unknown: false, error: null });
    stage.sandbox.removeFaults();
  },
);

test('one that never arrived goes out again under its own id, and is told as sent', async () => {
  stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'message', times: 1 });
  const { body } = await stage.call('POST', '/api/send-message', { to: FRIEND, text: 'lost on the way' });
  const { msgId, id } = body.data as { msgId: number; id: string };
  await stage.untilTrue(() => stage.sandbox.faults().some(({ fired }) => fired > 0));
  await stage.engine.store.commit({ sessionId: 1, outcomes: [unknown(id)] });
  expect((await stage.call('POST', `/api/messages/${msgId}/resend`)).status).toBe(200);
  await stage.untilTrue(() => stage.message(FRIEND, id));
  await stage.untilTrue(async () => (await told(id)).some(({ success }) => success));
  expect(stage.sandbox.messages(FRIEND).filter((one) => one.text === 'lost on the way')).toHaveLength(1);
});
