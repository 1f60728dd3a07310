import { pause, until, Victim } from './victim.ts';

const RECIPIENTS = Number(process.env['WARBLER_BULK'] ?? 100);
const KILLS = 3;

let victim: Victim;
beforeAll(async () => void (victim = await Victim.start()), 60_000);
afterAll(() => victim?.close());

interface Progress {
  status: string;
  counts: Record<string, number>;
}

test(
  `${KILLS} kills while a bulk job writes to ${RECIPIENTS} people: everybody is written to, once`,
  async () => {
    const phones = Array.from({ length: RECIPIENTS }, (_, n) => `1555030${String(n).padStart(4, '0')}`);
    for (const phone of phones) victim.sandbox.addPhone({ phone });
    const textsOf = (phone: string) => victim.sandbox.messages(phone).map(({ text }) => text);
    /** Phones are written to in their order, so looking at the next one is enough. */
    let arrived = 0;
    const untilArrived = async (count: number) => {
      while (arrived < count) {
        const phone = phones[arrived]!;
        await until(
          () => `recipient ${arrived} to be written to`,
          () => textsOf(phone).length > 0,
        );
        arrived += 1;
      }
    };
    const startedAt = Date.now();
    const { status, body } = await victim.ask('POST', '/api/bulk-jobs', {
      text: 'Hello {{name}}',
      recipients: phones.map((phone, n) => ({ to: `+${phone}`, variables: { name: `person ${n}` } })),
    });
    expect(status).toBe(201);
    const { id } = body['data'] as { id: number };
    const at: number[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      await untilArrived(Math.floor((RECIPIENTS * kill) / (KILLS + 1)));
      await pause(Math.random() * 50);
      await victim.kill();
      at.push(arrived);
      victim.launch();
    }
    await victim.ready();
    const progress = async () => (await victim.ask('GET', `/api/bulk-jobs/${id}`)).body['data'] as Progress | undefined;
    await untilArrived(RECIPIENTS);
    await until(
      () => 'the job to be through',
      async () => (await progress())?.status === 'completed',
    );
    await victim.sandbox.idle();
    const texts = phones.map(textsOf);
    const doubled = texts.filter((one) => one.length > 1).length;
    console.log(
      `bulk kill test: ${RECIPIENTS} recipients, ${victim.kills} kills (after some ${at.join(', ')}), ` +
        `${texts.filter((one) => one.length > 0).length} received, ${doubled} of them twice, in ${Math.round((Date.now() - startedAt) / 1000)} s`,
    );
    expect(texts).toEqual(phones.map((_, n) => [`Hello person ${n}`]));
    expect(await progress()).toMatchObject({ counts: { pending: 0, queued: 0, failed: 0, skipped: 0 } });
  },
  30 * 60_000,
);
