import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject } from 'n8n-workflow';
import type { EventEnvelope, EventName } from '../../engine/events.ts';
import { fits, MESSAGE_TYPES, type Filtered } from '../../engine/filter.ts';
import { flatOf, jsonOf } from '../../dist/nodes/WarblerTrigger/flat.js';
import { filtersField } from '../../dist/nodes/WarblerTrigger/filters.js';
import { file } from '../contract/files.ts';
import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';

const { proto } = await import('../../engine/whatsapp/baileys.ts');

const FRIEND_JID = `${FRIEND}@s.whatsapp.net`;
const PROFILE = 'Robin';
const COLOURS = ['Blue', 'Green', 'Red'];

let stage: Stage;
let chat: string;
let group: string;
let channel: string;

beforeAll(async () => {
  stage = await Stage.open();
  ({ jid: group } = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] }));
  ({ jid: channel } = stage.sandbox.channels.create({ owner: FRIEND, name: 'Bird news' }));
  stage.sandbox.channels.follow(channel, { phone: OWN });
  await stage.call('PUT', '/api/whatsapp-sessions/1', { download_media: true });
  const { event } = await written({ text: 'who am I?' });
  chat = String(event.jid);
});
afterAll(() => stage?.close());

const about = (name: EventName, ...words: string[]) =>
  stage.until((events) =>
    events.find(({ event, data }) => event === name && words.every((word) => JSON.stringify(data).includes(word))),
  );

/** What the friend's phone writes, as the engine tells it. */
async function written(content: object, to = OWN, name: EventName = 'messages.received') {
  const { id } = await stage.sandbox.send(FRIEND, { to, ...content });
  return { id, event: await about(name, id) };
}

/** What the account writes; the friend has it. */
async function sent(content: object): Promise<string> {
  const { body } = await stage.call('POST', '/api/send-message', { to: `+${FRIEND}`, wait: true, ...content });
  const { id } = body.data as { id: string };
  await stage.untilTrue(() => stage.message(FRIEND, id));
  return id;
}

const flat = (event: EventEnvelope) => flatOf(event as unknown as IDataObject);
const base64 = (name: string) => file(name).toString('base64');
const friend = () => ({ phone: FRIEND, chat, isGroup: false, name: expect.stringContaining(PROFILE) });

