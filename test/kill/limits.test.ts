import { FRIEND, Victim } from './victim.ts';

let victim: Victim;
beforeAll(async () => void (victim = await Victim.start({ WARBLER_LIMITS: 'documented' })), 60_000);
afterAll(() => victim?.close());

interface Left {
  number_check: { per_day: { used: number } };
}
async function used(): Promise<number> {
  const { body } = await victim.ask('GET', '/api/whatsapp-sessions/1/limits');
  return (body['data'] as { requests: Left }).requests.number_check.per_day.used;
}

test('what is counted is known after a kill', async () => {
  for (let n = 1; n <= 3; n += 1) {
    expect((await victim.ask('GET', `/api/on-whatsapp/${FRIEND}`)).status).toBe(200);
    await victim.kill();
    victim.launch();
    await victim.ready();
    expect(await used()).toBe(n);
  }
}, 60_000);
