import { FRIEND } from '../whatsapp/stage.ts';
import { file } from './files.ts';
import { prove, type Check } from './prove.ts';
import { must, OWN, SAMPLE, SAMPLE_JID, World, type Answer, type PhoneMessage } from './world.ts';

let world: World;
let group: string;
let channel: string;
beforeAll(async () => {
  world = await World.open();
  group = world.group([OWN, SAMPLE, FRIEND]);
  channel = world.channel(OWN, SAMPLE);
});
afterEach(() => world.tidy());
afterAll(() => world?.close());

/** Every documented content of a message: how it is asked for, and what a phone has to show of it. */
const CONTENTS: Record<string, { body: () => Record<string, unknown>; seen: (message: PhoneMessage) => unknown }> = {
  text: { body: () => ({ text: 'Hello' }), seen: ({ text }) => text === 'Hello' },
  imageUrl: media('imageUrl', 'logo.png', 'image'),
  videoUrl: media('videoUrl', 'training-video.mp4', 'video'),
  documentUrl: media('documentUrl', 'report.pdf', 'document'),
  audioUrl: media('audioUrl', 'announcement.mp3', 'audio'),
  stickerUrl: media('stickerUrl', 'sticker.webp', 'sticker'),
  contact: {
    body: () => ({ contact: { name: 'Support Team', phone: '+1234567890' } }),
    seen: ({ contacts }) => contacts?.[0]?.name === 'Support Team' && contacts[0].phone === '1234567890',
  },
  location: {
    body: () => ({
      location: { latitude: 37.7749, longitude: -122.4194, name: 'Company HQ', address: '123 Business St' },
    }),
    seen: ({ location }) =>
      location?.latitude === 37.7749 &&
      location.longitude === -122.4194 &&
      location.name === 'Company HQ' &&
      location.address === '123 Business St',
  },
};

function media(field: string, name: string, kind: string) {
  return {
    body: () => ({ [field]: world.files.url(name) }),
    seen: ({ media: seen }: PhoneMessage) => seen?.kind === kind && seen.size > 0,
  };
}

function seen(what: string, message: PhoneMessage): void {
  must(CONTENTS[what]!.seen(message), `The phone shows ${JSON.stringify(message).slice(0, 300)}`);
}

/** The content arrives where it was sent, and what is no such content is refused. */
const arrives =
  (what: string, to: () => string = () => SAMPLE, reader = SAMPLE, more: Record<string, unknown> = {}) =>
  async (): Promise<void> => {
    const { message } = await world.sent({ to: to(), ...more, ...CONTENTS[what]!.body() }, reader);
    seen(what, message);
    const wrong = what.endsWith('Url') ? 'https://' : 7;
    const refused = await world.send({ to: to(), [what]: wrong });
    must(refused.status >= 400 && refused.status < 500, `${what}: ${wrong} is ${refused.status}`);
  };

const refused = (answer: Answer, field: string, text = `The ${field} field is required.`): void => {
  must(answer.status === 422, `Status ${answer.status}`);
  const errors = answer.body['errors'] as Record<string, string[]>;
  must(errors[field]?.includes(text), `Says ${JSON.stringify(errors)}, documented: ${text}`);
};

/** `to` is needed, and says who gets it: a number in every form, a jid, a group. */
const to = (what: string) => async (): Promise<void> => {
  refused(await world.send({ ...CONTENTS[what]!.body(), to: undefined }), 'to');
  for (const [recipient, reader] of [
    [`+${FRIEND}`, FRIEND],
    [FRIEND, FRIEND],
    [group, SAMPLE],
  ] as const) {
    const { answer, message } = await world.sent({ ...CONTENTS[what]!.body(), to: recipient }, reader);
    seen(what, message);
    const { jid } = answer.body.data as { jid: string };
    must(jid === (recipient === group ? group : `+${FRIEND}`), `Answers ${jid}`);
  }
};

/** A caption, or for what has none the documented rule: it is needed when there is nothing else. */
const caption = (what: string) => async (): Promise<void> => {
  const { message } = await world.sent({ ...CONTENTS[what]!.body(), text: 'with a caption' });
  seen(what, message);
  must(message.text === 'with a caption', `Shows ${message.text}`);
  await textNeeded();
};
/** WhatsApp shows no caption under what was sent; the text must not stop it from being sent. */
const textBeside = (what: string) => async (): Promise<void> => {
  const { message } = await world.sent({ ...CONTENTS[what]!.body(), text: 'beside it' });
  seen(what, message);
  await textNeeded();
};
const textNeeded = async (): Promise<void> =>
  refused(await world.send({}), 'text', 'The text field is required when no media is present.');