describe('a message', () => {
  test.each([
    ['text', { text: 'Hello' }, { type: 'text', text: 'Hello', media: null }],
    ['disappearing text', { text: 'Gone soon', expiration: 86_400 }, { type: 'text', text: 'Gone soon', media: null }],
    [
      'picture',
      { imageBase64: base64('image.jpg'), text: 'Look' },
      { type: 'image', text: 'Look', media: { kind: 'image', mimeType: 'image/jpeg', size: file('image.jpg').length } },
    ],
    [
      'picture to view once',
      { imageBase64: base64('logo.png'), viewOnce: true },
      { type: 'image', text: '', media: { kind: 'image', mimeType: 'image/png' } },
    ],
    ['video', { videoBase64: base64('training-video.mp4') }, { type: 'video', text: '', media: { kind: 'video' } }],
    [
      'round video',
      { videoBase64: base64('training-video.mp4'), videoNote: true },
      { type: 'video', text: '', media: { kind: 'video' } },
    ],
    ['voice message', { audioBase64: base64('voice.ogg') }, { type: 'voice', text: '', media: { kind: 'audio' } }],
    [
      'audio file',
      { audioBase64: base64('announcement.mp3'), ptt: false },
      { type: 'audio', text: '', media: { kind: 'audio', mimeType: 'audio/mpeg' } },
    ],
    [
      'document with a caption',
      { documentBase64: base64('report.pdf'), fileName: 'report.pdf', text: 'The figures' },
      {
        type: 'document',
        text: 'The figures',
        media: { kind: 'document', fileName: 'report.pdf', mimeType: 'application/pdf' },
      },
    ],
    [
      'sticker',
      { stickerBase64: base64('sticker.webp') },
      { type: 'sticker', text: '', media: { kind: 'sticker', mimeType: 'image/webp' } },
    ],
    ['contact', { contact: { name: 'Wren', phone: '15550100099' } }, { type: 'contact', text: '', media: null }],
    ['location', { location: { latitude: 1, longitude: 2 } }, { type: 'location', text: '', media: null }],
    ['poll', { poll: { question: 'Tea?', options: ['Yes', 'No'] } }, { type: 'poll', text: 'Tea?', media: null }],
    ['event', { event: { name: 'Walk', startTime: 1_900_000_000 } }, { type: 'event', text: 'Walk', media: null }],
    ['button that was pressed', { buttonReply: { id: 'y', text: 'Yes' } }, { type: 'text', text: 'Yes', media: null }],
    ['row that was chosen', { listReply: { id: 't', title: 'Tea' } }, { type: 'text', text: 'Tea', media: null }],
  ])('%s', async (_what, content, expected) => {
    const { id, event } = await written(content);
    const { media, ...rest } = expected;
    expect(flat(event)).toEqual({
      ...friend(),
      ...rest,
      messageId: id,
      media: media && expect.objectContaining({ ...media, id, size: expect.any(Number) }),
    });
  });

  test('of a group has the group as its chat and the author’s number', async () => {
    const { id, event } = await written({ text: 'Hello all' }, group, 'messages-group.received');
    expect(flat(event)).toMatchObject({ ...friend(), chat: group, isGroup: true, text: 'Hello all', messageId: id });
  });

  test('of a channel has nobody’s number', async () => {
    const { id } = await stage.sandbox.channels.post(channel, { by: FRIEND, text: 'A wren was seen' });
    expect(flat(await about('messages-newsletter.received', id))).toEqual({
      ...{ phone: null, chat: channel, isGroup: false, name: null },
      ...{ type: 'text', text: 'A wren was seen', media: null, messageId: id },
    });
  });

  test('of a status is in the chat of statuses', async () => {
    const { event } = await written({ text: 'On holiday' }, 'status@broadcast');
    expect(flat(event)).toMatchObject({ chat: 'status@broadcast', isGroup: false, text: 'On holiday', phone: FRIEND });
  });

  test('of our own is told with messages.upsert and message.sent, and with why it was not sent', async () => {
    const id = await sent({ text: 'From us' });
    const { id: byPhone } = await stage.sandbox.send(OWN, { to: FRIEND, text: 'From our phone' });
    // Our own name is not that of the person it is written to.
    expect(flat(await about('messages.upsert', byPhone))).toMatchObject({ phone: FRIEND, name: null });
    const ours = { phone: FRIEND, chat: FRIEND_JID, name: null, type: 'text', text: 'From us', messageId: id };
    expect(flat(await about('messages.upsert', id))).toMatchObject(ours);
    expect(flat(await about('message.sent', id))).toMatchObject(ours);
    await stage.send('+15559990000', 'nobody');
    expect(flat(await about('message.sent', 'not'))).toEqual({
      phone: '15559990000',
      chat: '15559990000@s.whatsapp.net',
      isGroup: false,
      messageId: expect.any(String),
    });
  });

  test('that was edited has the new text, one that was deleted its ID, one that was read no text', async () => {
    const { id } = await written({ text: 'see you at 7' });
    await stage.sandbox.gestures.edit(FRIEND, { chat: OWN, id, text: 'see you at 8' });
    expect(flat(await about('messages.update', id))).toMatchObject({
      ...{ text: 'see you at 8', type: 'text', messageId: id, phone: FRIEND },
    });
    await stage.sandbox.gestures.delete(FRIEND, { chat: OWN, id });
    expect(flat(await about('messages.delete', id))).toEqual({ phone: FRIEND, chat, isGroup: false, messageId: id });
    const own = await sent({ text: 'read me' });
    expect(flat(await about('messages.update', own, '"status"'))).toEqual({
      ...{ phone: FRIEND, chat: FRIEND_JID, isGroup: false, messageId: own },
    });
  });
});

