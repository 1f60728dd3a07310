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
 * | `rate-limit`      | queries are refused with 429 `rate-overlimit`, or with `code`                        | xmlns: of which queries (`usync`, `w:g2`, one or several; without it all but pings; `md`: the request for a pairing code), code |
 * | `garble`          | a message reaches a client so that it cannot be decrypted; encrypted anew, it can be, unless it is lost `forGood` | forGood |
 * | `withhold`        | a client gets `<unavailable>` in place of a message's ciphertext                     | type: `view_once`, `view_once_unavailable_fanout`, `bot_unavailable_fanout`, `hosted_unavailable_fanout` |
 * | `restrict-account`| the account's clients may begin no new chats (463), and are told so                  | phone (needed), seconds, enforcement: WhatsApp's name for the reason |
 * | `limit-new-chats` | the account's clients may begin only `quota` new chats; `fired` says how many they have | phone, quota (needed), seconds |
 * | `ban-account`     | connections end, logins fail: 402 for a time, 403 locked, 406 banned for good        | phone (needed), code, seconds, reason: 101 to 106, why it is banned for a time |
 * | `demand-passkey`  | who wants to be linked is asked for a passkey and is not linked                      | phone |
 * | `refuse-version`  | the login or registration is refused as too old (405)                                | |
 * | `wrong-root`      | the handshake's certificates hang on a root that nobody trusts                       | times only |
 * | `wrong-signature` | the handshake's leaf certificate is signed by the wrong key                          | times only |
 * | `stolen-certificate` | the handshake's certificates are the true ones, and the key is somebody else's    | times only |
 * | `forged-identity` | the phone that scans signs the device identity with a wrong key (the HMAC is right); with `part: hmac` the other way round | phone, part: signature or hmac |
 * | `forged-voucher`  | what says that the account vouches for a linked device is signed by somebody else | phone: who is to be deceived, in: keys (that the client asks for) or messages (that open a session); both when not given |
 * | `forged-prekey`   | the keys by which a session is opened are signed by somebody else, in key bundles and in phones' retry receipts | phone: whose keys |
 * | `swapped-identity`| somebody in between gives his own identity and keys for the person's, and all of them fit | phone: whose keys |
 * | `forged-app-state`| in a patch of the account's settings stands another value than was written           | phone: whose settings |
 * | `forged-media`    | a file comes from the media host with a byte changed                                | times only |
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
 * - `times` is how often it fires; without it, until it is deleted. For `garble` it is how many messages are hit.
 * - `seconds` is after what time it is over by itself.
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
const seconds = z
  .int()
  .min(1)
  .max(366 * 86_400)
  .optional();
