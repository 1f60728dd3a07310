import { createHmac, randomBytes } from 'node:crypto';
import type {
  IDataObject,
  IExecuteData,
  IExecuteFunctions,
  IExecuteSingleFunctions,
  IHttpRequestOptions,
  IWebhookFunctions,
  NodeOperationError,
} from 'n8n-workflow';
import { create } from '../../engine/operations/inquiry.ts';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { option } from '../../dist/nodes/Warbler/resources/message/sendAndWait.js';
import { takeAnswer } from '../../dist/nodes/Warbler/sendAndWait/answer.js';
import { sendAndWait } from '../../dist/nodes/Warbler/sendAndWait/ask.js';
import type { Memory } from '../../dist/nodes/Warbler/sendAndWait/memory.js';

const HOUR_S = 3600;
const FIELDS: IDataObject = { session: '1', to: '+15550100077', message: 'Shall we ship?', responseType: 'approval' };
const earlier = [{ json: { data: { approved: true } } }];

/** One execution of a workflow with one node, of which n8n keeps the memory; the real n8n is asked in test/n8n. */
class Execution {
  readonly memory: Memory = {};

  readonly requests: IHttpRequestOptions[] = [];

  /** What is on n8n's stack: what the node gets, and passes on when n8n's own limit is reached. */
  readonly data: IExecuteData['data'] = { main: [earlier] };

  waitsUntil: Date | undefined;

  /** What the engine answers. */
  answer: { statusCode: number; body: IDataObject } = { statusCode: 201, body: { data: { id: 'inq_1' } } };

  constructor(
    private readonly fields: IDataObject = {},
    private readonly settings: { continueOnFail?: boolean; name?: string; items?: number } = {},
  ) {}

  private get node() {
    const { continueOnFail = false, name = 'Ask', items = 1 } = this.settings;
    const parameters: IDataObject = { ...FIELDS, ...this.fields };
    return {
      getNode: () => ({ id: 'n', name, type: 'warbler' }),
      getInstanceId: () => 'instance',
      getExecutionId: () => '7',
      getContext: () => this.memory,
      getExecuteData: () => ({ data: this.data }),
      getInputData: () => Array.from({ length: items }, () => this.data.main[0]?.[0]),
      getSignedResumeUrl: () => 'http://n8n.example/webhook-waiting/7/n?signature=s',
      getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
      getNodeParameter: (path: string, _item: number, fallback?: unknown) =>
        path.split('.').reduce<unknown>((value, key) => (value as IDataObject | undefined)?.[key], parameters) ??
        fallback,
      continueOnFail: () => continueOnFail,
      putExecutionToWait: async (until: Date) => (this.waitsUntil = until),
      helpers: {
        httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => {
          this.requests.push(options);
          return { headers: {}, ...this.answer };
        },
      },
    };
  }

  async ask() {
    return await sendAndWait.call(this.node as unknown as IExecuteFunctions);
  }

  /** What was asked of the engine. */
  async question(): Promise<IDataObject> {
    await this.ask();
    return this.requests.at(-1)?.body as IDataObject;
  }

  /** What the engine posts when a question is over; what n8n makes of it, and the status that the engine sees. */
  async tell(data: IDataObject, secret = this.memory.secret ?? '') {
    const rawBody = Buffer.from(JSON.stringify({ event: 'inquiry.answered', data }));
    const timestamp = String(Math.floor(Date.now() / 1000));
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`evt_1.${timestamp}.${rawBody.toString()}`).digest('base64');
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
    let status = 200;
    const response = { status: (code: number) => ((status = code), response), json: () => response };
    const webhook = {
      ...this.node,
      evaluateExpression: (expression: string) => {
        const [, name, field] = /^\{\{ \$node\[("[^}]*")\]\.context\.(\w+) \}\}$/.exec(expression) ?? [];
        expect(JSON.parse(name!)).toBe(this.node.getNode().name);
        return this.memory[field as keyof Memory];
      },
      getRequestObject: () => ({ headers, rawBody }),
      getResponseObject: () => response,
      getBodyData: () => JSON.parse(rawBody.toString()),
    };
    const outcome = await takeAnswer.call(webhook as unknown as IWebhookFunctions);
    return { status, item: outcome.workflowData?.[0]?.[0]?.json };
  }
}

