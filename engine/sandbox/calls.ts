import { randomBytes } from 'node:crypto';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { mayCall } from './privacy.ts';
import { child, children, now, stanza, type Stanza } from './stanza.ts';

/** What has become of a call at one of those who were called. */
export type CallOutcome = 'ringing' | 'accepted' | 'rejected' | 'missed' | 'ended';

/** One of those who were called. A caller whom they have blocked, or silence as unknown, never rings there: `silent`. */
export interface Called {
  phone: string;
  outcome: CallOutcome;
  /** Number of the device that took or refused the call. */
  device: number | null;
  silent: boolean;
}

export interface Call {
  id: string;
  caller: string;
  callerDevice: number;
  group: string | null;
  video: boolean;
  /** Why nobody is in it any more: nobody answered in time, or the caller gave up first. */
  reason: 'timeout' | 'cancelled' | null;
  started: number;
  ended: number | null;
  called: Called[];
}

interface CallRow {
  id: string;
  caller: string;
  caller_device: number;
  group_jid: string | null;
  video: number;
  reason: Call['reason'];
  offer: string;
  rings_until: number;
  started: number;
  ended: number | null;
}

/** What a caller asks for. */
export interface NewCall {
  to: Account[];
  group?: string | undefined;
  video: boolean;
  ringMs: number;
}

/** WhatsApp lets a call ring this long. */
export const RING_MS = 45_000;
const PLATFORM = { platform: 'android', version: '2.25.37.76' };

/**
 * Calls, as far as the server and linked devices see them: who rings, who takes it, who refuses it, and how it ends.
 * What is said and seen goes from phone to phone and is not simulated, so that offers carry no keys for it.
 *
 * Everybody is called by LID, with the caller's number beside it (`caller_pn`). A device that is away while it rings
 * finds a notice of the offer and its end when it comes back.
 */
export class Calls {
  readonly #network: Network;
  readonly #ringing = new Map<string, NodeJS.Timeout>();

  constructor(network: Network) {
    this.#network = network;
    const rows = network.store.all<CallRow>('select * from calls where ended is null');
    for (const { id, rings_until: until } of rows) this.#ring(id, until - Date.now());
  }

