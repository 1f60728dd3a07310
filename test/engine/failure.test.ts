import { EngineError } from '../../engine/errors.ts';
import {
  closureOf,
  isConnectionFailure,
  nackText,
  NoAnswer,
  Refusal,
  toEngineError,
  type Meanings,
} from '../../engine/whatsapp/failure.ts';

/** An error as Baileys throws them, with Boom. */
const boom = (message: string, statusCode?: number, data?: unknown) =>
  Object.assign(new Error(message), { output: { statusCode }, data });

test.each([
  [boom('Connection Failure', 401), 401],
  [boom('Stream Errored (conflict)', 440), 440],
  [boom('Stream Errored (restart required)', 515), 515],
  [boom('Connection Terminated', 428), 428],
  [boom('Connection was lost', 408), 408],
  [boom('QR refs attempts ended', 408), 'qr_timeout'],
  [boom('WebSocket Error ()', 408, { code: 'ENOTFOUND' }), 'unreachable'],
  [boom('WebSocket Error ()', 408, { code: 'ECONNREFUSED' }), 'unreachable'],
  [boom('WebSocket Error (getaddrinfo EAI_AGAIN web.whatsapp.com)', 408), 'unreachable'],
  [boom('WebSocket Error (Opening handshake has timed out)', 408), 'unreachable'],
  [boom('noise certificate signature invalid', 500), 'server_untrusted'],
  [boom('certification match failed', 400), 'server_untrusted'],
  [boom('Invalid account signature', 500), 'identity_forged'],
  [boom('Something new', 599), 599],
  [boom('Without a status'), 500],
  [new TypeError('x is not a function'), 500],
  [undefined, 500],
])('%s is read as %s', (error, code) => {
  expect(closureOf(error).code).toBe(code);
});

test('a ban for a time is read with its seconds', () => {
  expect(closureOf(boom('Connection Failure', 402, { reason: '402', expire: '3600' }))).toMatchObject({ forS: 3600 });
  expect(closureOf(boom('Connection Failure', 403, { reason: '403' }))).not.toHaveProperty('forS');
});

test('a closure keeps the words for the log, and the system’s code where there is one', () => {
  expect(closureOf(boom('Connection was lost', 408)).detail).toBe('Connection was lost');
  expect(closureOf(boom('WebSocket Error ()', 408, { code: 'ENOTFOUND' })).detail).toBe('ENOTFOUND');
  expect(closureOf(undefined).detail).toBe('closed');
});

test('only what a broken connection throws may be tried again', () => {
  for (const status of [408, 428, 503, 515]) expect(isConnectionFailure(boom('', status))).toBe(true);
  // a WebSocket's closing code, and the system's error
  for (const thrown of [1006, Object.assign(new Error(''), { code: 'ECONNRESET' })]) {
    expect(isConnectionFailure(thrown)).toBe(true);
  }
  for (const error of [boom('', 400), boom('', 500), new Error('no'), undefined, null]) {
    expect(isConnectionFailure(error)).toBe(false);
  }
});

/** An error as Baileys makes it of WhatsApp's `<iq type=error>`. */
const iqError = (code: number, text = '') => boom(text, 500, code);

test.each([
  [400, 'bad_request', 400],
  [401, 'not_permitted', 403],
  [403, 'not_permitted', 403],
  [404, 'not_found', 404],
  [405, 'not_permitted', 403],
  [406, 'bad_request', 400],
  [409, 'conflict', 409],
  [410, 'not_found', 404],
  [419, 'limit_reached', 409],
  [429, 'rate_limited', 429],
  [499, 'bad_request', 400],
  [500, 'whatsapp_refused', 502],
  [501, 'whatsapp_refused', 502],
  [503, 'whatsapp_refused', 502],
])('WhatsApp’s refusal with %i becomes %s, told in a sentence', (code, ours, status) => {
  for (const error of [iqError(code), new Refusal(code), boom('', 400, { tag: 'error', attrs: { code: `${code}` } })]) {
    const told = toEngineError(error, 'Failed to leave group');
    expect(told).toMatchObject({ code: ours, status, details: { whatsappCode: code } });
    expect(told.message).toMatch(/^Failed to leave group: [A-Z].*\.$/);
  }
});

test('a question can say what a code means for it', () => {
  const meanings = { 403: 'You are not an admin.', 406: ['not_found', 'No such code.'] } satisfies Meanings;
  expect(toEngineError(iqError(403), 'Failed', meanings)).toMatchObject({
    code: 'not_permitted',
    message: 'Failed: You are not an admin.',
  });
  expect(toEngineError(iqError(406), 'Failed', meanings)).toMatchObject({
    code: 'not_found',
    message: 'Failed: No such code.',
  });
});

test('a limit of WhatsApp’s says when to try again', () => {
  expect(toEngineError(iqError(429), 'Failed').retryAfterS).toBe(60);
});

test('a caller is told what was tried, never Baileys’ words', () => {
  const refused = toEngineError(iqError(400, 'bad-request: key=hunter2'), 'Failed');
  expect(refused.message).not.toContain('hunter2');
  expect(toEngineError(boom('x of undefined hunter2'), 'Failed')).toMatchObject({
    code: 'whatsapp_refused',
    message: expect.not.stringContaining('hunter2') as string,
  });
  expect(toEngineError(boom('', 428), 'Failed')).toMatchObject({ code: 'whatsapp_unreachable' });
  expect(toEngineError(new NoAnswer(), 'Failed')).toMatchObject({ code: 'whatsapp_timeout', status: 504 });
  const ours = new EngineError('not_found', 'No.');
  expect(toEngineError(ours, 'Failed')).toBe(ours);
});

test('a refusal of a message is told in words and with its code', () => {
  expect(nackText('463')).toMatch(/restricted this account.*\(code 463\)$/);
  expect(nackText('999')).toBe('WhatsApp refused the message (code 999)');
});
