/**
 * `npm run soak`: 100,000 messages through one process. One session writes with 200 people and in 20 groups on the
 * sandbox, in both directions, with receipts, files, and a connection that is lost every now and then; every message
 * has to arrive once. The engine's resident memory is read at each percent, as it is, and after each tenth once more
 * after garbage collection. It fails when memory at the end is 10 % or more above what it was after the first tenth.
 *
 * Options: WARBLER_SOAK, how many messages (100000).
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, killAll } from '../bench/processes.mjs';
import { each, pause } from '../bench/promises.mjs';
import { Warbler } from '../bench/sides.mjs';
import { median } from '../bench/table.mjs';

const MESSAGES = Number(process.env.WARBLER_SOAK ?? 100_000);
const PEOPLE = 200;
const GROUPS = 20;
const MEMBERS = 5;
/** Of a hundred messages so many are in groups, and so many have a file. */
const IN_GROUPS = 20;
const FILES = 1;
const PERCENTS_A_CONNECTION = 5;
const MOST_GROWTH = 0.1;
/** The end of a tenth is the median of so many readings, a percent apart. */
const READINGS = 5;
const GIVE_UP_MS = 120_000;

const startedAt = performance.now();
const seconds = () => Math.round((performance.now() - startedAt) / 1000);
const say = (text) => process.stderr.write(`${String(seconds()).padStart(5)} s  ${text}\n`);

const FILE = Buffer.alloc(3000, 'a file of three thousand bytes ').toString('base64');

/** A world in which messages can be written, and what of them has arrived. */
class Soak {
  #inbound = 0;
  #outbound = 0;
  #ids = [];

  constructor({ sandbox, receiver, engine }) {
    Object.assign(this, { sandbox, receiver, engine });
    this.people = Array.from({ length: PEOPLE }, (_, index) => `1555060${String(index + 1).padStart(4, '0')}`);
    this.groups = [];
  }

  async prepare() {
    for (const phone of this.people) await this.sandbox.ask('addPhone', phone);
    for (let index = 0; index < GROUPS; index++) {
      const [creator, ...others] = Array.from({ length: MEMBERS }, (_, nth) => this.people[index * MEMBERS + nth]);
      const jid = await this.sandbox.ask('createGroup', creator, [this.engine.own, ...others], `Group ${index + 1}`);
      this.groups.push({ jid, creator });
    }
    await this.engine.call('PUT', '/api/whatsapp-sessions/1', { download_media: true });
    await this.engine.postTo(await this.receiver.ask('url'));
  }

  /** So many messages, half of them in each direction at once; resolves when all have arrived. */
  async messages(count, percent) {
    const inbound = Array.from({ length: Math.floor(count / 2) }, () => this.#toUs(this.#inbound++));
    const outbound = Array.from({ length: count - inbound.length }, () => this.#fromUs(this.#outbound++));
    const written = this.sandbox.ask('sendAll', inbound);
    const sent = each(outbound, 8, (message) => this.engine.call('POST', '/api/send-message', message));
    if (percent % PERCENTS_A_CONNECTION === 0) await this.sandbox.ask('drop', this.engine.own);
    this.#ids = await written;
    await sent;
    await this.#until(async () => {
      const { different } = await this.receiver.ask('received');
      return different >= this.#inbound;
    });
    await this.#until(async () => {
      const { different } = await this.sandbox.ask('arrived', this.people);
      return different >= this.#outbound;
    });
    const readers = this.people.slice(percent % 20, (percent % 20) + 10);
    await this.sandbox.ask('readAll', readers, this.engine.own);
  }

  #toUs(number) {
    const group = number % 100 < IN_GROUPS && this.groups[number % GROUPS];
    const from = group ? group.creator : this.people[number % PEOPLE];
    const to = group ? group.jid : this.engine.own;
    if (number % 100 >= 100 - FILES) return { from, to, documentBase64: FILE, fileName: `in ${number}.txt` };
    return { from, to, text: `in ${number}, about as long as people write.` };
  }

  #fromUs(number) {
    const to = number % 100 < IN_GROUPS ? this.groups[number % GROUPS].jid : this.people[number % PEOPLE];
    const text = `out ${number}, about as long as people write.`;
    if (number % 100 < 100 - FILES) return { to, text };
    return { to, text, documentUrl: `data:text/plain;base64,${FILE}`, fileName: `out ${number}.txt` };
  }

  async #until(so) {
    const deadline = Date.now() + GIVE_UP_MS;
    while (!(await so())) {
      if (Date.now() > deadline) {
        const missing = await this.receiver.ask('missing', this.#ids);
        throw new Error(`Not all messages have arrived: ${JSON.stringify({ ...(await this.delivered()), missing })}`);
      }
      // Looking at 200 phones is work for the sandbox.
      await pause(300);
    }
  }

  async delivered() {
    const received = await this.receiver.ask('received');
    const arrived = await this.sandbox.ask('arrived', this.people);
    return { written: this.#inbound, received, sent: this.#outbound, arrived };
  }
}

