import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FRIEND, Stage } from '../whatsapp/stage.ts';
import { Receiver } from './receiver.ts';

const TOKENS = 200;
const SENDS = 100;

/** What `warbler token` does, many times over in one process: each time it opens the database, writes, and closes it. */
const OTHER_PROCESS = `
  const [dist, folder, key, url, tokens] = process.argv.slice(1);
  const { openTokens } = await import(dist + '/store/sqlite/index.js');
  const { Seal } = await import(dist + '/store/seal.js');
  const { hashToken, newToken } = await import(dist + '/operations/access.js');
  const status = async (token) =>
    (await fetch(url + '/api/auth-check', { headers: { authorization: 'Bearer ' + token } })).status;
  let checked = 0;
  for (let index = 0; index < Number(tokens); index++) {
    const store = openTokens(folder, new Seal(Buffer.from(key, 'base64')));
    const token = newToken();
    await store.tokens.put('token ' + index, hashToken(token));
    // A few revoked ones: more would be taken for guesses.
    const checks = index % 20 === 0;
    if (checks && (await status(token)) !== 200) throw new Error('a new token does not count');
    if (!(await store.tokens.delete('token ' + index))) throw new Error('a token is not there');
    if (checks && (await status(token)) !== 401) throw new Error('a revoked token counts');
    checked += checks;
    await store.close();
  }
  process.stdout.write(String(checked));
`;

let stage: Stage;
let receiver: Receiver;
beforeAll(async () => {
  stage = await Stage.open();
  receiver = await Receiver.start();
});
afterAll(async () => {
  await stage?.close();
  await receiver?.close();
});

test(`${TOKENS} tokens come and go by another process while the engine sends and delivers, and nobody meets a lock`, async () => {
  await stage.subscribe(`${receiver.origin}/hook`, ['message.sent']);
  const { WARBLER_DATA_DIR: folder, WARBLER_ENCRYPTION_KEY: key } = stage.environment;
  const dist = join(import.meta.dirname, '../../engine/dist');
  const args = [dist, join(folder!, 'sandbox'), key!, stage.engine.url, String(TOKENS)];
  let done = false;
  const other = promisify(execFile)(process.execPath, ['--input-type=module', '-e', OTHER_PROCESS, ...args]).finally(
    () => (done = true),
  );
  const answers: number[] = [];
  // As long as the other process is at it, and so often at least.
  for (let index = 0; index < SENDS || !done; index += 10) {
    const sends = Array.from({ length: 10 }, (_, part) => stage.send(FRIEND, `text ${index + part}`));
    answers.push(...(await Promise.all(sends)).map(({ status }) => status));
  }
  expect((await other).stdout).toBe(String(TOKENS / 20));
  expect(new Set(answers)).toEqual(new Set([200]));
  await stage.untilTrue(() => receiver.requests.length >= answers.length);
  expect((await stage.engine.store.tokens.list()).map(({ name }) => name)).toEqual(['WARBLER_TOKEN']);
  console.log(`beside the engine: ${TOKENS} tokens made and revoked, ${answers.length} sends answered and delivered`);
}, 120_000);
