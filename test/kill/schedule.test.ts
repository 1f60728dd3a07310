import { FRIEND, Victim, pause, until } from './victim.ts';

const KILLS = Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 10);
const SENDS_PER_LIFE = 5;

let victim: Victim;
beforeAll(async () => void (victim = await Victim.start({ WARBLER_PACE: 'off' })), 60_000);
afterAll(() => victim?.close());

test(
  `${KILLS} kills while scheduled messages come due: each leaves once, and a cancelled one never`,
  async () => {
    const accepted: string[] = [];
    const cancelled: string[] = [];
    let asked = 0;
    const schedule = async () => {
      const text = `scheduled ${asked++}`;
      const scheduledAt = new Date(Date.now() + Math.random() * 1500).toISOString();
      const { status, body } = await victim.ask('POST', '/api/send-message', { to: FRIEND, text, scheduledAt });
      if (status !== 200) return;
      accepted.push(text);
      if (Math.random() > 0.2) return;
      const { msgId } = body['data'] as { msgId: number };
      const { status: answered } = await victim.ask('DELETE', `/api/scheduled-messages/${msgId}`);
      if (answered === 200) cancelled.push(text);
    };
    for (let life = 0; life < KILLS; life++) {
      await victim.ready();
      await Promise.all(Array.from({ length: SENDS_PER_LIFE }, schedule));
      await pause(Math.random() * 1500);
      await victim.kill();
      victim.launch();
    }
    const got = () => victim.sandbox.messages(FRIEND, { limit: 10_000 }).map(({ text }) => String(text));
    const due = () => accepted.filter((text) => !cancelled.includes(text));
    await until(
      () => `${due().filter((text) => !got().includes(text))} to arrive`,
      () => due().every((text) => got().includes(text)),
    );
    await victim.ready();
    await victim.sandbox.idle();
    const doubled = got().filter((text, index, all) => all.indexOf(text) !== index);
    console.log(
      `kill test: ${victim.kills} kills, ${asked} asked, ${accepted.length} accepted, ${cancelled.length} cancelled, ${got().length} arrived, ${doubled.length} doubled`,
    );
    expect(doubled).toEqual([]);
    expect(got().filter((text) => cancelled.includes(text))).toEqual([]);
    expect(due().length).toBeGreaterThan(0);
  },
  60 * 60_000,
);
