import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { BinaryNode, WACallEvent } from '@whiskeysockets/baileys';
import { startSandbox, type PhoneInfo } from '../../engine/sandbox/index.ts';
import { freshNumber, type Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

/** The first call event of this status, waiting for it. */
function callEvent(client: Client, status: WACallEvent['status'], from = 0): Promise<WACallEvent> {
  return client.until(
    `a call event: ${status}`,
    (events) => events.flatMap((one) => (one.event === 'call' ? one.data : [])).find((call) => call.status === status),
    from,
  );
}

const callsOf = (phone: PhoneInfo) => world.sandbox.calls.list(phone.phone);

test('a call rings at every device of the callee and is told with who calls', async () => {
  const [mine, friend] = [world.phone(), world.phone('Bob')];
  const [client, second] = [await world.linked(mine), await world.linked(mine)];
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone });
  for (const one of [client, second]) {
    expect(await callEvent(one, 'offer')).toMatchObject({
      ...{ id: callId, chatId: friend.lid, from: friend.lid, callerPn: friend.jid },
      ...{ isVideo: false, isGroup: false, offline: false },
    });
  }
  expect(callsOf(mine)).toMatchObject([{ callId, direction: 'incoming', from: friend.jid, outcome: 'ringing' }]);
  expect(callsOf(friend)).toMatchObject([
    { callId, direction: 'outgoing', to: [mine.jid], outcome: 'ringing', by: null },
  ]);
});

test('a client refuses a call: the caller sees by which device, and the other devices stop ringing', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, second] = [await world.linked(mine), await world.linked(mine)];
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone, video: true });
  const offer = await callEvent(client, 'offer');
  expect(offer.isVideo).toBe(true);
  await callEvent(second, 'offer');
  const terminated = new Promise<BinaryNode>((resolve) => second.socket.ws.on('CB:call', resolve));
  await client.socket.rejectCall(offer.id, offer.from);
  expect(callsOf(friend)).toMatchObject([{ callId, outcome: 'rejected', by: client.jid, video: true }]);
  await callEvent(second, 'terminate');
  const [terminate] = (await terminated).content as BinaryNode[];
  expect(terminate).toMatchObject({ tag: 'terminate', attrs: { 'call-id': callId, reason: 'rejected_elsewhere' } });
  expect(client.events.filter((one) => one.event === 'call' && one.data[0]?.status === 'terminate')).toEqual([]);
});

test('the phone takes the call: its linked devices stop ringing, and hanging up ends it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone });
  await callEvent(client, 'offer');
  const told = new Promise<BinaryNode>((resolve) => client.socket.ws.on('CB:call', resolve));
  world.sandbox.calls.accept(mine.phone, { callId });
  await callEvent(client, 'terminate');
  const [terminate] = (await told).content as BinaryNode[];
  expect(terminate?.attrs['reason']).toBe('accepted_elsewhere');
  expect(callsOf(friend)).toMatchObject([{ outcome: 'accepted', by: mine.jid, endedAt: null }]);
  world.sandbox.calls.hangUp(mine.phone, { callId });
  expect(callsOf(friend)).toMatchObject([{ outcome: 'ended', by: mine.jid, endedAt: expect.any(Number) }]);
  expect(() => world.sandbox.calls.hangUp(mine.phone, { callId })).toThrow('is not going on here');
});

test('a caller who gives up ends the ringing', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone });
  await callEvent(client, 'offer');
  world.sandbox.calls.hangUp(friend.phone, { callId });
  expect(await callEvent(client, 'terminate')).toMatchObject({ id: callId, chatId: friend.lid });
  expect(callsOf(mine)).toMatchObject([{ outcome: 'missed', reason: 'cancelled' }]);
  expect(() => world.sandbox.calls.accept(mine.phone, { callId })).toThrow('does not ring here');
});

test('nobody answers: the client is told of a timeout and makes a missed call of it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone, ringSeconds: 0.2 });
  expect(await callEvent(client, 'timeout')).toMatchObject({ id: callId });
  const missed = await client.message('the missed call', ({ key }) => key.id === callId);
  expect(missed.messageStubType).toBe(40);
  expect(callsOf(mine)).toMatchObject([{ outcome: 'missed', reason: 'timeout', by: null }]);
});

test('a client that was away finds a notice of the call and that it is over', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await client.disconnect();
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone });
  world.sandbox.calls.hangUp(friend.phone, { callId });
  const from = client.events.length;
  client.connect();
  const seen: BinaryNode[] = [];
  client.socket.ws.on('CB:call', (node: BinaryNode) => seen.push(node));
  expect(await callEvent(client, 'offer', from)).toMatchObject({ id: callId, offline: true, callerPn: friend.jid });
  await callEvent(client, 'terminate', from);
  const said = seen.map(({ content }) => (content as BinaryNode[])[0]);
  expect(said).toMatchObject([{ tag: 'offer_notice', attrs: { media: 'audio' } }, { tag: 'terminate' }]);
});

test('a call that still rings when a client comes back is offered to it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await client.disconnect();
  world.sandbox.calls.start(friend.phone, { to: mine.phone });
  const from = client.events.length;
  client.connect();
  const offer = await callEvent(client, 'offer', from);
  await client.socket.rejectCall(offer.id, offer.from);
  expect(callsOf(friend)).toMatchObject([{ outcome: 'rejected', by: client.jid }]);
});

