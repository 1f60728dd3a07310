import { beforeAll, expect, test } from '@jest/globals';
import {
  downloadMediaMessage,
  getContentType,
  normalizeMessageContent,
  type AnyMessageContent,
  type WAMessage,
} from '@whiskeysockets/baileys';
import { clientAgents, type MessageInfo, type PhoneInfo, type SendRequest } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { dataUrl, fileServer, pdf, picture, sticker, video, voiceNote } from './files.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const files = fileServer();
let mine: PhoneInfo;
let friend: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  friend = world.phone('Grace');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

async function online(): Promise<Client> {
  const client = world.client(memory, clientAgents(world.sandbox.url)).connect();
  await client.opened();
  return client;
}

const download = (message: WAMessage): Promise<Buffer> =>
  downloadMediaMessage(message, 'buffer', {
    ...clientAgents(world.sandbox.url),
    // a preview's picture has a path and no address of its own
    host: `127.0.0.1:${world.sandbox.port}`,
  });

/** What the friend's phone sends, as the client gets it. */
async function received(client: Client, request: Omit<SendRequest, 'to'>): Promise<WAMessage> {
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, ...request });
  return client.message(id, ({ key }) => key.id === id);
}

/** What the client sends, as the friend's phone shows it. */
async function shown(client: Client, content: AnyMessageContent): Promise<MessageInfo> {
  const sent = await client.socket.sendMessage(friend.jid, content);
  return eventually('the phone has it', () => onPhone(friend, sent!.key.id!));
}

const onPhone = (phone: PhoneInfo, id: string): MessageInfo | undefined =>
  world.sandbox.messages(phone.phone).find((message) => message.id === id);

/** The attributes of the stanza with which a message went over the wire, its `<enc>` and its further children. */
function wire(id: string): { attrs: Record<string, string>; enc: Record<string, string>; others: string[] } {
  const entry = world.sandbox.stanzas({ phone: mine.phone }).find(({ stanza }) => {
    const { tag, attrs } = stanza as { tag: string; attrs: Record<string, string> };
    return tag === 'message' && attrs['id'] === id;
  });
  const node = entry!.stanza as { attrs: Record<string, string>; content: { tag: string; attrs: never }[] };
  const enc = node.content.find(({ tag }) => tag === 'enc')!;
  const others = node.content.filter(({ tag }) => !['enc', 'device-identity'].includes(tag));
  return {
    attrs: node.attrs,
    enc: enc.attrs,
    others: others.map(({ tag, attrs }) => `${tag} ${JSON.stringify(attrs)}`),
  };
}

// --- from a phone to the client ---

interface Case {
  request: () => Promise<Omit<SendRequest, 'to'>>;
  bytes: () => Promise<Buffer>;
  type: string;
  message: object;
  mediatype: string;
}

const jpeg = picture();
const webp = sticker();
const [clip, note, paper] = [video(), voiceNote(), pdf()];