describe('something else', () => {
  test('a reaction is its emoji, and none when it is taken back', async () => {
    const id = await sent({ text: 'like it?' });
    const reaction = { ...friend(), name: undefined, type: 'reaction', messageId: id };
    await stage.sandbox.gestures.react(FRIEND, { chat: OWN, id, emoji: '👍' });
    expect(flat(await about('messages.reaction', id, '👍'))).toEqual({ ...reaction, text: '👍' });
    expect(flat(await about('messages.upsert', '👍'))).toMatchObject({ type: 'reaction', text: '👍' });
    await stage.sandbox.gestures.react(FRIEND, { chat: OWN, id, emoji: '' });
    expect(flat(await about('messages.reaction', id, '"text":""'))).toEqual({ ...reaction, text: '' });
  });

  test.each([
    ['a chat', () => ({ to: OWN, seen: FRIEND, phone: FRIEND })],
    ['a group', () => ({ to: group, seen: group, phone: OWN })],
  ])('a vote in %s is what whoever voted has chosen, be it we, on the phone or here', async (_where, place) => {
    const { to, seen, phone } = place();
    const { id, event: asked } = await written(
      { poll: { question: 'Colour?', options: COLOURS, multiSelect: true } },
      to,
    );
    const votes = async () => {
      const all = await stage.events('poll.results');
      return all.filter(({ data }) => JSON.stringify(data).includes(id)).map((event) => flat(event));
    };
    const untilVotes = (count: number) => stage.untilTrue(async () => (await votes()).length === count);
    await stage.sandbox.gestures.vote(FRIEND, { chat: to, id, options: ['Blue', 'Red'] });
    await untilVotes(1);
    await stage.sandbox.gestures.vote(OWN, { chat: seen, id, options: ['Green'] });
    await untilVotes(2);
    await stage.call('POST', `/api/messages/${id}/vote`, { options: ['Red'] });
    await untilVotes(3);
    await stage.sandbox.gestures.vote(FRIEND, { chat: to, id, options: [] });
    await untilVotes(4);
    const where = { chat: asked.jid, isGroup: to === group, type: 'poll', messageId: id };
    expect(await votes()).toEqual([
      { ...where, phone: FRIEND, text: 'Blue, Red' },
      { ...where, phone, text: 'Green' },
      { ...where, phone: to === group ? null : phone, text: 'Red' },
      { ...where, phone: FRIEND, text: '' },
    ]);
  });

  test('the answer to an inquiry is what was answered', async () => {
    await stage.call('POST', '/api/inquiries', {
      to: `+${FRIEND}`,
      kind: 'choice',
      text: 'Tea?',
      options: ['Yes', 'No'],
    });
    const asked = () => stage.sandbox.messages(FRIEND).find(({ text, fromMe }) => !fromMe && text === 'Tea?');
    await stage.untilTrue(asked);
    await stage.sandbox.gestures.vote(FRIEND, { chat: OWN, id: asked()!.id, options: ['Yes'] });
    expect(flat(await about('inquiry.answered', 'Tea?'))).toMatchObject({
      ...{ phone: FRIEND, chat: FRIEND_JID, isGroup: false, text: 'Yes' },
    });
  });

  test('a call says who', async () => {
    const { callId } = stage.sandbox.calls.start(FRIEND, { to: OWN });
    expect(flat(await about('call', callId))).toMatchObject({ phone: FRIEND, isGroup: false });
  });

  test('a file that is ready is named', async () => {
    const { id } = await written({ documentBase64: base64('report.pdf'), fileName: 'report.pdf' });
    expect(flat(await about('media.ready', id))).toMatchObject({
      ...{ phone: FRIEND, type: 'document', messageId: id },
      media: { kind: 'document', mimeType: 'application/pdf', fileName: 'report.pdf', id, size: expect.any(Number) },
    });
  });

  test('a group says which, and who has changed it', async () => {
    expect(flat(await about('groups.upsert', group))).toEqual({
      ...{ phone: FRIEND, chat: group, isGroup: true, name: 'Birds' },
    });
    stage.sandbox.groups.change(group, 'promote', { by: FRIEND, participants: [OWN] });
    expect(flat(await about('group-participants.update', group))).toEqual({
      ...{ phone: FRIEND, chat: group, isGroup: true },
    });
  });

  test('a contact and a chat have their names', async () => {
    stage.sandbox.account.saveContact(OWN, { phone: FRIEND, name: 'Robin Redbreast' });
    expect(flat(await about('contacts.upsert', 'Robin Redbreast'))).toMatchObject({
      ...{ phone: FRIEND, name: 'Robin Redbreast' },
    });
  });

  test('the account has nobody and nowhere', async () => {
    expect(flat(await about('session.status', 'connected'))).toEqual({});
  });
});

test('a burst is one text, the latest file and its messages', async () => {
  const parts = [
    await written({ text: 'Hello' }),
    await written({ imageBase64: base64('image.jpg') }),
    await written({ text: 'what is this?' }),
  ].map(({ event }) => event as unknown as IDataObject);
  const [, picture, newest] = parts as [IDataObject, IDataObject, IDataObject];
  const burst = { ...newest, collected: parts };
  expect(jsonOf(burst)).toEqual({
    ...flatOf(newest),
    ...burst,
    text: 'Hello\nwhat is this?',
    media: flatOf(picture).media,
    messages: parts.map(flatOf),
  });
});

