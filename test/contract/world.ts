import type { MessageInfo } from '../../engine/sandbox/index.ts';
import type { MessageView } from '../../engine/sandbox/message-view.ts';
import { documented, OWN, Stage, TOKEN, type Answer } from '../whatsapp/stage.ts';
import { Files } from './files.ts';

export { OWN } from '../whatsapp/stage.ts';
export type { Answer } from '../whatsapp/stage.ts';

/** A message as a phone shows it. */
export type PhoneMessage = MessageInfo & MessageView;

/** The number that the documentation's examples write to; here it is somebody's. */
export const SAMPLE = '1234567890';
export const SAMPLE_JID = `${SAMPLE}@s.whatsapp.net`;

/**
 * What the documentation takes for granted: an engine with a connected session, somebody at the number of its
 * examples, and a web server with files. Calls carry what the documentation says they carry, and nothing else.
 */
export class World {
  private constructor(
    readonly stage: Stage,
    readonly files: Files,
    readonly apiKey: string,
  ) {}

  static async open(options?: Parameters<typeof Stage.open>[0]): Promise<World> {
    const stage = await Stage.open(options);
    const files = await Files.start();
    stage.sandbox.addPhone({ phone: SAMPLE, name: 'Sam Sample' });
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1');
    return new World(stage, files, (body.data as { api_key: string }).api_key);
  }

  async close(): Promise<void> {
    await this.stage.close();
    await this.files.close();
  }

  get sandbox(): Stage['sandbox'] {
    return this.stage.sandbox;
  }

  /** With the session's API key, as session-level endpoints document. */
  api(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.request(method, path, body, this.apiKey);
  }

  /** With a personal access token, as account-level endpoints document. */
  account(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.request(method, path, body, TOKEN);
  }

  async request(method: string, path: string, body?: unknown, token?: string): Promise<Answer> {
    const response = await fetch(`${this.stage.engine.url}${path}`, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = response.headers.get('content-type')?.includes('json');
    const answer = (json ? await response.json() : {}) as Answer['body'];
    // Not even an endpoint: no proof of a refusal may take that for one.
    must(!/^There is no [A-Z]+ \/api/.test(answer.message ?? ''), `${method} ${path} does not exist`);
    documented(method, path, answer);
    return { status: response.status, body: answer, headers: response.headers };
  }

  send(body: Record<string, unknown>): Promise<Answer> {
    return this.api('POST', '/api/send-message', { to: SAMPLE, ...body });
  }

  /** Waits for a message, on a phone or among the posts of a channel. */
  async arrived(
    where: string,
    fits: (message: PhoneMessage) => boolean = ({ fromMe }) => !fromMe,
  ): Promise<PhoneMessage> {
    return this.eventually(`a message for ${where}`, () => this.messages(where).find(fits));
  }

  private messages(where: string): PhoneMessage[] {
    const channel = where.endsWith('@newsletter');
    return (channel ? this.sandbox.channels.posts(where) : this.sandbox.messages(where)) as PhoneMessage[];
  }

  /** Sends, and answers the answer together with the message as the recipient's phone shows it. */
  async sent(body: Record<string, unknown>, reader = SAMPLE): Promise<{ answer: Answer; message: PhoneMessage }> {
    const answer = await this.send(body);
    must(answer.status === 200, `Status ${answer.status}: ${JSON.stringify(answer.body)}`);
    const { id } = answer.body.data as { id: string };
    return { answer, message: await this.arrived(reader, (one) => one.id === id) };
  }

  /** A group of the first one's; answers its jid. */
  group([creator, ...participants]: [string, ...string[]], subject = 'Group Name'): string {
    return this.sandbox.groups.create({ creator, subject, participants }).jid;
  }

  /** A channel that the first one owns and the others follow. */
  channel(owner: string, ...followers: string[]): string {
    const { jid } = this.sandbox.channels.create({ owner, name: 'Official channel' });
    for (const phone of followers) this.sandbox.channels.follow(jid, { phone });
    return jid;
  }

  /** Something that happens by itself, if it does: on a phone, or in the sandbox. */
  async eventually<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      if (Date.now() > deadline) throw new Error(`Never came: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  private readonly temporary: number[] = [];

  /** What proofs made and left behind makes the next ones slow. */
  async tidy(): Promise<void> {
    for (const id of this.temporary.splice(0)) await this.account('DELETE', `/api/whatsapp-sessions/${id}`);
  }

  /**
   * A session of its own for proofs that change or end one, until `tidy` unless it is to be kept. Linked to a phone of
   * its own when `connected`.
   */
  async session({
    connected = false,
    keep = false,
    ...settings
  }: Record<string, unknown> & { connected?: boolean; keep?: boolean } = {}): Promise<{
    id: number;
    phone: string;
    apiKey: string;
  }> {
    const phone = this.newPhone();
    const { body } = await this.account('POST', '/api/whatsapp-sessions', {
      name: 'Another',
      phone_number: `+${phone}`,
      account_protection: false,
      log_messages: true,
      ...settings,
    });
    const { id, api_key: apiKey } = body.data as { id: number; api_key: string };
    if (!keep) this.temporary.push(id);
    if (connected) {
      const connect = await this.account('POST', `/api/whatsapp-sessions/${id}/connect`);
      await this.sandbox.scan(phone, (connect.body.data as { qrCode: string }).qrCode);
      await this.stage.untilStatus(({ status }) => status === 'connected', id);
    }
    return { id, phone, apiKey };
  }

  private phones = 0;
  /** Another account on another simulated phone. */
  newPhone(name = 'Somebody'): string {
    const phone = `155502${String(++this.phones).padStart(5, '0')}`;
    this.sandbox.addPhone({ phone, name });
    return phone;
  }

  /** The account that session 1 is linked to. */
  own(): { phone: string; jid: string; lid: string } {
    return this.sandbox.phone(OWN);
  }
}

/** Fails with what is there instead. */
export function must(condition: unknown, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
