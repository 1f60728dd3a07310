import { createHmac, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import type { IHttpRequestOptions, IN8nHttpFullResponse, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { takeDelivery } from '../../dist/nodes/WarblerTrigger/delivery.js';
import type { Options } from '../../dist/nodes/WarblerTrigger/options.js';
import type { Registration } from '../../dist/nodes/WarblerTrigger/subscription.js';

const secret = `whsec_${randomBytes(32).toString('base64')}`;

/** The part of Express' response that n8n and the trigger use; `answer` does what n8n does in the end. */
class Answer extends EventEmitter {
  statusCode = 200;

  headersSent = false;

  closed = false;

  body: unknown;

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  readonly headers: Record<string, string> = {};

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  json(body: unknown): void {
    this.body = body;
    this.headersSent = true;
    this.closed = true;
    this.emit('finish');
    this.emit('close');
  }

  hangUp(): void {
    this.closed = true;
    this.emit('close');
  }
}

interface Request {
  id: string;
  event?: string;
  /** The trigger's production URL, by which it is known. */
  url?: string;
  registration?: Registration;
  forged?: boolean;
  /** How often somebody has asked for the event once more. */
  redelivery?: number;
  sample?: true;
  data?: object;
  collected?: object[];
  options?: Options;
  /** What the engine answers to requests for files. */
  engine?: (request: IHttpRequestOptions) => Promise<Partial<IN8nHttpFullResponse>>;
}

let triggers = 0;
const newUrl = () => `http://n8n.example/webhook/${++triggers}/webhook`;

/** One webhook request as n8n makes it: static data read afresh, so each request has an object of its own. */
function deliver(request: Request): {
  answer: Answer;
  outcome: Promise<IWebhookResponseData>;
  registration: Registration;
} {
  const { id, event = 'messages.received', url = newUrl(), forged = false } = request;
  const { options = {}, redelivery, sample, data, collected, engine } = request;
  const registration = request.registration ?? { secret, url };
  const body = {
    ...{ event, id, sessionId: '7' },
    ...(redelivery !== undefined && { redelivery }),
    ...(sample && { sample }),
    ...(data && { data }),
    ...(collected && { collected }),
  };
  const rawBody = Buffer.from(JSON.stringify(body));
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = forged ? randomBytes(32) : Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${rawBody.toString()}`).digest('base64');
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
  const answer = new Answer();
  const context = {
    getRequestObject: () => ({ headers, rawBody }),
    getResponseObject: () => answer,
    getBodyData: () => body,
    getWorkflowStaticData: () => registration,
    getNodeParameter: (name: string) => (name === 'events' ? ['messages.received', 'messageChanges'] : options),
    getNode: () => ({ id: 'trigger', name: 'Warbler Trigger', type: 'warblerTrigger' }),
    getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
    helpers: {
      httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => ({
        headers: {},
        ...(await engine?.(options)),
      }),
      binaryToBuffer: async (stream: Readable) => Buffer.concat(await stream.toArray()),
      prepareBinaryData: async (stream: Readable, fileName: string, mimeType: string) => {
        const bytes = Buffer.concat(await stream.toArray());
        return { data: bytes.toString('base64'), fileName, mimeType };
      },
    },
  };
  return { answer, registration, outcome: takeDelivery.call(context as unknown as IWebhookFunctions) };
}

const started = (outcome: IWebhookResponseData) => outcome.workflowData !== undefined;

test('a signed event starts the workflow with the event as it came', async () => {
  const { outcome, answer } = deliver({ id: 'evt_1' });
  expect((await outcome).workflowData).toEqual([
    [{ json: expect.objectContaining({ event: 'messages.received', id: 'evt_1' }) }],
  ]);
  answer.json({});
});

test('a forged event is answered 401 and starts nothing', async () => {
  const { outcome, answer } = deliver({ id: 'evt_1', forged: true });
  expect(await outcome).toEqual({ noWebhookResponse: true });
  expect(answer.statusCode).toBe(401);
});

test('an event that comes before the registration is saved is answered 503, so that it comes again', async () => {
  const { outcome, answer } = deliver({ id: 'evt_1', registration: {} });
  expect(await outcome).toEqual({ noWebhookResponse: true });
  expect([answer.statusCode, answer.headers['Retry-After']]).toEqual([503, '1']);
});

test('an event the trigger does not listen to any more starts nothing', async () => {
  expect(started(await deliver({ id: 'evt_1', event: 'session.status' }).outcome)).toBe(false);
});

test.each([
  ['an edit starts a workflow that listens to changes of messages', { message: { conversation: 'new' } }, true],
  ['a new status does not', { status: 4 }, false],
])('%s', async (_name, update, expected) => {
  const { outcome, answer } = deliver({ id: 'evt_1', event: 'messages.update', data: { update } });
  expect(started(await outcome)).toBe(expected);
  answer.json({});
});

test('an event that was shown as a sample is still to come', async () => {
  const url = newUrl();
  for (const sample of [true, undefined]) {
    const { outcome, answer } = deliver({ id: 'evt_1', url, ...(sample && { sample }) });
    expect((await outcome).workflowData?.[0]?.[0]?.json).toMatchObject({ id: 'evt_1', ...(sample && { sample }) });
    answer.json({});
  }
  expect(started(await deliver({ id: 'evt_1', url }).outcome)).toBe(false);
});

test('a repeated event starts nothing, whether n8n kept its static data or not', async () => {
  const url = newUrl();
  const first = deliver({ id: 'evt_1', url });
  expect(started(await first.outcome)).toBe(true);
  first.answer.json({});
  expect(first.registration.seen).toEqual(['evt_1']);
  expect(started(await deliver({ id: 'evt_1', url, registration: { secret, url } }).outcome)).toBe(false);
});

test('an event that somebody asks for once more starts the workflow once more, exactly once', async () => {
  const url = newUrl();
  const take = async (redelivery?: number, registration: Registration = { secret }) => {
    const { outcome, answer } = deliver({
      id: 'evt_1',
      url,
      registration,
      ...(redelivery !== undefined && { redelivery }),
    });
    const { workflowData } = await outcome;
    answer.json({});
    return workflowData?.[0]?.[0]?.json;
  };
  expect(await take()).toMatchObject({ id: 'evt_1' });
  expect(await take(1)).toMatchObject({ id: 'evt_1', redelivery: 1 });
  expect([await take(1), await take()]).toEqual([undefined, undefined]);
  expect(await take(2)).toMatchObject({ redelivery: 2 });
  expect([await take(2), await take(1)]).toEqual([undefined, undefined]);
});

test('after a restart, static data tells which redelivery was taken', async () => {
  const registration = () => ({ secret, url: newUrl(), seen: ['evt_1', 'evt_1#1'] });
  const again = (redelivery: number) => deliver({ id: 'evt_1', redelivery, registration: registration() }).outcome;
  expect([started(await again(1)), started(await again(2))]).toEqual([false, true]);
});

test('after a restart, static data tells what was taken', async () => {
  expect(
    started(await deliver({ id: 'evt_1', registration: { secret, url: newUrl(), seen: ['evt_0', 'evt_1'] } }).outcome),
  ).toBe(false);
});

test('of deliveries at once one starts the workflow, and each waits until the one before is answered', async () => {
  const url = newUrl();
  const requests = ['evt_1', 'evt_1', 'evt_2'].map((id) => deliver({ id, url }));
  const order: string[] = [];
  for (const [index, { outcome }] of requests.entries()) void outcome.then(() => order.push(`taken ${index}`));
  for (const [index, { outcome, answer }] of requests.entries()) {
    await outcome;
    order.push(`answered ${index}`);
    answer.json({});
  }
  expect(order).toEqual(['taken 0', 'answered 0', 'taken 1', 'answered 1', 'taken 2', 'answered 2']);
  expect(await Promise.all(requests.map(async ({ outcome }) => started(await outcome)))).toEqual([true, false, true]);
  expect(requests[2]?.registration.seen).toEqual(['evt_1', 'evt_2']);
});

test('an event whose workflow n8n could not start is taken when it comes again', async () => {
  const url = newUrl();
  const first = deliver({ id: 'evt_1', url });
  const second = deliver({ id: 'evt_1', url });
  await first.outcome;
  first.answer.status(500).json({});
  expect(started(await second.outcome)).toBe(true);
  second.answer.json({});
});

test('an event whose sender hung up while n8n was starting the workflow counts as taken', async () => {
  const url = newUrl();
  const first = deliver({ id: 'evt_1', url });
  await first.outcome;
  first.answer.hangUp();
  expect(started(await deliver({ id: 'evt_1', url }).outcome)).toBe(false);
  first.answer.headersSent = true;
});

test('an event whose sender hung up while it waited for its turn is left for the next attempt', async () => {
  const url = newUrl();
  const first = deliver({ id: 'evt_1', url });
  const waiting = deliver({ id: 'evt_2', url });
  await first.outcome;
  waiting.answer.hangUp();
  first.answer.json({});
  expect(started(await waiting.outcome)).toBe(false);
  const again = deliver({ id: 'evt_2', url });
  expect(started(await again.outcome)).toBe(true);
  again.answer.json({});
});

test('a delivery whose sender is gone already does not hold up the next one', async () => {
  const url = newUrl();
  const gone = deliver({ id: 'evt_1', url });
  gone.answer.hangUp();
  await gone.outcome;
  const next = deliver({ id: 'evt_2', url });
  expect(started(await next.outcome)).toBe(true);
  next.answer.json({});
  gone.answer.headersSent = true;
});

describe('a test', () => {
  const trial = () => ({ secret, url: newUrl(), subscriptionId: 'sub_t', isTest: true });

  test('takes one event, which the active workflow takes, too', async () => {
    const registration = trial();
    const first = deliver({ id: 'evt_1', registration });
    expect(started(await first.outcome)).toBe(true);
    expect(started(await deliver({ id: 'evt_2', registration }).outcome)).toBe(false);
    first.answer.json({});
    const production = deliver({ id: 'evt_1' });
    expect(started(await production.outcome)).toBe(true);
    production.answer.json({});
  });

  test('takes another one when n8n could not run it with the first', async () => {
    const registration = trial();
    const first = deliver({ id: 'evt_1', registration });
    expect(started(await first.outcome)).toBe(true);
    first.answer.status(500).json({});
    await new Promise(setImmediate);
    const again = deliver({ id: 'evt_1', registration });
    expect(started(await again.outcome)).toBe(true);
    again.answer.json({});
  });

  test('that was called off takes none', async () => {
    const registration: Registration = trial();
    delete registration.subscriptionId;
    expect(started(await deliver({ id: 'evt_1', registration }).outcome)).toBe(false);
  });
});

test('the last 1000 events are remembered, the oldest leave', async () => {
  const url = newUrl();
  const seen = Array.from({ length: 1000 }, (_, index) => `evt_${index}`);
  const next = deliver({ id: 'evt_1000', url, registration: { secret, url, seen } });
  expect(started(await next.outcome)).toBe(true);
  next.answer.json({});
  expect(next.registration.seen).toEqual([...seen.slice(1), 'evt_1000']);
});

describe('with Download Media', () => {
  const image = (id: string, extra: object = {}) => ({
    messages: { key: { id }, message: { imageMessage: { mimetype: 'image/png', fileLength: 5 } }, ...extra },
  });
  const PATH = '/api/decrypted-media/f1.png';
  const options = { downloadMedia: true, binaryPropertyName: 'photo' };

  /** The engine's part: what was asked of it, and what it answers to the request to decrypt. */
  class Files {
    readonly asked: IHttpRequestOptions[] = [];

    constructor(private readonly decrypt: () => Promise<Partial<IN8nHttpFullResponse>> = async () => DECRYPTED) {}

    readonly answer = async (request: IHttpRequestOptions): Promise<Partial<IN8nHttpFullResponse>> => {
      this.asked.push(request);
      if (request.url === '/api/decrypt-media') return await this.decrypt();
      return { statusCode: 200, headers: { 'content-type': 'image/png' }, body: Readable.from([Buffer.from('bytes')]) };
    };
  }
  const DECRYPTED = { statusCode: 200, body: { publicUrl: `http://elsewhere:3210${PATH}` } };
  const refusal = (statusCode: number, message: string) => async () => ({ statusCode, body: { message } });
  const FILE = { data: Buffer.from('bytes').toString('base64'), fileName: 'f1.png', mimeType: 'image/png' };

  test('the file is in the item, asked for in the name of the session, from where n8n reaches the engine', async () => {
    const files = new Files();
    const { outcome, answer } = deliver({ id: 'evt_1', data: image('M1'), options, engine: files.answer });
    expect((await outcome).workflowData?.[0]?.[0]).toEqual({
      json: expect.objectContaining({ media: expect.objectContaining({ kind: 'image', id: 'M1', field: 'photo' }) }),
      binary: { photo: FILE },
    });
    answer.json({});
    expect(files.asked).toMatchObject([
      { method: 'POST', headers: { 'X-Warbler-Session': '7' }, body: { data: image('M1') } },
      { method: 'GET', baseURL: 'http://engine.example', url: PATH, encoding: 'stream' },
    ]);
  });

  test('a message without a file asks for nothing', async () => {
    const files = new Files();
    const data = { messages: { key: { id: 'M1' }, message: { conversation: 'no file' } } };
    const { outcome, answer } = deliver({ id: 'evt_1', data, options, engine: files.answer });
    expect((await outcome).workflowData?.[0]?.[0]).not.toHaveProperty('binary');
    answer.json({});
    expect(files.asked).toEqual([]);
  });

  test('one that cannot be fetched now is answered 503, and taken when it comes again', async () => {
    const url = newUrl();
    const request = { id: 'evt_1', url, data: image('M1'), options };
    const failing = deliver({ ...request, engine: new Files(refusal(502, 'WhatsApp did not answer.')).answer });
    expect(await failing.outcome).toEqual({ noWebhookResponse: true });
    expect([failing.answer.statusCode, failing.answer.body]).toEqual([
      503,
      { message: 'A file could not be fetched: WhatsApp did not answer.' },
    ]);
    const again = deliver({ ...request, engine: new Files().answer });
    expect((await again.outcome).workflowData?.[0]?.[0]).toHaveProperty('binary');
    again.answer.json({});
  });

  test('one that is gone for good starts the workflow with the reason', async () => {
    const engine = new Files(refusal(422, 'WhatsApp no longer has the file.')).answer;
    const { outcome, answer } = deliver({ id: 'evt_1', data: image('M1'), options, engine });
    const item = (await outcome).workflowData?.[0]?.[0];
    expect(item?.json).toMatchObject({ media: { kind: 'image', error: 'WhatsApp no longer has the file.' } });
    expect(item).not.toHaveProperty('binary');
    answer.json({});
  });

  test('a sample does without a file that cannot be had, because it does not come again', async () => {
    const engine = new Files(refusal(502, 'WhatsApp did not answer.')).answer;
    const { outcome, answer } = deliver({ id: 'evt_1', sample: true, data: image('M1'), options, engine });
    expect((await outcome).workflowData?.[0]?.[0]?.json).toMatchObject({
      media: { error: 'WhatsApp did not answer.' },
    });
    answer.json({});
  });

  test('one that takes longer than the engine waits is fetched once, and is ready for the next attempt', async () => {
    const url = newUrl();
    let release = () => {};
    const ready = new Promise<void>((resolve) => (release = resolve));
    const files = new Files(() => ready.then(() => DECRYPTED));
    const request = { id: 'evt_1', url, data: image('M1'), options, engine: files.answer };
    const first = deliver(request);
    first.answer.hangUp();
    const second = deliver(request);
    release();
    expect(await first.outcome).toEqual({ noWebhookResponse: true });
    expect((await second.outcome).workflowData?.[0]?.[0]).toHaveProperty('binary');
    second.answer.json({});
    expect(files.asked).toHaveLength(2);
  });

  test('other deliveries do not wait for it', async () => {
    const url = newUrl();
    let release = () => {};
    const ready = new Promise<void>((resolve) => (release = resolve));
    const files = new Files(() => ready.then(() => DECRYPTED));
    const slow = deliver({ id: 'evt_1', url, data: image('M1'), options, engine: files.answer });
    const quick = deliver({ id: 'evt_2', url, options });
    expect(started(await quick.outcome)).toBe(true);
    quick.answer.json({});
    release();
    expect(started(await slow.outcome)).toBe(true);
    slow.answer.json({});
  });

  test('a burst brings the files of all its messages', async () => {
    const part = (id: string) => ({ event: 'messages.received', id: `evt_${id}`, sessionId: '7', data: image(id) });
    const collected = [part('M1'), { event: 'messages.received', id: 'evt_t', data: {} }, part('M2')];
    const { outcome, answer } = deliver({
      ...{ id: 'evt_M2', data: image('M2'), collected, options },
      engine: new Files().answer,
    });
    const item = (await outcome).workflowData?.[0]?.[0];
    expect(item?.binary).toEqual({ photo: FILE, photo_1: FILE });
    expect(item?.json).toMatchObject({
      media: { id: 'M2', field: 'photo_1' },
      messages: [{ media: { id: 'M1', field: 'photo' } }, { media: null }, { media: { id: 'M2', field: 'photo_1' } }],
    });
    answer.json({});
  });
});
