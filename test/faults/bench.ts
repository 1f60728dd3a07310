import type { EventEnvelope } from '../../engine/events.ts';
import { MESSAGE_STATUS } from '../../engine/model.ts';
import type { FaultRequest } from '../../engine/sandbox/index.ts';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage, textsOf, type Answer } from '../whatsapp/stage.ts';
import { TABLE, type Cell, type Outcome, type Row } from './table.ts';

type Direction = 'inbound' | 'outbound' | 'pairing';

const MINUTE_MS = 60_000;
/** Longer than the pauses between the tries of a message, shorter than any restriction of the table. */
const PAUSES_MS = 30 * MINUTE_MS;
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** A connection that is silent for so long is asked whether it lives; this is real time. */
const PULSE = { silentMs: 1500, answerMs: 1500, dealtMs: 60_000 };

/** The rows of the table with something to see in a direction; the others are tried all together. */
const rowsOf = (direction: Direction) => TABLE.filter((row) => row[direction].na === undefined);
const untouched = (direction: Direction) => TABLE.filter((row) => row[direction].na !== undefined);

/** Every cell of a direction as a test; how many are as documented is printed at the end. */
export function matrix(direction: Direction, cell: (bench: Bench, row: Row) => Promise<void>): void {
  const rows = rowsOf(direction);
  const others = untouched(direction).length;
  let bench: Bench;
  let asDocumented = 0;
  beforeAll(async () => void (bench = await Bench.open()));
  afterEach(() => bench.clear());
  afterAll(async () => {
    await bench?.close();
    console.log(`${direction}: ${rows.length + others} faults, ${asDocumented} as documented`);
  });

  test.each(rows.map((row) => [row.id, row] as const))(
    `${direction}, %s`,
    async (_id, row) => {
      await cell(bench, row);
      asDocumented++;
    },
    60_000,
  );

  test(`${direction}, with all the faults at once that are said not to touch it`, async () => {
    await bench.untouched(direction);
    asDocumented += others;
  });
}

/** A stage on which one cell of the table after the other is tried; each leaves it connected and without faults. */
export class Bench {
  readonly clock = new TestClock(Date.now());
  stage!: Stage;
  private group = '';
  private count = 0;

  static async open(): Promise<Bench> {
    const bench = new Bench();
    bench.stage = await Stage.open({ clock: bench.clock, pulse: PULSE });
    bench.group = bench.stage.sandbox.groups.create({ creator: OWN, subject: 'Team', participants: [FRIEND] }).jid;
    await bench.arrives('a chat first');
    await bench.isSent('a chat first');
    return bench;
  }

  close(): Promise<void> {
    return this.stage.close();
  }

  // --- in and out, on session 1 ---

  /** A friend's message comes in under a fault. */
  async inbound(row: Row, path: 'live' | 'backlog'): Promise<void> {
    const cell = row.inbound;
    const text = this.text(row.id);
    const since = await this.now();
    const away = path === 'backlog' || cell.when === 'connecting';
    if (away) await this.call('disconnect');
    else this.inject(row, cell);
    // Some faults strike at once, others with the message.
    const atOnce = !away && [cell.request ?? row.request].flat().every((request) => !('match' in request));
    if (cell.session && atOnce) await this.untilSession(cell.session, since);
    const { id } = await this.comes(cell, text);
    if (cell.session && !atOnce && !away) await this.untilSession(cell.session, since);
    if (away) {
      this.inject(row, cell);
      await this.call('connect');
      if (cell.session) await this.untilSession(cell.session, since);
    }
    if (cell.event) await this.untilEvent(cell.event, since, cell.event.startsWith('message') ? id : '');
    if (['arrives', 'recovered'].includes(cell.fate!)) await this.arrived(text);
    if (cell.copies) await this.stage.untilTrue(() => this.copies(id) >= cell.copies!);
    await this.restore(cell);
    await this.arrives(`behind ${text}`);
    const readable = !['unreadable', 'phone'].includes(cell.fate!);
    expect((await this.told()).filter((one) => one === text)).toHaveLength(readable ? 1 : 0);
    const told = (await this.stage.events('message.undecryptable')).filter((one) => JSON.stringify(one).includes(id));
    expect(told).toHaveLength(cell.event === 'message.undecryptable' ? 1 : 0);
    await this.isSent(`out behind ${text}`);
  }

