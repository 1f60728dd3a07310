import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, type Answer, type Stage } from '../whatsapp/stage.ts';

export { FRIEND, OWN } from '../whatsapp/stage.ts';

/** An inquiry as the API shows it. */
export interface Shown {
  id: string;
  status: string;
  kind: string;
  msgId: number;
  jid: string;
  options: string[];
  answer: Record<string, unknown> | null;
  error: string | null;
  expiresAt: string | null;
  createdAt: string;
  closedAt: string | null;
  /** WhatsApp id of the question. */
  waId: string;
}

/** Asks people on a stage, and looks at what came of it. */
export class Asking {
  constructor(readonly stage: Stage) {}

  post(body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.stage.call('POST', '/api/inquiries', { to: FRIEND, kind: 'text', text: 'Well?', ...body }, headers);
  }

  /** Asks, and waits until the person has the question on the phone, and the engine has heard so. */
  async ask(body: Record<string, unknown> = {}, reader = FRIEND): Promise<Shown> {
    const inquiry = await this.accepted(body);
    await this.stage.untilTrue(() => this.stage.message(reader, inquiry.waId));
    await this.stored(inquiry.waId, 'message.sent');
    return inquiry;
  }

  /** Asks, and waits for nothing. */
  async accepted(body: Record<string, unknown> = {}): Promise<Shown> {
    const { status, body: answer } = await this.post(body);
    if (status !== 201) throw new Error(JSON.stringify(answer));
    const inquiry = answer.data as Shown;
    const { waId } = (await this.stage.engine.store.inquiries.get(1, inquiry.id))!;
    return { ...inquiry, waId };
  }

  async shown({ id }: { id: string }): Promise<Shown> {
    return (await this.stage.call('GET', `/api/inquiries/${id}`)).body.data as Shown;
  }

  /** The event that closes an inquiry. */
  async closed(
    { id }: { id: string },
    event = 'inquiry.answered',
  ): Promise<EventEnvelope & { data: { answer: Shown['answer'] } }> {
    const fits = (one: EventEnvelope) => one.event === event && (one.data as { inquiryId: string }).inquiryId === id;
    return (await this.stage.until((events) => events.find(fits))) as never;
  }

  /** What was answered, once it was. */
  async answer(inquiry: { id: string }): Promise<Shown['answer']> {
    return (await this.closed(inquiry)).data.answer;
  }

  says(text: string, more: Record<string, unknown> = {}, phone = FRIEND, to = OWN): Promise<{ id: string }> {
    return this.stage.sandbox.send(phone, { to, text, ...more });
  }

  /** Whatever the phone has done before is stored when this is, which is no answer to anything. */
  async heard(phone = FRIEND, to = OWN): Promise<void> {
    const { id } = await this.stage.sandbox.send(phone, { to, text: 'by the way' });
    await this.stored(id);
  }

  /** Waits until the engine has told of a message. */
  async stored(id: string, event?: string): Promise<void> {
    await this.stage.until((events) =>
      events.some((one) => (!event || one.event === event) && JSON.stringify(one.data).includes(id)),
    );
  }
}
