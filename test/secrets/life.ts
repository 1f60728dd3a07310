import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server as ProxyServer } from 'proxy-chain';
import { Agent } from '../contract/agent.ts';
import { Receiver } from '../engine/receiver.ts';
import { FRIEND, OWN, TOKEN, until, Victim } from '../kill/victim.ts';
import { FileServer } from '../media/file-server.ts';
import { jpeg } from '../media/pictures.ts';
import type { Secrets } from './disk.ts';

/** Linked by a code instead of by scanning. */
const SECOND = '15550100003';

interface Asked {
  body?: unknown;
  /** The answer shows a secret, because that is what it is for. */
  shows?: true;
  headers?: Record<string, string>;
}

/**
 * A session's life with all that goes wrong in one, in the engine as it ships, at the most talkative log level. Every
 * secret in it is known, and so is every byte that the engine said to anybody.
 */
export class Life {
  /** Known to the engine, or found out by it: nowhere on the disk, and said to nobody but by what is made to show it. */
  readonly sealed: Secrets = {};
  /** Handed to the engine as parts of URLs, which it has to keep as they are: said to nobody. */
  readonly handed: Secrets = {};
  /** Every answer that is not made to show a secret. */
  readonly answers: { path: string; bytes: Buffer }[] = [];
  /** How many answers were, and which. */
  readonly shown: string[] = [];

  private constructor(
    readonly victim: Victim,
    readonly receiver: Receiver,
    readonly files: FileServer,
    readonly proxy: ProxyServer,
  ) {}

  static async begin(): Promise<Life> {
    const password = `Pr0xy-${randomBytes(8).toString('hex')}`;
    const proxy = new ProxyServer({
      port: 0,
      host: '127.0.0.1',
      prepareRequestFunction: (request) => ({ requestAuthentication: request.password !== password }),
    });
    await proxy.listen();
    const victim = await Victim.start({
      WARBLER_LOG_LEVEL: 'trace',
      WARBLER_MEDIA_NETWORKS: 'loopback',
      WARBLER_PROXY_NETWORKS: 'loopback',
      WARBLER_LIMITS: 'documented',
    });
    const life = new Life(victim, await Receiver.start(), await FileServer.start(), proxy);
    Object.assign(life.sealed, { WARBLER_TOKEN: TOKEN, proxyPassword: password });
    life.sealed['encryptionKey'] = Buffer.from(
      readFileSync(join(victim.folder, 'sandbox', 'encryption.key'), 'utf8').trim(),
      'base64',
    );
    return life;
  }

  async close(): Promise<void> {
    await Promise.all([this.victim.close(), this.receiver.close(), this.files.close(), this.proxy.close(true)]);
  }

