import { EngineError, ERRORS, unforeseen, validationFailed, type ErrorCode } from '../../engine/errors.ts';

const rows = Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][];

test('every status agrees with whose fault it is', () => {
  const ALLOWED = {
    caller: [400, 401, 403, 404, 406, 413, 415, 422],
    later: [409, 429, 503],
    whatsapp: [502, 504],
    engine: [500, 507],
  };
  for (const [code, { status, fault }] of rows) expect([code, ALLOWED[fault].includes(status)]).toEqual([code, true]);
});

test('an error carries its status, and what else its thrower knew', () => {
  const cause = new Error('boom');
  const error = new EngineError('rate_limited', 'Too fast.', {
    cause,
    retryAfterS: 5,
    details: { msgId: 1 },
    fields: { to: ['…'] },
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'EngineError',
    code: 'rate_limited',
    status: 429,
    message: 'Too fast.',
    cause,
    retryAfterS: 5,
    details: { msgId: 1 },
    fields: { to: ['…'] },
  });
});

test('an error of ours stays itself, whatever else is thrown becomes one that tells nothing', () => {
  const ours = new EngineError('not_found', 'No.');
  expect(unforeseen(ours)).toBe(ours);
  for (const thrown of [
    new TypeError('x of undefined, key=hunter2'),
    'hunter2',
    undefined,
    null,
    { secret: 'hunter2' },
  ]) {
    const error = unforeseen(thrown);
    expect(error).toMatchObject({ code: 'internal', status: 500, cause: thrown });
    expect(error.message).not.toContain('hunter2');
  }
});

test('wrong fields are told as WasenderApi tells them', () => {
  const error = validationFailed({ to: ['The to field is required.'] });
  expect(error).toMatchObject({
    code: 'validation_failed',
    status: 422,
    message: 'Validation failed',
    fields: { to: ['The to field is required.'] },
  });
});
