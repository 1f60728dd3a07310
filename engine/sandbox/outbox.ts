import type { Device } from './accounts.ts';
import { decodeStanza, encodeStanza, type Stanza } from './stanza.ts';
import type { Store } from './store.ts';

/** A stanza that a device has not yet acknowledged. */
export interface Pending {
  seq: number;
  tag: string;
  sender: string;
  stanza: Stanza;
}

interface OutboxRow {
  seq: number;
  tag: string;
  sender: string;
  stanza: Buffer;
}

type Address = Pick<Device, 'phone' | 'id'>;

/** How far a message has come at one device. */
export interface Delivery {
  phone: string;
  device: number;
  status: 'pending' | 'delivered' | 'read';
  /** False when the device took it without anybody being there to see it (receipt `type=inactive`). */
  active: boolean;
  /** Code with which the device refused it, if it did. */
  error: string | null;
}

/**
 * What every device still has to be given: messages, receipts and notifications, in the order in which they came.
 * A stanza leaves only when the device has acknowledged it; until then it is on disk and is given again, in order,
 * at the next login.
 */
export class Outbox {
  readonly #store: Store;
  readonly #push: (to: Address, node: Stanza) => void;

  /** `push` is called for every new stanza once it is on disk, for the case that the device is there right now. */
  constructor(store: Store, push: (to: Address, node: Stanza) => void) {
    this.#store = store;
    this.#push = push;
  }

  /** `sender` is the sending account's number for messages, the `from` of everything else. */
  enqueue(to: Address, node: Stanza, sender: string): void {
    this.#store.run(
      'insert into outbox (phone, device, tag, id, sender, stanza) values (?, ?, ?, ?, ?, ?)',
      ...[to.phone, to.id, node.tag, node.attrs['id'] ?? '', sender, encodeStanza(node)],
    );
    this.#store.afterCommit(() => this.#push(to, node));
  }

  /** Puts something else in the place of what an account's devices have not taken yet; they hear nothing of it now. */
  replace(phone: string, tag: string, id: string, node: Stanza): void {
    this.#store.run(
      'update outbox set stanza = ? where phone = ? and tag = ? and id = ?',
      ...[encodeStanza(node), phone, tag, id],
    );
  }

  pending(of: Address): Pending[] {
    return this.#store
      .all<OutboxRow>('select * from outbox where phone = ? and device = ? order by seq', of.phone, of.id)
      .map(toPending);
  }

  next(of: Address): Pending | undefined {
    const row = this.#store.get<OutboxRow>(
      'select * from outbox where phone = ? and device = ? order by seq limit 1',
      ...[of.phone, of.id],
    );
    return row && toPending(row);
  }

  remove(seq: number): void {
    this.#store.run('delete from outbox where seq = ?', seq);
  }

  /**
   * A device answered `<ack>`: the oldest stanza that fits is done. Only the oldest, because a message may be queued
   * twice under one id, when it was refused and encrypted anew.
   */
  acknowledge(of: Address, tag: string, id: string, sender: string | undefined): boolean {
    return (
      this.#store.run(
        `delete from outbox where seq = (select seq from outbox where phone = ? and device = ? and tag = ? and id = ?
         and (? is null or sender = ?) order by seq limit 1)`,
        ...[of.phone, of.id, tag, id, sender ?? null, sender ?? null],
      ) > 0
    );
  }

  /** A device has the message (it sent a receipt): every copy that still waits for it is done. */
  settleMessage(of: Address, id: string, sender: string | undefined): void {
    this.#store.run(
      `delete from outbox where phone = ? and device = ? and tag = 'message' and id = ? and (? is null or sender = ?)`,
      ...[of.phone, of.id, id, sender ?? null, sender ?? null],
    );
  }

  /** The sender's message `id` is on its way to this device. */
  trackDelivery(sender: string, id: string, to: Address): void {
    this.#store.run(
      'insert or ignore into deliveries (sender, id, phone, device) values (?, ?, ?, ?)',
      ...[sender, id, to.phone, to.id],
    );
  }

  markDelivered(sender: string, id: string, at: Address, active: boolean): void {
    this.#store.run(
      `update deliveries set active = max(active and status != 'pending', ?), error = null,
       status = case status when 'read' then 'read' else 'delivered' end
       where sender = ? and id = ? and phone = ? and device = ?`,
      ...[active ? 1 : 0, sender, id, at.phone, at.id],
    );
  }

  markRead(sender: string, id: string, at: Address): void {
    this.#store.run(
      `update deliveries set status = 'read', active = 1, error = null
       where sender = ? and id = ? and phone = ? and device = ?`,
      ...[sender, id, at.phone, at.id],
    );
  }

  markRefused(sender: string, id: string, at: Address, error: string): void {
    this.#store.run(
      'update deliveries set error = ? where sender = ? and id = ? and phone = ? and device = ?',
      ...[error, sender, id, at.phone, at.id],
    );
  }

  deliveries(sender: string, id: string): Delivery[] {
    return this.#store
      .all<Omit<Delivery, 'active'> & { active: number }>(
        'select phone, device, status, active, error from deliveries where sender = ? and id = ? order by phone, device',
        ...[sender, id],
      )
      .map(({ phone, device, status, active, error }) => ({ phone, device, status, active: active === 1, error }));
  }
}

function toPending(row: OutboxRow): Pending {
  return { seq: row.seq, tag: row.tag, sender: row.sender, stanza: decodeStanza(row.stanza) };
}
