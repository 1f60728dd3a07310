import type { EventEnvelope } from '../../engine/events.ts';
import type { Pace } from '../../engine/model.ts';
import type { TestClock } from '../engine/clock.ts';
import type { Answer, Stage } from '../whatsapp/stage.ts';

/** How a shop sends. */
export interface Habits {
  pace: Pace;
  warmUp: boolean;
}

const SECOND = 1000;
/** Somebody, or some workflow, takes a while to answer. */
const ANSWER_AFTER_MS = [20 * SECOND, 60 * SECOND] as const;

/**
 * A shop on WhatsApp, as its workflows act: through the REST API alone. What the engine refuses for now, it asks for
 * again when the engine says.
 */
export class Shop {
  /** Messages that the engine has accepted. */
  accepted = 0;
  /** REST calls that are not answered yet. */
  calling = 0;

  private constructor(
    private readonly stage: Stage,
    private readonly clock: TestClock,
    readonly phone: string,
    readonly habits: Habits,
    readonly session: number,
  ) {}

  /** A new account on a new phone, linked to a session of the engine that tells `webhook` what customers write. */
  static async open(
    stage: Stage,
    clock: TestClock,
    { phone, webhook, ...habits }: Habits & { phone: string; webhook: string },
  ): Promise<Shop> {
    const { pace, warmUp } = habits;
    const name = `${pace}${warmUp ? ', warm-up' : ''}`;
    stage.sandbox.addPhone({ phone, name });
    const settings = { name, phone_number: `+${phone}`, pace, warm_up: warmUp };
    const { id } = dataOf(await stage.call('POST', '/api/whatsapp-sessions', settings));
    const { qrCode } = dataOf(await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`));
    await stage.sandbox.scan(phone, String(qrCode));
    await stage.untilStatus(({ status }) => status === 'connected', Number(id));
    await stage.call('POST', `/api/whatsapp-sessions/${id}/webhooks`, { url: webhook, events: ['messages.received'] });
    return new Shop(stage, clock, phone, habits, Number(id));
  }

  /** A customer has written: the answer leaves after a while. */
  received({ phone }: EventEnvelope): void {
    const [least, most] = ANSWER_AFTER_MS;
    const afterMs = least + (Number(phone) % (most - least));
    this.clock.at(this.clock.now() + afterMs, () => void this.send(String(phone), `Answer to +${phone}`));
  }

  /** Writes to everybody on a list, who have never heard of the shop; first it checks whether they are there. */
  async advertise(list: string[]): Promise<void> {
    for (const phone of list) {
      const { status } = await this.insist('GET', `/api/on-whatsapp/${phone}`);
      if (status !== 200) return;
      if (!(await this.send(phone, `Offer for +${phone}`))) return;
    }
  }

  /** A workflow that looks at every group, one after the other. */
  async lookAtGroups(jids: string[]): Promise<void> {
    for (const jid of jids) await this.insist('GET', `/api/groups/${jid}/metadata`);
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
