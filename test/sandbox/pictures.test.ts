import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

function drawing(background: string): Promise<Buffer> {
  return sharp({ create: { width: 800, height: 600, channels: 3, background } })
    .png()
    .toBuffer();
}

async function sizeOf(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('image/jpeg');
  const { width, height, format } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
  return `${format} ${width}x${height}`;
}

const pictureChanges = (client: Client) =>
  client.events
    .flatMap((one) => (one.event === 'contacts.update' ? one.data : []))
    .filter(({ imgUrl }) => imgUrl !== undefined)
    .map(({ id, imgUrl }) => `${id} ${imgUrl}`);

test('a client sees the picture of another phone, small and large', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await expect(client.socket.profilePictureUrl(friend.jid)).rejects.toMatchObject({ data: 404 });
  const base64 = (await drawing('#c33')).toString('base64');
  const set = await world.http('POST', `/phones/${friend.phone}/picture`, { base64 });
  expect(set).toMatchObject({ status: 200, body: { id: expect.any(String) } });
  const url = await client.socket.profilePictureUrl(friend.jid, 'image');
  expect(url).toBe(set.body['url']);
  expect(await sizeOf(url!)).toBe('jpeg 640x640');
  expect(await sizeOf((await client.socket.profilePictureUrl(friend.lid, 'preview'))!)).toBe('jpeg 96x96');
});

test('a client that names the picture it has is told nothing when that is still the one', async () => {
  const mine = world.phone();
  const client = await world.linked(mine);
  const { id } = await world.sandbox.account.setPicture(mine.phone, {
    base64: (await drawing('#3c3')).toString('base64'),
  });
  const ask = (known: string) =>
    client.socket.query({
      tag: 'iq',
      attrs: { target: mine.jid, to: '@s.whatsapp.net', type: 'get', xmlns: 'w:profile:picture' },
      content: [{ tag: 'picture', attrs: { type: 'image', query: 'url', id: known } }],
    });
  expect((await ask(id)).content).toBeUndefined();
  expect(await ask('1')).toMatchObject({ content: [{ tag: 'picture', attrs: { id } }] });
});

test('a client sets its own picture and takes it away; those who know it are told', async () => {
  const [mine, friend, stranger] = [world.phone(), world.phone(), world.phone()];
  world.sandbox.account.saveContact(friend.phone, { phone: mine.phone, name: 'Ada' });
  const [client, watching, away] = [await world.linked(mine), await world.linked(friend), await world.linked(stranger)];
  await client.socket.updateProfilePicture(mine.jid, await drawing('#33c'));
  const { url } = world.sandbox.account.picture(mine.phone);
  expect(await sizeOf(url)).toMatch(/^jpeg/);
  await eventually('the friend is told', () => pictureChanges(watching).length === 1);
  await client.socket.removeProfilePicture(mine.jid);
  expect((await fetch(url)).status).toBe(404);
  expect(await world.http('GET', `/phones/${mine.phone}/picture`)).toMatchObject({ status: 404 });
  await eventually('the friend is told again', () => pictureChanges(watching).length === 2);
  expect(pictureChanges(watching)).toEqual([`${mine.jid} changed`, `${mine.jid} removed`]);
  expect(pictureChanges(away)).toEqual([]);
});

test("nobody changes another account's picture, and what is no JPEG is refused", async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await expect(client.socket.updateProfilePicture(friend.jid, await drawing('#000'))).rejects.toMatchObject({
    data: 403,
  });
  const nonsense = client.socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture' },
    content: [{ tag: 'picture', attrs: { type: 'image' }, content: Buffer.from('GIF89a') }],
  });
  await expect(nonsense).rejects.toMatchObject({ data: 406 });
  const answer = await world.http('POST', `/phones/${mine.phone}/picture`, { base64: 'R0lGODlh' });
  expect(answer).toMatchObject({ status: 422, body: { error: 'not-an-image' } });
});

test('a picture is shown to those whom the privacy setting names', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const viewer = await world.linked(friend);
  await world.sandbox.account.setPicture(mine.phone, { base64: (await drawing('#fff')).toString('base64') });
  await client.socket.updateProfilePicturePrivacy('contacts');
  await expect(viewer.socket.profilePictureUrl(mine.jid)).rejects.toMatchObject({
    message: 'not-authorized',
    data: 401,
  });
  world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace' });
  expect(await viewer.socket.profilePictureUrl(mine.jid)).toMatch(/^http/);
  world.sandbox.account.block(mine.phone, { phone: friend.phone });
  await expect(viewer.socket.profilePictureUrl(mine.jid)).rejects.toMatchObject({ data: 401 });
});
