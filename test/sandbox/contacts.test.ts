import { expect, test } from '@jest/globals';
import type { Contact as BaileysContact } from '@whiskeysockets/baileys';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

/** The last that a client was told about somebody in the address book. */
function contactAt(client: Client, jid: string, fits: (contact: BaileysContact) => boolean): Promise<BaileysContact> {
  return client.until(`a contact ${jid}`, (events) =>
    events
      .flatMap((one) => (one.event === 'contacts.upsert' ? one.data : []))
      .filter(({ id }) => id === jid)
      .find(fits),
  );
}

test('a contact that the person saves reaches the linked devices', async () => {
  const [mine, friend] = [world.phone(), world.phone('Grace')];
  const client = await world.linked(mine);
  expect(world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace Hopper' })).toEqual({
    phone: friend.phone,
    jid: friend.jid,
    lid: friend.lid,
    name: 'Grace Hopper',
    firstName: 'Grace',
    onPrimary: true,
  });
  expect(await contactAt(client, friend.jid, ({ name }) => name === 'Grace Hopper')).toMatchObject({
    lid: friend.lid,
    phoneNumber: friend.jid,
  });
});

test('a contact that a client saves is in the phone and reaches the other devices', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, other] = [await world.linked(mine), await world.linked(mine)];
  await client.socket.addOrEditContact(friend.jid, { fullName: 'Charles B.', firstName: 'Charles' });
  expect(world.sandbox.account.contacts(mine.phone)).toMatchObject([
    { phone: friend.phone, name: 'Charles B.', firstName: 'Charles' },
  ]);
  await contactAt(other, friend.jid, ({ name }) => name === 'Charles B.');
  await client.socket.removeContact(friend.jid);
  expect(world.sandbox.account.contacts(mine.phone)).toEqual([]);
  await contactAt(other, friend.jid, ({ name }) => name === undefined);
});

test('a device that is linked later is given every contact', async () => {
  const mine = world.phone();
  const friends = Array.from({ length: 5 }, (_, i) => world.phone(`Friend ${i}`));
  for (const { phone, name } of friends) world.sandbox.account.saveContact(mine.phone, { phone, name: `My ${name}` });
  world.sandbox.account.saveContact(mine.phone, { phone: friends[0]!.phone, name: 'Renamed' });
  world.sandbox.account.removeContact(mine.phone, friends[1]!.phone);
  const client = await world.linked(mine);
  await contactAt(client, friends[0]!.jid, ({ name }) => name === 'Renamed');
  for (const { jid, name } of friends.slice(2)) await contactAt(client, jid, (one) => one.name === `My ${name}`);
});

test('contacts by HTTP', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const path = `/phones/${mine.phone}/contacts`;
  const saved = await world.http('POST', path, { phone: `+${friend.phone}`, name: 'Mary' });
  expect(saved).toMatchObject({ status: 201, body: { phone: friend.phone, name: 'Mary' } });
  expect(await world.http('GET', path)).toMatchObject({ status: 200, body: [{ name: 'Mary' }] });
  expect(await world.http('DELETE', `${path}/${friend.phone}`)).toMatchObject({ status: 204 });
  expect(await world.http('DELETE', `${path}/${friend.phone}`)).toMatchObject({ status: 404 });
  expect(await world.http('GET', path)).toMatchObject({ body: [] });
});

test('the phone and two clients change the address book in turns, and all stay on one version', async () => {
  const [mine, ...friends] = [world.phone(), world.phone(), world.phone(), world.phone()];
  const [one, two] = [await world.linked(mine), await world.linked(mine)];
  await one.socket.addOrEditContact(friends[0]!.jid, { fullName: 'By one' });
  world.sandbox.account.saveContact(mine.phone, { phone: friends[1]!.phone, name: 'By phone' });
  await two.socket.addOrEditContact(friends[2]!.jid, { fullName: 'By two' });
  await one.socket.addOrEditContact(friends[1]!.jid, { fullName: 'By one, too' });
  expect(world.sandbox.account.contacts(mine.phone).map(({ name }) => name)).toEqual([
    'By one',
    'By one, too',
    'By two',
  ]);
  await contactAt(two, friends[1]!.jid, ({ name }) => name === 'By one, too');
  await contactAt(one, friends[2]!.jid, ({ name }) => name === 'By two');
});

test('people are blocked by the phone or by a client, and the other devices are told', async () => {
  const [mine, pest] = [world.phone(), world.phone()];
  const [client, other] = [await world.linked(mine), await world.linked(mine)];
  const updates = (of: Client) => of.events.flatMap((one) => (one.event === 'blocklist.update' ? [one.data] : []));
  expect(world.sandbox.account.block(mine.phone, { phone: pest.phone })).toEqual([
    { phone: pest.phone, jid: pest.jid, lid: pest.lid },
  ]);
  await eventually('both clients know', () => [client, other].every((one) => updates(one).length === 1));
  expect(updates(client)).toEqual([{ blocklist: [pest.lid], type: 'add' }]);
  await other.socket.updateBlockStatus(pest.jid, 'unblock');
  await eventually('the other client knows', () => updates(client).length === 2);
  expect(updates(client).at(-1)).toEqual({ blocklist: [pest.lid], type: 'remove' });
  expect(updates(other)).toHaveLength(1);
  expect(world.sandbox.account.blocklist(mine.phone)).toEqual([]);
});
