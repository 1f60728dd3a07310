import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const bodies = (messages: { text?: string | null }[]) => messages.map(({ text }) => text);

describe('incoming', () => {
  test('a text from a phone becomes one messages.received and one messages.upsert', async () => {
    const { id } = await stage.sandbox.send(FRIEND, { to: `+${OWN}`, text: 'hello engine' });
    const received = await stage.until((events) => events.find(({ event }) => event === 'messages.received'));
    expect(received).toMatchObject({
      event: 'messages.received',
      sessionId: '1',
      phone: FRIEND,
      data: { messages: { key: { id, fromMe: false, cleanedSenderPn: FRIEND }, messageBody: 'hello engine' } },
    });
    expect(received.lid).toMatch(/@lid$/);
    expect(await stage.events('messages.upsert')).toHaveLength(1);
  });

  test('a burst comes in order, each once', async () => {
    const texts = Array.from({ length: 60 }, (_, n) => `burst ${n}`);
    await Promise.all(texts.map((text) => stage.sandbox.send(FRIEND, { to: OWN, text })));
    const seen = await stage.until((events) => textsOf(events).length >= texts.length && textsOf(events));
    expect(seen).toEqual(texts);
  });

  test('what the account’s own phone sends is a messages.upsert of ours, and nothing received', async () => {
    await stage.sandbox.send(OWN, { to: FRIEND, text: 'from my thumb' });
    const upsert = await stage.until((events) => events.find(({ event }) => event === 'messages.upsert'));
    expect(upsert).toMatchObject({
      phone: FRIEND,
      data: { messages: [{ key: { fromMe: true }, messageBody: 'from my thumb' }] },
    });
    expect(await stage.events('messages.received')).toHaveLength(0);
  });

  test('a stanza that comes twice is one message', async () => {
    stage.sandbox.addFault({ fault: 'duplicate', phone: OWN, match: 'message' });
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'twice' });
    stage.sandbox.removeFaults();
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'the end' });
    const seen = await stage.until((events) => textsOf(events).includes('the end') && textsOf(events));
    expect(seen).toEqual(['twice', 'the end']);
    // The second one is acknowledged like the first, not refused as undecryptable.
    await stage.until(() => stage.deliveredToEngine(FRIEND).length === 2);
    expect(JSON.stringify(stage.sandbox.messages(FRIEND))).not.toContain('"error"');
  });

  test('a message that could not be decrypted arrives after the sender’s retry, once', async () => {
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'before' });
    await stage.until((events) => textsOf(events).includes('before'));
    await stage.forgetSignalSessions();
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'unreadable at first' });
    const seen = await stage.until((events) => textsOf(events).length >= 2 && textsOf(events));
    expect(seen).toEqual(['before', 'unreadable at first']);
  });

  test('what arrives while the engine is away comes in order when it is back', async () => {
    await stage.engine.stop();
    for (let n = 0; n < 10; n++) await stage.sandbox.send(FRIEND, { to: OWN, text: `offline ${n}` });
    await stage.startEngine();
    const seen = await stage.until((events) => textsOf(events).length >= 10 && textsOf(events));
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `offline ${n}`));
  });
});