const failure = async (execution: Execution): Promise<NodeOperationError> =>
  await execution.ask().then(
    () => {
      throw new Error('was asked');
    },
    (error: NodeOperationError) => error,
  );

describe('A question', () => {
  test('goes to the engine with the address at which the execution waits', async () => {
    const execution = new Execution();
    expect(await execution.question()).toEqual({
      to: '+15550100077',
      text: 'Shall we ship?',
      kind: 'approval',
      callbackUrl: 'http://n8n.example/webhook-waiting/7/n?signature=s',
      secret: expect.stringMatching(/^whsec_[\w+/]{43}=$/),
    });
    expect(execution.requests).toMatchObject([
      {
        method: 'POST',
        baseURL: 'http://engine.example',
        url: '/api/inquiries',
        headers: { 'X-Warbler-Session': '1', 'Idempotency-Key': expect.stringMatching(/^n8n-[0-9a-f]{64}$/) },
      },
    ]);
    expect(execution.waitsUntil?.getFullYear()).toBe(3000);
  });

  test.each([
    [
      'two labels',
      { approvalOptions: { values: { approveLabel: 'Yes', disapproveLabel: 'No' } } },
      { kind: 'approval', approveLabel: 'Yes', rejectLabel: 'No' },
    ],
    [
      'choices that were typed',
      { responseType: 'choice', choices: ' Red \n\nGreen' },
      { kind: 'choice', options: ['Red', 'Green'] },
    ],
    [
      'choices from an expression',
      { responseType: 'choice', choices: ['Red', 'Green'] },
      { kind: 'choice', options: ['Red', 'Green'] },
    ],
    ['any words', { responseType: 'freeText', replyOnly: false }, { kind: 'text', replyOnly: false }],
    ['a reply', { responseType: 'freeText', replyOnly: true }, { kind: 'text', replyOnly: true }],
    ['one member of a group', { to: '9@g.us', answerFrom: '+15550100078' }, { to: '9@g.us', from: '+15550100078' }],
    [
      'a reminder',
      { options: { reminder: { values: { reminderAmount: 1.5, reminderUnit: 'hours', reminderText: 'Well?' } } } },
      { reminder: { after: 5400, text: 'Well?' } },
    ],
    [
      'a reminder in the words of the engine',
      { options: { reminder: { values: { reminderAmount: 2, reminderUnit: 'days', reminderText: '' } } } },
      { reminder: { after: 172_800 } },
    ],
  ])('may be answered by %s', async (_words, fields, expected) => {
    const question = await new Execution(fields as IDataObject).question();
    expect(question).toMatchObject(expected);
  });

  test('can have everything that the engine takes, and nothing else', async () => {
    const limitWaitTime = { values: { limitType: 'afterTimeInterval', resumeAmount: 1, resumeUnit: 'hours' } };
    const reminder = { values: { reminderAmount: 30, reminderUnit: 'minutes', reminderText: 'Well?' } };
    const always = { answerFrom: '+15550100078', options: { limitWaitTime, reminder } };
    const all = [
      { approvalOptions: { values: { approveLabel: 'Yes', disapproveLabel: 'No' } } },
      { responseType: 'choice', choices: 'Red\nGreen' },
      { responseType: 'freeText', replyOnly: true },
    ];
    const questions = await Promise.all(
      all.map(async (fields) => await new Execution({ ...always, ...fields }).question()),
    );
    const sent = new Set(questions.flatMap((question) => Object.keys(question)));
    expect([...sent].sort()).toEqual(Object.keys(create.input.shape).sort());
    for (const question of questions) expect(create.input.safeParse(question).error).toBeUndefined();
  });

  test.each([
    ['45 minutes', { resumeAmount: 45, resumeUnit: 'minutes' }, 2700],
    ['one minute', { resumeAmount: 1, resumeUnit: 'minutes' }, 60],
    ['30 days', { resumeAmount: 30, resumeUnit: 'days' }, 2_592_000],
  ])('is open for %s, and n8n waits an hour longer', async (_words, values, seconds) => {
    const execution = new Execution({
      options: { limitWaitTime: { values: { limitType: 'afterTimeInterval', ...values } } },
    });
    expect((await execution.question())['expireAfter']).toBe(seconds);
    const waits = (execution.waitsUntil!.getTime() - Date.now()) / 1000;
    expect(Math.abs(waits - seconds - HOUR_S)).toBeLessThan(60);
  });

  test.each([
    ['half a minute', { resumeAmount: 0.5, resumeUnit: 'minutes' }],
    ['31 days', { resumeAmount: 31, resumeUnit: 'days' }],
    ['no number', { resumeAmount: Number.NaN, resumeUnit: 'days' }],
    ['what is no date', { limitType: 'atSpecifiedTime', maxDateAndTime: '2030-01-01").toMillis() }} {{ ("' }],
    ['no date', { limitType: 'atSpecifiedTime', maxDateAndTime: '' }],
  ])('is not open for %s, which the node says before anything is sent', async (_words, values) => {
    const execution = new Execution({
      options: { limitWaitTime: { values: { limitType: 'afterTimeInterval', ...values } } },
    });
    expect((await failure(execution)).message).toMatch(/from one minute to 30 days/);
    expect(execution.requests).toEqual([]);
  });

  test.each([
    ['one choice', 'Red', 1],
    ['no choice but blank lines', ' \n\n', 0],
    ['13 choices', Array.from({ length: 13 }, (_, index) => `${index + 1}`), 13],
  ])('does not offer %s, which the node says before anything is sent', async (_words, choices, count) => {
    const execution = new Execution({ responseType: 'choice', choices });
    const { message, context } = await failure(execution);
    expect(message).toBe(`Choices takes 2 to 12 answers, one per line, and has ${count}`);
    expect(context).toMatchObject({ itemIndex: 0 });
    expect(execution.requests).toEqual([]);
  });

  test('is one: for several items the node says how to ask for each', async () => {
    const execution = new Execution({}, { items: 3 });
    const { message, description } = await failure(execution);
    expect(message).toMatch(/3 items.*one answer at a time/);
    expect(description).toMatch(/Loop Over Items/);
    expect(execution.requests).toEqual([]);
  });

  test('that the engine refuses fails with its reason, and n8n does not wait', async () => {
    const execution = new Execution();
    execution.answer = { statusCode: 409, body: { code: 'session_not_connected', message: 'Not connected.' } };
    expect(await failure(execution)).toMatchObject({
      message: 'Not connected.',
      description: expect.stringMatching(/Session: Connect/),
    });
    expect(execution.waitsUntil).toBeUndefined();
  });

  test('that the engine refuses becomes an item where the node shall continue', async () => {
    const execution = new Execution({}, { continueOnFail: true });
    execution.answer = { statusCode: 409, body: { code: 'session_not_connected', message: 'Not connected.' } };
    const [[item]] = (await execution.ask()) as unknown as [[{ error: Error; pairedItem: object }]];
    expect(item).toMatchObject({ error: { message: 'Not connected.' }, pairedItem: { item: 0 } });
    expect(execution.waitsUntil).toBeUndefined();
  });

  test('has one key for all tries, and the next one of a loop has another', async () => {
    const execution = new Execution();
    const keys = () => execution.requests.map(({ headers }) => headers?.['Idempotency-Key']);
    execution.answer = { statusCode: 502, body: { code: 'whatsapp_unreachable', message: 'Unreachable.' } };
    await failure(execution);
    execution.answer = { statusCode: 201, body: { data: { id: 'inq_1' } } };
    await execution.ask();
    await execution.ask();
    const [first, again, next] = keys();
    expect(first).toBe(again);
    expect(next).not.toBe(again);
  });

  test('is not asked where nothing would wait for the answer', async () => {
    const [cannotWait] = option.routing!.send!.preSend!;
    const node = { getNode: () => ({ id: 'n', name: 'Warbler', type: 'warblerTool' }) };
    const tool = cannotWait!.call(node as unknown as IExecuteSingleFunctions, { url: '' });
    await expect(tool).rejects.toThrow('cannot be used here');
  });
});

