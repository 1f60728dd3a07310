import { z } from 'zod';
import { jidOf, type Account, type Sender } from './accounts.ts';
import { RING_MS, type Call, type CallOutcome } from './calls.ts';
import type { Network } from './network.ts';
import { checked, SandboxError } from './problem.ts';

const callRequest = z.strictObject({
  to: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(31)]),
  video: z.boolean().optional(),
  group: z
    .string()
    .regex(/^\d+(-\d+)?@g\.us$/, 'is not the jid of a group')
    .optional(),
  ringSeconds: z.number().min(0.01).max(600).optional(),
});
const oneCall = z.strictObject({ callId: z.string().min(1) });

export type CallRequest = z.input<typeof callRequest>;

/** A call as a phone's list of calls shows it. */
export interface CallInfo {
  callId: string;
  direction: 'incoming' | 'outgoing';
  from: string;
  to: string[];
  group: string | null;
  video: boolean;
  /** `ringing`, `accepted` (it is going on), `ended` (after that), `rejected`, or `missed`. */
  outcome: CallOutcome;
  /** The device that took or refused it. */
  by: string | null;
  /** Why it was missed: it rang too long, or the caller gave up. */
  reason: 'timeout' | 'cancelled' | null;
  /** Seconds since 1970. */
  startedAt: number;
  endedAt: number | null;
}

/** What a person can do with calls on a simulated phone. */
export class CallControl {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  /** The phone calls somebody, everybody in a group (`to` is its jid), or with `group` some who are in it. Resolves at once; it rings until it is answered. */
  start(phone: string, request: CallRequest): { callId: string } {
    const from = this.#phone(phone);
    const { to, video = false, ringSeconds, ...rest } = checked(callRequest, request);
    const whole = typeof to === 'string' && to.endsWith('@g.us') ? to : undefined;
    const group = whole ?? rest.group;
    const called = whole
      ? this.#others(from, whole)
      : [to].flat().map((one) => this.#network.accounts.recipient(one).account);
    if (called.some((one) => one.phone === from.account.phone)) {
      throw new SandboxError(422, 'call-to-oneself', 'A phone cannot call itself; give another number in "to".');
    }
    if (called.length > 1 && group === undefined) {
      throw new SandboxError(
        422,
        'no-group',
        'A call to several people is a group call: give the jid of "group", too.',
      );
    }
    const ringMs = ringSeconds === undefined ? RING_MS : ringSeconds * 1000;
    return { callId: this.#network.calls.start(from, { to: called, video, group, ringMs }) };
  }

  /** The person takes the call. */
  accept(phone: string, request: { callId: string }): void {
    this.#act(phone, request, (by, id) => this.#network.calls.accept(by, id), 'does not ring here');
  }

  /** The person refuses the call. */
  reject(phone: string, request: { callId: string }): void {
    this.#act(phone, request, (by, id) => this.#network.calls.reject(by, id), 'does not ring here');
  }

  /** The person ends the call: one that is going on, or an own one that nobody has answered yet. */
  hangUp(phone: string, request: { callId: string }): void {
    this.#act(phone, request, (by, id) => this.#network.calls.hangUp(by, id), 'is not going on here');
  }

  /** The phone's calls, oldest first. */
  list(phone: string): CallInfo[] {
    const { account } = this.#phone(phone);
    return this.#network.calls.of(account.phone).map((call) => this.#info(account.phone, call));
  }

  /** Everybody else in a group that the caller is in. */
  #others({ account }: Sender, group: string): Account[] {
    this.#network.groups.checkMayWrite(group, account);
    return this.#network.groups
      .members(group)
      .map((member) => member.account)
      .filter(({ phone }) => phone !== account.phone);
  }

  #act(phone: string, request: { callId: string }, act: (by: Sender, id: string) => boolean, problem: string): void {
    const by = this.#phone(phone);
    const { callId } = checked(oneCall, request);
    const known = this.#network.calls.of(by.account.phone).some(({ id }) => id === callId);
    if (!known) throw new SandboxError(404, 'unknown-call', `+${by.account.phone} has no call ${callId}.`);
    if (!act(by, callId)) throw new SandboxError(409, 'wrong-moment', `The call ${callId} ${problem}.`);
  }

  #phone(phone: string): Sender {
    const account = this.#network.accounts.must(phone);
    const device = this.#network.accounts.device(account.phone, 0);
    if (!device) throw new SandboxError(404, 'unknown-phone', `+${account.phone} has been deleted.`);
    return { account, device };
  }

  #info(owner: string, call: Call): CallInfo {
    const outgoing = call.caller === owner;
    const mine = outgoing ? answeringParty(call) : call.called.find(({ phone }) => phone === owner);
    const pn = (phone: string, device = 0): string => jidOf({ phone, lid: '' }, 'pn', device);
    return {
      callId: call.id,
      direction: outgoing ? 'outgoing' : 'incoming',
      from: pn(call.caller, call.callerDevice),
      to: call.called.map(({ phone }) => pn(phone)),
      group: call.group,
      video: call.video,
      outcome: mine?.outcome ?? 'missed',
      by: mine && mine.device !== null ? pn(mine.phone, mine.device) : null,
      reason: mine?.outcome === 'missed' ? call.reason : null,
      startedAt: call.started,
      endedAt: call.ended,
    };
  }
}

/** Of a call to several, the caller sees whoever has come furthest. */
function answeringParty(call: Call): Call['called'][number] | undefined {
  const order: CallOutcome[] = ['accepted', 'ended', 'ringing', 'rejected', 'missed'];
  return [...call.called].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))[0];
}