/** Without the field that makes this message what it is there is nothing to send. */
const needed = (what: string) => async (): Promise<void> => {
  await arrives(what)();
  await textNeeded();
};

const answers =
  (what: string, recipient = () => SAMPLE, reader = () => SAMPLE) =>
  async (is: Check): Promise<void> => {
    const answer = await world.send({ to: recipient(), ...CONTENTS[what]!.body() });
    const { msgId, status, id } = is(answer).data as { msgId: number; status: string; id: string };
    must(Number.isInteger(msgId) && status === 'in_progress', `${msgId} is ${status}`);
    seen(what, await world.arrived(reader(), (message) => message.id === id));
  };

prove('send-text-message', {
  parameters: {
    to: async () => {
      await to('text')();
      const { message } = await world.sent({ to: channel, text: 'To a channel' }, channel);
      must(message.text === 'To a channel', 'Not in the channel');
    },
    text: async () => {
      await arrives('text')();
      await textNeeded();
    },
  },
  responses: { 'Success Response': answers('text') },
});

prove('send-image-message', {
  parameters: { to: to('imageUrl'), text: caption('imageUrl'), imageUrl: imageOf('logo.png', 'image.jpg') },
  responses: { 'Success Response': answers('imageUrl') },
});
/** The files of every documented format, as the recipient's phone decrypts them. */
function formats(field: string, kind: string, ...names: string[]) {
  return async (): Promise<void> => {
    for (const name of names) {
      const { message } = await world.sent({ [field]: world.files.url(name) });
      must(message.media?.kind === kind, `${name} is ${JSON.stringify(message.media)}`);
      const { bytes } = await world.sandbox.gestures.media(SAMPLE, message.id);
      must(bytes.length > 0, `${name} is empty`);
      must(
        kind === 'image' || kind === 'audio' || kind === 'sticker' || bytes.equals(file(name)),
        `${name} is another file`,
      );
    }
    await needed(field)();
    const missing = await world.send({ [field]: world.files.url('missing.png') });
    must(missing.status === 422, `A file that is not there is ${missing.status}`);
  };
}
function imageOf(...names: string[]) {
  return formats('imageUrl', 'image', ...names);
}

prove('send-video-message', {
  parameters: {
    to: to('videoUrl'),
    text: caption('videoUrl'),
    videoUrl: formats('videoUrl', 'video', 'training-video.mp4', 'clip.3gp'),
  },
  responses: { 'Success Response': answers('videoUrl') },
});

prove('send-document-message', {
  parameters: {
    to: to('documentUrl'),
    text: caption('documentUrl'),
    documentUrl: formats('documentUrl', 'document', 'report.pdf', 'logo.png'),
    fileName: async () => {
      const name = async (more: object) =>
        (await world.sent({ documentUrl: world.files.url('report.pdf'), ...more })).message.media?.fileName;
      must((await name({ fileName: 'report-02-2025.pdf' })) === 'report-02-2025.pdf', 'Another name');
      must((await name({})) === 'document.pdf', `Without a name it is called ${await name({})}`);
    },
  },
  responses: { 'Success Response': answers('documentUrl') },
});

prove('send-audio-message', {
  parameters: {
    to: to('audioUrl'),
    text: textBeside('audioUrl'),
    audioUrl: async () => {
      await formats('audioUrl', 'audio', 'announcement.mp3', 'voice.ogg', 'voice.aac')();
      const { message } = await world.sent({ audioUrl: world.files.url('voice.ogg') });
      must(message.media?.ptt, 'No voice note');
    },
  },
  responses: { 'Success Response': answers('audioUrl') },
});

prove('send-sticker-message', {
  parameters: {
    to: to('stickerUrl'),
    text: textBeside('stickerUrl'),
    stickerUrl: formats('stickerUrl', 'sticker', 'sticker.webp'),
  },
  responses: { 'Success Response': answers('stickerUrl') },
});