const xmlns = z.string().regex(/^[a-z][a-z0-9_:-]*$/i, 'is not an xmlns such as "usync" or "w:g2"');
const UNAVAILABLE = [
  'view_once',
  'view_once_unavailable_fanout',
  'bot_unavailable_fanout',
  'hosted_unavailable_fanout',
] as const;

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
  z.strictObject({
    fault: z.literal('rate-limit'),
    ...scope,
    xmlns: z.union([xmlns, z.array(xmlns).min(1)]).optional(),
    code: code.optional(),
  }),
  z.strictObject({ fault: z.literal('garble'), ...scope, forGood: z.boolean().optional() }),
  z.strictObject({ fault: z.literal('withhold'), ...scope, type: z.enum(UNAVAILABLE).optional() }),
  z.strictObject({
    fault: z.literal('restrict-account'),
    phone: z.string(),
    seconds,
    enforcement: z
      .string()
      .regex(/^[A-Z][A-Z_]*$/, 'is not a name such as "DEFAULT", "BIZ_QUALITY" or "WEB_COMPANION_ONLY"')
      .optional(),
  }),
  z.strictObject({ fault: z.literal('limit-new-chats'), phone: z.string(), quota: z.int().min(0), seconds }),
  z.strictObject({
    fault: z.literal('ban-account'),
    phone: z.string(),
    code: z.literal([402, 403, 406]).optional(),
    reason: z.int().min(101).max(106).optional(),
    seconds,
  }),
  z.strictObject({ fault: z.literal('demand-passkey'), phone: scope.phone, times: scope.times }),
  z.strictObject({ fault: z.literal('refuse-version'), ...scope }),
  z.strictObject({ fault: z.literal('wrong-root'), times: scope.times }),
  z.strictObject({ fault: z.literal('wrong-signature'), times: scope.times }),
  z.strictObject({ fault: z.literal('stolen-certificate'), times: scope.times }),
  z.strictObject({
    fault: z.literal('forged-identity'),
    phone: scope.phone,
    times: scope.times,
    part: z.enum(['signature', 'hmac']).optional(),
  }),
  z.strictObject({
    fault: z.literal('forged-voucher'),
    phone: scope.phone,
    times: scope.times,
    in: z.enum(['keys', 'messages']).optional(),
  }),
  z.strictObject({ fault: z.literal('forged-prekey'), phone: scope.phone, times: scope.times }),
  z.strictObject({ fault: z.literal('swapped-identity'), phone: scope.phone, times: scope.times }),
  z.strictObject({ fault: z.literal('forged-app-state'), phone: scope.phone, times: scope.times }),
  z.strictObject({ fault: z.literal('forged-media'), times: scope.times }),
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
  forGood?: boolean;
  type?: string;
  enforcement?: string;
  quota?: number;
  reason?: number;
  part?: 'signature' | 'hmac';
  in?: 'keys' | 'messages';
  /** When it is over by itself, in seconds since 1970. */
  until?: number;
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
  /** Unix milliseconds. */
  readonly #now: () => number;
  #faults: Fault[] = [];
  #lastId = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `whom` is what the request's phone and device mean. */
  add(request: FaultRequest, whom: { phone?: string; device?: number }): Fault {
    const { match, xmlns, seconds, ...rest } = { match: undefined, xmlns: undefined, seconds: undefined, ...request };
    const fault: Fault = { ...definedOnly(rest), ...whom, id: ++this.#lastId, fired: 0, active: true } as Fault;
    if (match !== undefined) fault.match = [match].flat();
    if (xmlns !== undefined) fault.match = [xmlns].flat().map((one) => `iq:${one}`);
    if (fault.fault === 'restrict-account' || seconds !== undefined) {
      fault.until = Math.floor(this.#now() / 1000) + (seconds ?? DAY);
    }
    this.#faults.push(fault);
    return fault;
  }

  list(): Fault[] {
    return this.#faults.map((fault) => ({ ...fault, active: fault.active && !this.#isOver(fault) }));
  }

  /** Whether it has not been deleted. */
  has(id: number): boolean {
    return this.#faults.some((fault) => fault.id === id);
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
    return this.#faults.filter(
      (fault) => fault.fault === name && fault.active && !this.#isOver(fault) && fits(fault, occasion),
    );
  }

  /** The first fault of this kind that fits, counted as fired; undefined when nothing is to go wrong. */
  fire(name: FaultName, occasion: Occasion): Fault | undefined {
    if (this.#faults.length === 0) return undefined;
    const [fault] = this.fitting(name, occasion);
    if (fault) this.fired(fault);
    return fault;
  }

  /** As {@link fire}, of a fault that may be for one place only. */
  fireIn(place: 'keys' | 'messages', name: FaultName, occasion: Occasion): Fault | undefined {
    const fault = this.fitting(name, occasion).find((one) => (one.in ?? place) === place);
    if (fault) this.fired(fault);
    return fault;
  }

  fired(fault: Fault): void {
    fault.fired++;
    if (fault.times !== undefined && fault.fired >= fault.times) fault.active = false;
  }

  #isOver({ until }: Fault): boolean {
    return until !== undefined && until * 1000 <= this.#now();
  }
}

/** WhatsApp restricts an account for a day the first time. */
const DAY = 86_400;

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