test('somebody who is blocked rings nowhere, and does not learn why', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await client.socket.updateBlockStatus(friend.jid, 'block');
  world.sandbox.calls.start(friend.phone, { to: mine.phone, ringSeconds: 0.2 });
  expect(callsOf(friend)).toMatchObject([{ outcome: 'ringing' }]);
  await eventually('it has rung long enough', () => callsOf(friend)[0]?.outcome === 'missed');
  expect(client.events.some(({ event }) => event === 'call')).toBe(false);
  expect(callsOf(mine)).toEqual([]);
});

test('a group call rings with the group’s jid, and one who refuses does not end it for the others', async () => {
  const [mine, other, friend] = [world.phone(), world.phone(), world.phone()];
  const client = await world.linked(mine);
  const group = '120363000000000001@g.us';
  const { callId } = world.sandbox.calls.start(friend.phone, { to: [mine.phone, other.phone], group, video: true });
  const offer = await callEvent(client, 'offer');
  expect(offer).toMatchObject({ id: callId, isGroup: true, groupJid: group, isVideo: true });
  await client.socket.rejectCall(offer.id, offer.from);
  expect(callsOf(other)).toMatchObject([{ outcome: 'ringing', group }]);
  world.sandbox.calls.accept(other.phone, { callId });
  expect(callsOf(friend)).toMatchObject([{ outcome: 'accepted', by: other.jid }]);
  world.sandbox.calls.hangUp(friend.phone, { callId });
  expect(callsOf(mine)).toMatchObject([{ outcome: 'rejected', by: client.jid }]);
  expect(callsOf(other)).toMatchObject([{ outcome: 'ended' }]);
});

test('a call to a group rings at everybody else in it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { id: group } = await client.socket.groupCreate('Family', [friend.jid]);
  world.sandbox.calls.start(friend.phone, { to: group });
  expect(await callEvent(client, 'offer')).toMatchObject({ isGroup: true, groupJid: group, callerPn: friend.jid });
  expect(callsOf(friend)).toMatchObject([{ to: [mine.jid], group }]);
  expect(() => world.sandbox.calls.start(world.phone().phone, { to: group })).toThrow();
});

test('what rings goes on ringing when the sandbox is up again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const first = await startSandbox({ port: 0, dataDir });
  const [mine, friend] = [first.addPhone({ phone: freshNumber() }), first.addPhone({ phone: freshNumber() })];
  const { callId } = first.calls.start(friend.phone, { to: mine.phone });
  const over = first.calls.start(friend.phone, { to: mine.phone, ringSeconds: 0.01 });
  await first.close();
  const second = await startSandbox({ port: 0, dataDir });
  await eventually('the short one is over', () => second.calls.list(mine.phone)[1]?.outcome === 'missed');
  expect(second.calls.list(mine.phone).map((call) => call.callId)).toEqual([callId, over.callId]);
  second.calls.accept(mine.phone, { callId });
  expect(second.calls.list(friend.phone)).toMatchObject([{ outcome: 'accepted' }, { outcome: 'missed' }]);
  await second.close();
  await rm(dataDir, { recursive: true });
});

test('refusing a call that is over does no harm', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { callId } = world.sandbox.calls.start(friend.phone, { to: mine.phone });
  const offer = await callEvent(client, 'offer');
  world.sandbox.calls.hangUp(friend.phone, { callId });
  await client.socket.rejectCall(offer.id, offer.from);
  expect(callsOf(friend)).toMatchObject([{ outcome: 'missed', reason: 'cancelled' }]);
});

test('a client gets links that others can join a call by', async () => {
  const client = await world.linked();
  const [one, two] = [await client.socket.createCallLink('video'), await client.socket.createCallLink('audio')];
  expect(one).toMatch(/^[\w-]{22}$/);
  expect(two).not.toBe(one);
});

test('calls are made, taken, refused and listed over HTTP', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const call = () => world.http('POST', `/phones/${friend.phone}/call`, { to: mine.phone, video: true });
  const act = (phone: PhoneInfo, what: string, callId: unknown) =>
    world.http('POST', `/phones/${phone.phone}/${what}`, { callId });
  const first = await call();
  expect(first).toMatchObject({ status: 201, body: { callId: expect.stringMatching(/^[0-9A-F]{32}$/) } });
  expect((await act(mine, 'accept', first.body['callId'])).status).toBe(204);
  expect((await act(friend, 'hang-up', first.body['callId'])).status).toBe(204);
  const second = await call();
  expect((await act(mine, 'reject', second.body['callId'])).status).toBe(204);
  expect(await act(mine, 'reject', second.body['callId'])).toMatchObject({
    status: 409,
    body: { error: 'wrong-moment' },
  });
  expect(await act(mine, 'accept', 'X')).toMatchObject({ status: 404, body: { error: 'unknown-call' } });
  expect(await world.http('GET', `/phones/${mine.phone}/calls`)).toMatchObject({
    status: 200,
    body: [{ outcome: 'ended', by: mine.jid }, { outcome: 'rejected' }],
  });
  expect(await world.http('POST', `/phones/${mine.phone}/call`, { to: mine.phone })).toMatchObject({
    status: 422,
    body: { error: 'call-to-oneself' },
  });
  expect(await world.http('POST', `/phones/${mine.phone}/call`, { to: [friend.phone, friend.phone] })).toMatchObject({
    status: 422,
    body: { error: 'no-group' },
  });
});