  /** One request; all of its answer is kept. Answers the data. */
  async ask(method: string, path: string, { body, shows, headers = {} }: Asked = {}): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.victim.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'x-warbler-session': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const head = JSON.stringify([...response.headers]);
    const name = `${method} ${path.split('?')[0]} ${response.status}`;
    if (shows) this.shown.push(name);
    else this.answers.push({ path: name, bytes: Buffer.concat([bytes, Buffer.from(head)]) });
    try {
      const parsed = JSON.parse(bytes.toString()) as { data?: Record<string, unknown> };
      return { status: response.status, ...(parsed.data ?? (parsed as Record<string, unknown>)) };
    } catch {
      return { status: response.status };
    }
  }

  async live(): Promise<void> {
    await this.tokens();
    await this.sessions();
    await this.webhooks();
    await this.messages();
    await this.agents();
    await this.mistakes();
    await this.pages();
  }

  private async tokens(): Promise<void> {
    for (const body of [{ name: 'n8n' }, { name: 'agent', scope: { approval: 'writes' } }]) {
      const { token } = await this.ask('POST', '/api/tokens', { body, shows: true });
      this.sealed[`token ${body.name}`] = String(token);
    }
    await this.ask('GET', '/api/tokens');
  }

  /** Session 1 was linked by its QR code; the second is linked by a code through a proxy, the third has a wrong one. */
  private async sessions(): Promise<void> {
    const { sandbox } = this.victim;
    sandbox.addPhone({ phone: SECOND, name: 'Second' });
    const proxyUrl = (password: unknown) => `http://user:${String(password)}@127.0.0.1:${this.proxy.port}`;
    const settings = {
      name: 'Second',
      phone_number: `+${SECOND}`,
      webhook_url: this.receiver.origin,
      webhook_enabled: true,
    };
    const proxy_url = proxyUrl(this.sealed['proxyPassword']);
    await this.ask('POST', '/api/whatsapp-sessions', { body: { ...settings, proxy_url }, shows: true });
    await this.ask('POST', '/api/whatsapp-sessions/2/connect', { shows: true });
    await this.ask('GET', '/api/whatsapp-sessions/2/qrcode', { shows: true });
    const { code } = await this.ask('POST', '/api/whatsapp-sessions/2/pairing-code', { shows: true });
    this.sealed['pairing code'] = String(code);
    await sandbox.linkCode(SECOND, String(code));
    await this.status(2, 'connected');

    this.sealed['wrong proxy password'] = `Wr0ng-${randomBytes(8).toString('hex')}`;
    const wrong = {
      name: 'Third',
      phone_number: '+15550100004',
      proxy_url: proxyUrl(this.sealed['wrong proxy password']),
    };
    await this.ask('POST', '/api/whatsapp-sessions', { body: wrong, shows: true });
    await this.ask('POST', '/api/whatsapp-sessions/3/connect');
    await this.status(3, 'connecting');
    for (const id of [1, 2, 3]) {
      const { api_key, webhook_secret } = await this.ask('GET', `/api/whatsapp-sessions/${id}`, { shows: true });
      Object.assign(this.sealed, {
        [`api key ${id}`]: String(api_key),
        [`webhook secret ${id}`]: String(webhook_secret),
      });
    }
    // The key of before opens nothing, and is nobody's business either.
    await this.ask('POST', '/api/whatsapp-sessions/3/regenerate-key', { shows: true });
    await this.ask('GET', '/api/user', { headers: { authorization: `Bearer ${String(this.sealed['api key 2'])}` } });
    // The list shows no keys, but the addresses of proxies.
    await this.ask('GET', '/api/whatsapp-sessions', { shows: true });
  }

  private status(session: number, wanted: string): Promise<void> {
    return until(
      () => `session ${session} being ${wanted}`,
      async () => {
        const answer = await this.ask('GET', '/api/status', { headers: { 'x-warbler-session': String(session) } });
        return answer['status'] === wanted;
      },
    );
  }

  private async webhooks(): Promise<void> {
    const secretPath = `hook-${randomBytes(8).toString('hex')}`;
    Object.assign(this.handed, {
      'path of a webhook': secretPath,
      'query of a webhook': randomBytes(8).toString('hex'),
    });
    this.receiver.answer = ({ path }) => (path.includes(secretPath) ? 500 : 200);
    const url = `${this.receiver.origin}/${secretPath}?token=${String(this.handed['query of a webhook'])}`;
    const dead = `http://127.0.0.1:9/${secretPath}?token=${String(this.handed['query of a webhook'])}`;
    for (const [name, body] of Object.entries({
      good: { url: `${this.receiver.origin}/good`, events: ['*'] },
      failing: { url, events: ['messages.received'] },
      dead: { url: dead, events: ['messages.received'] },
    })) {
      const { secret } = await this.ask('POST', '/api/whatsapp-sessions/1/webhooks', { body, shows: true });
      this.sealed[`secret of the ${name} webhook`] = String(secret);
      // Either spelling is the secret.
      this.sealed[`bytes of the secret of the ${name} webhook`] = Buffer.from(String(secret).slice(6), 'base64');
    }
  }

  private async messages(): Promise<void> {
    const { sandbox } = this.victim;
    const came = (count: number) =>
      until(
        () => `${count} messages at the receiver`,
        () =>
          this.receiver.requests.filter(({ path, event }) => path === '/good' && event.event === 'messages.received')
            .length >= count,
      );
    await sandbox.send(FRIEND, { to: OWN, text: 'Hello' });
    await came(1);
    await this.ask('POST', '/api/send-message', { body: { to: `+${FRIEND}`, text: 'Hello back', wait: true } });
    const { jid } = sandbox.groups.create({ creator: FRIEND, subject: 'Choir', participants: [OWN] });
    await until(
      () => 'the group',
      () => this.receiver.requests.some(({ event }) => event.event === 'groups.upsert'),
    );
    await sandbox.send(FRIEND, { to: jid, text: 'Hello all' });
    await came(2);
    await this.ask('POST', '/api/send-message', { body: { to: jid, text: 'Hello choir', wait: true } });

    const signature = `sig-${randomBytes(8).toString('hex')}`;
    this.handed['signature of a file'] = signature;
    const file = this.files.put(`/picture.jpg?signature=${signature}`, await jpeg(), 'image/jpeg');
    await this.ask('POST', '/api/send-message', { body: { to: `+${FRIEND}`, imageUrl: file, wait: true } });
    for (const imageUrl of [
      `${this.files.url}/gone.jpg?signature=${signature}`,
      `http://127.0.0.1:9/x?signature=${signature}`,
    ]) {
      await this.ask('POST', '/api/send-message', { body: { to: `+${FRIEND}`, imageUrl } });
    }
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    await this.ask('POST', '/api/send-message', { body: { to: `+${FRIEND}`, text: 'Later', scheduledAt } });
    await this.ask('POST', '/api/send-bulk', { body: { numbers: [`+${FRIEND}`], message: 'To many' } });
    await this.ask('GET', '/api/whatsapp-sessions/1/deliveries');
    await this.ask('GET', '/api/whatsapp-sessions/1/message-logs');
    await this.ask('GET', '/api/whatsapp-sessions/1/session-logs');
    // An end, and a login after it.
    await this.ask('POST', '/api/whatsapp-sessions/1/restart');
    await sandbox.send(FRIEND, { to: OWN, text: 'Once more' });
    await came(3);
  }

  /** An agent asks for a QR code, a person approves. */
  private async agents(): Promise<void> {
    const body = { name: 'Fourth', phone_number: '+15550100005' };
    const { id, api_key } = await this.ask('POST', '/api/whatsapp-sessions', { body, shows: true });
    this.sealed['api key 4'] = String(api_key);
    const agent = await Agent.connect(this.victim.url, String(this.sealed['token agent']));
    const said = (name: string, answer: unknown) =>
      this.answers.push({ path: `tool ${name}`, bytes: Buffer.from(JSON.stringify(answer)) });
    said('list_whatsapp_sessions', await agent.call('list_whatsapp_sessions'));
    said('get_specific_whatsapp_session', await agent.call('get_specific_whatsapp_session', { session_id: 2 }));
    said('send_text_message', await agent.call('send_text_message', { to: 'nobody', session_id: 99 }));
    const connecting = agent.client.callTool({ name: 'connect_whatsapp_session', arguments: { session_id: id } });
    await until(
      () => 'the approval',
      async () => (await this.ask('POST', '/api/approvals/1/approve'))['status'] === 'approved',
    );
    const { content } = (await connecting) as { content: { type: string; data?: string }[] };
    this.sealed['picture of a QR code'] = content.find(({ type }) => type === 'image')!.data!.slice(100, 300);
    const { qrCode } = await this.ask('GET', `/api/whatsapp-sessions/${String(id)}/qrcode`, { shows: true });
    this.sealed['QR code'] = String(qrCode);
    await this.ask('GET', '/api/approvals');
    await agent.close();
  }

  /** What callers do wrong, each with a secret in the wrong place. */
  private async mistakes(): Promise<void> {
    const stray = (this.sealed['stray secret'] = `Str4y-${randomBytes(12).toString('hex')}`);
    const wrong = (headers: Record<string, string>) => this.ask('GET', '/api/status', { headers });
    await wrong({ authorization: `Bearer ${stray}` });
    await wrong({ authorization: `Basic ${stray}` });
    await wrong({ 'x-warbler-session': stray });
    await this.ask('GET', `/api/contacts?token=${stray}`);
    await this.ask('GET', `/api/nowhere?token=${stray}`);
    await this.ask('POST', '/api/send-message', { body: `{"to": "${stray}` });
    await this.ask('POST', '/api/send-message', {
      body: { to: FRIEND, text: 'x' },
      headers: { 'idempotency-key': `${stray} x` },
    });
    const create = (body: object) =>
      this.ask('POST', '/api/whatsapp-sessions', { body: { name: 'X', phone_number: '+15550100009', ...body } });
    await create({ proxy_url: `http://u:${stray}@10.0.0.1:1` });
    await create({ proxy_url: `http://u:${stray}@127.0.0.1:1/path` });
    await create({ proxy_url: { password: stray } });
    await create({ webhook_url: `http://u:${stray}@127.0.0.1:1/` });
    await create({ webhook_url: `ftp://127.0.0.1/${stray}` });
    const hook = (body: object) =>
      this.ask('POST', '/api/whatsapp-sessions/1/webhooks', { body: { events: ['*'], ...body } });
    await hook({ url: this.receiver.origin, secret: `whsec_${stray}` });
    await hook({ url: `http://169.254.169.254/${stray}?token=${stray}` });
    await this.ask('POST', '/api/send-message', {
      body: { to: FRIEND, imageUrl: `http://u:${stray}@127.0.0.1/x.jpg` },
    });
    await this.ask('POST', '/api/send-message', {
      body: { to: FRIEND, imageUrl: `http://169.254.169.254/x?sig=${stray}` },
    });
    await this.ask('POST', '/mcp', { body: { jsonrpc: '2.0', id: 1, method: stray } });
    await this.ask('GET', `/sandbox/phones/${OWN}`);
  }

  private async pages(): Promise<void> {
    for (const path of ['/', '/healthz', '/readyz', '/metrics', '/docs', '/docs/api.md', '/openapi.json']) {
      await this.ask('GET', path);
      const { path: name } = this.answers.at(-1)!;
      if (name !== `GET ${path} 200`) throw new Error(name);
    }
  }
}