describe('An answer', () => {
  const from = { jid: '15550100077@s.whatsapp.net', phone: '+15550100077', name: 'Robin' };
  const answer = { via: 'vote', respondedAt: '2026-01-15T10:00:00.000Z', from, messageId: 'M1', type: 'poll_vote' };
  const answered = (words: IDataObject) => ({
    inquiryId: 'inq_1',
    kind: 'approval',
    status: 'answered',
    answer: { ...answer, ...words },
  });

  test.each([[{ approved: true }], [{ approved: false }], [{ choice: 'Red' }], [{ text: 'On Monday' }]])(
    'is what comes out: %j',
    async (words) => {
      const execution = new Execution();
      await execution.ask();
      const { item, status } = await execution.tell(answered(words));
      expect(item).toEqual({ data: { answered: true, ...answer, ...words } });
      expect(status).toBe(200);
    },
  );

  test('that never came approves nothing', async () => {
    const execution = new Execution();
    await execution.ask();
    const { item } = await execution.tell({ inquiryId: 'inq_1', kind: 'approval', status: 'expired' });
    expect(item).toEqual({ data: { answered: false, approved: false, status: 'expired' } });
  });

  test('that never came is not there', async () => {
    const execution = new Execution({ responseType: 'freeText' });
    await execution.ask();
    const { item } = await execution.tell({ inquiryId: 'inq_1', kind: 'text', status: 'expired' });
    expect(item).toEqual({ data: { answered: false, status: 'expired' } });
  });

  test('to a question that could not be sent is the reason', async () => {
    const execution = new Execution();
    await execution.ask();
    const error = 'The number is not on WhatsApp.';
    const { item } = await execution.tell({ inquiryId: 'inq_1', kind: 'approval', status: 'failed', error });
    expect(item).toEqual({ data: { answered: false, approved: false, status: 'failed', error } });
  });

  test('by nobody but the engine counts', async () => {
    const execution = new Execution();
    await execution.ask();
    const forged = await execution.tell(answered({ approved: true }), `whsec_${randomBytes(32).toString('base64')}`);
    expect(forged).toEqual({ status: 401, item: undefined });
  });

  test('before there is a question counts for nothing', async () => {
    const early = await new Execution().tell(answered({ approved: true }), 'whsec_');
    expect(early).toEqual({ status: 401, item: undefined });
  });

  test('to an earlier question of a loop is taken and changes nothing', async () => {
    const execution = new Execution();
    await execution.ask();
    execution.answer = { statusCode: 201, body: { data: { id: 'inq_2' } } };
    await execution.ask();
    expect(await execution.tell(answered({ approved: true }))).toEqual({ status: 200, item: undefined });
    expect((await execution.tell({ ...answered({ approved: false }), inquiryId: 'inq_2' })).item).toMatchObject({
      data: { approved: false },
    });
  });

  test('finds its node, whatever that is called', async () => {
    const execution = new Execution({}, { name: 'Ask "Bob" }} {{ now' });
    await execution.ask();
    expect((await execution.tell(answered({ approved: true }))).item).toMatchObject({ data: { approved: true } });
  });

  test('is not what came into the node, when n8n itself gives up', async () => {
    const execution = new Execution();
    const output = await execution.ask();
    expect(output).toEqual([earlier]);
    expect(execution.data.main).toEqual([
      [{ json: { data: { answered: false, approved: false, status: 'expired' } }, pairedItem: { item: 0 } }],
    ]);
    expect(earlier).toEqual([{ json: { data: { approved: true } } }]);
  });
});

test('n8n makes a human review of AI tools out of the node', () => {
  const { description } = new Warbler();
  const named = (name: string) =>
    description.properties.filter(
      (property) => property.name === name && property.displayOptions?.show?.operation?.includes('sendAndWait'),
    );
  for (const name of ['message', 'responseType', 'approvalOptions']) expect(named(name)).toHaveLength(1);
  expect(description.webhooks).toMatchObject([{ httpMethod: 'POST', restartWebhook: true, path: '={{ $nodeId }}' }]);
});
