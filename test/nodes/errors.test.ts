import type { IExecuteSingleFunctions, IN8nHttpFullResponse, NodeApiError } from 'n8n-workflow';
import { ERRORS } from '../../engine/errors.ts';
import { ADVICE, refuse } from '../../dist/nodes/Warbler/shared/errors.js';

const context = {
  getNode: () => ({ id: 'n', name: 'Warbler', type: 'warbler' }),
  getItemIndex: () => 3,
} as unknown as IExecuteSingleFunctions;

const items = [{ json: { success: true } }];

async function refusal(statusCode: number, body: unknown): Promise<NodeApiError> {
  const response = { statusCode, body, headers: {} } as IN8nHttpFullResponse;
  return await refuse.call(context, items, response).then(
    () => {
      throw new Error('was let through');
    },
    (refused: NodeApiError) => refused,
  );
}

test('a success is passed on as it is', async () => {
  const response = { statusCode: 200, body: { success: true, data: [] }, headers: {} } as IN8nHttpFullResponse;
  expect(await refuse.call(context, items, response)).toBe(items);
});

test.each([
  [401, { message: 'Invalid API key' }, 'Invalid API key', /access token/],
  [
    403,
    { code: 'forbidden', message: 'This token may only have to do with certain recipients.' },
    'This token may only have to do with certain recipients.',
    /Triggers and lists.*a credential whose token is not limited to recipients/,
  ],
  [404, { message: 'There is no such session.' }, 'There is no such session.', /still exists/],
  [
    409,
    { code: 'session_not_connected', message: 'The session is not connected.' },
    'The session is not connected.',
    /Session: Connect/,
  ],
  [502, { code: 'whatsapp_refused', message: 'WhatsApp has refused this.' }, 'WhatsApp has refused this.', /the phone/],
  [
    422,
    { code: 'validation_failed', message: 'Validation failed', errors: { to: ['The to field is required.'] } },
    'The to field is required.',
    /Correct the fields/,
  ],
  [429, { code: 'rate_limited', message: 'Too many.', retry_after: 5 }, 'Too many (wait 5 seconds)', /Batching/],
  [429, { message: 'Enough for today.', retry_after: 39_000 }, 'Enough for today (wait 11 hours)', /^Wait 11 hours/],
  [
    503,
    { code: 'stopping', message: 'The engine is starting.', retry_after: 1 },
    'The engine is starting (wait 1 second)',
    /Retry On Fail/,
  ],
  [500, { message: 'Something went wrong in the engine.' }, 'Something went wrong in the engine.', /log of the engine/],
])('a %i says what happened and what to do, for its item', async (status, body, message, advice) => {
  const refused = await refusal(status, { success: false, ...body });
  expect(refused.message).toBe(message);
  expect(refused.description).toMatch(advice);
  expect(refused.httpCode).toBe(String(status));
  expect(refused.context.itemIndex).toBe(3);
});

test('every refusal that the engine has comes with advice of its own, and no other does', () => {
  expect(Object.keys(ADVICE).sort()).toEqual(Object.keys(ERRORS).sort());
});

describe.each(Object.entries(ERRORS))('%s', (code, { status, fault }) => {
  test('shows what happened, what to do and which item it was', async () => {
    const refused = await refusal(status, { success: false, code, message: 'It happened.' });
    expect(refused).toMatchObject({ message: 'It happened.', description: ADVICE[code], httpCode: String(status) });
    expect(refused.context.itemIndex).toBe(3);
  });

  test('shows how long to wait, where waiting helps', async () => {
    if (fault !== 'later') return;
    const refused = await refusal(status, { success: false, code, message: 'Not now.', retry_after: 90 });
    expect(refused).toMatchObject({ message: 'Not now (wait 90 seconds)', description: ADVICE[code] });
  });
});

test('a refusal that only a newer engine has is advised on by its status, and by its time', async () => {
  const newer = { success: false, code: 'of_tomorrow', message: 'Something new.' };
  expect((await refusal(409, newer)).description).toMatch(/how things stand/);
  expect((await refusal(409, { ...newer, retry_after: 30 })).description).toBe('Wait 30 seconds, then try again.');
});

test('what is wrong with each field stands on top, which is all that an AI agent is told', async () => {
  const errors = { to: ['The to field is required.'], text: ['The text field must be a string.'] };
  const refused = await refusal(422, { code: 'validation_failed', message: 'Validation failed', errors });
  expect(refused.message).toBe('The to field is required. The text field must be a string.');
  expect(refused.description).toBe(ADVICE['validation_failed']);
});

test('the engine’s words stay, even when they name a system error', async () => {
  const message = 'The file could not be fetched from files.example: ECONNREFUSED.';
  expect((await refusal(422, { code: 'media_not_fetched', message })).message).toBe(message);
});

test('an answer without content is a success when it says so', async () => {
  const response = { statusCode: 204, body: '', headers: {} } as IN8nHttpFullResponse;
  expect(await refuse.call(context, items, response)).toBe(items);
});

test('the refusal of a picture is read from its bytes', async () => {
  const body = Buffer.from(JSON.stringify({ success: false, message: 'The session waits for no scan.' }));
  expect((await refusal(409, body)).message).toBe('The session waits for no scan.');
});

test.each([
  [502, '<html>Bad gateway</html>'],
  [200, '<html>Welcome</html>'],
])('an answer %i that is not the engine’s is called that', async (status, body) => {
  const refused = await refusal(status, body);
  expect(refused.message).toBe(`Something other than a Warbler engine answered (HTTP ${status})`);
  expect(refused.description).toMatch(/engine URL/);
});