const sentFiles: [string, Case][] = [
  [
    'a picture from a web server, with a caption',
    {
      request: async () => ({ imageUrl: files.put('/a.jpg', 'image/jpeg', await jpeg), text: 'look' }),
      bytes: () => jpeg,
      type: 'imageMessage',
      message: { caption: 'look', mimetype: 'image/jpeg', width: 64, height: 48, jpegThumbnail: expect.anything() },
      mediatype: 'image',
    },
  ],
  [
    'a video from a data URL',
    {
      request: async () => ({ videoUrl: dataUrl('video/mp4', clip) }),
      bytes: async () => clip,
      type: 'videoMessage',
      message: { mimetype: 'video/mp4', seconds: 3, width: 320, height: 240, streamingSidecar: expect.anything() },
      mediatype: 'video',
    },
  ],
  [
    'a GIF',
    {
      request: async () => ({ videoBase64: clip.toString('base64'), gifPlayback: true }),
      bytes: async () => clip,
      type: 'videoMessage',
      message: { gifPlayback: true },
      mediatype: 'gif',
    },
  ],
  [
    'a voice note',
    {
      request: async () => ({ audioUrl: dataUrl('audio/ogg', note) }),
      bytes: async () => note,
      type: 'audioMessage',
      message: { ptt: true, seconds: 2, mimetype: 'audio/ogg; codecs=opus', waveform: expect.anything() },
      mediatype: 'ptt',
    },
  ],
  [
    'a recording that is a file',
    {
      request: async () => ({ audioUrl: dataUrl('audio/ogg', note), ptt: false }),
      bytes: async () => note,
      type: 'audioMessage',
      message: { ptt: false, seconds: 2 },
      mediatype: 'audio',
    },
  ],
  [
    'a document',
    {
      request: async () => ({ documentUrl: files.put('/bill.pdf', 'application/pdf', paper) }),
      bytes: async () => paper,
      type: 'documentMessage',
      message: { fileName: 'bill.pdf', mimetype: 'application/pdf' },
      mediatype: 'document',
    },
  ],
  [
    'a document with a caption and a name',
    {
      request: async () => ({ documentUrl: dataUrl('application/pdf', paper), fileName: 'May.pdf', text: 'the bill' }),
      bytes: async () => paper,
      type: 'documentMessage',
      message: { fileName: 'May.pdf', caption: 'the bill' },
      mediatype: 'document',
    },
  ],
  [
    'a sticker',
    {
      request: async () => ({ stickerUrl: dataUrl('image/webp', await webp) }),
      bytes: () => webp,
      type: 'stickerMessage',
      message: { mimetype: 'image/webp', width: 512, height: 512, isAnimated: false },
      mediatype: 'sticker',
    },
  ],
];

test.each(sentFiles)('a phone sends %s; the client downloads the same bytes', async (_what, wanted) => {
  const client = await online();
  const message = await received(client, await wanted.request());
  const content = normalizeMessageContent(message.message)!;
  expect(getContentType(content)).toBe(wanted.type);
  expect(content[wanted.type as 'imageMessage']).toMatchObject(wanted.message);
  const bytes = await wanted.bytes();
  expect(Number(content[wanted.type as 'imageMessage']!.fileLength)).toBe(bytes.length);
  expect(await download(message)).toEqual(bytes);
  expect(wire(message.key.id!)).toMatchObject({ attrs: { type: 'media' }, enc: { mediatype: wanted.mediatype } });
});

test('a phone sends what may be seen once, wrapped as phones wrap it', async () => {
  const client = await online();
  const bytes = await jpeg;
  const seen = await received(client, { imageUrl: dataUrl('image/jpeg', bytes), viewOnce: true });
  expect(seen.message!.viewOnceMessageV2!.message!.imageMessage!.viewOnce).toBe(true);
  expect(await download(seen)).toEqual(bytes);
  const heard = await received(client, { audioUrl: dataUrl('audio/ogg', note), viewOnce: true });
  expect(heard.message!.viewOnceMessageV2Extension!.message!.audioMessage!.viewOnce).toBe(true);
});

test('what may be seen once on phones alone: a linked client is told that there is something, and its phone has it', async () => {
  const client = await online();
  const bytes = await jpeg;
  const message = await received(client, { imageUrl: dataUrl('image/jpeg', bytes), viewOnce: 'phones' });
  expect(message.key.isViewOnce).toBe(true);
  expect(message.message).toBeFalsy();
  const { id } = message.key;
  const shown = await eventually('the phone has it', () => onPhone(mine, id!));
  expect(shown).toMatchObject({ type: 'image', media: { viewOnce: true } });
  expect((await world.sandbox.gestures.media(mine.phone, id!)).bytes).toEqual(bytes);
  await world.sandbox.gestures.played(mine.phone, { chat: friend.phone, ids: [id!] });
  await expect(world.sandbox.gestures.media(mine.phone, id!)).rejects.toMatchObject({ code: 'already-seen' });
});

