import type { TokenScope } from '../../engine/model.ts';
import { jpeg } from '../media/pictures.ts';
import { TestClock } from '../engine/clock.ts';
import { ask, asked } from '../whatsapp/ask.ts';
import { FRIEND, OWN, Stage, type Answer } from '../whatsapp/stage.ts';
import { Agent } from './agent.ts';

export const STRANGER = '15550100003';

/** Everything by which a call can name somebody. */
export interface Somebody {
  phone: string;
  lid: string;
  group: string;
  channel: string;
  /** Numbers of messages: sent, a poll, received, received with a file, one that waits for its time. */
  msgId: number;
  poll: number;
  received: { id: string; remoteJid: string };
  file: string;
  scheduled: number;
  job: number;
  inquiry: string;
  callbackUrl: string;
  callId: string;
}

/**
 * A session that has to do with a friend and with a stranger in every way there is, and a token for the friend, and a
 * group and a channel, alone.
 */
export class Fence {
  private readonly agents: Agent[] = [];
  private tokens = 0;
  friend!: Somebody;
  stranger!: Somebody;
  token!: string;
  agent!: Agent;

  private constructor(
    readonly stage: Stage,
    readonly clock: TestClock,
  ) {}

  static async open(): Promise<Fence> {
    const clock = new TestClock(Date.now());
    const fence = new Fence(await Stage.open({ clock }), clock);
    fence.stage.sandbox.addPhone({ phone: STRANGER, name: 'Somebody else' });
    fence.friend = await fence.somebody(FRIEND);
    fence.stranger = await fence.somebody(STRANGER);
    const { group, channel } = fence.friend;
    fence.token = await fence.tokenFor({ recipients: [`+${FRIEND}`, group, channel] });
    fence.agent = await fence.connect(fence.token);
    return fence;
  }

  async close(): Promise<void> {
    for (const agent of this.agents) await agent.close();
    await this.stage.close();
  }

  async tokenFor(scope: TokenScope): Promise<string> {
    const made = await asked<{ token: string }>(this.stage, 'token.create', { name: `token ${++this.tokens}`, scope });
    return made.token;
  }

  async connect(token: string): Promise<Agent> {
    const agent = await Agent.connect(this.stage.engine.url, token);
    this.agents.push(agent);
    return agent;
  }

  /** Asks by REST, with the token for the friend. */
  ask(id: string, input: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return ask(this.stage, id, input, { authorization: `Bearer ${this.token}`, ...headers });
  }

  tomorrow(): string {
    return new Date(this.clock.now() + 86_400_000).toISOString();
  }

  /** What phones were sent, by the session and by others. */
  texts(phone: string): string[] {
    return this.stage.sandbox.messages(phone).flatMap(({ text, fromMe }) => (fromMe || !text ? [] : [text]));
  }

  /** All that a call could have changed: here, at WhatsApp, and what WhatsApp was asked. */
  async everything(): Promise<Record<string, unknown>> {
    const { sandbox, engine } = this.stage;
    const { store } = engine;
    const page = { offset: 0, limit: 1000 };
    const jobs = (await store.jobs.list(1, {}, page)).items;
    const isPing = (stanza: unknown) => JSON.stringify(stanza).includes('"w:p"');
    return {
      sessions: await store.sessions.list(),
      tokens: (await store.tokens.list()).map(({ name }) => name),
      messages: (await store.messages.logs(1, page)).items,
      scheduled: (await store.schedule.list(1, page)).items,
      jobs: [jobs, await Promise.all(jobs.map(({ id }) => store.jobs.recipients(id, {}, page)))],
      inquiries: (await store.inquiries.list(1, {}, page)).items,
      optOuts: (await store.optOuts.list(1, page)).items,
      chats: (await store.chats.list(1, {})).items,
      contacts: (await store.contacts.list(1, {})).items,
      webhooks: [await store.subscriptions.list(1), await store.subscriptions.list(null)],
      events: (await this.stage.events()).length,
      phones: [OWN, FRIEND, STRANGER].map((phone) => sandbox.messages(phone)),
      asked: sandbox
        .stanzas({ phone: OWN, limit: 20_000 })
        .filter(({ direction, stanza }) => direction === 'in' && !isPing(stanza)).length,
    };
  }

  private async somebody(phone: string): Promise<Somebody> {
    const { stage } = this;
    const { sandbox } = stage;
    const send = (message: object) =>
      asked<{ msgId: number; id: string }>(stage, 'message.send', { to: phone, ...message });
    const { id } = await sandbox.send(phone, { to: `+${OWN}`, text: 'hello' });
    const picture = { imageBase64: (await jpeg()).toString('base64') };
    const file = await sandbox.send(phone, { to: `+${OWN}`, ...picture });
    const poll = { question: 'When?', options: ['Friday', 'Saturday'] };
    const callbackUrl = `http://127.0.0.1:9/${phone}`;
    const inquiry = { to: phone, kind: 'text', text: 'Well?', callbackUrl };
    const job = { recipients: [FRIEND, phone], text: 'a job', start: false };
    const { jid: channel } = sandbox.channels.create({ owner: OWN, name: `Channel of ${phone}` });
    const heard = (waId: string) => stage.until((events) => JSON.stringify(events).includes(waId) || undefined);
    await heard(id);
    await heard(file.id);
    return {
      ...{ phone, lid: sandbox.phone(phone).lid, channel, callbackUrl, file: file.id },
      group: sandbox.groups.create({ creator: OWN, subject: phone, participants: [FRIEND, STRANGER] }).jid,
      msgId: (await send({ text: 'sent', wait: true })).msgId,
      poll: (await send({ poll, wait: true })).msgId,
      received: { id, remoteJid: `${phone}@s.whatsapp.net` },
      scheduled: (await send({ text: 'later', scheduledAt: this.tomorrow() })).msgId,
      job: (await asked<{ id: number }>(stage, 'bulk.create', job)).id,
      inquiry: (await asked<{ id: string }>(stage, 'inquiry.create', inquiry)).id,
      callId: sandbox.calls.start(phone, { to: OWN }).callId,
    };
  }
}
