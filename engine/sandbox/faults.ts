import { z } from 'zod';
import { SandboxError } from './problem.ts';

/**
 * Faults: what can go wrong with WhatsApp, on demand. `POST /sandbox/faults` takes one of these:
 *
 * | fault             | what happens                                                                        | fields besides phone, device, times |
 * |-------------------|-------------------------------------------------------------------------------------|-------------------------------------|
 * | `drop`            | the TCP connection is torn down without a goodbye                                     | match, after, direction |
 * | `close`           | `<stream:error>` with `code` on a live connection, or `<failure reason>` at login    | code, at: live or login, match, after, direction |
 * | `half-open`       | the socket stays open, but nothing is read or written any more                       | match, after, direction |
 * | `never-answer`    | a stanza that matches is lost; with `lose: answer` it is carried out and only the answer is lost | match (needed), lose: request or answer |
 * | `delay`           | a stanza that matches is held up, and what comes behind it too                       | ms (needed), match, direction |
 * | `duplicate`       | a stanza that matches is sent to the client twice                                    | match |
 * | `nack`            | a client's message is refused with `code` and not delivered                          | code (needed) |
 * | `refuse-upload`   | the media host answers an upload with the HTTP status `code`                         | code (needed), match: the kind of media (`image`, `audio`, …) |
 * | `refuse-version`  | the login or registration is refused as too old (405)                                | |
 * | `wrong-root`      | the handshake's certificates hang on a root that nobody trusts                       | times only |
 * | `wrong-signature` | the handshake's leaf certificate is signed by the wrong key                          | times only |
 * | `forged-identity` | the phone that scans signs the device identity with a wrong key (the HMAC is right)  | phone |
 *
 * - `phone` (digits) and `device` (a device's jid, or with `phone` its number) say whom it is for; without them it is
 *   for everybody.
 * - `match` is a stanza kind or several: a tag (`message`, `iq`, `receipt`, `ack`, `presence`, `notification`, …), a tag
 *   with its xmlns, class or type (`iq:usync`, `receipt:read`, `ack:message`), `ping`, or `handshake` (the client's
 *   first bytes, when nobody knows yet who it is). Without `match` every stanza fits.
 * - `direction` is `in` (from the client, the default) or `out` (to the client).
 * - `drop`, `close` and `half-open` with neither `match` nor `after` happen at once to the connections that are there,
 *   and are over with that. With `after: n` they wait until `n` matching stanzas have been dealt with; with `match`
 *   alone they happen instead of the first match.
 * - `times` is how often it fires; without it, until it is deleted.
 */
const kind = z.string().regex(/^[a-z][a-z0-9_:.-]*$/i, 'is not a stanza kind such as "message", "iq:usync" or "ping"');
const match = z.union([kind, z.array(kind).min(1)]);
const scope = {
  phone: z.string().optional(),
  device: z.union([z.string(), z.int().min(1)]).optional(),
  times: z.int().min(1).optional(),
};
const cut = { match: match.optional(), after: z.int().min(0).optional(), direction: z.enum(['in', 'out']).optional() };
const code = z.int().min(100).max(999);

export const faultRequest = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('drop'), ...scope, ...cut }),
  z.strictObject({
    fault: z.literal('close'),
    ...scope,
    ...cut,
    code,
    at: z.enum(['live', 'login']).optional(),
  }),
  z.strictObject({ fault: z.literal('half-open'), ...scope, ...cut }),
  z.strictObject({
    fault: z.literal('never-answer'),
    ...scope,
    match,
    lose: z.enum(['request', 'answer']).optional(),
  }),
  z.strictObject({
    fault: z.literal('delay'),
    ...scope,
    ms: z.int().min(1).max(600_000),
    match: match.optional(),
    direction: z.enum(['in', 'out']).optional(),
  }),
  z.strictObject({ fault: z.literal('duplicate'), ...scope, match: match.optional() }),
  z.strictObject({ fault: z.literal('nack'), ...scope, code }),
  z.strictObject({
    fault: z.literal('refuse-upload'),
    ...scope,
    code: z.int().min(400).max(599),
    match: match.optional(),
  }),
  z.strictObject({ fault: z.literal('refuse-version'), ...scope }),
  z.strictObject({ fault: z.literal('wrong-root'), times: scope.times }),
  z.strictObject({ fault: z.literal('wrong-signature'), times: scope.times }),
  z.strictObject({ fault: z.literal('forged-identity'), phone: scope.phone, times: scope.times }),
]);

export type FaultRequest = z.input<typeof faultRequest>;
export type FaultName = FaultRequest['fault'];
/** The faults that end a connection. */
export type Cut = Extract<FaultName, 'drop' | 'close' | 'half-open'>;

/** A fault as it is listed. */
export interface Fault {
  id: number;
  fault: FaultName;
  phone?: string;
  device?: number;
  match?: string[];
  after?: number;
  direction?: 'in' | 'out';
  code?: number;
  ms?: number;
  at?: 'live' | 'login';
  lose?: 'request' | 'answer';
  times?: number;
  /** How often it has happened. */
  fired: number;
  /** False once it is over; it is listed until it is deleted. */
  active: boolean;
}

/** Where something is about to happen that a fault may change. */
export interface Occasion {
  phone?: string | undefined;
  device?: number | undefined;
  kinds?: string[];
  direction?: 'in' | 'out';
}

/** The faults that somebody has asked for. Lost at a restart on purpose: a restart is a clean start. */
export class Faults {
  #faults: Fault[] = [];
  #lastId = 0;

  /** `whom` is what the request's phone and device mean. */
  add(request: FaultRequest, whom: { phone?: string; device?: number }): Fault {
    const { match, ...rest } = { match: undefined, ...request };
    const fault: Fault = { ...definedOnly(rest), ...whom, id: ++this.#lastId, fired: 0, active: true } as Fault;
    if (match !== undefined) fault.match = [match].flat();
    this.#faults.push(fault);
    return fault;
  }

  list(): Fault[] {
    return this.#faults.map((fault) => ({ ...fault }));
  }

  /** Removes one fault, or all of them. */
  remove(id?: number): void {
    if (id !== undefined && !this.#faults.some((fault) => fault.id === id)) {
      throw new SandboxError(404, 'unknown-fault', `There is no fault ${id}; GET /sandbox/faults lists them.`);
    }
    this.#faults = id === undefined ? [] : this.#faults.filter((fault) => fault.id !== id);
  }

  /** The faults of one kind that fit, without firing them. */
  fitting(name: FaultName, occasion: Occasion): Fault[] {
    return this.#faults.filter((fault) => fault.fault === name && fault.active && fits(fault, occasion));
  }

  /** The first fault of this kind that fits, counted as fired; undefined when nothing is to go wrong. */
  fire(name: FaultName, occasion: Occasion): Fault | undefined {
    if (this.#faults.length === 0) return undefined;
    const [fault] = this.fitting(name, occasion);
    if (fault) this.fired(fault);
    return fault;
  }

  fired(fault: Fault): void {
    fault.fired++;
    if (fault.times !== undefined && fault.fired >= fault.times) fault.active = false;
  }
}

function fits(fault: Fault, occasion: Occasion): boolean {
  if (fault.phone !== undefined && fault.phone !== occasion.phone) return false;
  if (fault.device !== undefined && fault.device !== occasion.device) return false;
  if (occasion.direction !== undefined && (fault.direction ?? 'in') !== occasion.direction) return false;
  const kinds = occasion.kinds ?? [];
  return fault.match === undefined ? !kinds.includes('handshake') : fault.match.some((one) => kinds.includes(one));
}

function definedOnly<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