const sentOthers: [string, Omit<SendRequest, 'to'>, object, string][] = [
  [
    'a contact',
    { contact: { name: 'Ken', phone: '+49 151 1234567' } },
    { contactMessage: { displayName: 'Ken', vcard: expect.stringContaining('waid=491511234567:+491511234567') } },
    'media',
  ],
  [
    'several contacts',
    {
      contacts: [
        { name: 'Ken', phone: '491511234567' },
        { name: 'Dennis', phone: '491511234568' },
      ],
    },
    { contactsArrayMessage: { contacts: [{ displayName: 'Ken' }, { displayName: 'Dennis' }] } },
    'media',
  ],
  [
    'a place',
    { location: { latitude: 52.5, longitude: 13.4, name: 'Berlin', address: 'Mitte' }, text: 'here' },
    {
      locationMessage: {
        degreesLatitude: 52.5,
        degreesLongitude: 13.4,
        name: 'Berlin',
        address: 'Mitte',
        comment: 'here',
      },
    },
    'media',
  ],
  [
    'where somebody is',
    { liveLocation: { latitude: 52.5, longitude: 13.4 }, text: 'coming' },
    { liveLocationMessage: { degreesLatitude: 52.5, caption: 'coming' } },
    'media',
  ],
  [
    'a poll',
    { poll: { question: 'Lunch?', options: ['Soup', 'Salad'] } },
    {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Soup' }, { optionName: 'Salad' }],
        selectableOptionsCount: 1,
      },
      messageContextInfo: { messageSecret: expect.anything() },
    },
    'poll',
  ],
  [
    'a poll with several answers',
    { poll: { question: 'Who?', options: ['A', 'B'], multiSelect: true } },
    { pollCreationMessage: { name: 'Who?', selectableOptionsCount: 0 } },
    'poll',
  ],
  [
    'an event',
    { event: { name: 'Party', startTime: 1_900_000_000, location: { name: 'At home' } } },
    { eventMessage: { name: 'Party', location: { name: 'At home' }, isCanceled: false } },
    'event',
  ],
  [
    'buttons',
    { text: 'Which?', buttons: [{ id: 'a', text: 'This' }], footer: 'press' },
    { buttonsMessage: { contentText: 'Which?', footerText: 'press', buttons: [{ buttonId: 'a' }] } },
    'text',
  ],
  [
    'a list',
    { text: 'Choose', list: { buttonText: 'Open', sections: [{ title: 'One', rows: [{ id: 'r', title: 'Row' }] }] } },
    {
      listMessage: { description: 'Choose', buttonText: 'Open', sections: [{ rows: [{ rowId: 'r', title: 'Row' }] }] },
    },
    'media',
  ],
  [
    'a template',
    {
      text: 'See',
      templateButtons: [
        { url: 'https://example.com', text: 'Open' },
        { id: 'x', text: 'Reply' },
      ],
    },
    { templateMessage: { hydratedTemplate: { hydratedContentText: 'See' } } },
    'text',
  ],
  [
    'a button that was pressed',
    { buttonReply: { id: 'a', text: 'This' } },
    { buttonsResponseMessage: { selectedButtonId: 'a' } },
    'media',
  ],
  ['any content there is', { message: { conversation: 'raw' } }, { conversation: 'raw' }, 'text'],
];

test.each(sentOthers)('a phone sends %s', async (_what, request, content, type) => {
  const client = await online();
  const message = await received(client, request);
  expect(message.message).toMatchObject(content);
  expect(wire(message.key.id!).attrs['type']).toBe(type);
  expect(onPhone(friend, message.key.id!)).toMatchObject({ fromMe: true, status: expect.any(String) });
});

test('a poll says in the stanza that it is one, an event too', async () => {
  const client = await online();
  const poll = await received(client, { poll: { question: 'q', options: ['a', 'b'] } });
  expect(wire(poll.key.id!).others).toContain('meta {"polltype":"creation"}');
  const event = await received(client, { event: { name: 'e', startTime: 1_900_000_000 } });
  expect(wire(event.key.id!).others).toContain('meta {"event_type":"creation"}');
});

test('a phone sends a link with its preview; the client downloads the picture', async () => {
  const client = await online();
  const bytes = await jpeg;
  const message = await received(client, {
    text: 'see https://example.com/a',
    linkPreview: {
      url: 'https://example.com/a',
      title: 'Example',
      description: 'of a page',
      imageUrl: dataUrl('image/jpeg', bytes),
    },
  });
  expect(message.message!.extendedTextMessage).toMatchObject({
    text: 'see https://example.com/a',
    matchedText: 'https://example.com/a',
    title: 'Example',
    thumbnailWidth: 64,
  });
  expect(await download(message)).toEqual(bytes);
  expect(wire(message.key.id!)).toMatchObject({ attrs: { type: 'media' }, enc: { mediatype: 'url' } });
});