  /** A message is sent under a fault. */
  async outbound(row: Row): Promise<void> {
    const cell = row.outbound;
    const text = this.text(row.id);
    const since = await this.now();
    const { request, recipient } = this.message(cell.to ?? 'friend', text);
    if (cell.when === 'connecting') await this.call('disconnect');
    this.inject(row, cell);
    if (cell.when === 'connecting') await this.call('connect');
    const struck = cell.when === 'connecting' || cell.when === 'struck';
    if (cell.event === 'account.restricted') await this.untilEvent(cell.event, since, '');
    if (cell.session && struck) await this.untilSession(cell.session, since);
    const wait = cell.fate !== 'late';
    const sent = this.stage.call('POST', '/api/send-message', { ...request, wait });
    // Pauses between tries are the engine's: nobody waits for them. A restriction goes on meanwhile.
    const answer = cell.session || !wait ? sent : this.clock.until(sent, PAUSES_MS);
    if (cell.session && !struck) await this.untilSession(cell.session, since);
    if (cell.answer) expect(codeOf(await answer)).toBe(cell.answer);
    if (!wait) {
      expect(codeOf(await answer)).toBe('200');
    }
    await this.restore(cell, () => (wait && !cell.answer ? answer : undefined));
    if (!cell.answer) expect(codeOf(await answer)).toBe('200');
    const { msgId } = ((await answer).body.data ?? {}) as { msgId?: number };
    if (!wait) {
      await this.stage.untilTrue(async () => {
        // Its pause begins when WhatsApp has refused, which may yet have to happen.
        this.clock.advance(MINUTE_MS);
        return sentEvents(await this.stage.events()).some((event) => event.msgId === msgId);
      });
    }
    await this.isSent(`behind ${text}`, recipient);
    const there = this.stage.sandbox.messages(recipient).filter((one) => one.text === text && !one.fromMe);
    expect(there).toHaveLength(cell.fate === 'never' ? 0 : 1);
    if (msgId) {
      const told = sentEvents(await this.stage.events()).filter((event) => event.msgId === msgId);
      expect(told).toMatchObject([{ success: true }]);
      if (cell.to !== 'group') await this.isDelivered(msgId);
    }
    if (cell.event === 'message.sent') {
      const failed = (await this.stage.events('message.sent')).filter(({ seq }) => seq > since).map(({ data }) => data);
      expect(failed[0]).toMatchObject({ success: false, error: expect.any(String) });
    }
    await this.arrives(`in behind ${text}`);
  }

  /** Every step of a message is told once. */
  private async isDelivered(msgId: number): Promise<void> {
    const statuses = (events: EventEnvelope[]) =>
      events
        .filter(({ event }) => event === 'messages.update')
        .map(({ data }) => data as { msgId: number; update: { status: number } })
        .flatMap((one) => (one.msgId === msgId ? one.update.status : []));
    await this.stage.until((events) => statuses(events).includes(MESSAGE_STATUS.delivered));
    const told = statuses(await this.stage.events());
    expect(told).toEqual([...new Set(told)]);
  }

  /** How often a message was given to the engine. */
  private copies(id: string): number {
    return this.stage.sandbox
      .stanzas({ phone: OWN, limit: 20_000 })
      .map(({ direction, stanza }) => `${direction} ${JSON.stringify(stanza)}`)
      .filter((one) => one.startsWith('out {"tag":"message"') && one.includes(id)).length;
  }

  private message(to: NonNullable<Row['outbound']['to']>, text: string) {
    if (to === 'group') return { request: { to: this.group, text }, recipient: FRIEND };
    if (to === 'image') return { request: { to: FRIEND, text, imageUrl: PICTURE }, recipient: FRIEND };
    const recipient = to === 'friend' ? FRIEND : this.phone();
    return { request: { to: recipient, text }, recipient };
  }

  /** Behind a cell that has failed: the next one shall not suffer from it. */
  async clear(): Promise<void> {
    this.stage.sandbox.removeFaults();
    const { stoppedUntil } = this.stage.engine.sessions.get(1).governor;
    this.clock.advance(Math.max(0, stoppedUntil - this.clock.now()));
    if ((await this.stage.status()) !== 'connected') await this.call('connect');
  }

  // --- pairing, of a session of its own ---

