import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { proto } from '@whiskeysockets/baileys';
import { startSandbox, type PhoneInfo } from '../../engine/sandbox/index.ts';
import { Client, Memory, textOf } from './client.ts';
import { dataUrl, pdf } from './files.ts';
import { eventually, link } from './world.ts';

const { DELIVERY_ACK } = proto.WebMessageInfo.Status;
for (const level of ['info', 'warn', 'error', 'log'] as const) jest.spyOn(console, level).mockImplementation(() => {});

let dataDir = '';
let children: ChildProcess[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await rm(dataDir, { recursive: true });
});

test('a sandbox that was closed goes on where it was', async () => {
  const first = await startSandbox({ port: 0, dataDir });
  const mine = first.addPhone({ phone: '491511234567', name: 'Ada' });
  const friend = first.addPhone({ phone: '491517654321', name: 'Grace' });
  const client = await link({ sandbox: first }, new Client(first.socketUrl), mine);
  await first.send(friend.phone, { to: mine.phone, text: 'before' });
  await client.text('before');
  const closed = client.closed();
  await first.close();
  expect(await closed).toBe(428);

  const second = await startSandbox({ port: 0, dataDir });
  expect(second.rootKey).toBe(first.rootKey);
  expect(second.phones().map(({ phone, lid, name }) => ({ phone, lid, name }))).toEqual(
    [mine, friend].map(({ phone, lid, name }) => ({ phone, lid, name })),
  );
  const again = new Client(second.socketUrl, client.memory).connect();
  await again.opened();
  await second.send(friend.phone, { to: mine.phone, text: 'after' });
  await again.text('after');
  const sent = await again.socket.sendMessage(friend.jid, { text: 'answer' });
  await again.status(sent!.key.id!, DELIVERY_ACK);
  expect(second.messages(friend.phone).map(({ text }) => text)).toEqual(['before', 'after', 'answer']);
  await again.disconnect();
  await second.close();
});

test('groups, their keys and what waits in them outlive a restart', async () => {
  const first = await startSandbox({ port: 0, dataDir });
  const [mine, friend] = ['491511234567', '491517654321'].map((phone) => first.addPhone({ phone }));
  const client = await link({ sandbox: first }, new Client(first.socketUrl), mine!);
  const group = first.groups.create({ creator: friend!.phone, subject: 'Engines', participants: [mine!.phone] });
  const { jid } = group;
  const sent = await client.socket.sendMessage(jid, { text: 'one' });
  await eventually('it is there', () => first.messages(friend!.phone).some(({ id }) => id === sent!.key.id));
  await first.send(friend!.phone, { to: jid, text: 'two' });
  await client.text('two');
  await client.disconnect();
  await first.send(friend!.phone, { to: jid, text: 'three' });
  await first.close();

  const second = await startSandbox({ port: 0, dataDir });
  expect(second.groups.list()).toEqual([group]);
  const again = new Client(second.socketUrl, client.memory).connect();
  await again.text('three');
  await second.send(friend!.phone, { to: jid, text: 'four' });
  await again.text('four');
  await again.socket.sendMessage(jid, { text: 'five' });
  const texts = () => second.messages(friend!.phone, { chat: jid }).map(({ text }) => text);
  await eventually('it is there', () => texts().includes('five'));
  expect(texts()).toEqual(['one', 'two', 'three', 'four', 'five']);
  const asked = second.stanzas().filter(({ stanza }) => JSON.stringify(stanza).includes('"type":"retry"'));
  expect(asked).toEqual([]);
  await again.disconnect();
  await second.close();
});

