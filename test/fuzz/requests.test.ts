import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { documented, operations } from '../whatsapp/stage.ts';
import { garbage, tricks, type Garbage } from './requests-garbage.ts';
import { atSandbox, bombs, elsewhere, sensible, uploads, wrongRequest } from './requests-made.ts';
import { envelopes, wrongCall } from './requests-mcp.ts';
import { FRIEND, OWN, Populated } from './requests-world.ts';
import { shown, Unanswered, Wire, type Got, type Sent } from './requests-wire.ts';

const { ERRORS } = await import('../../engine/errors.ts');
const { tools } = await import('../../engine/surfaces/mcp/tools.ts');

/** How many requests at the least, and from which seed: the same ones each time, unless others are asked for. */
const REQUESTS = Number(process.env['WARBLER_FUZZ_REQUESTS'] ?? 10_000);
const SEED = Number(process.env['WARBLER_FUZZ_SEED'] ?? 1);
/** Under way at the same time. */
const LANES = 24;

/** What is held once everything that nobody needs has been thrown away, in MB. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1e6;
}
/** Answers that agents may come back for are kept (16 million characters), and so is what was sent and received. */
const MORE_MB = 150;

let world: Populated;
let wire: Wire;
let before: number;
beforeAll(async () => {
  world = await Populated.open();
  wire = new Wire(new URL(world.stage.engine.url));
  before = heapMb();
}, 60_000);
afterAll(async () => {
  wire?.close();
  await world?.close();
});

/** What an answer must not say, whoever asks: the words of our own insides. */
const INSIDES =
  /\n\s+at |node_modules|node:internal|engine\/(dist|operations|whatsapp|store|surfaces)|sqlite|libsql|\bselect [\w*, ]+ from \b|insert into|UNIQUE constraint|ZodError|\bzod\b|busboy|undici|body-parser|raw-body|http-errors|libvips|\bvips|sharp|ffmpeg version|baileys|libsignal|protobufjs|TypeError|RangeError|SyntaxError|ReferenceError|Cannot (read|set|convert)|is not (a function|iterable|defined)|Maximum call stack|Unexpected token|Invalid array length|\[object Object\]|ENOENT|EACCES|EISDIR|ENAMETOOLONG|ERR_[A-Z]+_/gi;

/** The only answers that say that somebody else erred; here that is the sandbox, which may refuse what it is asked. */
const WHATSAPP = ['whatsapp_refused', 'whatsapp_timeout', 'whatsapp_unreachable'];