  async pairing(row: Row): Promise<void> {
    const cell = row.pairing;
    const { sandbox } = this.stage;
    const phone = this.phone();
    const created = await this.stage.call('POST', '/api/whatsapp-sessions', { name: row.id, phone_number: phone });
    const { id } = created.body.data as { id: number };
    const { at = 'before' } = cell;
    if (at !== 'before') await this.call('connect', id);
    this.inject(row, cell, phone);
    if (at === 'before') await this.call('connect', id);
    if (at === 'scan') await this.scan(id, phone).catch(() => {});
    if (cell.by === 'pairing code') {
      const asked = await this.stage.call('POST', `/api/whatsapp-sessions/${id}/pairing-code`, {});
      expect(codeOf(asked)).toBe(cell.answer ?? '200');
      if (!cell.answer) await sandbox.linkCode(phone, (asked.body.data as { code: string }).code);
    }
    if (cell.session) await this.untilSession(cell.session, 0, id);
    if (cell.fate === 'links' && !cell.session) await this.link(id, phone);
    await this.hasStruck(cell);
    sandbox.removeFaults();
    if (cell.back === 'connect') {
      expect(await this.stage.status(id)).toBe(cell.session![0]);
      await this.call('connect', id);
    }
    await this.link(id, phone);
    const text = this.text(row.id);
    await sandbox.send(FRIEND, { to: phone, text });
    await this.stage.until((events) => textsOf(events).filter((one) => one === text).length === 1, id);
    expect((await this.stage.call('DELETE', `/api/whatsapp-sessions/${id}`)).status).toBe(204);
    sandbox.removePhone(phone);
  }

  /** Scans whatever code the session shows, until it is connected. */
  private async link(id: number, phone: string): Promise<void> {
    const session = this.stage.engine.sessions.get(id);
    let scanned = '';
    await this.stage.untilTrue(async () => {
      if (session.qr && session.qr !== scanned) {
        scanned = session.qr;
        await this.scan(id, phone);
      }
      return this.isBack(id);
    });
  }

  private async scan(id: number, phone: string): Promise<void> {
    await this.stage.sandbox.scan(phone, this.stage.engine.sessions.get(id).qr!);
  }

  // --- faults that touch nothing ---

  /** All faults at once that are said to leave a direction alone: it goes as if there were none. */
  async untouched(direction: Direction): Promise<void> {
    const rows = untouched(direction);
    const none: Cell<never> = {};
    const id = `without effect on ${direction}`;
    const row = { id, request: rows.flatMap(({ request }) => request), inbound: none, outbound: none, pairing: none };
    const all = { ...row, fault: 'drop', what: '' } as Row;
    const cell = { request: all.request, silent: true };
    if (direction === 'inbound') await this.inbound({ ...all, inbound: { ...cell, fate: 'arrives' } }, 'live');
    if (direction === 'outbound') await this.outbound({ ...all, outbound: { ...cell, fate: 'sent' } });
    if (direction !== 'pairing') return;
    for (const by of ['QR code', 'pairing code'] as const) {
      await this.pairing({ ...all, pairing: { ...cell, by, at: 'waiting', fate: 'links' } });
    }
  }

  // --- what the cells are made of ---

  private inject(row: Row, cell: Partial<Outcome>, phone = OWN): void {
    for (const request of [cell.request ?? row.request].flat()) {
      this.stage.sandbox.addFault({ ...request, ...this.whom(request, phone) } as FaultRequest);
    }
  }

  /** A client that is not logged in has no number yet. */
  private whom({ fault, ...request }: FaultRequest, phone: string): { phone?: string } {
    const nobody = ['wrong-root', 'wrong-signature', 'stolen-certificate'].includes(fault) || phone !== OWN;
    const early = 'match' in request && request.match === 'handshake';
    if ('phone' in request) return { phone };
    return nobody || early ? {} : { phone };
  }

  /** A cell of which the fault has not struck would say nothing. */
  private async hasStruck({ silent }: Partial<Outcome>): Promise<void> {
    if (!silent) await this.stage.untilTrue(() => this.stage.sandbox.faults().every(({ fired }) => fired > 0));
  }

