import { expect, test } from '@jest/globals';
import { makeWorld } from './world.ts';

const world = makeWorld();

test('a private account sells nothing, and has no business to change', async () => {
  const friend = world.phone();
  const { socket } = await world.linked();
  const none = { message: 'item-not-found', data: 404 };
  const forbidden = { message: 'forbidden', data: 403 };
  await expect(socket.getCatalog({ jid: friend.jid })).rejects.toMatchObject(none);
  await expect(socket.getCollections(friend.jid)).rejects.toMatchObject(none);
  await expect(socket.getOrderDetails('1234', 'dG9rZW4=')).rejects.toMatchObject(none);
  expect(await socket.getBusinessProfile(friend.jid)).toBeUndefined();
  await expect(socket.updateBussinesProfile({ address: 'Main Street 1' })).rejects.toMatchObject(forbidden);
  await expect(socket.productDelete(['1234'])).rejects.toMatchObject(forbidden);
});
