import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jpeg, MP4_BEGINNING, opus, padded, PDF } from '../media/pictures.ts';
import type { Phone, PhoneMessage } from './engine.ts';
import { until } from './n8n.ts';
import { withN8n } from './suite.ts';
import { type InputFile, type Output, refusalOf, typed, Workbench } from './workbench.ts';

const MINUTE = 60_000;

withN8n('Messages from a real n8n', () => {
  let bench: Workbench;
  let phone: Phone;
  let own: string;
  let picture: Buffer;
  let website: Server;
  let pictureUrl: string;

  beforeAll(async () => {
    [bench, picture] = await Promise.all([Workbench.start(), jpeg()]);
    own = (await bench.engine.number()).replace('+', '');
    phone = await bench.engine.phone('15550100079');
    website = createServer((_request, response) => response.setHeader('content-type', 'image/jpeg').end(picture));
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
    pictureUrl = `http://127.0.0.1:${(website.address() as AddressInfo).port}/picture.jpg`;
  }, 5 * MINUTE);

  afterAll(async () => {
    website?.close();
    await bench?.stop();
  }, MINUTE);

  /** Sends to the phone; what n8n gave, and what the phone shows. */
  async function send(operation: string, parameters: object, file?: InputFile): Promise<[Output, PhoneMessage]> {
    const to = typed(`+${phone.number}`);
    const options = { wait: true, ...(parameters as { options?: object }).options };
    const sent = await bench.output(`message: ${operation}`, { to, ...parameters, options }, { ...(file && { file }) });
    expect(sent.json).toMatchObject({ msgId: expect.any(Number), status: 'sent', id: expect.any(String) });
    return [sent, await phone.sees(operation, ({ id }) => id === sent.json['id'])];
  }

  const sendText = async (text: string) => await send('sendText', { text });

  /** What the phone sends, as Warbler Trigger gives it to a workflow. */
  async function received(message: string | object): Promise<Record<string, unknown>> {
    const { id } = await phone.send(own, message);
    return await bench.engine.event<Record<string, unknown>>(
      'the message',
      (event) => event['event'] === 'messages.received' && JSON.stringify(event).includes(id),
    );
  }

  const keyOf = (event: Record<string, unknown>) =>
    (event['data'] as { messages: { key: { id: string; remoteJid: string } } }).messages.key;

  const file = (bytes: Buffer, mimeType: string, fileName: string): InputFile => ({ bytes, mimeType, fileName });

  describe('are sent', () => {
    test('as text, to somebody typed as plain text in an older workflow', async () => {
      const [, seen] = await send('sendText', { to: `+${phone.number}`, text: 'Hello' });
      expect(seen).toMatchObject({ text: 'Hello', fromMe: false });
    });

    test('as a reply that mentions somebody and disappears', async () => {
      const [first] = await sendText('First');
      const options = { replyTo: String(first.json['msgId']), mentions: `${phone.jid}`, disappearAfter: 86400 };
      const [, seen] = await send('sendText', { text: `Second @${phone.number}`, options });
      expect(seen.quoted).toMatchObject({ id: first.json['id'], text: 'First' });
      expect(seen.mentions).toHaveLength(1);
      expect(seen.expiresAt).toBeGreaterThan(Date.now() / 1000);
    });

    test('once, however often the same key is used', async () => {
      const parameters = { text: 'Only once', options: { idempotencyKey: 'order-4711' } };
      const [first] = await send('sendText', parameters);
      const [second] = await send('sendText', parameters);
      expect(second.json['msgId']).toBe(first.json['msgId']);
      expect((await phone.received()).filter((text) => text === 'Only once')).toHaveLength(1);
    });

    test('as a picture of the item, with a caption, to be opened once', async () => {
      const parameters = { source: 'binary', caption: 'Our menu', options: { viewOnce: true } };
      const [, seen] = await send('sendImage', parameters, file(picture, 'image/jpeg', 'menu.jpg'));
      expect(seen).toMatchObject({
        text: 'Our menu',
        media: { kind: 'image', mimetype: 'image/jpeg', viewOnce: true },
      });
    });

    test('as a picture from a URL', async () => {
      const [, seen] = await send('sendImage', { source: 'url', url: pictureUrl });
      expect(seen.media).toMatchObject({ kind: 'image', width: 320, height: 200 });
    });

    test('as a document that keeps its name, be it JSON', async () => {
      const [, pdf] = await send('sendDocument', { source: 'binary' }, file(PDF, 'application/pdf', 'invoice.pdf'));
      expect(pdf.media).toMatchObject({ kind: 'document', mimetype: 'application/pdf', fileName: 'invoice.pdf' });
      const json = file(Buffer.from('{"order": 7}'), 'application/json', 'order.json');
      const parameters = { source: 'binary', caption: 'Your order', options: { fileName: 'Bestellung äöü.json' } };
      const [, seen] = await send('sendDocument', parameters, json);
      expect(seen).toMatchObject({ text: 'Your order', media: { fileName: 'Bestellung äöü.json', size: 12 } });
    });

    test('as a voice note and as a sticker', async () => {
      const [, heard] = await send('sendAudio', { source: 'binary' }, file(opus(2), 'audio/ogg', 'note.ogg'));
      expect(heard.media).toMatchObject({ kind: 'audio', ptt: true, seconds: 2 });
      const [, seen] = await send('sendSticker', { source: 'binary' }, file(picture, 'image/jpeg', 'face.jpg'));
      expect(seen.media).toMatchObject({ kind: 'sticker', mimetype: 'image/webp' });
    });

    test('as a video that plays like a GIF', async () => {
      const video = file(padded(MP4_BEGINNING, 2000), 'video/mp4', 'clip.mp4');
      const [, seen] = await send('sendVideo', { source: 'binary', options: { playAs: 'gif' } }, video);
      expect(seen.media).toMatchObject({ kind: 'video', gifPlayback: true });
    });

    test('from an upload, as often as one likes', async () => {
      const uploaded = await bench.output('media: upload', {}, { file: file(picture, 'image/jpeg', 'menu.jpg') });
      expect(uploaded.json).toMatchObject({ mimetype: 'image/jpeg', size: picture.length });
      for (const key of ['id', 'publicUrl']) {
        const [, seen] = await send('sendImage', { source: 'url', url: uploaded.json[key] });
        expect(seen.media).toMatchObject({ kind: 'image' });
      }
    });

    test.each([
      [
        'sendContact',
        { contacts: { contact: [{ name: 'Robin', phone: '+15550100002', organization: '' }] } },
        { contacts: [{ name: 'Robin', phone: '15550100002' }] },
      ],
      [
        'sendLocation',
        { latitude: 52.5163, longitude: 13.3777, options: { placeName: 'Brandenburg Gate', address: 'Berlin' } },
        { location: { latitude: 52.5163, longitude: 13.3777, name: 'Brandenburg Gate', address: 'Berlin' } },
      ],
      [
        'sendPoll',
        { question: 'When?', answers: 'Monday, early\nTuesday', options: { multiSelect: true } },
        { poll: { question: 'When?', multiSelect: true, options: [{ name: 'Monday, early' }, { name: 'Tuesday' }] } },
      ],
      [
        'sendEvent',
        {
          eventName: 'Party',
          startTime: '2030-06-01T18:00:00',
          options: { endTime: "={{ DateTime.fromISO('2030-06-01T20:00:00') }}", eventDescription: 'Bring something' },
        },
        { event: { name: 'Party', description: 'Bring something' } },
      ],
    ])('by %s', async (operation, parameters, expected) => {
      const [, seen] = await send(operation, parameters);
      expect(seen).toMatchObject(expected);
      if (seen.event) expect(seen.event.endTime! - seen.event.startTime).toBe(2 * 3600);
    });

    test('as a status to an audience', async () => {
      const parameters = { statusType: 'text', text: 'Open today', options: { audience: `+${phone.number}` } };
      const sent = await bench.output('message: sendStatus', parameters);
      const seen = await phone.sees('the status', ({ id }) => id === sent.json['id']);
      expect(seen).toMatchObject({ chat: 'status@broadcast', text: 'Open today' });
    });
  });

  describe('that are there', () => {
    test('are reacted to, edited, pinned and starred', async () => {
      const [sent] = await sendText('Good morning');
      const messageId = String(sent.json['msgId']);
      await bench.output('message: react', { messageId, emoji: '👍' });
      await bench.output('message: pin', { messageId, pinned: true, seconds: 86400 });
      await bench.output('message: edit', { messageId, text: 'Good evening' });
      await bench.output('message: star', { messageId, starred: true });
      const seen = await phone.sees('what was done', ({ id, edited }) => id === sent.json['id'] && edited);
      expect(seen).toMatchObject({
        text: 'Good evening',
        pinned: true,
        reactions: [{ from: `${own}@s.whatsapp.net`, emoji: '👍' }],
      });
    });

    test('are forwarded', async () => {
      const { id: messageId } = keyOf(await received('Pass it on'));
      const forwarded = await bench.output('message: forward', { messageId, to: typed(phone.number) });
      const copy = await phone.sees('the copy', ({ id }) => id === forwarded.json['id']);
      expect(copy).toMatchObject({ text: 'Pass it on', forwarded: true });
    });

    test('are deleted for everyone', async () => {
      const [sent] = await sendText('Forget it');
      const deleted = await bench.output('message: delete', { messageId: String(sent.json['msgId']) });
      expect(deleted.json).toEqual({ deleted: true });
      await phone.sees('the deletion', (message) => message.id === sent.json['id'] && message.deleted);
    });

    test('tell how they fared', async () => {
      const [sent] = await sendText('How am I?');
      const info = await bench.output('message: getInfo', { messageId: String(sent.json['id']) });
      expect(info.json).toMatchObject({ msgId: sent.json['msgId'], remoteJid: phone.jid, key: { fromMe: true } });
    });

    test('are tried again when they failed', async () => {
      await bench.engine.sandbox('POST', '/faults', { fault: 'nack', code: 400, times: 1 });
      const parameters = { to: typed(`+${phone.number}`), text: 'Second try', options: { wait: true } };
      expect(refusalOf(await bench.run('message: sendText', parameters))).toBeDefined();
      const [failed] = await bench.outputs('session: getMessageLogs', { limit: 1 });
      expect(failed?.json).toMatchObject({ status: 'failed' });
      await bench.output('message: resend', { messageId: failed?.json['id'] });
      await phone.sees('the second try', ({ text }) => text === 'Second try');
    });

    test('are marked as read where they came from', async () => {
      const event = await received('Read me');
      const { id: messageId, remoteJid } = keyOf(event);
      const read = await bench.output('message: markAsRead', { messageId, chat: typed(remoteJid) });
      expect(read.json).toEqual({ status: 'read' });
      await phone.sees('blue ticks', ({ id, status }) => id === messageId && status === 'read');
    });

    test('are polls with results, and polls to vote in', async () => {
      const [sent, seen] = await send('sendPoll', { question: 'Pizza?', answers: 'Yes\nNo' });
      await phone.ask('POST', 'vote', { chat: own, id: seen.id, options: ['Yes'] });
      const messageId = String(sent.json['msgId']);
      const results = async () => JSON.stringify(await bench.outputs('message: getPollResults', { messageId }));
      await until('the vote', async () => (await results()).includes(phone.number) || undefined, 20_000);

      const asked = await received({ poll: { question: 'Tea?', options: ['Green', 'Black'] } });
      const { id } = keyOf(asked);
      await bench.output('message: vote', { messageId: id, answers: 'Black' });
      const voted = await phone.sees('the vote', (message) => message.id === id && message.poll?.options[1]?.voters[0]);
      expect(voted.poll?.options).toEqual([
        { name: 'Green', voters: [] },
        { name: 'Black', voters: [`${own}@s.whatsapp.net`] },
      ]);
    });

    test('bring files, which come into the item', async () => {
      const imageBase64 = picture.toString('base64');
      const event = await received({ imageBase64, mimetype: 'image/jpeg', text: 'Look' });
      const downloaded = await bench.output('media: download', { binaryPropertyName: 'photo' }, { inputs: [event] });
      expect(downloaded.binary?.['photo']).toMatchObject({ mimeType: 'image/jpeg' });
      expect((await bench.bytes(downloaded, 'photo')).equals(picture)).toBe(true);
      const link = await bench.output('media: getLink', {}, { inputs: [event] });
      expect(link.json).toMatchObject({ publicUrl: expect.stringMatching(/^http/) });
    });

    test('are refused with advice when they have no file', async () => {
      const event = await received('Only text');
      const refusal = refusalOf(await bench.run('media: download', {}, { inputs: [event] }));
      expect(refusal?.message).toMatch(/media/i);
    });
  });

  describe('that wait for their time', () => {
    const to = () => typed(`+${phone.number}`);
    const inZone = (timeZone: string, ms: number) => new Date(ms).toLocaleString('sv', { timeZone }).replace(' ', 'T');
    const tomorrow = Math.ceil(Date.now() / 60_000) * 60_000 + 86_400_000;

    test('are read in the time zone of the workflow, or in another one', async () => {
      const scheduledAt = inZone('America/New_York', tomorrow);
      const schedule = async (options: object) =>
        (await bench.output('message: sendText', { to: to(), text: 'Tomorrow', options })).json;
      // What n8n takes for a workflow that does not say, is New York.
      const sent = await schedule({ scheduledAt });
      expect(sent).toMatchObject({ status: 'scheduled', scheduledAt: new Date(tomorrow).toISOString() });
      const other = await schedule({ scheduledAt: inZone('Asia/Kolkata', tomorrow), timeZone: 'Asia/Kolkata' });
      expect(other).toMatchObject({ scheduledAt: new Date(tomorrow).toISOString() });
      const luxon = await schedule({ scheduledAt: '={{ $now.plus({ days: 1 }) }}' });
      expect(Date.parse(String(luxon['scheduledAt'])) - Date.now()).toBeGreaterThan(86_000_000);
    });

    test('are listed, changed and cancelled', async () => {
      const options = { scheduledAt: inZone('America/New_York', tomorrow + 60_000), expireAfter: 3600 };
      const sent = await bench.output('message: sendText', { to: to(), text: 'Soon', options });
      const messageId = String(sent.json['msgId']);
      const updateFields = { text: 'Later', scheduledAt: inZone('UTC', tomorrow), timeZone: 'UTC' };
      const updated = await bench.output('scheduledMessage: update', { messageId, updateFields });
      expect(updated.json).toMatchObject({
        scheduledAt: new Date(tomorrow).toISOString(),
        expiresAt: new Date(tomorrow + 3_600_000).toISOString(),
        content: { text: 'Later' },
      });
      expect((await bench.output('scheduledMessage: get', { messageId })).json).toEqual(updated.json);
      const listed = await bench.outputs('scheduledMessage: getMany', { returnAll: true });
      expect(listed.map(({ json }) => String(json['msgId']))).toContain(messageId);
      const cancelled = await bench.output('scheduledMessage: cancel', { messageId });
      expect(cancelled.json).toMatchObject({ msgId: Number(messageId), status: 'cancelled' });
      const refusal = refusalOf(await bench.run('scheduledMessage: update', { messageId, updateFields }));
      expect(refusal?.message).toMatch(/cancelled/);
    });
  });

  test('questions that wait for an answer are listed, looked at and cancelled', async () => {
    const ask = async (text: string) => {
      const body = { to: `+${phone.number}`, kind: 'text', text };
      return (await bench.engine.call<{ id: string }>('POST', '/api/inquiries', body)).id;
    };
    const inquiryId = await ask('Which colour?');
    const listed = await bench.outputs('inquiry: getMany', { returnAll: true, filters: { status: 'open' } });
    expect(listed.map(({ json }) => json['id'])).toContain(inquiryId);
    await phone.sees('the question', ({ text }) => text === 'Which colour?');
    await phone.send(own, 'blue');
    await bench.engine.event<{ event: string }>('the answer', ({ event }) => event === 'inquiry.answered');
    expect((await bench.output('inquiry: get', { inquiryId })).json).toMatchObject({ answer: { text: 'blue' } });
    const other = await ask('And which shape?');
    expect((await bench.output('inquiry: cancel', { inquiryId: other })).json).toMatchObject({ status: 'cancelled' });
    expect(refusalOf(await bench.run('inquiry: cancel', { inquiryId }))?.message).toMatch(/is answered/);
  });

  test('lists what was sent, page after page', async () => {
    const texts = Array.from({ length: 101 }, (_, index) => ({ text: `Number ${index}` }));
    const to = typed(`+${phone.number}`);
    await bench.outputs('message: sendText', { to, text: '={{ $json.text }}' }, { inputs: texts });
    const all = await bench.outputs('session: getMessageLogs', { returnAll: true });
    const contents = all.map(({ json }) => String(json['content']));
    expect(texts.filter(({ text }) => !contents.some((content) => content.includes(text)))).toEqual([]);
    expect(new Set(all.map(({ json }) => json['id'])).size).toBe(all.length);
    expect(await bench.outputs('session: getMessageLogs', { limit: 3 })).toHaveLength(3);
  });

  describe('that cannot be sent are explained:', () => {
    test('a field that is wrong', async () => {
      const parameters = { to: typed(`+${phone.number}`), question: 'Really?', answers: 'Yes' };
      const refusal = refusalOf(await bench.run('message: sendPoll', parameters));
      expect(refusal?.message).toMatch(/options/);
      expect(refusal?.description).toMatch(/Correct the fields/);
    });

    test('somebody who is not on WhatsApp', async () => {
      const parameters = { to: typed('+15550109999'), text: 'Hi', options: { wait: true } };
      const refusal = refusalOf(await bench.run('message: sendText', parameters));
      expect(refusal).toMatchObject({
        message: expect.stringMatching(/not on WhatsApp/),
        description: expect.stringMatching(/country code/),
      });
    });

    test('a file that cannot be fetched', async () => {
      const parameters = { to: typed(`+${phone.number}`), source: 'url', url: 'http://127.0.0.1:9/picture.jpg' };
      const refusal = refusalOf(await bench.run('message: sendImage', parameters));
      expect(refusal).toMatchObject({
        message: expect.stringMatching(/could not be fetched/),
        description: expect.stringMatching(/input data field/),
      });
    });

    test('a file that the item has not', async () => {
      const parameters = { to: typed(`+${phone.number}`), source: 'binary' };
      expect(refusalOf(await bench.run('message: sendImage', parameters))?.message).toMatch(/binary file 'data'/);
    });

    test('a message that is not there', async () => {
      const refusal = refusalOf(await bench.run('message: react', { messageId: '999999', emoji: '👍' }));
      expect(refusal?.description).toMatch(/Check the message ID/);
    });
  });
});