prove('send-contact-card', {
  parameters: { to: to('contact'), contact: needed('contact') },
  responses: { 'Success Response': answers('contact') },
});

prove('send-location', {
  parameters: {
    to: to('location'),
    text: textBeside('location'),
    location: async () => {
      await needed('location')();
      const off = await world.send({ location: { latitude: 91, longitude: 0 } });
      must(off.status === 422, `Off the globe is ${off.status}`);
    },
  },
  responses: { 'Success Response': answers('location') },
});

const POLL = { question: 'What is your favorite color?', options: ['Blue', 'Green', 'Red', 'Yellow'] };
const poll = async (changes: object) => world.send({ poll: { ...POLL, ...changes } });
CONTENTS['poll'] = {
  body: () => ({ poll: { ...POLL, multiSelect: false } }),
  seen: ({ poll: seen }) =>
    seen?.question === POLL.question && seen.options.map(({ name }) => name).join() === POLL.options.join(),
};
prove('send-poll-message', {
  parameters: {
    to: to('poll'),
    poll: needed('poll'),
    'poll.multiSelect': async () => {
      for (const multiSelect of [true, false, undefined]) {
        const { message } = await world.sent({ poll: { ...POLL, multiSelect } });
        must(message.poll?.multiSelect === Boolean(multiSelect), `${multiSelect} is ${message.poll?.multiSelect}`);
      }
    },
    'poll.question': async () => {
      refused(await poll({ question: undefined }), 'poll.question');
      const { message } = await world.sent({ poll: { ...POLL, question: 'Another?' } });
      must(message.poll?.question === 'Another?', 'Another question');
    },
    'poll.options': async () => {
      refused(await poll({ options: undefined }), 'poll.options');
      for (const options of [['One'], Array.from({ length: 13 }, (_, n) => `No. ${n}`)]) {
        must((await poll({ options })).status === 422, `${options.length} options are taken`);
      }
      const options = Array.from({ length: 12 }, (_, n) => `No. ${n}`);
      const { message } = await world.sent({ poll: { ...POLL, options } });
      must(message.poll?.options.length === 12, 'Not all options');
    },
  },
  responses: { 'Success Response': answers('poll') },
});

/** A reply quotes what it replies to, whatever it is made of. */
const quotes = (what: string) => async (): Promise<void> => {
  const first = await world.sent({ text: 'the question' });
  const { msgId, id } = first.answer.body.data as { msgId: number; id: string };
  const { message } = await world.sent({ ...CONTENTS[what]!.body(), replyTo: msgId });
  seen(what, message);
  must(message.quoted?.id === id && message.quoted.text === 'the question', `Quotes ${JSON.stringify(message.quoted)}`);
};

