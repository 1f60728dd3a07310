import { expect, test } from '@jest/globals';
import type { PresenceData } from '@whiskeysockets/baileys';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

/** What a client was told about somebody, oldest first. */
function seen(client: Client, jid: string): PresenceData[] {
  return client.events
    .flatMap((one) => (one.event === 'presence.update' && one.data.id === jid ? [one.data.presences] : []))
    .flatMap((presences) => Object.values(presences));
}

const states = (client: Client, jid: string) => seen(client, jid).map(({ lastKnownPresence }) => lastKnownPresence);

/** The first thing that a client is told after it has subscribed. */
async function subscribed(client: Client, jid: string): Promise<PresenceData> {
  const before = seen(client, jid).length;
  await client.socket.presenceSubscribe(jid);
  return eventually(`something is known of ${jid}`, () => seen(client, jid)[before]);
}

test('a phone that comes and goes is seen by who has subscribed, with the time at which it went', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  expect(await subscribed(client, friend.jid)).toMatchObject({
    lastKnownPresence: 'unavailable',
    lastSeen: expect.any(Number),
  });
  world.sandbox.account.setPresence(friend.phone, { state: 'available' });
  await eventually('it is there', () => states(client, friend.jid).length === 2);
  world.sandbox.account.setPresence(friend.phone, { state: 'unavailable' });
  await eventually('it is gone', () => states(client, friend.jid).length === 3);
  expect(states(client, friend.jid)).toEqual(['unavailable', 'available', 'unavailable']);
  expect(seen(client, friend.jid).at(-1)!.lastSeen).toBeGreaterThan(Date.now() / 1000 - 60);
});

test('a phone sees whether a client is there, and what it types', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const view = () => world.sandbox.account.presence(friend.phone, { of: mine.phone });
  await eventually('the client is online', () => view().online);
  await client.socket.sendPresenceUpdate('composing', friend.jid);
  await eventually('it types', () => view().chatState === 'composing');
  await client.socket.sendPresenceUpdate('recording', friend.lid);
  await eventually('it records', () => view().chatState === 'recording');
  await client.socket.sendPresenceUpdate('paused', friend.jid);
  await eventually('it has stopped', () => view().chatState === 'paused');
  await client.disconnect();
  await eventually('it is gone', () => !view().online);
  expect(await world.http('GET', `/phones/${friend.phone}/presence?of=${mine.phone}`)).toMatchObject({
    status: 200,
    body: { online: false, lastSeen: expect.any(Number), chatState: 'paused' },
  });
});

test('a client that is not available is told nothing', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine, undefined, { markOnlineOnConnect: false });
  await client.socket.presenceSubscribe(friend.jid);
  world.sandbox.account.setPresence(friend.phone, { state: 'available' });
  world.sandbox.typing(friend.phone, { to: mine.phone });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'after that' });
  await client.text('after that');
  expect(seen(client, friend.jid)).toEqual([]);
  await client.socket.sendPresenceUpdate('available');
  expect(await subscribed(client, friend.jid)).toMatchObject({ lastKnownPresence: 'available' });
});

test('whoever hides the last seen is only known not to be there, and sees nobody else either', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  world.sandbox.account.setPrivacy(friend.phone, { last: 'contacts', online: 'match_last_seen' });
  const hidden = await subscribed(client, friend.jid);
  expect(hidden.lastKnownPresence).toBe('unavailable');
  expect(hidden.lastSeen).toBeUndefined();
  world.sandbox.account.setPresence(friend.phone, { state: 'available' });
  world.sandbox.account.saveContact(friend.phone, { phone: mine.phone, name: 'Ada' });
  // it came while that was hidden
  expect(await subscribed(client, friend.jid)).toMatchObject({ lastKnownPresence: 'available' });
  expect(states(client, friend.jid)).toEqual(['unavailable', 'available']);
  await client.socket.updateLastSeenPrivacy('none');
  world.sandbox.account.setPrivacy(friend.phone, { online: 'all' });
  world.sandbox.account.setPresence(friend.phone, { state: 'unavailable' });
  await eventually('it is gone', () => states(client, friend.jid).length === 3);
  expect(seen(client, friend.jid).at(-1)!.lastSeen).toBeUndefined();
});

test('somebody who is blocked sees neither presence nor typing', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  world.sandbox.account.block(friend.phone, { phone: mine.phone });
  world.sandbox.account.setPresence(friend.phone, { state: 'available' });
  expect((await subscribed(client, friend.jid)).lastKnownPresence).toBe('unavailable');
  world.sandbox.typing(friend.phone, { to: mine.phone });
  await client.socket.sendPresenceUpdate('composing', friend.jid);
  await client.socket.fetchBlocklist();
  expect(states(client, friend.jid)).toEqual(['unavailable']);
  expect(world.sandbox.account.presence(friend.phone, { of: mine.phone }).chatState).toBeNull();
});
