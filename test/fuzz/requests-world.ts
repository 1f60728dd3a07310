import { pino, type Logger } from 'pino';
import { Receiver } from '../engine/receiver.ts';
import { FileServer } from '../media/file-server.ts';
import { jpeg, PDF } from '../media/pictures.ts';
import { FRIEND, OWN, Stage, TOKEN } from '../whatsapp/stage.ts';

export { FRIEND, OWN, TOKEN } from '../whatsapp/stage.ts';

/** The number that the examples of the documentation write to; here somebody has it. */
const SAMPLE = '15551234567';

/** A line of the engine's log. */
interface Line {
  level: number;
  msg: string;
  err?: { message?: string; stack?: string };
  [field: string]: unknown;
}

/**
 * An engine with something of everything, so that requests find what they name: people, a group, a channel, messages
 * there and back, a poll, files, a job, a scheduled message, webhooks, tokens. Session 1 is connected and stays so;
 * session 2 is there to be changed and ended.
 */
export class Populated {
  readonly log: Line[] = [];
  /** What no answer may hold. */
  readonly secrets: string[] = [TOKEN];
  /** Examples of the documentation → what is really there. */
  readonly real: [example: string, here: string][] = [];
  /** The same of path parameters whose examples are numbers. */
  readonly paths: Record<string, string> = {};

  private constructor(
    readonly stage: Stage,
    readonly web: FileServer,
    readonly receiver: Receiver,
  ) {}

  static async open(): Promise<Populated> {
    const lines: Line[] = [];
    const stage = await Stage.open({ log: logInto(lines) });
    const web = await FileServer.start();
    const world = new Populated(stage, web, await Receiver.start());
    Object.assign(world, { log: lines });
    await world.fill();
    return world;
  }

  async close(): Promise<void> {
    await this.stage.close();
    await this.web.close();
    await this.receiver.close();
  }

  private async made<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, body: answer } = await this.stage.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return (answer.data ?? answer) as T;
  }

  private async fill(): Promise<void> {
    const { stage, web, receiver } = this;
    const { sandbox } = stage;
    const person = sandbox.addPhone({ phone: SAMPLE, name: 'Sam Sample' });
    const group = sandbox.groups.create({ creator: OWN, subject: 'Choir', participants: [SAMPLE, FRIEND] });
    const channel = sandbox.channels.create({ owner: OWN, name: 'News' });
    const photo = await jpeg();
    for (const path of ['/photo.jpg', '/choir.jpg']) web.put(path, photo, 'image/jpeg');
    web.put('/invoice.pdf', PDF, 'application/pdf');

    for (const id of [1, 2]) {
      if (id === 2) await this.made('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: '+15550100009' });
      const { api_key: key, webhook_secret: secret } = await this.made<Record<string, string>>(
        'GET',
        `/api/whatsapp-sessions/${id}`,
      );
      this.secrets.push(key!, secret!);
    }
    await this.made('PUT', '/api/whatsapp-sessions/1', { log_messages: true });
    const hook = await this.stage.subscribe(`${receiver.origin}/hook`);
    this.secrets.push(hook.secret);
    const token = await this.made<{ id: number; token: string }>('POST', '/api/tokens', {
      name: 'agent',
      scope: { tools: ['read'], sessions: [1] },
    });
    this.secrets.push(token.token);

    const sent = await this.made<{ msgId: number }>('POST', '/api/send-message', {
      to: SAMPLE,
      text: 'Hi',
      wait: true,
    });
    const poll = { to: group.jid, poll: { question: 'When?', options: ['Friday', 'Sunday'] } };
    await this.made('POST', '/api/send-message', poll);
    const { id: waId } = await sandbox.send(SAMPLE, { to: OWN, text: 'Hello' });
    await stage.until((events) => events.some(({ event }) => event === 'messages.received') && true);
    const later = new Date(Date.now() + 86_400_000).toISOString();
    const scheduled = await this.made<{ msgId: number }>('POST', '/api/send-message', {
      to: SAMPLE,
      text: 'Later',
      scheduledAt: later,
    });
    const job = await this.made<{ id: number }>('POST', '/api/bulk-jobs', { text: 'All', recipients: [SAMPLE] });
    const inquiry = await this.made<{ id: string }>('POST', '/api/inquiries', {
      to: SAMPLE,
      kind: 'text',
      text: 'Well?',
    });
    const upload = await this.made<{ id: string }>('POST', '/api/upload', {
      base64: photo.toString('base64'),
      mimetype: 'image/jpeg',
    });
    const deliveries = await this.made<{ id: number }[]>('GET', '/api/whatsapp-sessions/1/deliveries');

    this.real.push(
      ['https://files.example.com', web.url],
      ['https://n8n.example.com/webhook/warbler', `${receiver.origin}/hook`],
      ['120363041234567890@g.us', group.jid],
      ['123456789-987654321@g.us', group.jid],
      ['Kx3bN7vQ2mT9wLpR5sYd8e', group.inviteCode],
      ['120363144038483540@newsletter', channel.jid],
      ['123456789012345@lid', person.lid],
      ['3EB0C767D26A8B3F5C2A', waId],
      ['whk_5f2c9a7e41b84d0c3e', hook.id],
      ['8f14e45fceea167a5a36dedd4bea2543', upload.id],
      ['inq_4c1f0a9b7d2e83566a0b91de', inquiry.id],
      ['order-1042-confirmation', ''],
    );
    Object.assign(this.paths, {
      msgId: sent.msgId,
      message: sent.msgId,
      scheduled: scheduled.msgId,
      job: job.id,
      tokenId: token.id,
      deliveryId: deliveries[0]?.id ?? 1,
    });
  }

  /** The same with what is here in the place of what the documentation's examples name. */
  here<T>(example: T): T {
    let text = JSON.stringify(example);
    for (const [from, to] of this.real) text = text.replaceAll(from, to);
    return JSON.parse(text.replaceAll(':1042', `:${this.paths['msgId']}`)) as T;
  }

  /** What the log says of things that nobody foresaw. */
  get unforeseen(): Line[] {
    return this.log.filter(({ msg, level }) => msg === 'unforeseen' || level >= 50);
  }
}

function logInto(lines: Line[]): Logger {
  return pino({ level: 'warn', base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
}