describe('outgoing', () => {
  test.each([
    ['+E.164', () => `+${FRIEND}`],
    ['E.164 as people write it', () => '+1 (555) 010-0002'],
    ['digits', () => FRIEND],
    ['a phone-number address', () => `${FRIEND}@s.whatsapp.net`],
    ['the old form of it', () => `${FRIEND}@c.us`],
    ['a LID', () => stage.sandbox.phone(FRIEND).lid],
  ])('a text reaches a recipient given as %s', async (_form, to) => {
    const answer = await stage.send(to(), 'hello');
    expect(answer).toMatchObject({ status: 200, body: { success: true, data: { status: 'sent' } } });
    expect(stage.sandbox.messages(FRIEND)).toMatchObject([{ text: 'hello', fromMe: false }]);
  });

  test('answers at once without `wait`, and many leave in the order in which they were accepted', async () => {
    const texts = Array.from({ length: 40 }, (_, n) => `no. ${n}`);
    for (const text of texts) {
      const { body } = await stage.send(FRIEND, text, { wait: false });
      expect(body.data).toMatchObject({ status: 'in_progress', jid: `+${FRIEND}` });
    }
    await stage.until((events) => events.filter(({ event }) => event === 'message.sent').length === texts.length);
    await stage.sandbox.idle();
    expect(bodies(stage.sandbox.messages(FRIEND))).toEqual(texts);
  });

  test('message.sent comes with WhatsApp’s acknowledgement, not when a frame was written', async () => {
    stage.sandbox.addFault({ fault: 'delay', phone: OWN, match: 'ack:message', direction: 'out', ms: 1500 });
    const asked = stage.send(FRIEND, 'slow');
    await stage.untilStanza('in', 'message');
    expect(await stage.events('message.sent')).toHaveLength(0);
    expect((await asked).status).toBe(200);
    expect(await stage.events('message.sent')).toMatchObject([{ data: { success: true, messageBody: 'slow' } }]);
  });

  test('delivered and read are told as they happen, even when nothing else comes in', async () => {
    await stage.send(FRIEND, 'tick tick');
    const { lid } = stage.sandbox.phone(OWN);
    await stage.until((events) => statuses(events).includes(3));
    await stage.sandbox.read(FRIEND, { chat: lid });
    const seen = await stage.until((events) => statuses(events).includes(4) && statuses(events));
    expect(seen).toEqual([2, 3, 4]);
  });

  test('a number that is not on WhatsApp is a clear refusal, and a message.sent that failed', async () => {
    const { status, body } = await stage.send('+15550199999', 'anybody?');
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'recipient_not_on_whatsapp', message: expect.stringContaining('+15550199999') });
    expect(await stage.events('message.sent')).toMatchObject([{ data: { success: false } }]);
    expect((await stage.send(FRIEND, 'goes on')).status).toBe(200);
  });

  test('WhatsApp’s refusal is told with its meaning, and the queue goes on', async () => {
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 463, times: 1 });
    const { status, body } = await stage.send(FRIEND, 'refused');
    expect(status).toBe(502);
    expect(body).toMatchObject({ code: 'whatsapp_refused', message: expect.stringContaining('463') });
    expect((await stage.send(FRIEND, 'taken')).status).toBe(200);
    expect(bodies(stage.sandbox.messages(FRIEND))).toEqual(['taken']);
  });

  test('a reply quotes the message, by msgId and by WhatsApp id', async () => {
    const first = await stage.send(FRIEND, 'question');
    await stage.send(FRIEND, 'by number', { replyTo: (first.body.data as { msgId: number }).msgId });
    await stage.send(FRIEND, 'by id', { replyTo: (first.body.data as { id: string }).id });
    const contexts = stage.sandbox
      .messages(FRIEND)
      .slice(1)
      .map(({ message }) => JSON.stringify(message));
    for (const context of contexts) expect(context).toContain((first.body.data as { id: string }).id);
  });

  test('the recipient who could not decrypt gets the message by a retry', async () => {
    await stage.send(FRIEND, 'first');
    stage.sandbox.loseSessions(FRIEND);
    await stage.send(FRIEND, 'second');
    await stage.until((events) => statuses(events).filter((status) => status === 3).length === 2);
    expect(bodies(stage.sandbox.messages(FRIEND))).toEqual(['first', 'second']);
  });

  test('a connection lost before the acknowledgement does not send twice', async () => {
    stage.sandbox.addFault({ fault: 'drop', phone: OWN, match: 'ack:message', direction: 'out', times: 1 });
    const answer = await stage.send(FRIEND, 'once');
    expect(answer.status).toBe(200);
    expect(bodies(stage.sandbox.messages(FRIEND))).toEqual(['once']);
  });

  test('the same Idempotency-Key sends once', async () => {
    const again = () =>
      stage.call(
        'POST',
        '/api/send-message',
        { to: FRIEND, text: 'pay', wait: true },
        { 'idempotency-key': 'order-7' },
      );
    const [first, second] = [await again(), await again()];
    expect(second.body.data).toEqual(first.body.data);
    expect(bodies(stage.sandbox.messages(FRIEND))).toEqual(['pay']);
  });

  test('account protection keeps five seconds between two messages that were accepted', async () => {
    await stage.call('PUT', '/api/whatsapp-sessions/1', { account_protection: true });
    // Past the endpoint, which would refuse the second one.
    const { messages } = stage.engine.sessions.get(1);
    const accepted = [];
    for (const text of ['one', 'two']) accepted.push(await messages.send({ to: FRIEND, text }));
    for (const { msgId } of accepted) await messages.outcome(msgId, 20_000);
    const [one, two] = stage.sandbox.messages(FRIEND).map(({ timestamp }) => timestamp);
    expect(two! - one!).toBeGreaterThanOrEqual(4);
    expect((await stage.call('PUT', '/api/whatsapp-sessions/1', { account_protection: false })).status).toBe(200);
    await stage.send(FRIEND, 'three');
  });

  test('both sides write at the same time and nothing is lost', async () => {
    const count = 30;
    const sends = Array.from({ length: count }, (_, n) => stage.send(FRIEND, `out ${n}`));
    const receives = Array.from({ length: count }, (_, n) => stage.sandbox.send(FRIEND, { to: OWN, text: `in ${n}` }));
    expect((await Promise.all(sends)).map(({ status }) => status)).toEqual(Array(count).fill(200));
    await Promise.all(receives);
    const seen = await stage.until((events) => textsOf(events).length >= count && textsOf(events));
    expect(seen).toEqual(Array.from({ length: count }, (_, n) => `in ${n}`));
    await stage.sandbox.idle();
    const got = bodies(stage.sandbox.messages(FRIEND).filter(({ fromMe }) => !fromMe));
    expect([...got].sort()).toEqual(Array.from({ length: count }, (_, n) => `out ${n}`).sort());
    expect(stage.retries()).toBe(0);
  });
});

function statuses(events: { event: string; data: unknown }[]): number[] {
  return events
    .filter(({ event }) => event === 'messages.update')
    .map(({ data }) => (data as { update: { status: number } }).update.status);
}