test('files outlive a restart, and what was done to messages too', async () => {
  const first = await startSandbox({ port: 0, dataDir });
  const mine = first.addPhone({ phone: '491511234567', name: 'Ada' });
  const friend = first.addPhone({ phone: '491517654321', name: 'Grace' });
  const bytes = pdf();
  const request = { to: mine.phone, documentUrl: dataUrl('application/pdf', bytes), fileName: 'a.pdf' };
  const { id } = await first.send(friend.phone, request);
  await first.idle();
  await first.gestures.react(mine.phone, { chat: friend.phone, id, emoji: '👍' });
  await first.idle();
  const [sent] = first.messages(mine.phone);
  const { directPath } = (sent!.message as { documentMessage: { directPath: string } }).documentMessage;
  await writeFile(join(dataDir, 'media', 'a half file'), 'x');
  await first.close();

  const second = await startSandbox({ port: 0, dataDir });
  const answer = await fetch(`${second.url}${directPath}`);
  expect(answer.status).toBe(200);
  expect(await answer.arrayBuffer()).toHaveProperty('byteLength', bytes.length - (bytes.length % 16) + 16 + 10);
  expect((await second.gestures.media(mine.phone, id)).bytes).toEqual(bytes);
  expect(second.messages(friend.phone)[0]!.reactions).toEqual([{ from: mine.jid, emoji: '👍' }]);
  expect(await readdir(join(dataDir, 'media'))).toHaveLength(1);
  second.expireMedia();
  await second.close();

  // what the host has forgotten the phones still have
  const third = await startSandbox({ port: 0, dataDir });
  expect((await fetch(`${third.url}${directPath}`)).status).toBe(410);
  expect((await third.gestures.media(friend.phone, id)).bytes).toEqual(bytes);
  await third.close();
});

test('what an account has shared with its devices is there after a restart, and goes on from the same versions', async () => {
  const first = await startSandbox({ port: 0, dataDir });
  const mine = first.addPhone({ phone: '491511234567', name: 'Ada' });
  const friend = first.addPhone({ phone: '491517654321', name: 'Grace', business: { description: 'Ships' } });
  const client = await link({ sandbox: first }, new Client(first.socketUrl), mine);
  await client.socket.addOrEditContact(friend.jid, { fullName: 'Grace H.' });
  const base64 = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const { id } = await first.account.setPicture(friend.phone, { base64 });
  first.account.setAbout(friend.phone, { text: 'at sea' });
  first.account.setPrivacy(friend.phone, { readreceipts: 'none' });
  first.account.block(friend.phone, { phone: mine.phone });
  first.chats.change(mine.phone, { chat: friend.phone, archived: true });
  await client.disconnect();
  await first.close();

  const second = await startSandbox({ port: 0, dataDir });
  expect(second.account.contacts(mine.phone)).toMatchObject([{ phone: friend.phone, name: 'Grace H.' }]);
  expect(second.chats.list(mine.phone)).toMatchObject([{ chat: friend.jid, archived: true }]);
  expect(second.account.profile(friend.phone)).toMatchObject({
    about: 'at sea',
    picture: { id },
    business: { description: 'Ships' },
  });
  expect(second.account.privacy(friend.phone)).toMatchObject({ readreceipts: 'none' });
  expect(second.account.blocklist(friend.phone)).toMatchObject([{ phone: mine.phone }]);
  const again = new Client(second.socketUrl, client.memory).connect();
  await again.opened();
  await again.socket.addOrEditContact(friend.jid, { fullName: 'Grace Hopper' });
  expect(second.account.contacts(mine.phone)).toMatchObject([{ name: 'Grace Hopper' }]);
  second.account.saveContact(mine.phone, { phone: friend.phone, name: 'The Admiral' });
  await again.until('the new name', (events) =>
    events.find((one) => one.event === 'contacts.upsert' && one.data.some(({ name }) => name === 'The Admiral')),
  );
  await again.disconnect();
  await second.close();
});

test('two sandboxes do not share a folder', async () => {
  const first = await startSandbox({ port: 0, dataDir });
  await expect(startSandbox({ port: 0, dataDir })).rejects.toMatchObject({ code: 'data-in-use' });
  await first.close();
  await (await startSandbox({ port: 0, dataDir })).close();
});

