import { FRIEND, OWN, PICTURE, Victim, pause, until } from './victim.ts';

const KILLS = Math.ceil(Number(process.env['WARBLER_KILLS'] ?? 50) / 3);
const SENDS_PER_LIFE = 4;
const WREN = '15550100003';

let victim: Victim;
let group: string;
let scans: number;
beforeAll(async () => {
  victim = await Victim.start();
  victim.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  group = victim.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
  scans = await victim.scans();
}, 60_000);
afterAll(() => victim?.close());

interface Sent {
  key: string;
  path: string;
  body: Record<string, unknown>;
  /** What was answered, each time. */
  answers: { msgId: number; id: string }[];
}

test(
  `${KILLS} kills while messages of many kinds are sent by callers who ask until they are answered: each is accepted once, and arrives once`,
  async () => {
    const asked: Sent[] = [];
    const texts = () => asked.filter(({ body, answers }) => 'text' in body && answers.length > 0);
    /** A text, a picture, a reply or a reaction, to a person or a group. */
    const compose = (): Sent => {
      const key = `request-${asked.length}`;
      const kind = Math.random();
      const target = texts().at(-1);
      if (kind < 0.15 && target) {
        return { key, path: `/api/messages/${target.answers[0]!.msgId}/react`, body: { emoji: '👍' }, answers: [] };
      }
      const to = kind < 0.5 ? FRIEND : kind < 0.75 ? group : WREN;
      const body = {
        ...{ to, text: key },
        ...(Math.random() < 0.2 && { imageUrl: PICTURE }),
        ...(Math.random() < 0.2 && target?.body['to'] === to && { replyTo: String(target.answers[0]!.msgId) }),
      };
      return { key, path: '/api/send-message', body, answers: [] };
    };
    const ask = async (one: Sent) => {
      const { status, body } = await victim.ask('POST', one.path, one.body, { 'idempotency-key': one.key });
      if (status === 200) one.answers.push(body['data'] as Sent['answers'][number]);
      // The engine starts or stops, or was killed; all else would be an answer that says that it is pointless.
      else if (![0, 404, 409, 503, 504].includes(status)) throw new Error(`${status} ${JSON.stringify(body)}`);
      return status === 200;
    };
    const insist = async (one: Sent) => {
      while (!(await ask(one))) await pause(20);
    };

    const insisting: Promise<void>[] = [];
    let restarts = 0;
    for (let life = 0; life < KILLS; life++) {
      // Not all lives get as far as that.
      if (Math.random() < 0.8) await victim.ready();
      else await pause(Math.random() * 1000);
      for (let n = 0; n < SENDS_PER_LIFE; n++) {
        const one = compose();
        asked.push(one);
        insisting.push(pause(Math.random() * 40).then(() => insist(one)));
      }
      await pause(Math.random() * 400);
      if (Math.random() < 0.1) {
        await victim.restartSandbox();
        restarts += 1;
        await pause(Math.random() * 200);
      }
      await victim.kill();
      victim.launch();
    }
    await Promise.all(insisting);
    await victim.ready();

    const arrived = () => {
      const at = (phone: string) => victim.sandbox.messages(phone, { limit: 10_000 });
      return [
        ...at(FRIEND).filter(({ chat }) => chat !== group),
        ...at(WREN).filter(({ chat }) => chat !== group),
        ...at(FRIEND).filter(({ chat }) => chat === group),
      ].map(({ text }) => text);
    };
    // Looked at once: the sandbox stands still meanwhile.
    const missing = (got = new Set(arrived())) => texts().filter(({ key }) => !got.has(key));
    await until(
      () =>
        `${missing()
          .map(({ key }) => key)
          .join(', ')} to arrive`,
      () => missing().length === 0,
    );
    await victim.sandbox.idle();
    const got = arrived();
    const doubled = got.filter((text, index) => got.indexOf(text) !== index);
    // Whoever asks once more gets the same answer.
    for (const one of asked) await insist(one);
    const torn = asked.filter(({ answers }) => new Set(answers.map(({ id }) => id)).size !== 1);
    const accepted = new Set(asked.flatMap(({ answers }) => answers.map(({ id }) => id))).size;
    const newScans = (await victim.scans()) - scans;
    console.log(
      `kill test (outbound): ${victim.kills} kills, ${restarts} restarts of WhatsApp, ${asked.length} asked, ${accepted} accepted, ` +
        `${texts().length} to arrive, ${got.length} arrived, ${missing().length} lost, ${doubled.length} doubled, ` +
        `${torn.length} answered in two ways, ${newScans} new scans`,
    );
    expect(doubled).toEqual([]);
    expect(torn).toEqual([]);
    expect(accepted).toBe(asked.length);
    expect(got.sort()).toEqual(
      texts()
        .map(({ key }) => key)
        .sort(),
    );
    expect(newScans).toBe(0);
  },
  60 * 60_000,
);