  /** The fault is over, and the session is connected again in the way that the cell says. */
  private async restore(cell: Partial<Outcome>, before: () => unknown = () => {}): Promise<void> {
    const { sandbox } = this.stage;
    if (!cell.session) await before();
    await this.hasStruck(cell);
    sandbox.removeFaults();
    if (cell.back === 'connect' || cell.back === 'scan') {
      expect(await this.stage.status()).toBe(cell.session![0]);
      if (cell.back === 'scan') sandbox.unlink(OWN);
      await this.call('connect');
      expect(await this.stage.status()).toBe(cell.back === 'scan' ? 'need_scan' : 'connected');
      if (cell.back === 'scan') await this.scan(1, OWN);
    }
    await this.comesBack();
    if (!cell.session) await this.stage.untilTrue(() => !this.stage.engine.sessions.get(1).governor.holdsNewChats);
  }

  /** Nobody waits for the pauses between two tries to connect. */
  private async comesBack(id = 1): Promise<void> {
    await this.stage.untilTrue(() => this.isBack(id));
  }

  private isBack(id: number): boolean {
    const { status, reason } = this.stage.engine.sessions.get(id).status;
    // Where no time is told (515), it is soon.
    const pause = (reason?.retryAt ?? this.clock.now() + 1000) - this.clock.now();
    if (status === 'connecting' && pause > 0) this.clock.advance(pause);
    return status === 'connected';
  }

  private async call(what: 'connect' | 'disconnect', id = 1): Promise<void> {
    const { status, body } = await this.stage.call('POST', `/api/whatsapp-sessions/${id}/${what}`);
    // That WhatsApp cannot be had is an answer, too; it is tried again all the same.
    if (status !== 200) expect(body).toMatchObject({ code: 'whatsapp_unreachable' });
  }

  private async untilSession([status, reason]: Outcome['session'], since: number, id = 1): Promise<void> {
    const isTold = ({ event, seq, data }: EventEnvelope) => {
      const told = data as { status: string; reason?: { code: string } };
      return event === 'session.status' && seq > since && told.status === status && told.reason?.code === reason;
    };
    await this.stage.untilTrue(async () => {
      if ((await this.stage.events(undefined, id)).some(isTold)) return true;
      // It may come of the next try.
      this.isBack(id);
      return false;
    });
  }

  private async untilEvent(name: string, since: number, about: string): Promise<void> {
    await this.stage.until((events) =>
      events.some((one) => one.event === name && one.seq > since && JSON.stringify(one.data).includes(about)),
    );
  }

  private async now(): Promise<number> {
    return (await this.stage.events()).at(-1)?.seq ?? 0;
  }

  private async arrives(text: string): Promise<void> {
    await this.stage.sandbox.send(FRIEND, { to: OWN, text });
    await this.arrived(text);
  }

  private async arrived(text: string): Promise<void> {
    await this.stage.untilTrue(async () => (await this.told()).includes(text));
  }

  /** A friend writes, or names the group otherwise. */
  private async comes({ brings }: Row['inbound'], text: string): Promise<{ id: string }> {
    if (brings !== 'notification') return this.stage.sandbox.send(FRIEND, { to: OWN, text });
    this.stage.sandbox.groups.setSubject(this.group, { by: OWN, subject: text });
    return { id: '' };
  }

  /** Texts and subjects, as often as they were told. */
  private async told(): Promise<string[]> {
    const events = await this.stage.events();
    const subjects = events
      .filter(({ event }) => event === 'groups.update')
      .flatMap(({ data }) => (data as { subject?: string }[]).flatMap(({ subject }) => subject ?? []));
    return [...textsOf(events), ...subjects];
  }

  private async isSent(text: string, to = FRIEND): Promise<void> {
    const answer = await this.stage.send(to, text);
    expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
    await this.stage.untilTrue(() => this.stage.sandbox.messages(to).some((one) => one.text === text));
  }

  private phone(): string {
    const phone = `1555040${1000 + this.count++}`;
    this.stage.sandbox.addPhone({ phone });
    return phone;
  }

  private text(id: string): string {
    return `${id} ${this.count++}`;
  }
}

const codeOf = ({ status, body }: Answer) => (status < 300 ? String(status) : `${status} ${body.code}`);

const sentEvents = (events: EventEnvelope[]) =>
  events.filter(({ event }) => event === 'message.sent').map(({ data }) => data as { msgId: number; success: boolean });