test('a picture quotes, mentions and counts how often it was forwarded', async () => {
  const client = await online();
  const first = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'the original' });
  const message = await received(client, {
    imageUrl: dataUrl('image/jpeg', await jpeg),
    replyTo: first.id,
    mentions: [mine.phone],
    forwarded: 2,
  });
  expect(message.message!.imageMessage!.contextInfo).toMatchObject({
    stanzaId: first.id,
    quotedMessage: { conversation: 'the original' },
    mentionedJid: [mine.jid],
    isForwarded: true,
    forwardingScore: 2,
  });
});

test("the phone's linked client sees what the phone sends, with the same file", async () => {
  const client = await online();
  const bytes = await jpeg;
  const { id } = await world.sandbox.send(mine.phone, { to: friend.phone, imageUrl: dataUrl('image/jpeg', bytes) });
  const copy = await client.message('the copy', ({ key }) => key.id === id);
  expect(copy.key).toMatchObject({ fromMe: true, remoteJid: friend.jid });
  expect(await download(copy)).toEqual(bytes);
});

// --- from the client to a phone ---

const receivedFiles: [string, () => Promise<AnyMessageContent>, () => Promise<Buffer>, object][] = [
  [
    'a picture',
    async () => ({ image: await jpeg, caption: 'look' }),
    () => jpeg,
    { type: 'image', text: 'look', media: { kind: 'image', mimetype: 'image/jpeg', width: 64, viewOnce: false } },
  ],
  [
    'a video',
    async () => ({ video: clip, caption: 'watch', jpegThumbnail: '' }),
    async () => clip,
    { type: 'video', text: 'watch', media: { kind: 'video', size: clip.length, gifPlayback: false } },
  ],
  [
    'a round video note',
    async () => ({ video: clip, ptv: true, jpegThumbnail: '' }),
    async () => clip,
    { type: 'videoNote', text: null, media: { kind: 'video' } },
  ],
  [
    'a voice note',
    async () => ({ audio: note, ptt: true, seconds: 2, mimetype: 'audio/ogg; codecs=opus' }),
    async () => note,
    { type: 'audio', media: { kind: 'audio', ptt: true, seconds: 2 } },
  ],
  [
    'a document',
    async () => ({ document: paper, mimetype: 'application/pdf', fileName: 'a.pdf', caption: 'read' }),
    async () => paper,
    { type: 'document', text: 'read', media: { kind: 'document', fileName: 'a.pdf', mimetype: 'application/pdf' } },
  ],
  ['a sticker', async () => ({ sticker: await webp }), () => webp, { type: 'sticker', media: { kind: 'sticker' } }],
  [
    'a picture that may be seen once',
    async () => ({ image: await jpeg, viewOnce: true }),
    () => jpeg,
    { type: 'image', media: { viewOnce: true } },
  ],
];

test.each(receivedFiles)('the client sends %s; the phone has the same bytes', async (_what, content, file, wanted) => {
  const client = await online();
  const message = await shown(client, await content());
  expect(message).toMatchObject(wanted);
  const { bytes } = await world.sandbox.gestures.media(friend.phone, message.id);
  expect(bytes).toEqual(await file());
  expect(message.media!.size).toBe(bytes.length);
});

test('a file is downloaded over HTTP with its content type and name', async () => {
  const client = await online();
  const { id } = await shown(client, { document: paper, mimetype: 'application/pdf', fileName: 'a b.pdf' });
  const response = await fetch(`${world.sandbox.url}/sandbox/phones/${friend.phone}/media/${id}`);
  expect(response.headers.get('content-type')).toBe('application/pdf');
  expect(response.headers.get('content-disposition')).toContain('a b.pdf');
  expect(Buffer.from(await response.arrayBuffer())).toEqual(paper);
  const none = await shown(client, { text: 'no file' });
  expect(await world.http('GET', `/phones/${friend.phone}/media/${none.id}`)).toMatchObject({
    status: 404,
    body: { error: 'no-media' },
  });
});

