import { FRIEND, Victim, pause, until } from './victim.ts';

const KILLS = Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 3);
const SENDS_PER_LIFE = 4;

let victim: Victim;
beforeAll(async () => void (victim = await Victim.start()), 60_000);
afterAll(() => victim?.close());

test(
  `${KILLS} kills while messages are sent: every accepted message arrives, and none twice`,
  async () => {
    const accepted: string[] = [];
    let asked = 0;
    const send = async () => {
      const text = `send ${asked++}`;
      const { status } = await victim.ask('POST', '/api/send-message', { to: FRIEND, text });
      if (status === 200) accepted.push(text);
    };
    for (let life = 0; life < KILLS; life++) {
      await victim.ready();
      const sends = Array.from({ length: SENDS_PER_LIFE }, async () => {
        await pause(Math.random() * 40);
        await send();
      });
      await pause(Math.random() * 400);
      await victim.kill();
      await Promise.all(sends);
      victim.launch();
    }
    const got = () => victim.sandbox.messages(FRIEND, { limit: 10_000 }).map(({ text }) => text);
    await until(
      () => `${accepted.filter((text) => !got().includes(text)).join(', ')} to arrive`,
      () => accepted.every((text) => got().includes(text)),
    );
    await victim.ready();
    await victim.sandbox.idle();
    const doubled = got().filter((text, index, all) => all.indexOf(text) !== index);
    console.log(
      `kill test: ${victim.kills} kills, ${asked} asked, ${accepted.length} accepted, ${got().length} arrived, ${doubled.length} doubled`,
    );
    expect(doubled).toEqual([]);
    expect(accepted.length).toBeGreaterThan(0);
  },
  10 * 60_000,
);
