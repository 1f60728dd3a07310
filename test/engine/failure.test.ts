import { EngineError } from '../../engine/errors.ts';
import { closureOf, isConnectionFailure, nackText, toEngineError } from '../../engine/whatsapp/failure.ts';

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

test('a closure keeps the words for the log, and the system’s code where there is one', () => {
  expect(closureOf(boom('Connection was lost', 408)).detail).toBe('Connection was lost');
  expect(closureOf(boom('WebSocket Error ()', 408, { code: 'ENOTFOUND' })).detail).toBe('ENOTFOUND');
  expect(closureOf(undefined).detail).toBe('closed');
});

test('only what a broken connection throws may be tried again', () => {
  for (const status of [408, 428, 503, 515]) expect(isConnectionFailure(boom('', status))).toBe(true);
  for (const error of [boom('', 400), boom('', 500), new Error('no'), undefined, null]) {
    expect(isConnectionFailure(error)).toBe(false);
  }
});

test('a caller is told what was tried, never Baileys’ words', () => {
  const refused = toEngineError(boom('bad-request: key=hunter2', 400), 'The message');
  expect(refused).toMatchObject({ code: 'whatsapp_refused', message: 'The message was refused by WhatsApp.' });
  expect(toEngineError(boom('', 428), 'The message')).toMatchObject({ code: 'whatsapp_unreachable' });
  const ours = new EngineError('not_found', 'No.');
  expect(toEngineError(ours, 'The message')).toBe(ours);
});

test('a refusal of a message is told in words and with its code', () => {
  expect(nackText('463')).toMatch(/restricted this account.*\(code 463\)$/);
  expect(nackText('999')).toBe('WhatsApp refused the message (code 999)');
});