test('a sandbox that was killed delivers in order what had not been acknowledged', async () => {
  const first = await startChild();
  const mine = await first.addPhone('491511234567');
  const friend = await first.addPhone('491517654321');
  const memory = new Memory();
  const client = new Client(first.socketUrl, memory).connect();
  await first.post(`/phones/${mine.phone}/scan`, { qr: await client.qr() });
  await client.closed(0);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  await client.until(
    'the first sync',
    (events) => events.some((one) => one.event === 'creds.update' && one.data.accountSyncCounter === 1) || undefined,
  );
  const sent = await client.socket.sendMessage(friend.jid, { text: 'hello' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  await client.disconnect();
  const texts = Array.from({ length: 20 }, (_, i) => `waiting ${i}`);
  for (const text of texts) await first.post(`/phones/${friend.phone}/send`, { to: mine.phone, text });
  first.process.kill('SIGKILL');
  await once(first.process, 'exit');

  const second = await startChild();
  expect(second.rootKey).toBe(first.rootKey);
  const again = new Client(second.socketUrl, memory).connect();
  await again.text('waiting 19');
  // What was left of the first sync may come with it.
  expect(again.messages.map(textOf).filter(Boolean)).toEqual(texts);
  const answer = await again.socket.sendMessage(friend.jid, { text: 'still here' });
  await again.status(answer!.key.id!, DELIVERY_ACK);
  await again.disconnect();
});

test('a sandbox that is killed while messages fly loses none that it has acknowledged', async () => {
  const first = await startChild();
  const mine = await first.addPhone('491511234567');
  const friend = await first.addPhone('491517654321');
  const memory = new Memory();
  const client = new Client(first.socketUrl, memory).connect();
  await first.post(`/phones/${mine.phone}/scan`, { qr: await client.qr() });
  await client.closed(0);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  const acknowledged: string[] = [];
  client.socket.ws.on('CB:ack,class:message', (node: { attrs: { id: string } }) => acknowledged.push(node.attrs.id));
  const gone = client.closed();
  let flying = true;
  const burst = (async () => {
    for (let i = 0; i < 500 && flying; i++) {
      await client.socket.sendMessage(friend.jid, { text: `shot ${i}` }).catch(() => (flying = false));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await eventually('twenty are acknowledged', () => acknowledged.length >= 20);
  first.process.kill('SIGKILL');
  await gone;
  flying = false;
  await burst;
  const second = await startChild();
  const list = await eventuallyAsync(async () => {
    const messages = (await second.get(`/phones/${friend.phone}/messages`)) as { id: string }[];
    const there = new Set(messages.map(({ id }) => id));
    return acknowledged.every((id) => there.has(id)) ? messages : undefined;
  });
  expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
});

test('phones that write to each other while the sandbox is killed lose nothing and need no retry', async () => {
  let sandbox = await startChild();
  const [ada, grace] = [await sandbox.addPhone('491511234567'), await sandbox.addPhone('491517654321')];
  const accepted: string[] = [];
  for (let round = 0; round < 3; round++) {
    let flying = true;
    const write = async (from: PhoneInfo, to: PhoneInfo): Promise<void> => {
      while (flying) {
        const sent = await sandbox
          .post(`/phones/${from.phone}/send`, { to: to.phone, text: 'x' })
          .catch(() => undefined);
        if (sent) accepted.push((sent as { id: string }).id);
        else flying = false;
      }
    };
    const before = accepted.length;
    const writing = Promise.all([write(ada, grace), write(grace, ada), write(ada, grace)]);
    await eventually('some have been accepted', () => accepted.length >= before + 20);
    sandbox.process.kill('SIGKILL');
    await writing;
    sandbox = await startChild();
  }
  for (const phone of [ada, grace]) {
    await eventuallyAsync(async () => {
      const messages = (await sandbox.get(`/phones/${phone.phone}/messages?limit=10000`)) as { id: string }[];
      const there = new Set(messages.map(({ id }) => id));
      return accepted.every((id) => there.has(id)) || undefined;
    });
  }
});

async function eventuallyAsync<T>(pick: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await pick();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A sandbox in a process of its own, on the test's data folder. */
async function startChild() {
  const child = fork(fileURLToPath(new URL('./child.mjs', import.meta.url)), [dataDir, '0'], { execArgv: [] });
  children.push(child);
  const [{ port, rootKey }] = (await once(child, 'message')) as [{ port: number; rootKey: string }];
  const url = `http://127.0.0.1:${port}/sandbox`;
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, ...(body ? { body: JSON.stringify(body), headers } : {}) });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  return {
    process: child,
    rootKey,
    socketUrl: `ws://127.0.0.1:${port}/ws/chat`,
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown) => call('POST', path, body),
    addPhone: (phone: string) => call('POST', '/phones', { phone }) as Promise<PhoneInfo>,
  };
}