async function run(folder) {
  const sandbox = new Child('the sandbox', new URL('sandbox.mjs', import.meta.url).pathname);
  const receiver = new Child('the receiver', new URL('receiver.mjs', import.meta.url).pathname);
  const engine = new Warbler(sandbox, folder);
  await Promise.all([sandbox.ready(), receiver.ready()]);
  await engine.start();
  const soak = new Soak({ sandbox, receiver, engine });
  await soak.prepare();

  const readings = [];
  const tenths = [];
  for (let percent = 1; percent <= 100; percent++) {
    await soak.messages(Math.round((MESSAGES * percent) / 100) - Math.round((MESSAGES * (percent - 1)) / 100), percent);
    readings.push(await engine.process.ask('resident'));
    if (percent % 10 !== 0) continue;
    const resident = median(readings.slice(-READINGS));
    const { rss, heap } = await engine.memory();
    tenths.push({
      percent,
      resident,
      collected: rss,
      heap,
      files: await sizes(join(folder, 'warbler', 'sandbox')),
      at: seconds(),
    });
    say(`${percent} %: ${resident.toFixed(1)} MB resident, ${heap.toFixed(1)} MB of heap after garbage collection`);
  }
  const delivered = await soak.delivered();
  await Promise.all([engine.stop(), sandbox.stop(), receiver.stop()]);
  return { tenths, delivered };
}

/** MB of the database and of its write-ahead log. */
async function sizes(folder) {
  const files = await readdir(folder);
  const size = async (ending) => {
    const all = files.filter((name) => name.endsWith(ending)).map((name) => stat(join(folder, name)));
    return (await Promise.all(all)).reduce((sum, one) => sum + one.size, 0) / 1e6;
  };
  return { database: await size('.db'), log: await size('.db-wal') };
}

function print({ tenths, delivered }) {
  const row = (...cells) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  row('messages', 'resident, MB', 'after GC, MB', 'heap after GC, MB', 'database, MB', 'its log, MB', 's');
  row(...Array(7).fill('---:'));
  for (const { percent, resident, collected, heap, files, at } of tenths) {
    const figures = [resident, collected, heap, files.database, files.log].map((mb) => mb.toFixed(1));
    row(Math.round((MESSAGES * percent) / 100), ...figures, at);
  }
  const growth = (of) => tenths.at(-1)[of] / tenths[0][of] - 1;
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const { written, received, sent, arrived } = delivered;
  const lost = written - received.different + (sent - arrived.different);
  const twice = received.twice + arrived.twice;
  process.stdout.write(
    `\nFrom a tenth to the end: resident ${percent(growth('resident'))}, after GC ${percent(growth('collected'))}, heap ${percent(growth('heap'))}.\n` +
      `${written} received and ${sent} sent in ${seconds()} s: ${lost} lost, ${twice} twice. Node ${process.version}.\n`,
  );
  return lost === 0 && twice === 0 && growth('resident') < MOST_GROWTH;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    killAll();
    process.exitCode = 1;
  });
}
const folder = await mkdtemp(join(tmpdir(), 'warbler-soak-'));
try {
  if (!print(await run(folder))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
} finally {
  killAll();
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