prove('send-quoted-message', {
  parameters: {
    ...Object.fromEntries(
      Object.keys(CONTENTS)
        .filter((what) => what !== 'poll')
        .map((what) => [what, quotes(what)]),
    ),
    to: async () => {
      refused(await world.send({ to: undefined, text: 'a reply' }), 'to');
      const first = await world.sent({ to: group, text: 'to all' });
      const { msgId } = first.answer.body.data as { msgId: number };
      const { message } = await world.sent({ to: group, text: 'to all again', replyTo: msgId });
      must(message.quoted?.text === 'to all', 'Quotes nothing');
    },
    replyTo: async () => {
      await quotes('text')();
      const nothing = await world.send({ text: 'to what?', replyTo: 99999999 });
      must(nothing.status === 404 || nothing.status === 422, `A reply to nothing is ${nothing.status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { answer } = await world.sent({ text: 'first' });
      const { msgId } = answer.body.data as { msgId: number };
      is(await world.send({ text: 'This is a reply to the previous message.', replyTo: msgId }));
    },
  },
});

const viewOnce = (field: string, name: string) => async (): Promise<void> => {
  const { message } = await world.sent({ to: SAMPLE_JID, [field]: world.files.url(name), viewOnce: true });
  must(message.media?.viewOnce, `Not to be seen once: ${JSON.stringify(message.media)}`);
};
prove('send-view-once-message', {
  parameters: {
    to: async () => {
      const body = { imageUrl: world.files.url('image.jpg'), viewOnce: true };
      refused(await world.send({ ...body, to: undefined }), 'to');
      for (const recipient of [SAMPLE_JID, group]) {
        const { message } = await world.sent({ ...body, to: recipient });
        must(message.media?.viewOnce, `Not to be seen once in ${recipient}`);
      }
    },
    viewOnce: async () => {
      const { message } = await world.sent({ imageUrl: world.files.url('image.jpg'), viewOnce: false });
      must(message.media && !message.media.viewOnce, 'To be seen once, though nobody asked for it');
      await viewOnce('imageUrl', 'image.jpg')();
      const wrong = await world.send({ imageUrl: world.files.url('image.jpg'), viewOnce: 'perhaps' });
      must(wrong.status === 422, `perhaps is ${wrong.status}`);
    },
    imageUrl: viewOnce('imageUrl', 'image.jpg'),
    videoUrl: viewOnce('videoUrl', 'training-video.mp4'),
    audioUrl: viewOnce('audioUrl', 'voice.ogg'),
  },
  responses: {
    'Success Response': async (is) =>
      void is(await world.send({ to: SAMPLE_JID, imageUrl: world.files.url('image.jpg'), viewOnce: true })),
  },
});

const toGroup = (what: string) => arrives(what, () => group);
prove('send-group-message', {
  parameters: {
    ...Object.fromEntries(
      Object.keys(CONTENTS)
        .filter((what) => what !== 'poll')
        .map((what) => [what, toGroup(what)]),
    ),
    to: async () => {
      refused(await world.send({ to: undefined, text: 'a group' }), 'to');
      const { message } = await world.sent({ to: group, text: 'Hello everyone in the group!' }, FRIEND);
      must(message.chat === group && message.text === 'Hello everyone in the group!', 'Not in the group');
      const nobody = await world.send({ to: '123456789-987654321@g.us', text: 'who?', wait: true });
      must(nobody.body.message?.includes('no such group'), `A group that nobody knows: ${nobody.body.message}`);
    },
  },
  responses: { 'Success Response': answers('text', () => group) },
});

prove('send-message-with-mentions', {
  parameters: {
    to: async () => refused(await world.send({ to: undefined, text: 'x', mentions: [SAMPLE_JID] }), 'to'),
    text: async () => {
      const { message } = await world.sent({ to: group, text: `Hello @${SAMPLE}`, mentions: [SAMPLE_JID] });
      must(message.text?.startsWith('Hello @'), `Shows ${message.text}`);
      await textNeeded();
    },
    mentions: async () => {
      const mentions = [SAMPLE_JID, `${FRIEND}@s.whatsapp.net`];
      const { message } = await world.sent({ to: group, text: 'Hello all of you', mentions });
      must([...message.mentions].sort().join() === [...mentions].sort().join(), `Mentions ${message.mentions.join()}`);
      must((await world.send({ to: group, text: 'x', mentions: 'everybody' })).status === 422, 'No list is taken');
      const { message: picture } = await world.sent({
        to: group,
        imageUrl: world.files.url('logo.png'),
        text: 'look',
        mentions,
      });
      must(picture.mentions.length === 2 && picture.media?.kind === 'image', 'None with a picture');
    },
  },
  responses: {
    'Success Response': async (is) =>
      void is(await world.send({ to: group, text: `Hello @${SAMPLE}, check this out!`, mentions: [SAMPLE_JID] })),
  },
});

/** What is posted in a channel, as whoever looks at its page gets it. */
const POSTS: Record<string, (message: Record<string, Record<string, unknown>>) => unknown> = {
  text: ({ extendedTextMessage, conversation }) => (extendedTextMessage?.['text'] ?? conversation) === 'Hello',
  imageUrl: ({ imageMessage }) => imageMessage?.['directPath'],
  videoUrl: ({ videoMessage }) => videoMessage?.['directPath'],
  documentUrl: ({ documentMessage }) => documentMessage?.['fileName'] === 'document.pdf',
  audioUrl: ({ audioMessage }) => audioMessage?.['directPath'],
  stickerUrl: ({ stickerMessage }) => stickerMessage?.['directPath'],
  contact: ({ contactMessage }) => String(contactMessage?.['vcard']).includes('waid=1234567890'),
  location: ({ locationMessage }) => locationMessage?.['name'] === 'Company HQ',
};
const toChannel = (what: string) => async (): Promise<void> => {
  const { message } = await world.sent({ to: channel, ...CONTENTS[what]!.body() }, channel);
  const posted = message.message as Record<string, Record<string, unknown>>;
  must(POSTS[what]!(posted), `The channel shows ${JSON.stringify(posted).slice(0, 300)}`);
};

prove('send-channel-message', {
  parameters: {
    ...Object.fromEntries(
      Object.keys(CONTENTS)
        .filter((what) => what !== 'poll')
        .map((what) => [what, toChannel(what)]),
    ),
    to: async () => {
      refused(await world.send({ to: undefined, text: 'a channel' }), 'to');
      const { message } = await world.sent({ to: channel, text: 'Hello everyone in the channel!' }, channel);
      must(message.text === 'Hello everyone in the channel!', 'Not in the channel');
    },
  },
  responses: {
    'Success Response': answers(
      'text',
      () => channel,
      () => channel,
    ),
  },
});

/** A message that could not be sent, because its number had no account; now it has one. */
async function failed(): Promise<{ msgId: number; id: string; phone: string }> {
  const phone = `155503${String(Math.random()).slice(2, 7)}`;
  const answer = await world.send({ to: `+${phone}`, text: 'once more', wait: true });
  must(answer.status === 422, `Sent to nobody: ${answer.status}`);
  const { msgId } = answer.body['details'] as { msgId: number };
  return { msgId, id: '', phone };
}

prove('resend-failed-message', {
  parameters: {
    message: async () => {
      const nothing = await world.api('POST', '/api/messages/99999999/resend');
      must(nothing.status === 404, `A message that is not there is ${nothing.status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { msgId, phone } = await failed();
      world.sandbox.addPhone({ phone, name: 'Late' });
      is(await world.api('POST', `/api/messages/${msgId}/resend`));
      must((await world.arrived(phone)).text === 'once more', 'Another message');
    },
    'Error Response (Not Failed)': async (is) => {
      const { answer } = await world.sent({ text: 'went well' });
      is(await world.api('POST', `/api/messages/${(answer.body.data as { msgId: number }).msgId}/resend`));
    },
    'Error Response (Unauthorized)': async (is) => {
      const { msgId } = await failed();
      const other = await world.session({ connected: true });
      is(await world.request('POST', `/api/messages/${msgId}/resend`, undefined, other.apiKey));
    },
  },
});

const UNKNOWN = 99999999;
async function sentText(text: string): Promise<{ msgId: number; id: string }> {
  const { answer } = await world.sent({ text });
  return answer.body.data as { msgId: number; id: string };
}
const onPhone = (id: string) => world.sandbox.messages(SAMPLE).find((message) => message.id === id) as PhoneMessage;

prove('edit-a-message', {
  parameters: {
    msgId: async () => {
      const { status } = await world.api('PUT', `/api/messages/${UNKNOWN}`, { text: 'new' });
      must(status === 404, `A message that is not there is ${status}`);
    },
    text: async () => {
      const { msgId, id } = await sentText('old');
      refused(await world.api('PUT', `/api/messages/${msgId}`, {}), 'text');
      await world.api('PUT', `/api/messages/${msgId}`, { text: 'new' });
      await world.eventually('the new text', () => onPhone(id).edited && onPhone(id).text === 'new');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { msgId, id } = await sentText('old');
      const answer = await world.api('PUT', `/api/messages/${msgId}`, { text: 'updated' });
      const data = is(answer).data as { msgId: number; id: string; message: { protocolMessage: { type: number } } };
      must(data.message.protocolMessage.type === 14, 'Not an edit');
      await world.eventually('the new text', () => onPhone(id).text === 'updated');
    },
  },
});

prove('get-message-info', {
  parameters: {
    msgId: async () => {
      const { status } = await world.api('GET', `/api/messages/${UNKNOWN}/info`);
      must(status === 404, `A message that is not there is ${status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const first = await sentText('quoted');
      const { answer } = await world.sent({ text: 'quoted', replyTo: first.msgId });
      const { msgId, id } = answer.body.data as { msgId: number; id: string };
      const info = async () => world.api('GET', `/api/messages/${msgId}/info`);
      const statusOf = async () => ((await info()).body.data as { status: number }).status;
      await world.eventually('delivered', async () => (await statusOf()) === 3);
      await world.sandbox.read(SAMPLE, { chat: OWN, ids: [id] });
      await world.eventually('read', async () => (await statusOf()) === 4);
      const data = is(await info()).data as { msgId: number; id: string };
      must(data.msgId === msgId && data.id === id, 'Another message');
    },
  },
});

prove('delete-a-message', {
  parameters: {
    msgId: async () => {
      const { status } = await world.api('DELETE', `/api/messages/${UNKNOWN}`);
      must(status === 404, `A message that is not there is ${status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { msgId, id } = await sentText('take it back');
      is(await world.api('DELETE', `/api/messages/${msgId}`));
      await world.eventually('gone', () => onPhone(id).deleted);
    },
  },
});

/** A message from the sample phone, as its webhook tells it. */
async function received(text: string): Promise<{ id: string; remoteJid: string; fromMe: boolean }> {
  const { id } = await world.sandbox.send(SAMPLE, { to: OWN, text });
  return world.stage.until((events) => {
    const keys = events
      .filter(({ event }) => event === 'messages.received')
      .map(
        ({ data }) => (data as { messages: { key: { id: string; remoteJid: string; fromMe: boolean } } }).messages.key,
      );
    return keys.find((key) => key.id === id);
  });
}
const read = (key: unknown) => world.api('POST', '/api/messages/read', { key });
async function keyIsNeeded(changes: object, field: string, text: string): Promise<void> {
  const key = { id: '3EB06A5E244031B4A5D1', remoteJid: SAMPLE_JID, fromMe: false, ...changes };
  const answer = await read(key);
  must(answer.status === 422 && JSON.stringify(answer.body).includes(text), `${field}: ${JSON.stringify(answer.body)}`);
}

prove('mark-message-as-read', {
  parameters: {
    key: async () => refused(await read(undefined), 'key'),
    'key.id': () => keyIsNeeded({ id: '' }, 'key.id', 'The key.id field is required and must be a non-empty string.'),
    'key.remoteJid': () =>
      keyIsNeeded({ remoteJid: undefined }, 'key.remoteJid', 'The key.remoteJid field is required'),
    'key.fromMe': () => keyIsNeeded({ fromMe: undefined }, 'key.fromMe', 'The key.fromMe field is required'),
  },
  responses: {
    'Success Response': async (is) => {
      const key = await received('blue ticks?');
      must(onPhone(key.id).status !== 'read', 'Read before anybody asked');
      // The whole key as the webhook has it: more than the three properties.
      is(await read(key));
      await world.eventually('read', () => onPhone(key.id).status === 'read');
    },
    'Error Response (Validation)': async (is) =>
      void is(await read({ id: '', remoteJid: SAMPLE_JID, fromMe: false }), { status: 422 }),
  },
});

const presence = (body: Record<string, unknown>) => world.api('POST', '/api/send-presence-update', body);
const seenOf = () => world.sandbox.account.presence(SAMPLE, { of: OWN });
prove('send-presence-update', {
  parameters: {
    jid: async () => {
      refused(await presence({ jid: undefined, type: 'composing' }), 'jid');
      await presence({ jid: SAMPLE_JID, type: 'composing' });
      await world.eventually('composing', () => seenOf().chatState === 'composing');
    },
    type: async () => {
      refused(await presence({ jid: SAMPLE_JID, type: undefined }), 'type');
      must((await presence({ jid: SAMPLE_JID, type: 'sleeping' })).status === 422, 'Any type is taken');
      await presence({ jid: SAMPLE_JID, type: 'recording' });
      await world.eventually('recording', () => seenOf().chatState === 'recording');
      for (const type of ['available', 'unavailable']) {
        await presence({ jid: world.own().jid, type });
        await world.eventually(type, () => seenOf().online === (type === 'available'));
      }
    },
    delayMs: async () => {
      must((await presence({ jid: SAMPLE_JID, type: 'composing', delayMs: 'long' })).status === 422, 'A word is taken');
      await presence({ jid: SAMPLE_JID, type: 'composing', delayMs: 300 });
      await world.eventually('paused', () => seenOf().chatState === 'paused');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { data } = is(await presence({ jid: SAMPLE_JID, type: 'composing' }));
      must((data as { type: string }).type === 'composing', 'Another type');
    },
    'Error Response - Invalid JID': async (is) => void is(await presence({ jid: 'not a jid', type: 'composing' })),
  },
});