describe('whatever comes', () => {
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../dist/nodes/WarblerTrigger/__schema__/v1.0.0/output.json'), 'utf8'),
  ) as Schema;
  interface Schema {
    type: string | string[];
    properties?: Record<string, Schema>;
  }
  const typesOf = (value: unknown): string[] => {
    if (value === null) return ['null'];
    if (Array.isArray(value)) return ['array'];
    return typeof value === 'number' ? [Number.isInteger(value) ? 'integer' : 'number', 'number'] : [typeof value];
  };
  /** Names of what an output has that the schema does not say. */
  const unknown = (value: unknown, { type, properties }: Schema, path = ''): string[] => {
    if (!typesOf(value).some((one) => [type].flat().includes(one))) return [`${path} is ${typesOf(value).join()}`];
    if (!properties || typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]) => {
      const known = properties[name];
      return known ? unknown(inner, known, `${path}.${name}`) : [`${path}.${name} is unknown`];
    });
  };

  test('every event so far keeps its keys as they came, and is as the output schema says', async () => {
    const events = await stage.events();
    const wrong = events.flatMap((event) => {
      const output = jsonOf(event as unknown as IDataObject);
      expect(output).toMatchObject(event);
      return unknown(output, schema);
    });
    expect([...new Set(wrong)]).toEqual([]);
    expect(events.length).toBeGreaterThan(100);
  });

  test('the types are those of the filter', async () => {
    const types = filtersField.options?.find(({ name }) => name === 'types') as unknown as {
      options: Array<{ value: string }>;
    };
    const offered = types.options.map(({ value }) => value);
    const seen = (await stage.events()).map((event) => flat(event).type).filter((type) => type !== undefined);
    expect([...new Set(seen)].filter((type) => !offered.includes(type))).toEqual([]);
    expect(offered.filter((type) => !seen.includes(type))).toEqual([]);
  });

  // The engine's filter and the trigger's output may not import each other, and each knows WhatsApp's contents.
  describe('the filter and the output say the same of what a message is', () => {
    const byFilter = (event: Filtered) => MESSAGE_TYPES.filter((type) => fits(event, { types: [type] }));
    const byOutput = (event: object) => flatOf(event as IDataObject).type;
    const plain = (content: object) => JSON.parse(JSON.stringify(proto.Message.fromObject(content))) as object;

    test('for every event so far', async () => {
      // Where the filter takes any type it says nothing of it; of a file that is ready it does not know who has recorded it.
      const told = (await stage.events())
        .filter((event) => byFilter(event).length < MESSAGE_TYPES.length)
        .map((event) => [event.event, byFilter(event), byOutput(event)] as const);
      const apart = told.filter(([event, types, type]) =>
        event === 'media.ready' ? !types.some((one) => one === type) : types.join() !== type,
      );
      expect(apart).toEqual([]);
      expect(told.length).toBeGreaterThan(50);
      expect(MESSAGE_TYPES.filter((one) => !told.some(([, , type]) => type === one))).toEqual([]);
      console.log(`what a message is: ${told.length} events of the sandbox, none told in two ways`);
    });

    test('for every content that WhatsApp has, alone and around another message', () => {
      const names = Object.keys(proto.Message.prototype).filter((name) => name !== 'toJSON');
      const voice = { ephemeralMessage: { message: { audioMessage: { ptt: true } } } };
      const around = names
        .map((name) => plain({ [name]: { message: voice } }))
        .filter((content) => JSON.stringify(content).includes('ptt'));
      const contents = [...names.map((name) => plain({ [name]: {} })), ...around];
      const events = contents.map((message) => ({
        event: 'messages.received' as const,
        data: { messages: { key: { id: '3EB0' }, messageBody: '', message } },
      }));
      const apart = events
        .map((event) => [event.data.messages.message, byFilter(event).join(), byOutput(event)] as const)
        .filter(([, filter, output]) => filter !== output);
      expect(apart).toEqual([]);
      expect(names.length).toBeGreaterThan(90);
      expect(around.length).toBeGreaterThan(20);
      console.log(
        `what a message is: ${names.length} contents, ${around.length} of them around another, none told in two ways`,
      );
    });
  });

  test.each([{}, { event: 'messages.received' }, { event: 'messages.upsert', data: { messages: [] } }])(
    'what is no event of ours does no harm: %j',
    (event) => expect(() => jsonOf(event)).not.toThrow(),
  );
});
