import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

test('a text from a phone becomes one messages.received and one messages.upsert', async () => {
  const { id } = await stage.sandbox.send(FRIEND, { to: `+${OWN}`, text: 'hello engine' });
  const [received] = await stage.until((events) => {
    const own = events.filter(({ event }) => event === 'messages.received');
    return own.length > 0 && own;
  });
  expect(received).toMatchObject({
    event: 'messages.received',
    sessionId: '1',
    phone: FRIEND,
    data: { messages: { key: { id, fromMe: false, cleanedSenderPn: FRIEND }, messageBody: 'hello engine' } },
  });
  expect(received?.lid).toMatch(/@lid$/);
  expect(await stage.events('messages.upsert')).toHaveLength(1);
});
