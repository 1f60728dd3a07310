import { expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import { freshNumber } from './client.ts';
import { makeWorld } from './world.ts';

const world = makeWorld();

const shop = {
  name: 'Analytical Engines Ltd.',
  description: 'We compute',
  category: 'Machinery',
  email: 'hello@engines.example',
  website: 'https://engines.example',
  address: '1 Dorset Street, London',
};

test('a business shows its profile, and its name on every message', async () => {
  const created = await world.http('POST', '/phones', { phone: freshNumber(), business: shop });
  expect(created).toMatchObject({ status: 201, body: { name: shop.name } });
  const business = world.sandbox.phone(String(created.body['phone']));
  const [mine, other] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  expect(await client.socket.getBusinessProfile(business.jid)).toMatchObject({
    wid: business.jid,
    description: 'We compute',
    category: 'Machinery',
    email: 'hello@engines.example',
    website: ['https://engines.example'],
    address: '1 Dorset Street, London',
  });
  expect(await client.socket.getBusinessProfile(other.jid)).toBeUndefined();
  await world.sandbox.send(business.phone, { to: mine.phone, text: 'an offer' });
  expect(await client.text('an offer')).toMatchObject({ verifiedBizName: shop.name });
  const group = world.sandbox.groups.create({
    creator: business.phone,
    subject: 'Customers',
    participants: [mine.phone],
  });
  await world.sandbox.send(business.phone, { to: group.jid, text: 'to all' });
  expect(await client.text('to all')).toMatchObject({ verifiedBizName: shop.name });
  await world.sandbox.send(other.phone, { to: mine.phone, text: 'in private' });
  expect((await client.text('in private')).verifiedBizName).toBeFalsy();
});

test('the verified name is told to whoever looks a business up', async () => {
  const business = world.sandbox.addPhone({ phone: freshNumber(), name: 'Shop', business: {} });
  const { socket } = await world.linked();
  const answer = (await socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' },
    content: [
      {
        tag: 'usync',
        attrs: { sid: '1', mode: 'query', last: 'true', index: '0', context: 'interactive' },
        content: [
          {
            tag: 'query',
            attrs: {},
            content: [{ tag: 'business', attrs: {}, content: [{ tag: 'verified_name', attrs: {} }] }],
          },
          { tag: 'list', attrs: {}, content: [{ tag: 'user', attrs: { jid: business.jid } }] },
        ],
      },
    ],
  })) as BinaryNode;
  const list = (answer.content as BinaryNode[])[0]!.content as BinaryNode[];
  const user = (list.find(({ tag }) => tag === 'list')!.content as BinaryNode[])[0]!;
  const name = ((user.content as BinaryNode[])[0]!.content as BinaryNode[])[0]!;
  const { details } = proto.VerifiedNameCertificate.decode(name.content as Buffer);
  expect(proto.VerifiedNameCertificate.Details.decode(details!)).toMatchObject({
    verifiedName: 'Shop',
    issuer: 'smb:wa',
  });
});

test('a business changes its profile from a linked device; a private account has none to change', async () => {
  const business = world.sandbox.addPhone({ phone: freshNumber(), business: shop });
  const client = await world.linked(business);
  await client.socket.updateBussinesProfile({
    description: 'We compute faster',
    websites: ['https://a.example', 'https://b.example'],
    hours: {
      timezone: 'Europe/London',
      days: [{ day: 'mon', mode: 'specific_hours', openTimeInMinutes: '540', closeTimeInMinutes: '1020' }],
    },
  });
  expect(world.sandbox.account.profile(business.phone).business).toMatchObject({
    ...shop,
    description: 'We compute faster',
    website: ['https://a.example', 'https://b.example'],
    hours: { timezone: 'Europe/London', days: [{ day: 'mon', mode: 'specific_hours', open: 540, close: 1020 }] },
  });
  expect(await client.socket.getBusinessProfile(business.jid)).toMatchObject({
    business_hours: { timezone: 'Europe/London', business_config: [{ day_of_week: 'mon', open_time: '540' }] },
  });
  const person = await world.linked();
  await expect(person.socket.updateBussinesProfile({ description: 'I sell' })).rejects.toMatchObject({ data: 403 });
});