/** What is wrong with an answer; undefined when nothing is. */
function objection(sent: Sent, { status, headers, body }: Got): string | undefined {
  const folder = world.stage.environment['WARBLER_DATA_DIR']!;
  if (status < 400 && !sent.path.startsWith('/mcp')) {
    // What was asked for may be what the world holds; where files lie is never told.
    return body.includes(folder) ? 'tells a folder' : undefined;
  }
  if (body.includes(folder) || body.includes(process.cwd())) return 'tells a folder';
  if (world.secrets.some((secret) => body.includes(secret))) return 'tells a secret';
  if (sent.path.startsWith('/mcp')) return mcpObjection(sent, { status, headers, body });
  if (sent.method === 'HEAD') return status < 500 ? undefined : `status ${status}`;
  const said = parsed(body);
  if (sent.path.startsWith('/sandbox') && said?.['success'] === undefined) {
    const { error, message } = said ?? {};
    return status < 500 && error && message ? undefined : `status ${status} in no form of the sandbox`;
  }
  const inside = insideOf(sent, body);
  if (inside) return inside;
  if (!said) return 'is not JSON';
  const { success, code, message, error } = said;
  if (success !== false || typeof message !== 'string' || typeof error !== 'string') return 'is not in our form';
  const known = ERRORS[code as keyof typeof ERRORS];
  if (known?.status !== status) return `code ${String(code)} with status ${status}`;
  if (status >= 500 && !WHATSAPP.includes(String(code))) return `status ${status}: ${String(code)}`;
  if (!operations.some(({ id }) => id === sent.what)) return undefined;
  try {
    documented(sent.method, sent.path, said);
    return undefined;
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

function mcpObjection(sent: Sent, { status, headers, body }: Got): string | undefined {
  if (status >= 500) return `status ${status}`;
  const streamed = String(headers['content-type']).startsWith('text/event-stream');
  const texts = streamed ? [...body.matchAll(/^data: (.+)$/gm)].map(([, text]) => text!) : [body].filter(Boolean);
  for (const text of texts) {
    const said = parsed(text);
    if (!said) return 'is not JSON';
    const { error, result, success } = said as {
      error?: { code?: unknown };
      result?: { isError?: boolean };
      success?: boolean;
    };
    // What went well may hold whatever people have called their groups.
    const inside = error || result?.isError || success === false ? insideOf(sent, text) : undefined;
    if (inside) return inside;
    if (error?.code === -32603) return 'an internal error';
    const { structuredContent } = (result ?? {}) as { structuredContent?: { error?: { code: string } } };
    const code = structuredContent?.error?.code;
    if (code && !Object.hasOwn(ERRORS, code)) return `a tool’s code ${code}`;
    if (code && ERRORS[code as keyof typeof ERRORS].fault === 'engine') return `a tool’s ${code}`;
    if (!error && !result && success !== false && !Array.isArray(said)) return 'neither error nor result';
  }
  return undefined;
}

/** Words of our insides that the request did not bring along itself. */
function insideOf({ path, body }: Pick<Sent, 'path' | 'body'>, said: string): string | undefined {
  const brought = `${plain(path)} ${body?.toString() ?? ''}`.toLowerCase();
  const told = [...said.matchAll(INSIDES)]
    .map(([words]) => words)
    .find((words) => !brought.includes(words.toLowerCase()));
  return told && `tells of the inside: ${told}`;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function plain(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

interface Figures {
  requests: number;
  hangs: number;
  broken: number;
  refusedByWhatsApp: number;
  byStatus: Record<string, number>;
  reached: Map<string, number>;
}
const figures: Figures = { requests: 0, hangs: 0, broken: 0, refusedByWhatsApp: 0, byStatus: {}, reached: new Map() };
const finds: string[] = [];

/** What took longest: for whoever looks for something slow, never asserted. */
const slowest: { ms: number; sent: Sent }[] = [];
function timed(sent: Sent, ms: number): void {
  slowest.push({ ms, sent });
  slowest.sort((a, b) => b.ms - a.ms).length = Math.min(slowest.length, 5);
}

async function tried(sent: Sent): Promise<void> {
  figures.requests += 1;
  const at = performance.now();
  try {
    const got = await wire.ask(sent);
    timed(sent, Math.round(performance.now() - at));
    const group = `${Math.floor(got.status / 100)}xx`;
    figures.byStatus[group] = (figures.byStatus[group] ?? 0) + 1;
    if (got.status >= 500) figures.refusedByWhatsApp += 1;
    figures.reached.set(sent.what, (figures.reached.get(sent.what) ?? 0) + 1);
    const wrong = objection(sent, got);
    if (wrong) finds.push(`${wrong}\n  ${shown(sent)}\n  ${got.status} ${got.body.slice(0, 500)}`);
  } catch (error) {
    if (error instanceof Unanswered) figures.hangs += 1;
    else figures.broken += 1;
    finds.push(`${String(error)} ${String((error as NodeJS.ErrnoException).code)}\n  ${shown(sent)}`);
  }
}

/** Something is written to the port, and the connection ends; what comes back, if anything, is HTTP below 500. */
async function thrown({ pieces, cut }: Garbage): Promise<void> {
  figures.requests += 1;
  const said = `${cut ? 'cut ' : ''}${JSON.stringify(pieces.map((piece) => piece.toString('latin1').slice(0, 300)))}`;
  try {
    const text = await wire.raw(pieces, { cut });
    for (const [, status] of text.matchAll(/(?:^|\n)HTTP\/1\.1 (\d+)/g)) {
      const group = `${status![0]}xx`;
      figures.byStatus[group] = (figures.byStatus[group] ?? 0) + 1;
      if (Number(status) >= 500) finds.push(`status ${status}\n  ${said}`);
    }
    const inside = insideOf({ path: said }, text);
    if (inside) finds.push(`${inside}\n  ${said}`);
  } catch (error) {
    if (error instanceof Unanswered) figures.hangs += 1;
    finds.push(`${String(error)}\n  ${said}`);
  }
}

/** So many at a time, each taken when another is done. */
async function inLanes<T>(all: Iterable<T>, work: (one: T) => Promise<void>): Promise<void> {
  const left = all[Symbol.iterator]();
  const lane = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

let drawn = 0;
/** A few at a time, because some are large. */
function* drawnFrom<T>(from: fc.Arbitrary<T>, count: number): Generator<T> {
  for (let left = count; left > 0; left -= 20) {
    yield* fc.sample(from, { numRuns: Math.min(20, left), seed: SEED + drawn++ });
  }
}

/** Takes one of each in turn, so that no endpoint is asked the same thing by all lanes at once. */
function* mixed<T>(sources: Generator<T>[]): Generator<T> {
  for (let left = sources; left.length > 0;) {
    const next: Generator<T>[] = [];
    for (const source of left) {
      const { done, value } = source.next();
      if (done) continue;
      yield value as T;
      next.push(source);
    }
    left = next;
  }
}

const share = (part: number) => Math.ceil(REQUESTS * part);
const each = (part: number, among: number) => Math.ceil((REQUESTS * part) / among);

test(
  'whatever is sent to the engine, it answers in its form, tells nothing of its inside, and goes on',
  async () => {
    const all = sensible(world);
    expect(all.map(({ id }) => id).sort()).toEqual(operations.map(({ id }) => id).sort());
    const made = mixed<Sent>([
      ...all.map((operation) => drawnFrom(wrongRequest(operation), each(0.62, all.length))),
      ...[...tools.keys()].map((name) => drawnFrom(wrongCall(name, all), each(0.18, tools.size))),
      drawnFrom(envelopes, share(0.06)),
      drawnFrom(elsewhere, share(0.05)),
      drawnFrom(atSandbox, share(0.03)),
      drawnFrom(uploads, share(0.03)),
      (function* () {
        yield* bombs;
      })(),
    ]);
    await inLanes(made, tried);
    await inLanes([...tricks(), ...drawnFrom(garbage, share(0.03))], thrown);

    const { requests, hangs, broken, refusedByWhatsApp, byStatus, reached } = figures;
    const statuses = Object.entries(byStatus).sort();
    console.log(
      `${requests} malformed requests (seed ${SEED}): ${statuses.map(([group, count]) => `${count} × ${group}`).join(', ')}; ` +
        `${operations.length} operations, ${tools.size} tools; 5xx of the engine ${finds.filter((find) => /^status 5|internal/.test(find)).length}, ` +
        `refused by WhatsApp ${refusedByWhatsApp}, hangs ${hangs}, broken connections ${broken}, log lines that nobody foresaw ${world.unforeseen.length}`,
    );
    if (process.env['WARBLER_FUZZ_SLOW'])
      console.log(slowest.map(({ ms, sent }) => `${ms} ms ${shown(sent)}`).join('\n'));
    if (finds.length > 0) console.error(`${finds.length} finds\n${finds.slice(0, 60).join('\n')}`);
    if (world.unforeseen.length > 0) console.error(world.unforeseen.slice(0, 10));
    expect(finds.length).toBe(0);
    expect(world.unforeseen).toEqual([]);
    expect(requests).toBeGreaterThanOrEqual(REQUESTS);
    for (const { id } of operations) expect([id, (reached.get(id) ?? 0) > 0]).toEqual([id, true]);
    for (const name of tools.keys()) expect([name, (reached.get(`mcp ${name}`) ?? 0) > 0]).toEqual([name, true]);
  },
  // What is measured is whether every request is answered; a machine that is busy with other things may take its time.
  900_000,
);

test('afterwards it is well: it sends, it receives, and holds no more memory than before', async () => {
  const { stage } = world;
  expect(await stage.status()).toBe('connected');
  expect((await stage.send(FRIEND, 'Still there?')).status).toBe(200);
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'Yes' });
  await stage.until((events) =>
    events.some(({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes(id)),
  );
  expect((await stage.call('GET', '/readyz')).status).toBe(200);
  const after = heapMb();
  console.log(`memory: ${before.toFixed()} MB before, ${after.toFixed()} MB after`);
  expect(after - before).toBeLessThan(MORE_MB);
}, 60_000);