  /** Nothing rings any more: the sandbox goes down. What rings goes on when it is up again. */
  stop(): void {
    for (const timer of this.#ringing.values()) clearTimeout(timer);
    this.#ringing.clear();
  }

  get(id: string): Call | undefined {
    const row = this.#network.store.get<CallRow>('select * from calls where id = ?', id);
    return row && this.#call(row);
  }

  /** The account's calls in both directions, oldest first. One whose caller is blocked is not among them. */
  of(phone: string): Call[] {
    return this.#network.store
      .all<CallRow>(
        `select * from calls where caller = ? or exists (select 1 from called where call = id and phone = ? and silent = 0)
         order by started, rowid`,
        ...[phone, phone],
      )
      .map((row) => this.#call(row));
  }

  /** A device calls: everybody's devices ring. Returns the call's id. */
  start(
    from: Sender,
    { to, group, video, ringMs }: NewCall,
    id = randomBytes(16).toString('hex').toUpperCase(),
  ): string {
    const { store, outbox } = this.#network;
    const offerId = this.#network.newId();
    store.transaction(() => {
      store.run(
        `insert into calls (id, caller, caller_device, group_jid, video, offer, rings_until, started)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[id, from.account.phone, from.device.id, group ?? null, video ? 1 : 0, offerId, Date.now() + ringMs, now()],
      );
      for (const account of to) {
        const silent = !mayCall(this.#network, account.phone, from.account.phone);
        store.run('insert into called (call, phone, silent) values (?, ?, ?)', id, account.phone, silent ? 1 : 0);
        if (silent) continue;
        const offer = this.#envelope(from, offerId, offerNode(from, { id, group, video }));
        for (const device of this.#network.accounts.devices(account.phone)) {
          outbox.enqueue(device, offer, offer.attrs['from'] ?? '');
        }
      }
    });
    this.#ring(id, ringMs);
    return id;
  }

  /** One of the called takes it; it stops ringing on the account's other devices. False when it does not ring there. */
  accept(by: Sender, id: string): boolean {
    return this.#settle(by, id, 'accepted', 'accepted_elsewhere');
  }

  /** One of the called refuses it; it stops ringing on the account's other devices, and the caller is told. */
  reject(by: Sender, id: string): boolean {
    return this.#settle(by, id, 'rejected', 'rejected_elsewhere');
  }

  /** Somebody who is in the call, or the caller of one that rings, ends it. False when that is over already. */
  hangUp(by: Sender, id: string): boolean {
    const call = this.get(id);
    if (!call || call.ended !== null) return false;
    if (call.caller === by.account.phone) {
      this.#finish(by, call, 'cancelled', undefined);
      return true;
    }
    const mine = call.called.find(({ phone, outcome }) => phone === by.account.phone && outcome === 'accepted');
    const caller = this.#callerOf(call);
    if (!mine || !caller) return false;
    this.#network.store.transaction(() => {
      this.#setOutcome(id, mine.phone, 'ended', mine.device);
      this.#tellCaller(by, call, stanza('terminate', names(caller, id)));
      this.#endWhenOver(id);
    });
    return true;
  }

  /** Nobody has answered in time. */
  #timedOut(id: string): void {
    this.#ringing.delete(id);
    const call = this.get(id);
    const caller = call && this.#callerOf(call);
    if (!call || call.ended !== null || !caller) return;
    if (call.called.some(({ outcome }) => outcome === 'accepted')) {
      this.#network.store.transaction(() => this.#silence(caller, call, 'missed', 'timeout'));
      return;
    }
    this.#finish(caller, call, 'timeout', 'timeout');
  }

  #settle(by: Sender, id: string, outcome: 'accepted' | 'rejected', elsewhere: string): boolean {
    const call = this.get(id);
    const mine = call?.called.find(({ phone }) => phone === by.account.phone);
    if (!call || call.ended !== null || mine?.outcome !== 'ringing' || mine.silent) return false;
    const caller = this.#callerOf(call);
    if (!caller) return false;
    const tag = outcome === 'accepted' ? 'accept' : 'reject';
    this.#network.store.transaction(() => {
      this.#setOutcome(id, mine.phone, outcome, by.device.id);
      this.#tellCaller(by, call, stanza(tag, { ...names(caller, id), count: tag === 'reject' ? 0 : undefined }));
      this.#terminate(caller, call, [mine.phone], elsewhere, by.device);
      this.#endWhenOver(id);
    });
    return true;
  }

  /** The whole call is over, for everybody. */
  #finish(by: Sender, call: Call, reason: 'timeout' | 'cancelled', told: string | undefined): void {
    const caller = this.#callerOf(call);
    this.#network.store.transaction(() => {
      const talking = call.called.filter(({ outcome }) => outcome === 'accepted');
      if (caller) {
        this.#silence(caller, call, 'missed', told);
        this.#terminate(
          caller,
          call,
          talking.map(({ phone }) => phone),
          undefined,
          undefined,
        );
      }
      for (const { phone, device } of talking) this.#setOutcome(call.id, phone, 'ended', device);
      this.#tellCaller(by, call, stanza('terminate', { ...names(caller ?? by, call.id), reason: told }));
      this.#end(call.id, talking.length > 0 ? null : reason);
    });
  }

  /** It stops ringing where it still does. */
  #silence(caller: Sender, call: Call, outcome: CallOutcome, reason: string | undefined): void {
    const ringing = call.called.filter((one) => one.outcome === 'ringing');
    for (const { phone } of ringing) this.#setOutcome(call.id, phone, outcome, null);
    const heard = ringing.filter(({ silent }) => !silent).map(({ phone }) => phone);
    this.#terminate(caller, call, heard, reason, undefined);
  }

  /** Tells the devices of some of the called that it is over there; those that were away get a notice in the offer's place. */
  #terminate(
    caller: Sender,
    call: Call,
    phones: string[],
    reason: string | undefined,
    except: Device | undefined,
  ): void {
    const { store, outbox, accounts } = this.#network;
    const offer = store.get<{ offer: string }>('select offer from calls where id = ?', call.id)?.offer ?? '';
    for (const phone of phones) {
      outbox.replace(phone, 'call', offer, this.#envelope(caller, offer, noticeNode(caller, call)));
      const terminate = stanza('terminate', { ...names(caller, call.id), reason });
      const told = this.#envelope(caller, this.#network.newId(), terminate);
      for (const device of accounts.devices(phone)) {
        if (device.id !== except?.id) outbox.enqueue(device, told, told.attrs['from'] ?? '');
      }
    }
  }

  /** Something that one of the called (or the server, in the name of one) says to the device that called. */
  #tellCaller(by: Sender, call: Call, said: Stanza): void {
    const device = this.#network.accounts.device(call.caller, call.callerDevice);
    if (!device || (by.account.phone === device.phone && by.device.id === device.id)) return;
    const told = this.#envelope(by, this.#network.newId(), said);
    this.#network.outbox.enqueue(device, told, told.attrs['from'] ?? '');
  }

  #endWhenOver(id: string): void {
    const open = this.get(id)?.called.some(({ outcome }) => outcome === 'ringing' || outcome === 'accepted');
    if (!open) this.#end(id, null);
  }

  #end(id: string, reason: Call['reason']): void {
    clearTimeout(this.#ringing.get(id));
    this.#ringing.delete(id);
    this.#network.store.run('update calls set ended = ?, reason = ? where id = ?', now(), reason, id);
  }

  #setOutcome(id: string, phone: string, outcome: CallOutcome, device: number | null): void {
    this.#network.store.run(
      'update called set outcome = ?, device = ? where call = ? and phone = ?',
      ...[outcome, device, id, phone],
    );
  }

  #ring(id: string, ms: number): void {
    const timer = setTimeout(() => this.#timedOut(id), Math.max(0, ms));
    this.#ringing.set(id, timer.unref());
  }

  #callerOf(call: Call): Sender | undefined {
    const { accounts } = this.#network;
    const account = accounts.get(call.caller);
    // the phone stands in for a device that has been unlinked meanwhile
    const device = accounts.device(call.caller, call.callerDevice) ?? accounts.device(call.caller, 0);
    return account && device && { account, device };
  }

  #envelope(from: Sender, id: string, content: Stanza): Stanza {
    const notify = from.device.id === 0 ? from.account.name : from.device.pushName;
    const attrs = { from: jidOf(from.account, 'lid', from.device.id), id, t: now(), notify, ...PLATFORM };
    return stanza('call', attrs, [content]);
  }

  #call(row: CallRow): Call {
    const called = this.#network.store.all<Omit<Called, 'silent'> & { silent: number }>(
      'select phone, outcome, device, silent from called where call = ? order by rowid',
      row.id,
    );
    return {
      id: row.id,
      caller: row.caller,
      callerDevice: row.caller_device,
      group: row.group_jid,
      video: row.video === 1,
      reason: row.reason,
      started: row.started,
      ended: row.ended,
      called: called.map(({ silent, ...one }) => ({ ...one, silent: silent === 1 })),
    };
  }
}

type Offered = Pick<NewCall, 'group' | 'video'> & { id: string };

/** How everything that concerns a call names it. */
function names(caller: Sender, id: string): Record<string, string> {
  return { 'call-id': id, 'call-creator': jidOf(caller.account, 'lid', caller.device.id) };
}

function offerNode(caller: Sender, { id, group, video }: Offered): Stanza {
  const content = [stanza('audio', { enc: 'opus', rate: 8000 }), stanza('audio', { enc: 'opus', rate: 16_000 })];
  if (video) content.push(stanza('video', { enc: 'vp8', dec: 'vp8', orientation: 0, screen_width: 1080 }));
  content.push(stanza('net', { medium: 3 }), stanza('capability', { ver: 1 }), stanza('encopt', { keygen: 2 }));
  const { phone } = caller.account;
  const attrs = { ...names(caller, id), caller_pn: jidOf({ phone, lid: '' }, 'pn') };
  return stanza('offer', { ...attrs, ...ofGroup(group) }, content);
}

function noticeNode(caller: Sender, { id, group, video }: Pick<Call, 'id' | 'group' | 'video'>): Stanza {
  const caller_pn = jidOf(caller.account, 'pn');
  const media = video ? 'video' : 'audio';
  return stanza('offer_notice', { ...names(caller, id), caller_pn, media, ...ofGroup(group) });
}

const ofGroup = (group: string | null | undefined) => (group ? { 'group-jid': group, type: 'group' } : {});

/**
 * `<call>` of a device: `offer`, `accept`, `reject` and `terminate` change a call; `preaccept`, `transport`,
 * `relaylatency` and the like are for the media and go nowhere here; `link_create` makes a link that others could join
 * by. Everything is acknowledged, also what comes too late, as WhatsApp does.
 */
export function routeCall(network: Network, from: Sender, node: Stanza): Stanza {
  const said = child(node);
  const { id, to } = node.attrs;
  const callId = said?.attrs['call-id'] ?? '';
  const ack = (content?: Stanza[]): Stanza =>
    stanza('ack', { class: 'call', id, from: to, type: said?.tag, t: now() }, content);
  switch (said?.tag) {
    case 'offer': {
      const called = network.accounts.find(to)?.account;
      const video = child(said, 'video') !== undefined;
      if (called && callId !== '' && !network.calls.get(callId)) {
        network.calls.start(from, { to: [called], video, ringMs: RING_MS, group: said.attrs['group-jid'] }, callId);
      }
      break;
    }
    case 'accept':
      network.calls.accept(from, callId);
      break;
    case 'reject':
      network.calls.reject(from, callId);
      break;
    case 'terminate':
      network.calls.hangUp(from, callId);
      break;
    case 'link_create': {
      const media = said.attrs['media'] === 'video' ? 'video' : 'audio';
      const start = children(said, 'event')[0]?.attrs['start_time'];
      return ack([stanza('link_create', { token: randomBytes(16).toString('base64url'), media, start_time: start })]);
    }
  }
  return ack();
}
