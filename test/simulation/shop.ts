import type { EventEnvelope } from '../../engine/events.ts';
import type { Pace } from '../../engine/model.ts';
import type { TestClock } from '../engine/clock.ts';
import { Receiver } from '../engine/receiver.ts';
import type { Answer, Stage } from '../whatsapp/stage.ts';

/** A shop on WhatsApp, as its workflows act; the clock stands still while they are calling. */
export interface Shop {
  readonly name: string;
  readonly phone: string;
  /** Messages that the engine has accepted; without an engine, that WhatsApp has acknowledged. */
  readonly accepted: number;
  /** Calls that are not answered yet. */
  readonly calling: number;
  /** Writes to everybody on a list, who have never heard of the shop; first it checks whether they are there. */
  advertise(list: string[]): Promise<void>;
  /** Looks at every group, one after the other. */
  lookAtGroups(jids: string[]): Promise<void>;
  close(): Promise<void>;
}

/** How a shop's session sends. */
export interface Habits {
  pace: Pace;
  warmUp: boolean;
}

const SECOND = 1000;
/** Somebody, or some workflow, takes a while to answer. */
const ANSWER_AFTER_MS = [20 * SECOND, 60 * SECOND] as const;

/**
 * A shop with Warbler: it acts through the REST API alone. What the engine refuses for now, it asks for again when the
 * engine says.
 */
export class WarblerShop implements Shop {
  accepted = 0;
  calling = 0;

  private constructor(
    private readonly stage: Stage,
    private readonly clock: TestClock,
    private readonly receiver: Receiver,
    readonly name: string,
    readonly phone: string,
    private readonly session: number,
  ) {
    receiver.answer = ({ event }) => {
      this.received(event);
      return 200;
    };
  }

  /** A new account on a new phone, linked to a session of the engine that tells the shop what customers write. */
  static async open(stage: Stage, clock: TestClock, phone: string, { pace, warmUp }: Habits): Promise<WarblerShop> {
    const name = `${pace}${warmUp ? ', warm-up' : ''}`;
    stage.sandbox.addPhone({ phone, name });
    const settings = { name, phone_number: `+${phone}`, pace, warm_up: warmUp };
    const { id } = dataOf(await stage.call('POST', '/api/whatsapp-sessions', settings));
    const { qrCode } = dataOf(await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`));
    await stage.sandbox.scan(phone, String(qrCode));
    await stage.untilStatus(({ status }) => status === 'connected', Number(id));
    const receiver = await Receiver.start();
    const webhook = { url: receiver.origin, events: ['messages.received'] };
    await stage.call('POST', `/api/whatsapp-sessions/${id}/webhooks`, webhook);
    return new WarblerShop(stage, clock, receiver, name, phone, Number(id));
  }

  async advertise(list: string[]): Promise<void> {
    for (const phone of list) {
      const { status } = await this.insist('GET', `/api/on-whatsapp/${phone}`);
      if (status !== 200) return;
      if (!(await this.send(phone, `Offer for +${phone}`))) return;
    }
  }

  async lookAtGroups(jids: string[]): Promise<void> {
    for (const jid of jids) await this.insist('GET', `/api/groups/${jid}/metadata`);
  }

  close(): Promise<void> {
    return this.receiver.close();
  }

  /** A customer has written: the answer leaves after a while. */
  private received({ phone }: EventEnvelope): void {
    const [least, most] = ANSWER_AFTER_MS;
    const afterMs = least + (Number(phone) % (most - least));
    this.clock.at(this.clock.now() + afterMs, () => void this.send(String(phone), `Answer to +${phone}`));
  }

  private async send(to: string, text: string): Promise<boolean> {
    const { status } = await this.insist('POST', '/api/send-message', { to, text });
    if (status === 200) this.accepted += 1;
    return status === 200;
  }

  /** Asks as often as it takes, each time when the engine says. */
  private async insist(method: string, path: string, body?: unknown): Promise<Answer> {
    for (;;) {
      const answer = await this.call(method, path, body);
      const retryAfterS = answer.body['retry_after'];
      if (typeof retryAfterS !== 'number') return answer;
      await new Promise<void>((resolve) => this.clock.at(this.clock.now() + retryAfterS * SECOND, resolve));
    }
  }

  private async call(method: string, path: string, body?: unknown): Promise<Answer> {
    this.calling += 1;
    try {
      return await this.stage.call(method, path, body, { 'x-warbler-session': String(this.session) });
    } finally {
      this.calling -= 1;
    }
  }
}

function dataOf({ status, body }: Answer): Record<string, unknown> {
  if (status >= 300) throw new Error(`The engine refuses: ${JSON.stringify(body)}`);
  return body.data as Record<string, unknown>;
}