const receivedOthers: [string, AnyMessageContent, object][] = [
  [
    'a text',
    { text: 'hi' },
    { type: 'text', text: 'hi', forwarded: false, edited: false, deleted: false, reactions: [] },
  ],
  [
    'a contact',
    {
      contacts: {
        displayName: 'Ken',
        contacts: [{ displayName: 'Ken', vcard: 'BEGIN:VCARD\nTEL;waid=49151:+49151\nEND:VCARD' }],
      },
    },
    { type: 'contact', text: 'Ken', contacts: [{ name: 'Ken', phone: '49151' }] },
  ],
  [
    'a place',
    { location: { degreesLatitude: 1, degreesLongitude: 2, name: 'x' } },
    { type: 'location', location: { latitude: 1, longitude: 2, name: 'x' } },
  ],
  [
    'a poll',
    { poll: { name: 'q', values: ['a', 'b'], selectableCount: 1 } },
    {
      type: 'poll',
      text: 'q',
      poll: {
        question: 'q',
        multiSelect: false,
        options: [
          { name: 'a', voters: [] },
          { name: 'b', voters: [] },
        ],
      },
    },
  ],
  [
    'an event',
    { event: { name: 'Party', startDate: new Date(1_900_000_000_000), description: 'at home' } },
    {
      type: 'event',
      text: 'Party',
      event: { name: 'Party', startTime: 1_900_000_000, canceled: false, responses: [] },
    },
  ],
];

test.each(receivedOthers)('the client sends %s; the phone shows it', async (_what, content, wanted) => {
  const client = await online();
  expect(await shown(client, content)).toMatchObject(wanted);
});

test('the phone shows what a message of the client quotes, mentions and was forwarded from', async () => {
  const client = await online();
  const question = await received(client, { text: 'a question' });
  const sent = await client.socket.sendMessage(
    friend.jid,
    { text: 'an answer', mentions: [friend.jid], contextInfo: { isForwarded: true, forwardingScore: 1 } },
    { quoted: question },
  );
  const message = await eventually('the phone has it', () => onPhone(friend, sent!.key.id!));
  expect(message).toMatchObject({
    quoted: { id: question.key.id, from: friend.jid, type: 'text', text: 'a question' },
    mentions: [friend.jid],
    forwarded: true,
  });
});

test("the account's own phone has the file that a linked client sends", async () => {
  const client = await online();
  const bytes = await jpeg;
  const sent = await client.socket.sendMessage(friend.jid, { image: bytes });
  await eventually('the copy is here', () => onPhone(mine, sent!.key.id!));
  expect((await world.sandbox.gestures.media(mine.phone, sent!.key.id!)).bytes).toEqual(bytes);
});

// --- what a phone does not send ---

const refused: [string, object, number, string][] = [
  ['two contents', { imageUrl: 'data:,x', poll: { question: 'q', options: ['a', 'b'] } }, 422, 'invalid-request'],
  ['a file from elsewhere', { imageUrl: 'https://example.com/a.jpg' }, 422, 'not-loopback'],
  ['a file from this disk', { imageUrl: 'file:///etc/passwd' }, 422, 'not-loopback'],
  ['a file that is not there', { imageUrl: 'http://127.0.0.1:9/a.jpg' }, 422, 'unreachable-media'],
  ['an empty file', { documentUrl: 'data:text/plain,' }, 422, 'empty-media'],
  ['a poll with one option', { poll: { question: 'q', options: ['a'] } }, 422, 'invalid-request'],
  ['a poll with an option twice', { poll: { question: 'q', options: ['a', 'a'] } }, 422, 'invalid-request'],
  ['a contact without a number', { contact: { name: 'Ken', phone: 'x' } }, 422, 'invalid-phone'],
  ['a content that is none', { message: { nonsense: {} } }, 422, 'invalid-request'],
];

test.each(refused)('%s is refused', async (_what, body, status, error) => {
  const answer = await world.http('POST', `/phones/${friend.phone}/send`, { to: mine.phone, ...body });
  expect(answer).toMatchObject({ status, body: { error } });
});
