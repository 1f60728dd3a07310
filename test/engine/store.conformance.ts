import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope } from '../../engine/events.ts';
import {
  MESSAGE_STATUS,
  type DeliveryRecord,
  type MediaRecord,
  type MessageRecord,
  type MessageStatus,
  type SessionRecord,
  type TokenScope,
  type ChatRecord,
  type ContactRecord,
  type InquiryStatus,
  type JobStatus,
} from '../../engine/model.ts';
import type {
  AnswerChange,
  AnswerKind,
  Change,
  Changed,
  ChatFacts,
  Committed,
  ContactFacts,
  JobChange,
  MessageOutcome,
  NewInquiry,
  NewJob,
  NewApproval,
  NewMessage,
  NewOutgoing,
  NewRecipient,
  PinnedIdentity,
  Slice,
  Store,
} from '../../engine/store/store.ts';
import { aSession, anEvent, CHAT, outgoing, received, SECRET, someKeys, subscriptionOf } from './fixtures.ts';

/** One place to keep things, of the driver under test. */
export interface StorePlace {
  open(): Promise<Store>;
  /** Closes what is open and opens it again, as another process would. */
  reopen(): Promise<Store>;
  remove(): Promise<void>;
}

const FAR = Date.now() + 3_600_000;
const ALL = { after: 0, limit: 500 };
const CHAT_OF_MANY = '123456789-987654321@g.us';

/** What every driver of {@link Store} does, whatever it keeps its data in. */
export function storeConformance(driver: string, newPlace: () => Promise<StorePlace>): void {
  describe(`the ${driver} store`, () => {
    let place: StorePlace;
    let store: Store;
    let session: SessionRecord;
    const commit = (change: Omit<Change, 'sessionId'>) => store.commit({ sessionId: session.id, ...change });
    const subscribe = (about: Parameters<typeof subscriptionOf>[1] = {}) =>
      store.subscriptions.put(subscriptionOf(session.id, about));
    const eventsOf = (id = session.id) => store.events.list(id, ALL);
    const deliveriesOf = (filter: Parameters<Store['deliveries']['list']>[1] = {}) =>
      store.deliveries.list(session.id, filter, ALL);

    const pruned = async (before: number) => (await store.events.prune(before, { from: 0, limit: 500 })).count;

    beforeEach(async () => {
      place = await newPlace();
      store = await place.open();
      session = await store.sessions.create(aSession(), someKeys());
    });
    afterEach(() => place.remove());

    describe('counters', () => {
      const MINUTE = { seconds: 60, limit: 3 };
      const DAY = { seconds: 86_400, limit: 4 };
      const take = (now: number, amount = 1, name = 'sends', scope = 'session:1') =>
        store.counters.take(scope, name, [MINUTE, DAY], { now, amount });

      test('count until a window is full, and then in none of them', async () => {
        await take(0);
        await take(1000, 2);
        expect(await take(2000)).toEqual({
          taken: false,
          windows: [
            { ...MINUTE, used: 3, resetsAt: 60_000 },
            { ...DAY, used: 3, resetsAt: 86_400_000 },
          ],
        });
        expect((await take(60_000)).windows).toEqual([
          { ...MINUTE, used: 1, resetsAt: 120_000 },
          { ...DAY, used: 4, resetsAt: 86_400_000 },
        ]);
        expect((await take(61_000)).taken).toBe(false);
      });

      test('take several or none', async () => {
        expect((await take(0, 4)).taken).toBe(false);
        expect((await take(0, 3)).taken).toBe(true);
      });

      test('tell how they stand without counting', async () => {
        await take(5000);
        expect(await store.counters.read('session:1', 'sends', [MINUTE], 6000)).toEqual([
          { ...MINUTE, used: 1, resetsAt: 65_000 },
        ]);
        expect(await store.counters.read('session:1', 'sends', [MINUTE], 65_000)).toEqual([
          { ...MINUTE, used: 0, resetsAt: 125_000 },
        ]);
      });

      test('take back what did not happen, and with it the opening of a window', async () => {
        const giveBack = (now: number) => store.counters.giveBack('session:1', 'sends', [MINUTE, DAY], { now });
        await take(0);
        await take(1000);
        await giveBack(2000);
        expect((await take(2000)).windows).toMatchObject([
          { used: 2, resetsAt: 60_000 },
          { used: 2, resetsAt: 86_400_000 },
        ]);
        // Of the minute that was over nothing is left to be taken back.
        await giveBack(70_000);
        expect((await take(70_000)).windows).toMatchObject([{ used: 1, resetsAt: 130_000 }, { used: 2 }]);
        await store.counters.clear('session:1');
        await take(200_000);
        await giveBack(210_000);
        expect((await take(220_000)).windows).toMatchObject([{ used: 1, resetsAt: 280_000 }, { used: 1 }]);
      });

      test('are kept apart by name and scope, and when the store is opened again', async () => {
        await take(0, 3);
        store = await place.reopen();
        expect((await take(1)).taken).toBe(false);
        expect((await take(1, 1, 'checks')).taken).toBe(true);
        expect((await take(1, 1, 'sends', 'session:2')).taken).toBe(true);
        await store.counters.clear('session:1');
        expect((await take(1)).taken).toBe(true);
      });

      test('are not held open by a clock that was set back', async () => {
        await take(1_000_000, 3);
        expect((await take(0)).taken).toBe(true);
      });

      describe('in a window that slides', () => {
        const HOUR_MS = 3_600_000;
        const SLIDING = { seconds: 86_400, limit: 60, sliding: true };
        const spend = (now: number, amount = 1) =>
          store.counters.take('session:1', 'chats', [SLIDING], { now, amount });
        const stateAt = async (now: number) => (await store.counters.read('session:1', 'chats', [SLIDING], now))[0];

        test('are over after its length, each in its turn', async () => {
          await spend(0);
          expect((await spend(11 * HOUR_MS, 59)).windows).toEqual([{ ...SLIDING, used: 60, resetsAt: 24 * HOUR_MS }]);
          store = await place.reopen();
          expect((await spend(24 * HOUR_MS - 1)).taken).toBe(false);
          expect((await spend(24 * HOUR_MS)).taken).toBe(true);
          expect(await spend(25 * HOUR_MS)).toEqual({
            taken: false,
            windows: [{ ...SLIDING, used: 60, resetsAt: 35 * HOUR_MS }],
          });
          expect(await stateAt(35 * HOUR_MS)).toEqual({ ...SLIDING, used: 1, resetsAt: 48 * HOUR_MS });
          expect(await stateAt(48 * HOUR_MS)).toEqual({ ...SLIDING, used: 0, resetsAt: 72 * HOUR_MS });
        });

        test('refused in a number: told when so many fit', async () => {
          for (let hour = 0; hour < 6; hour++) await spend(hour * HOUR_MS, 10);
          expect((await spend(6 * HOUR_MS)).windows).toMatchObject([{ resetsAt: 24 * HOUR_MS }]);
          expect((await spend(6 * HOUR_MS, 11)).windows).toMatchObject([{ resetsAt: 25 * HOUR_MS }]);
          expect((await spend(6 * HOUR_MS, 60)).windows).toMatchObject([{ resetsAt: 29 * HOUR_MS }]);
        });

        test('taken back: the oldest go, so that what stays is not over too early', async () => {
          await spend(0, 2);
          await spend(11 * HOUR_MS, 2);
          await store.counters.giveBack('session:1', 'chats', [SLIDING], { now: 12 * HOUR_MS, amount: 3 });
          expect(await stateAt(12 * HOUR_MS)).toMatchObject({ used: 1, resetsAt: 35 * HOUR_MS });
        });

        test('are kept by a clock that was set back by less than its length, and forgotten by more', async () => {
          await spend(100 * HOUR_MS, 60);
          expect((await spend(99 * HOUR_MS)).taken).toBe(false);
          expect((await spend(75 * HOUR_MS)).taken).toBe(true);
        });

        test('are at no time more than its limit, and who comes back when told to is let in', async () => {
          const deed = fc.record({
            afterMs: fc.oneof(fc.nat(1000), fc.nat(10_000), fc.nat(70_000)),
            amount: fc.integer({ min: 1, max: 6 }),
            returns: fc.boolean(),
          });
          let runs = 0;
          await fc.assert(
            fc.asyncProperty(
              fc.array(deed, { maxLength: 50 }),
              fc.integer({ min: 6, max: 30 }),
              async (deeds, limit) => {
                const window = { ...MINUTE, limit, sliding: true };
                const name = `run ${runs++}`;
                const counted: { at: number; amount: number }[] = [];
                const within = (ms: number) =>
                  counted.reduce((sum, { at, amount }) => (at > now - ms ? sum + amount : sum), 0);
                let now = 0;
                const attempt = async (amount: number) => {
                  const answer = await store.counters.take('session:1', name, [window], { now, amount });
                  if (answer.taken) counted.push({ at: now, amount });
                  expect(within(60_000)).toBeLessThanOrEqual(limit);
                  // Nobody is refused for what was counted longer ago than a window and a part of it.
                  if (!answer.taken) expect(within(62_500) + amount).toBeGreaterThan(limit);
                  return answer;
                };
                for (const { afterMs, amount, returns } of deeds) {
                  now += afterMs;
                  const { taken, windows } = await attempt(amount);
                  if (taken || !returns) continue;
                  now = windows[0]!.resetsAt - 1;
                  expect((await attempt(amount)).taken).toBe(false);
                  now += 1;
                  expect((await attempt(amount)).taken).toBe(true);
                }
              },
            ),
          );
        });
      });

      test('go with their session', async () => {
        const scope = `session:${session.id}`;
        await take(0, 3, 'sends', scope);
        await store.sessions.delete(session.id);
        expect((await take(1, 1, 'sends', scope)).taken).toBe(true);
      });
    });

    describe('identities', () => {
      const LID = '200000000000077@lid';
      const NUMBER = '15550100077@s.whatsapp.net';
      const event = anEvent({ event: 'contact.identity_changed' });
      /** Notes a key, and answers what was pinned before. */
      const pin = async (person: { jid?: string; lid?: string }, key: string) => {
        let before: string | undefined;
        const next = (pinned: PinnedIdentity | undefined) => {
          before = pinned?.key;
          return { pinned: { key, since: 1 }, events: pinned ? [event] : [] };
        };
        const { events } = await commit({ identities: [{ ...person, next }] });
        return [before, events.length];
      };

      test('stay pinned, also when the store is opened again, until another one is', async () => {
        expect(await pin({ jid: NUMBER }, 'one')).toEqual([undefined, 0]);
        store = await place.reopen();
        expect(await pin({ jid: NUMBER }, 'two')).toEqual(['one', 1]);
        expect(await pin({ lid: LID }, 'somebody else')).toEqual([undefined, 0]);
      });

      test('are the same person’s under the number and under the LID', async () => {
        await pin({ jid: NUMBER }, 'one');
        await commit({ pairs: [{ phone: '15550100077', lid: LID }] });
        expect(await pin({ lid: LID }, 'two')).toEqual(['one', 1]);
        expect(await pin({ jid: NUMBER }, 'three')).toEqual(['two', 1]);
      });

      test('come before the messages that they came with, and are forgotten with the login', async () => {
        await pin({ jid: NUMBER }, 'one');
        const next = () => ({ pinned: { key: 'two', since: 2 }, events: [event] });
        const { events } = await commit({ identities: [{ jid: NUMBER, next }], messages: [received()] });
        expect(events[0]).toMatchObject({ event: 'contact.identity_changed' });
        expect(events.length).toBeGreaterThan(1);
        const nothing = await commit({ identities: [{ jid: NUMBER, next: () => undefined }] });
        expect(nothing.events).toEqual([]);
        await store.auth.clear(session.id);
        expect(await pin({ jid: NUMBER }, 'one')).toEqual([undefined, 0]);
      });
    });

    describe('answers of WhatsApp', () => {
      const group = { kind: 'group', subject: CHAT_OF_MANY, value: { size: 2 }, at: 1000 } as const;
      const answer = (kind: AnswerKind = 'group', subject: string = CHAT_OF_MANY) =>
        store.answers.get(session.id, kind, subject);

      test('are remembered by kind and subject, also when the store is opened again', async () => {
        await store.answers.put(session.id, group);
        await store.answers.put(session.id, { ...group, value: { size: 3 }, at: 2000 });
        store = await place.reopen();
        expect(await answer()).toEqual({ ...group, value: { size: 3 }, at: 2000 });
        expect(await answer('picture')).toBeUndefined();
        expect(await answer('group', '1-2@g.us')).toBeUndefined();
        expect(await store.answers.get(session.id + 1, 'group', CHAT_OF_MANY)).toBeUndefined();
      });

      test('become what WhatsApp says, in the commit that says it, and stay as old as they are', async () => {
        await store.answers.put(session.id, group);
        const seen: unknown[] = [];
        const next = (value: unknown) => {
          seen.push(value);
          return { size: 5 };
        };
        await commit({ answers: [{ kind: 'group', subject: CHAT_OF_MANY, next }] });
        expect(await answer()).toEqual({ ...group, value: { size: 5 } });
        expect(seen).toEqual([{ size: 2 }]);
        await commit({ answers: [{ kind: 'group', subject: CHAT_OF_MANY, next: () => undefined }] });
        expect(await answer()).toBeUndefined();
        await commit({ answers: [{ kind: 'group', subject: CHAT_OF_MANY, next }] });
        expect(await answer()).toBeUndefined();
      });

      test('stay as they were when the commit fails, or was made before', async () => {
        await store.answers.put(session.id, group);
        const forget = { kind: 'group', subject: CHAT_OF_MANY, next: () => undefined } as const;
        await commit({ once: 'a', answers: [] });
        await commit({ once: 'a', answers: [forget] });
        const broken = {
          ...forget,
          next: () => {
            throw new Error('no room on the disk');
          },
        };
        await expect(commit({ answers: [forget, broken] })).rejects.toThrow('no room on the disk');
        expect(await answer()).toEqual(group);
      });

      test('can be given by a commit, and forgotten by their kind', async () => {
        const number = { kind: 'number', subject: '15550100002@s.whatsapp.net', next: () => ({ exists: true }), at: 7 };
        await store.answers.put(session.id, group);
        await commit({ answers: [number as AnswerChange] });
        await commit({ answers: [{ kind: 'group', next: () => undefined }] });
        expect(await answer()).toBeUndefined();
        expect(await answer('number', number.subject)).toMatchObject({ value: { exists: true }, at: 7 });
      });

      test('about a person are found by either address, once both are known', async () => {
        const [jid, lid] = ['15550100002@s.whatsapp.net', '111@lid'];
        await commit({ pairs: [{ lid, phone: '15550100002' }] });
        await store.answers.put(session.id, { kind: 'picture', subject: jid, value: { url: 'a' }, at: 1 });
        expect(await answer('picture', lid)).toMatchObject({ value: { url: 'a' } });
        await commit({ answers: [{ kind: 'picture', subject: lid, next: () => undefined }] });
        expect(await answer('picture', jid)).toBeUndefined();
      });

      test('go after 30 days, with the login, and with the session', async () => {
        await store.answers.put(session.id, group);
        await store.answers.put(session.id, { ...group, subject: '1-2@g.us', at: 1001 + 30 * 86_400_000 });
        expect(await answer()).toBeUndefined();
        await store.auth.clear(session.id);
        expect(await answer('group', '1-2@g.us')).toBeUndefined();
        await store.answers.put(session.id, group);
        await store.sessions.delete(session.id);
        expect(await answer()).toBeUndefined();
      });
    });

    describe('commits', () => {
      test('nothing of a change that fails', async () => {
        await subscribe();
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const failing: MessageOutcome = {
          waId: message.waId,
          status: MESSAGE_STATUS.sent,
          events: () => {
            throw new Error('no room on the disk');
          },
        };
        const change: Omit<Change, 'sessionId'> = {
          creds: Buffer.from('login'),
          keys: { session: { 'bob.0': Buffer.from('ratchet') } },
          messages: [received()],
          events: [anEvent()],
          session: { status: 'connected', wanted: true },
          outcomes: [failing],
        };
        await expect(commit(change)).rejects.toThrow('no room on the disk');

        expect(await store.auth.creds(session.id)).toBeUndefined();
        expect(await store.auth.keys(session.id, 'session', ['bob.0'])).toEqual({});
        expect(await store.messages.find(session.id, '3EB0A1')).toBeUndefined();
        expect(await store.messages.get(session.id, message.msgId)).toEqual(message);
        expect(await eventsOf()).toEqual([]);
        expect(await deliveriesOf()).toEqual([]);
        expect(await store.sessions.get(session.id)).toEqual(session);
      });

      test('and works as before after a change that failed', async () => {
        await expect(store.commit({ sessionId: session.id + 1, events: [anEvent()] })).rejects.toThrow();
        expect((await commit({ events: [anEvent()] })).events).toHaveLength(1);
      });

      test('and tells at once what it could not commit, and why', async () => {
        const told: [Change, unknown][] = [];
        store.onRefused((change, error) => void told.push([change, error]));
        const change = { sessionId: session.id + 1, stanza: 'message 1', events: [anEvent()] };
        const failure = await store.commit(change).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(Error);
        expect(told).toEqual([[change, failure]]);
        await commit({ events: [anEvent()] });
        expect(told).toHaveLength(1);
      });

      test('and answers what it has put in motion, and tells the listener the same', async () => {
        const subscription = await subscribe();
        const told: [number, Committed][] = [];
        store.onCommitted((sessionId, committed) => void told.push([sessionId, committed]));
        const committed = await commit({ events: [anEvent({ lane: 'a' }), anEvent({ lane: 'b' })] });
        expect(committed.due).toEqual([
          { subscriptionId: subscription.id, lane: 'a' },
          { subscriptionId: subscription.id, lane: 'b' },
        ]);
        expect(committed.settled).toEqual([]);
        expect(told).toEqual([[session.id, committed]]);
      });

      test('without telling anybody when there is no event and no outcome', async () => {
        let told = 0;
        store.onCommitted(() => void (told += 1));
        await commit({ creds: Buffer.from('login'), keys: { session: { a: Buffer.from('b') } } });
        expect(told).toBe(0);
      });

      test('the state of a session, field by field', async () => {
        const account = { jid: '15550100001:3@s.whatsapp.net', lid: '100000000000001@lid', name: 'Warbler' };
        const reason = { code: 'unreachable', message: 'No network.', retryAt: 1_750_000_000_000 };
        await commit({ session: { status: 'connecting', reason, wanted: true } });
        await commit({ session: { account } });
        expect(await store.sessions.get(session.id)).toMatchObject({
          status: 'connecting',
          reason,
          wanted: true,
          account,
        });
        await commit({ session: { reason: null, account: null, wanted: false } });
        expect(await store.sessions.get(session.id)).toMatchObject({
          status: 'connecting',
          reason: null,
          wanted: false,
          account: null,
        });
      });
    });

    describe('events', () => {
      test('are numbered in the order in which they were committed, across sessions', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        const seqs: number[] = [];
        for (const id of [session.id, other.id, session.id]) {
          const { events } = await store.commit({ sessionId: id, events: [anEvent(), anEvent()] });
          seqs.push(...events.map(({ seq }) => seq));
        }
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
        expect(new Set(seqs).size).toBe(6);
        expect(await eventsOf(other.id)).toHaveLength(2);
      });

      test('come back from the log as they were posted', async () => {
        const { events } = await commit({
          events: [anEvent({ lid: '100000000000002@lid', phone: '15550100002', data: { deep: [{ er: 'ä🐦' }] } })],
        });
        expect(events[0]).toEqual({
          event: 'messages.received',
          id: expect.stringMatching(/^evt_[0-9a-f]{24}$/),
          seq: expect.any(Number),
          sessionId: String(session.id),
          timestamp: expect.any(Number),
          jid: CHAT,
          lid: '100000000000002@lid',
          phone: '15550100002',
          data: { deep: [{ er: 'ä🐦' }] },
        });
        expect(await eventsOf()).toEqual(events);
      });

      test('are read page by page', async () => {
        const { events } = await commit({ events: Array.from({ length: 5 }, () => anEvent()) });
        const read: EventEnvelope[] = [];
        for (let after = 0; ; after = read.at(-1)!.seq) {
          const page = await store.events.list(session.id, { after, limit: 2 });
          if (page.length === 0) break;
          read.push(...page);
        }
        expect(read).toEqual(events);
      });

      test('never reuse a number, even when the newest ones were dropped', async () => {
        const { events } = await commit({ events: [anEvent()] });
        expect(await pruned(FAR)).toBe(1);
        const later = await commit({ events: [anEvent()] });
        expect(later.events[0]!.seq).toBeGreaterThan(events[0]!.seq);
      });

      test('are dropped when they are old, unless somebody still waits for them', async () => {
        await subscribe({ events: ['session.status'] });
        const { events } = await commit({
          events: [anEvent(), anEvent({ event: 'session.status', lane: 'session' }), anEvent()],
        });
        expect(await pruned(Date.now() - 60_000)).toBe(0);
        expect(await pruned(FAR)).toBe(2);
        expect(await eventsOf()).toEqual([events[1]]);

        const [delivery] = await deliveriesOf();
        await store.deliveries.record(delivery!.id, { status: 'parked', at: Date.now() });
        expect(await pruned(FAR)).toBe(0);
        await store.deliveries.record(delivery!.id, { status: 'delivered', at: Date.now() });
        expect(await pruned(FAR)).toBe(1);
        expect(await deliveriesOf()).toEqual([]);
      });

      test('are looked at part by part when old ones are dropped', async () => {
        await subscribe({ events: ['session.status'] });
        const held = anEvent({ event: 'session.status', lane: 'session' });
        const { events } = await commit({ events: [held, anEvent(), anEvent(), held, anEvent()] });
        const [first, , third] = events.map(({ seq }) => seq);
        expect(await store.events.prune(FAR, { from: 0, limit: 3 })).toEqual({ count: 2, next: third! + 1 });
        expect(await store.events.prune(FAR, { from: third! + 1, limit: 3 })).toEqual({ count: 1, next: undefined });
        expect((await eventsOf()).map(({ seq }) => seq)).toEqual([first, events[3]!.seq]);
      });

      test('of a time are found by their numbers', async () => {
        expect(await store.events.between(0, FAR)).toBeUndefined();
        const { events } = await commit({ events: [anEvent(), anEvent()] });
        const [first, last] = [events[0]!, events[1]!];
        expect(await store.events.between(0, FAR)).toEqual({ first: first.seq, last: last.seq });
        expect(await store.events.between(first.timestamp, last.timestamp + 1)).toEqual({
          first: first.seq,
          last: last.seq,
        });
        expect(await store.events.between(0, first.timestamp)).toBeUndefined();
        expect(await store.events.between(last.timestamp + 1, FAR)).toBeUndefined();
      });
    });

    describe('received messages', () => {
      test('bring their events once, however often WhatsApp repeats them', async () => {
        const first = await commit({ messages: [received()] });
        const second = await commit({ messages: [received(), received()] });
        expect(first.events).toHaveLength(1);
        expect(second).toEqual({ events: [], settled: [], received: [], due: [] });
        expect(await eventsOf()).toHaveLength(1);
        expect(await store.subscriptions.list(session.id)).toEqual([]);
      });

      test('that are registered again soon after find what happened before and meanwhile, in order', async () => {
        const before = await subscribe();
        await commit({ events: [anEvent()] });
        await store.subscriptions.delete(before.id);
        await commit({ events: [anEvent()] });
        expect(await store.subscriptions.expire(Date.now())).toEqual([]);
        const again = await subscribe();
        expect(again).toMatchObject({ id: before.id, state: 'active', expiresAt: null });
        await commit({ events: [anEvent()] });
        const seqs = (await deliveriesOf()).map(({ seq }) => seq);
        expect(seqs).toEqual((await eventsOf()).map(({ seq }) => seq));
        expect(seqs).toHaveLength(3);
      });

      test('that are not registered again are gone for good after a minute', async () => {
        const before = await subscribe();
        await store.subscriptions.delete(before.id);
        expect(await store.subscriptions.expire(Date.now() + 60_000)).toEqual([before.id]);
        expect((await subscribe()).id).not.toBe(before.id);
      });

      test('with the same id from two senders are two messages', async () => {
        const { events } = await commit({
          messages: [received({ sender: '1@lid' }), received({ sender: '2@lid' })],
        });
        expect(events).toHaveLength(2);
      });

      test('with the same id from us and from somebody else are two messages', async () => {
        const { events } = await commit({ messages: [received(), received({ fromMe: true, sender: '' })] });
        expect(events).toHaveLength(2);
        expect((await store.messages.find(session.id, '3EB0A1'))?.fromMe).toBe(true);
      });

      test('with the same id in two sessions are two messages', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        await commit({ messages: [received()] });
        const { events } = await store.commit({ sessionId: other.id, messages: [received()] });
        expect(events).toHaveLength(1);
      });

      test('that this engine has sent itself are no new ones', async () => {
        await store.messages.enqueue(outgoing(session.id));
        const { events } = await commit({ messages: [received({ waId: '3EB0B1', fromMe: true, sender: '' })] });
        expect(events).toEqual([]);
      });

      test('that could not be read bring events then, and once more when they come again readable', async () => {
        const told: boolean[] = [];
        const message = (content: Buffer | null) =>
          received({
            content,
            events: ({ recovered }) => {
              told.push(recovered);
              return [anEvent()];
            },
          });
        for (const content of [null, null, Buffer.from('text'), Buffer.from('text'), null]) {
          await commit({ messages: [message(content)] });
        }
        expect(told).toEqual([false, true]);
        expect((await store.messages.find(session.id, '3EB0A1'))?.content?.toString()).toBe('text');
      });

      test('that the own phone brings under another address of the sender are those that could not be read', async () => {
        const told: boolean[] = [];
        const events: NewMessage['events'] = ({ recovered }) => {
          told.push(recovered);
          return [];
        };
        await commit({ messages: [received({ sender: '7@lid', content: null, events })] });
        for (const sender of [CHAT, CHAT, '7@lid']) {
          await commit({ messages: [received({ resent: true, sender, events })] });
        }
        expect(told).toEqual([false, true]);
        const name = { waId: '3EB0A1', fromMe: false, sender: '7@lid' };
        expect((await store.messages.content(session.id, name))?.toString()).toBe('protobuf');
      });

      test('know the message that they are about, and all others that are about it', async () => {
        await commit({ messages: [received({ waId: 'POLL' })] });
        const seen: [string | undefined, string[]][] = [];
        const vote = (waId: string) =>
          received({
            waId,
            about: 'POLL',
            events: ({ target, others }) => {
              seen.push([target()?.waId, others().map((one) => one.waId)]);
              return [];
            },
          });
        await commit({ messages: [vote('VOTE1')] });
        await commit({ messages: [vote('VOTE2')] });
        expect(seen).toEqual([
          ['POLL', ['VOTE1']],
          ['POLL', ['VOTE1', 'VOTE2']],
        ]);
        expect((await store.messages.about(session.id, 'POLL')).map(({ waId }) => waId)).toEqual(['VOTE1', 'VOTE2']);
        expect(await store.messages.about(session.id + 1, 'POLL')).toEqual([]);
      });

      test('are named in the commit that stored them', async () => {
        const { received: first } = await commit({ messages: [received()] });
        const { received: again } = await commit({ messages: [received()] });
        expect(first.map(({ waId }) => waId)).toEqual(['3EB0A1']);
        expect(again).toEqual([]);
      });

      test('keep their content byte for byte', async () => {
        const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
        await commit({ messages: [received({ content, lid: '7@lid' })] });
        const found = await store.messages.find(session.id, '3EB0A1');
        expect(found).toMatchObject({
          fromMe: false,
          lid: '7@lid',
          chat: CHAT,
          status: 3,
          send: 'done',
          request: null,
        });
        expect(found!.content!.equals(content)).toBe(true);
      });

      test('have the content of exactly the one that is named', async () => {
        const named = (name: Partial<Parameters<Store['messages']['content']>[1]>) =>
          store.messages.content(session.id, { waId: '3EB0A1', fromMe: false, sender: '1@lid', ...name });
        await commit({
          messages: [
            received({ sender: '1@lid', content: Buffer.from('one') }),
            received({ sender: '2@lid', content: Buffer.from('two') }),
          ],
        });
        await store.messages.enqueue(outgoing(session.id, { waId: '3EB0A1' }));
        expect(await named({})).toEqual(Buffer.from('one'));
        expect(await named({ sender: '2@lid' })).toEqual(Buffer.from('two'));
        expect(await named({ fromMe: true, sender: '' })).toBeUndefined();
        expect(await named({ waId: 'unheard of' })).toBeUndefined();
        expect(await store.messages.content(session.id + 1, { waId: '3EB0A1', fromMe: false, sender: '1@lid' })).toBe(
          undefined,
        );
      });
    });

    describe('a change that is made once', () => {
      test('is made once, and whole', async () => {
        const change = { once: 'notification:1', events: [anEvent()], session: { status: 'connected' as const } };
        expect((await commit(change)).events).toHaveLength(1);
        await commit({ session: { status: 'connecting' } });
        expect(await commit(change)).toEqual({ events: [], settled: [], received: [], due: [] });
        expect((await store.sessions.get(session.id))?.status).toBe('connecting');
      });

      test('is made again when it failed, and for another session', async () => {
        const failing: MessageOutcome = {
          waId: '3EB0B1',
          status: 2,
          events: () => {
            throw new Error('no room on the disk');
          },
        };
        await store.messages.enqueue(outgoing(session.id));
        await expect(commit({ once: 'call:1', outcomes: [failing] })).rejects.toThrow();
        expect((await commit({ once: 'call:1', events: [anEvent()] })).events).toHaveLength(1);
        const other = await store.sessions.create(aSession(), someKeys());
        const elsewhere = await store.commit({ sessionId: other.id, once: 'call:1', events: [anEvent()] });
        expect(elsewhere.events).toHaveLength(1);
      });

      test('is forgotten when it is old, so many at once', async () => {
        await commit({ once: 'call:1' });
        await commit({ once: 'call:2' });
        expect(await store.events.pruneStanzas(Date.now() - 60_000, 9)).toBe(0);
        expect(await store.events.pruneStanzas(FAR, 1)).toBe(1);
        expect(await store.events.pruneStanzas(FAR, 1)).toBe(1);
        expect((await commit({ once: 'call:1', events: [anEvent()] })).events).toHaveLength(1);
      });
    });

    describe('receipts of group members', () => {
      const receipt = (member: string, status: MessageStatus, at = 1) => ({
        ...{ waId: '3EB0B1', chat: CHAT },
        member,
        status,
        at,
        events: () => [anEvent({ event: 'message-receipt.update' })],
      });

      test('are told once per member and status, and kept', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const receipts = [receipt('1@lid', 3), receipt('1@lid', 3, 9), receipt('2@lid', 3, 2), receipt('1@lid', 4, 3)];
        expect((await commit({ receipts })).events).toHaveLength(3);
        expect(await store.messages.receipts(message.msgId)).toEqual([
          { member: '1@lid', status: 3, at: 1 },
          { member: '2@lid', status: 3, at: 2 },
          { member: '1@lid', status: 4, at: 3 },
        ]);
      });

      test('from another chat change nothing', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const elsewhere = { ...receipt('1@lid', 3), chat: '120363000000000009@g.us' };
        expect((await commit({ receipts: [elsewhere] })).events).toEqual([]);
        expect(await store.messages.receipts(message.msgId)).toEqual([]);
      });

      test('for a message of somebody else are nobody’s business', async () => {
        await commit({ messages: [received({ waId: '3EB0B1' })] });
        expect((await commit({ receipts: [receipt('1@lid', 3)] })).events).toEqual([]);
      });
    });

    describe('the logs of a session', () => {
      const page = { offset: 0, limit: 10 };

      test('hold what happened to it, newest first, by pages', async () => {
        for (const status of ['connecting', 'need_scan', 'connected'] as const) {
          await commit({ log: { type: 'status_change', status } });
        }
        await commit({ log: { type: 'session_restarted', status: 'connected', reason: 'asked' } });
        const { items, total } = await store.sessions.logs(session.id, { offset: 0, limit: 2 });
        expect(total).toBe(4);
        expect(items).toMatchObject([
          { type: 'session_restarted', status: 'connected', reason: 'asked', sessionId: session.id },
          { type: 'status_change', status: 'connected', reason: null },
        ]);
        expect((await store.sessions.logs(session.id, { offset: 3, limit: 2 })).items).toMatchObject([
          { status: 'connecting' },
        ]);
      });

      test('hold what was sent, newest first, without what is about another message', async () => {
        await store.messages.enqueue(outgoing(session.id, { waId: 'A' }));
        await store.messages.enqueue(outgoing(session.id, { waId: 'B', logged: false }));
        await store.messages.enqueue(outgoing(session.id, { waId: 'C', about: 'A' }));
        await commit({ messages: [received(), received({ waId: 'PHONE', fromMe: true, sender: '' })] });
        const { items, total } = await store.messages.logs(session.id, page);
        expect(total).toBe(2);
        expect(items.map(({ waId, logged }) => [waId, logged])).toEqual([
          ['B', false],
          ['A', true],
        ]);
      });

      test('a failed message is sent again under its id, any other is not', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        expect(await store.messages.resend(session.id, message.msgId)).toBe(false);
        await commit({ outcomes: [{ waId: message.waId, status: 0, error: 'gone', events: () => [] }] });
        expect(await store.messages.queued(session.id, 10)).toEqual([]);
        expect(await store.messages.resend(session.id + 1, message.msgId)).toBe(false);
        expect(await store.messages.resend(session.id, message.msgId)).toBe(true);
        expect(await store.messages.queued(session.id, 10)).toMatchObject([
          { waId: message.waId, status: 1, error: null, attempts: 0 },
        ]);
      });
    });

    describe('who an event is about', () => {
      test('is completed by what is known of them', async () => {
        await commit({ pairs: [{ lid: '7@lid', phone: '15550100002' }] });
        const about = async (subject: { lid?: string; phone?: string }) =>
          (await commit({ events: [anEvent(subject)] })).events.map(({ lid, phone }) => [lid, phone]);
        expect(await about({ lid: '7@lid' })).toEqual([['7@lid', '15550100002']]);
        expect(await about({ phone: '15550100002' })).toEqual([['7@lid', '15550100002']]);
        expect(await about({ lid: '8@lid' })).toEqual([['8@lid', undefined]]);
        expect(await about({})).toEqual([[undefined, undefined]]);
      });
    });

    describe('what a session ignores', () => {
      test.each([
        ['ignore_groups', '120363000000000001@g.us'],
        ['ignore_channels', '120363000000000001@newsletter'],
        ['ignore_broadcasts', 'status@broadcast'],
      ] as const)('%s: events of %s reach no webhook, and stay in the log', async (setting, jid) => {
        await subscribe();
        const { due: before } = await commit({ events: [anEvent({ jid })] });
        await store.sessions.update(session.id, { ...session.settings, [setting]: true });
        const { due, events } = await commit({ events: [anEvent({ jid }), anEvent()] });
        expect([before.length, due.length, events.length]).toEqual([1, 1, 2]);
      });
    });

    describe('outcomes of sent messages', () => {
      const told = () => [anEvent({ event: 'messages.update' })];
      const outcome = (status: MessageStatus, error?: string): MessageOutcome => ({
        waId: '3EB0B1',
        status,
        ...(error !== undefined && { error }),
        events: told,
      });
      const { pending, sent, delivered, read, played, error } = MESSAGE_STATUS;

      test.each([
        ['rise step by step', [sent, delivered, read, played], [1, 1, 1, 1], played],
        ['may skip a step', [read], [1], read],
        ['never fall', [read, delivered, sent], [1, 0, 0], read],
        ['are told once', [sent, sent], [1, 0], sent],
        ['fail before WhatsApp has taken the message', [error, error], [1, 0], error],
        ['do not fail once WhatsApp has taken it', [sent, error], [1, 0], sent],
        ['rise after a failure that was a guess', [error, delivered], [1, 1], delivered],
        ['are not about pending', [pending], [0], pending],
      ])('%s', async (_words, statuses, events, last) => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const counts: number[] = [];
        for (const status of statuses) counts.push((await commit({ outcomes: [outcome(status)] })).events.length);
        expect(counts).toEqual(events);
        expect((await store.messages.get(session.id, message.msgId))?.status).toBe(last);
      });

      test('settle a message once, and once more when it was sent after all', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const first = await commit({ outcomes: [outcome(error, 'blocked')] });
        const second = await commit({ outcomes: [outcome(sent)] });
        const third = await commit({ outcomes: [outcome(delivered)] });
        expect(first.settled).toEqual([{ ...message, status: error, error: 'blocked', send: 'done' }]);
        expect(second.settled).toMatchObject([{ msgId: message.msgId, status: sent, error: null }]);
        expect(third.settled).toEqual([]);
      });

      test('may be unknown, until a later one tells or the message is sent again', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const isUnknown = async () => (await store.messages.get(session.id, message.msgId))?.unknown;
        const unknown = { ...outcome(error, 'never acknowledged'), unknown: true as const };
        expect((await commit({ outcomes: [unknown] })).settled).toMatchObject([{ unknown: true }]);
        expect(await isUnknown()).toBe(true);
        await store.messages.resend(session.id, message.msgId);
        expect(await isUnknown()).toBe(false);
        await commit({ outcomes: [unknown] });
        await commit({ outcomes: [outcome(delivered)] });
        expect(await isUnknown()).toBe(false);
      });

      test('make their events from the message as it is then', async () => {
        await store.messages.enqueue(outgoing(session.id));
        const seen: [number, number][] = [];
        await commit({
          outcomes: [
            {
              ...outcome(delivered),
              events: (message, before) => {
                seen.push([message.status, before]);
                return [];
              },
            },
          ],
        });
        expect(seen).toEqual([[delivered, pending]]);
      });

      test('bring news about the chat in the same commit, when they settle the message', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        const jid = message.chat;
        const taken = (lastMessageAt: number): MessageOutcome => ({
          ...outcome(sent),
          directory: ({ chat }) => ({
            chats: [{ jid: chat, lastMessageAt }],
            events: ({ chats }) => chats.map(() => anEvent({ event: 'chats.upsert' })),
          }),
        });
        const names = ({ events }: Committed) => events.map(({ event }) => event);
        expect(names(await commit({ outcomes: [taken(7)] }))).toEqual(['messages.update', 'chats.upsert']);
        expect(names(await commit({ outcomes: [{ ...taken(8), status: read }] }))).toEqual(['messages.update']);
        expect(await store.chats.get(session.id, jid)).toMatchObject({ jid, lastMessageAt: 7 });
      });

      test('of messages that are not ours change nothing', async () => {
        await commit({ messages: [received({ waId: '3EB0B1' })] });
        expect((await commit({ outcomes: [outcome(read)] })).events).toEqual([]);
        const unknown = { ...outcome(read), waId: 'unheard of' };
        expect((await commit({ outcomes: [unknown] })).events).toEqual([]);
      });
    });

    describe('messages to send', () => {
      test('wait in the order in which they were accepted', async () => {
        for (const waId of ['C', 'A', 'B']) await store.messages.enqueue(outgoing(session.id, { waId }));
        const queued = await store.messages.queued(session.id, 2);
        expect(queued.map(({ waId }) => waId)).toEqual(['C', 'A']);
        expect(queued[0]).toMatchObject({ fromMe: true, sender: '', status: 1, send: 'queued', attempts: 0 });
        expect(queued[0]!.request).toEqual({ to: '+15550100002', text: 'Hello' });
      });

      test('are accepted once per idempotency key', async () => {
        const first = await store.messages.enqueue(outgoing(session.id, { idempotencyKey: 'k' }));
        const second = await store.messages.enqueue(outgoing(session.id, { waId: 'other', idempotencyKey: 'k' }));
        expect(first.fresh).toBe(true);
        expect(second).toEqual({ message: first.message, fresh: false });
        expect(await store.messages.queued(session.id, 9)).toHaveLength(1);
      });

      test('with a used idempotency key and another text are refused', async () => {
        await store.messages.enqueue(outgoing(session.id, { idempotencyKey: 'k' }));
        const other = outgoing(session.id, {
          waId: 'o',
          idempotencyKey: 'k',
          request: { to: '+15550100002', text: '?' },
        });
        await expect(store.messages.enqueue(other)).rejects.toMatchObject({ code: 'idempotency_mismatch' });
      });

      test('of two sessions may use the same idempotency key', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        await store.messages.enqueue(outgoing(session.id, { idempotencyKey: 'k' }));
        const { fresh } = await store.messages.enqueue(outgoing(other.id, { idempotencyKey: 'k' }));
        expect(fresh).toBe(true);
      });

      test('leave the queue when they are written, with the bytes that were', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        await store.messages.written(message.msgId, { content: Buffer.from('bytes'), lid: '7@lid' });
        expect(await store.messages.queued(session.id, 9)).toEqual([]);
        expect(await store.messages.get(session.id, message.msgId)).toMatchObject({
          send: 'written',
          attempts: 1,
          lid: '7@lid',
          content: Buffer.from('bytes'),
        });
      });

      test('come back to the queue under the same id when nobody acknowledged them', async () => {
        const first = (await store.messages.enqueue(outgoing(session.id, { waId: 'A' }))).message;
        const second = (await store.messages.enqueue(outgoing(session.id, { waId: 'B' }))).message;
        for (const { msgId } of [first, second]) {
          await store.messages.written(msgId, { content: Buffer.from('bytes'), lid: null });
        }
        await commit({ outcomes: [{ waId: 'B', status: 2, events: () => [] }] });
        expect(await store.messages.requeue(session.id, Date.now() - 60_000)).toBe(0);
        expect(await store.messages.requeue(session.id, Date.now())).toBe(1);
        const [queued] = await store.messages.queued(session.id, 9);
        expect(queued).toMatchObject({ msgId: first.msgId, waId: 'A', attempts: 1, content: Buffer.from('bytes') });
      });

      test('are retried one by one, each try counted once, and never again once they are done', async () => {
        const first = (await store.messages.enqueue(outgoing(session.id, { waId: 'A' }))).message;
        const second = (await store.messages.enqueue(outgoing(session.id, { waId: 'B' }))).message;
        const queued = async () =>
          (await store.messages.queued(session.id, 9)).map(({ waId, attempts }) => [waId, attempts]);
        await store.messages.retry(first.msgId);
        expect(await queued()).toEqual([
          ['A', 1],
          ['B', 0],
        ]);
        await store.messages.written(second.msgId, { content: Buffer.from('bytes'), lid: null });
        await store.messages.retry(second.msgId);
        expect(await queued()).toEqual([
          ['A', 1],
          ['B', 1],
        ]);
        await commit({ outcomes: [{ waId: 'A', status: 2, events: () => [] }] });
        await store.messages.retry(first.msgId);
        expect(await queued()).toEqual([['B', 1]]);
      });

      test('are not written once they have failed', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        await commit({ outcomes: [{ waId: message.waId, status: 0, error: 'gone', events: () => [] }] });
        await store.messages.written(message.msgId, { content: Buffer.from('late'), lid: null });
        expect(await store.messages.queued(session.id, 9)).toEqual([]);
        expect(await store.messages.requeue(session.id, Date.now())).toBe(0);
      });

      test('that may not leave now are sent again, and the try does not count', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id));
        await store.messages.written(message.msgId, { content: Buffer.from('bytes'), lid: null });
        await store.messages.postpone(message.msgId);
        await store.messages.postpone(message.msgId);
        expect(await store.messages.queued(session.id, 9)).toMatchObject([{ waId: message.waId, attempts: 0 }]);
      });

      test('can be asked for without some chats, and without strangers', async () => {
        const [friend, byLid, stranger] = [
          '15550100002@s.whatsapp.net',
          '900000000003@lid',
          '15550100004@s.whatsapp.net',
        ];
        const chats = [stranger, friend, byLid, '120363000000000001@g.us', 'status@broadcast'];
        for (const chat of chats) await store.messages.enqueue(outgoing(session.id, { waId: chat, chat }));
        const known = [{ jid: friend }, { jid: '15550100003@s.whatsapp.net', lid: byLid }];
        await commit({ directory: { chats: known.map((one) => ({ ...one, unreadCount: 0 })), events: () => [] } });
        const asked = async (which?: { exceptChats?: string[]; chatsOnly?: boolean }) =>
          (await store.messages.queued(session.id, 9, which)).map(({ chat }) => chat);
        expect(await asked()).toEqual(chats);
        expect(await asked({ exceptChats: [stranger, byLid] })).toEqual([friend, ...chats.slice(3)]);
        expect(await asked({ chatsOnly: true })).toEqual(chats.slice(1));
        expect(await asked({ chatsOnly: true, exceptChats: [friend] })).toEqual(chats.slice(2));
        expect(await store.messages.waiting(session.id)).toBe(5);
      });

      test('can be asked for what is about a message that has left', async () => {
        const { message } = await store.messages.enqueue(outgoing(session.id, { waId: 'has left' }));
        await store.messages.written(message.msgId, { content: Buffer.from('bytes'), lid: null });
        await store.messages.enqueue(outgoing(session.id, { waId: 'waits' }));
        await store.messages.enqueue(outgoing(session.id, { waId: 'A', about: 'waits' }));
        await store.messages.enqueue(outgoing(session.id, { waId: 'B', about: 'has left' }));
        await store.messages.enqueue(outgoing(session.id, { waId: 'C', about: 'somebody’s' }));
        const about = await store.messages.queued(session.id, 9, { aboutOnly: true });
        expect(about.map(({ waId }) => waId)).toEqual(['B', 'C']);
        expect(await store.messages.waiting(session.id)).toBe(4);
      });

      test('are found by number only in their own session', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        const { message } = await store.messages.enqueue(outgoing(session.id));
        expect(await store.messages.get(other.id, message.msgId)).toBeUndefined();
      });
    });

    describe('people who have opted out', () => {
      const NUMBER = '15550100002@s.whatsapp.net';
      const LID = '7000@lid';
      const put = (person: { jid?: string; lid?: string }, createdAt = 1) =>
        store.optOuts.put(session.id, person, { source: 'api', createdAt });
      const listed = async () => (await store.optOuts.list(session.id, { offset: 0, limit: 10 })).items;

      test('are listed, the latest first, by pages, and once however often they are put there', async () => {
        await put({ jid: NUMBER });
        await put({ lid: '8000@lid' }, 2);
        await put({ jid: NUMBER }, 3);
        expect(await listed()).toEqual([
          { jid: null, lid: '8000@lid', source: 'api', createdAt: 2 },
          { jid: NUMBER, lid: null, source: 'api', createdAt: 1 },
        ]);
        expect(await store.optOuts.list(session.id, { offset: 1, limit: 1 })).toMatchObject({
          total: 2,
          items: [{ jid: NUMBER }],
        });
      });

      test('are known by both addresses, whenever it became known that they are one person', async () => {
        const among = () => store.optOuts.among(session.id, [NUMBER, LID, '9@lid']);
        await put({ lid: LID });
        expect(await among()).toEqual(new Set([LID]));
        await commit({ pairs: [{ lid: LID, phone: '15550100002' }] });
        expect(await among()).toEqual(new Set([NUMBER, LID]));
        expect(await put({ jid: NUMBER })).toMatchObject({ jid: NUMBER, lid: LID });
        expect(await listed()).toHaveLength(1);
      });

      test('are taken off the list by either address', async () => {
        await put({ lid: LID });
        expect(await store.optOuts.delete(session.id, NUMBER)).toBe(false);
        await commit({ pairs: [{ lid: LID, phone: '15550100002' }] });
        expect(await store.optOuts.delete(session.id, NUMBER)).toBe(true);
        expect(await listed()).toEqual([]);
      });

      test('are those of one session', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        await put({ jid: NUMBER });
        expect(await store.optOuts.among(other.id, [NUMBER])).toEqual(new Set());
        expect(await store.optOuts.delete(other.id, NUMBER)).toBe(false);
      });

      test('are put there by the message that says so, in the words of the session', async () => {
        const writer = await store.sessions.create(aSession({ opt_out_words: ['STOP', 'no more'] }), someKeys());
        const says = (waId: string, text: string, person: { jid?: string; lid?: string }) =>
          store.commit({ sessionId: writer.id, messages: [received({ waId, said: { text, ...person } })] });
        await says('A', 'please stop', { jid: NUMBER });
        await says('B', '', { jid: NUMBER });
        const list = () => store.optOuts.list(writer.id, { offset: 0, limit: 10 });
        expect(await list()).toEqual({ items: [], total: 0 });
        await says('C', ' Stop! ', { jid: NUMBER, lid: LID });
        await says('D', 'NO MORE', { lid: '8000@lid' });
        expect((await list()).items).toMatchObject([
          { jid: null, lid: '8000@lid', source: 'word' },
          { jid: NUMBER, lid: LID, source: 'word', createdAt: 1_750_000_000_000 },
        ]);
        await commit({ messages: [received({ said: { text: 'STOP', jid: NUMBER } })] });
        expect(await listed()).toEqual([]);
      });
    });

    describe('the addresses of a person', () => {
      test('are found by each other, where it is known that they are one', async () => {
        await commit({ pairs: [{ lid: '7000@lid', phone: '15550100002' }] });
        const asked = ['15550100002@s.whatsapp.net', '7000@lid', '9@lid', '1@g.us'];
        expect(await store.contacts.otherAddresses(session.id, asked)).toEqual(
          new Map([
            ['15550100002@s.whatsapp.net', '7000@lid'],
            ['7000@lid', '15550100002@s.whatsapp.net'],
          ]),
        );
      });
    });

    describe('bulk jobs', () => {
      const aJob = (about: Partial<NewJob> = {}): NewJob => ({
        sessionId: session.id,
        name: 'Invitation',
        request: { text: 'Hello {{name}}' },
        everyMs: 0,
        source: 'hash',
        createdAt: 1000,
        ...about,
      });
      const recipient = (about: Partial<NewRecipient> = {}): NewRecipient => ({
        to: '+15550100002',
        chat: CHAT,
        variables: { name: 'Robin' },
        skipped: null,
        detail: null,
        ...about,
      });
      const create = async (recipients = [recipient()], about: Partial<NewJob> = {}) =>
        (await store.jobs.create(aJob(about), recipients)).job;
      const change = (id: number, from: JobStatus[], to: JobStatus, more: Partial<JobChange> = {}) =>
        commit({ job: { id, from, to, at: 2000, events: () => [], ...more } });
      const write = async (id: number, position: number, waId: string) => {
        const { message } = await store.messages.enqueue(
          outgoing(session.id, { waId, idempotencyKey: `${id}:${waId}` }),
        );
        await store.jobs.settle(id, position, { msgId: message.msgId });
        return message;
      };
      const ALL_OF_THEM = { offset: 0, limit: 10 };
      const outcomes = async (id: number) =>
        (await store.jobs.recipients(id, {}, ALL_OF_THEM)).items.map(({ outcome }) => outcome);

      test('are made whole, and read as they were made', async () => {
        const skipped = recipient({ to: 'x', chat: null, variables: {}, skipped: 'invalid', detail: 'No number.' });
        const job = await create([recipient(), skipped]);
        expect(job).toEqual({
          id: expect.any(Number),
          sessionId: session.id,
          name: 'Invitation',
          request: { text: 'Hello {{name}}' },
          everyMs: 0,
          status: 'ready',
          reason: null,
          source: 'hash',
          createdAt: 1000,
          startedAt: null,
          endedAt: null,
        });
        store = await place.reopen();
        expect(await store.jobs.get(session.id, job.id)).toEqual(job);
        expect(await store.jobs.recipients(job.id, {}, ALL_OF_THEM)).toEqual({
          total: 2,
          items: [
            { position: 0, ...recipient(), outcome: 'pending', msgId: null, updatedAt: null },
            { position: 1, ...skipped, outcome: 'skipped', msgId: null, updatedAt: null },
          ],
        });
      });

      test('are dropped when they ended long ago, and keep their messages until then', async () => {
        const sent = async (waId: string) => {
          const job = await create();
          await write(job.id, 0, waId);
          await commit({ outcomes: [{ waId, status: MESSAGE_STATUS.sent, events: () => [] }] });
          return job.id;
        };
        const [open, ended] = [await sent('open'), await sent('ended')];
        await change(ended, ['ready'], 'cancelled');
        expect(await store.messages.prune(FAR, 9)).toBe(0);
        expect(await store.jobs.prune(2000, 9)).toBe(0);
        expect(await store.jobs.prune(FAR, 9)).toBe(1);
        expect(await store.jobs.get(session.id, ended)).toBeUndefined();
        expect(await store.jobs.get(session.id, open)).toBeDefined();
        expect(await store.messages.prune(FAR, 9)).toBe(1);
        expect(await store.messages.find(session.id, 'open')).toBeDefined();
      });

      test('are made once per idempotency key, and refuse it for another one', async () => {
        const first = await store.jobs.create(aJob({ idempotencyKey: 'k' }), [recipient()]);
        expect(await store.jobs.create(aJob({ idempotencyKey: 'k' }), [])).toEqual({ job: first.job, fresh: false });
        expect(await store.jobs.accepted(session.id, 'k', 'hash')).toEqual(first.job);
        expect(await store.jobs.accepted(session.id, 'other', 'hash')).toBeUndefined();
        const other = store.jobs.create(aJob({ idempotencyKey: 'k', source: 'another' }), [recipient()]);
        await expect(other).rejects.toMatchObject({ code: 'idempotency_mismatch' });
        await expect(store.jobs.accepted(session.id, 'k', 'another')).rejects.toMatchObject({
          code: 'idempotency_mismatch',
        });
      });

      test('are listed newest first, by status and by pages, those of the session only', async () => {
        const first = await create();
        const second = await create();
        await change(second.id, ['ready'], 'running');
        const other = await store.sessions.create(aSession(), someKeys());
        const ids = async (filter = {}, slice = ALL_OF_THEM, id = session.id) =>
          (await store.jobs.list(id, filter, slice)).items.map((job) => job.id);
        expect(await ids()).toEqual([second.id, first.id]);
        expect(await ids({ status: 'ready' })).toEqual([first.id]);
        expect(await ids({}, { offset: 1, limit: 1 })).toEqual([first.id]);
        expect(await ids({}, ALL_OF_THEM, other.id)).toEqual([]);
        expect(await store.jobs.get(other.id, first.id)).toBeUndefined();
        expect((await store.jobs.open()).map(({ id }) => id)).toEqual([second.id]);
      });

      test('change their state once, with the event of that, and only from where they may', async () => {
        const { id } = await create();
        const events: JobChange['events'] = (job, counts) => [anEvent({ data: { job, counts } })];
        const started = await change(id, ['ready'], 'running', { events });
        expect(started).toMatchObject({
          job: { id, status: 'running', startedAt: 2000 },
          events: [{ data: { job: { status: 'running' }, counts: { pending: 1, sent: 0 } } }],
        });
        expect(await change(id, ['ready'], 'running', { events })).toMatchObject({ job: undefined, events: [] });
        const reason = { code: 'rate_limited', message: 'Wait.', retryAt: 5000 };
        expect((await change(id, ['running'], 'paused', { reason, at: 3000 })).job).toMatchObject({
          status: 'paused',
          reason,
          startedAt: 2000,
          endedAt: null,
        });
        expect((await change(id, ['paused'], 'completed', { at: 4000 })).job).toMatchObject({
          reason: null,
          startedAt: 2000,
          endedAt: 4000,
        });
        expect(await store.jobs.open()).toEqual([]);
      });

      test('write to one recipient after the other, and know of each what its message has come to', async () => {
        const { id } = await create([recipient(), recipient(), recipient(), recipient()]);
        expect(await store.jobs.next(id)).toMatchObject({ position: 0, variables: { name: 'Robin' } });
        const first = await write(id, 0, 'A');
        await store.jobs.settle(id, 1, { failed: 'Not on WhatsApp.' });
        await store.jobs.settle(id, 2, { skipped: 'opted_out', detail: 'They do not want it.' });
        expect(await store.jobs.next(id)).toMatchObject({ position: 3 });
        expect(await store.jobs.underWay(id)).toBe(1);
        expect(await outcomes(id)).toEqual(['queued', 'failed', 'skipped', 'pending']);
        await commit({ outcomes: [{ waId: first.waId, status: 2, events: () => [] }] });
        expect(await store.jobs.underWay(id)).toBe(0);
        expect((await outcomes(id))[0]).toBe('sent');
        await commit({ outcomes: [{ waId: first.waId, status: 4, events: () => [] }] });
        expect(await store.jobs.counts(id)).toEqual({
          pending: 1,
          queued: 0,
          sent: 0,
          delivered: 0,
          read: 1,
          failed: 1,
          skipped: 1,
          cancelled: 0,
        });
        const failed = await store.jobs.recipients(id, { outcome: 'failed' }, ALL_OF_THEM);
        expect(failed).toMatchObject({ total: 1, items: [{ position: 1, detail: 'Not on WhatsApp.' }] });
      });

      test('tell why a message of theirs has failed', async () => {
        const { id } = await create();
        const { waId, msgId } = await write(id, 0, 'A');
        await commit({ outcomes: [{ waId, status: 0, error: 'refused (code 463)', events: () => [] }] });
        expect((await store.jobs.recipients(id, {}, ALL_OF_THEM)).items).toMatchObject([
          { outcome: 'failed', detail: 'refused (code 463)', msgId },
        ]);
      });

      test('know whom they have written to, by address', async () => {
        const { id } = await create([recipient(), recipient({ chat: '7000@lid' })]);
        expect(await store.jobs.reached(id, [CHAT])).toBe(false);
        await write(id, 0, 'A');
        expect(await store.jobs.reached(id, [CHAT, '7000@lid'])).toBe(true);
        expect(await store.jobs.reached(id, ['7000@lid'])).toBe(false);
      });

      test('that are cancelled take back what has never left, and nothing else', async () => {
        const { id } = await create([recipient(), recipient(), recipient(), recipient()]);
        const done = await write(id, 0, 'A');
        await commit({ outcomes: [{ waId: done.waId, status: 2, events: () => [] }] });
        const written = await write(id, 1, 'B');
        expect(await store.messages.written(written.msgId, { content: Buffer.from('x'), lid: null })).toBe(true);
        const waiting = await write(id, 2, 'C');
        const own = (await store.messages.enqueue(outgoing(session.id, { waId: 'by hand' }))).message;
        await change(id, ['ready'], 'cancelled');
        expect(await outcomes(id)).toEqual(['sent', 'queued', 'cancelled', 'cancelled']);
        expect((await store.messages.queued(session.id, 9)).map(({ msgId }) => msgId)).toEqual([own.msgId]);
        // The queue was about to write it.
        expect(await store.messages.written(waiting.msgId, { content: Buffer.from('x'), lid: null })).toBe(false);
      });

      test('are forgotten when they have ended or never began, not in between; their messages stay', async () => {
        const { id } = await create();
        const { msgId } = await write(id, 0, 'A');
        await change(id, ['ready'], 'running');
        expect(await store.jobs.delete(session.id, id)).toBe(false);
        await change(id, ['running'], 'completed');
        const other = await store.sessions.create(aSession(), someKeys());
        expect(await store.jobs.delete(other.id, id)).toBe(false);
        expect(await store.jobs.delete(session.id, id)).toBe(true);
        expect(await store.jobs.get(session.id, id)).toBeUndefined();
        expect(await store.jobs.recipients(id, {}, ALL_OF_THEM)).toEqual({ items: [], total: 0 });
        expect(await store.messages.get(session.id, msgId)).toBeDefined();
      });

      test('keep their file until they have ended', async () => {
        await store.media.put({
          ...{ id: 'file-1', sessionId: session.id, use: 'send', kind: 'image', mimetype: 'image/jpeg', size: 1 },
          ...{ fileName: null, source: null, createdAt: 0, expiresAt: 1000 },
        });
        const { id } = await create([recipient()], { request: { kind: 'image', file: 'file-1' } });
        expect(await store.media.expire(2000)).toEqual([]);
        await change(id, ['ready'], 'cancelled');
        expect(await store.media.expire(2000)).toEqual(['file-1']);
      });

      test('go with their session', async () => {
        const { id } = await create();
        await store.sessions.delete(session.id);
        expect(await store.jobs.get(session.id, id)).toBeUndefined();
        expect(await store.jobs.open()).toEqual([]);
      });
    });

    describe('inquiries', () => {
      const NOW = Date.now();
      const LID = '123456789012345@lid';
      let names = 0;
      const ask = async (about: Partial<NewInquiry> = {}, message: Partial<NewOutgoing> = {}) => {
        const waId = message.waId ?? `Q${++names}`;
        const inquiry: NewInquiry = {
          ...{ id: `inq_${waId}`, kind: 'text', question: 'Well?', options: [], person: CHAT },
          ...{ replyOnly: false, expiresAt: null, createdAt: NOW, ...about },
        };
        const asking = outgoing(session.id, { waId, inquiry, ...message });
        const { message: question } = await store.messages.enqueue(asking);
        return { id: inquiry.id, question };
      };
      /** …and the question has left. */
      const asked = async (about: Partial<NewInquiry> = {}, message: Partial<NewOutgoing> = {}) => {
        const one = await ask(about, message);
        await store.messages.written(one.question.msgId, { content: Buffer.from('question'), lid: null });
        return one;
      };
      const said = (text: string, more: Partial<NewMessage> = {}) =>
        received({
          waId: `A${++names}`,
          timestamp: NOW + 60_000,
          said: { jid: CHAT, text, type: 'conversation' },
          ...more,
        });
      const get = ({ id }: { id: string }) => store.inquiries.get(session.id, id);
      const closings = async () => (await eventsOf()).filter(({ event }) => event.startsWith('inquiry.'));
      const over = (by: number, limit = 100) => commit({ inquiriesOver: { by, limit } });
      const CALLBACK = { url: 'http://127.0.0.1:9/waiting', secret: SECRET };
      const reminder = { waId: 'R1', text: 'Still there?', schedule: { sendAt: NOW + 1000, expiresAt: NOW + 2000 } };

      test('are opened with their question, once per idempotency key, and read as they were asked', async () => {
        const about = { kind: 'choice' as const, options: ['a', 'b'], expiresAt: NOW + 5000 };
        const one = await ask(about, { waId: 'Q', idempotencyKey: 'key' });
        const again = await ask({ ...about, id: 'inq_other' }, { waId: 'other', idempotencyKey: 'key' });
        expect(again.question.msgId).toBe(one.question.msgId);
        expect(await store.inquiries.ofMessage(session.id, one.question.msgId)).toEqual({
          ...{ id: 'inq_Q', sessionId: session.id, msgId: one.question.msgId, waId: 'Q', reminderWaId: null },
          ...{
            chat: CHAT,
            person: CHAT,
            question: 'Well?',
            replyOnly: false,
            status: 'open',
            answer: null,
            error: null,
          },
          ...{ createdAt: NOW, askedAt: null, closedAt: null, ...about },
        });
        store = await place.reopen();
        expect(await get(one)).toMatchObject({ status: 'open' });
      });

      test('are closed by the commit that stores the answer, with one event, and never again', async () => {
        const one = await asked();
        const { events } = await commit({ messages: [said('blue', { waId: 'A' })] });
        expect(events.map(({ event }) => event)).toEqual(['messages.received', 'inquiry.answered']);
        await commit({ messages: [said('blue', { waId: 'A' })] });
        await commit({ messages: [said('green')] });
        await over(NOW * 2);
        expect(await closings()).toHaveLength(1);
        expect(await get(one)).toMatchObject({
          status: 'answered',
          answer: { text: 'blue', via: 'message', messageId: 'A', from: { jid: CHAT, phone: '15550100002' } },
        });
      });

      test('stay open when the commit fails', async () => {
        const one = await asked();
        const broken = received({
          waId: 'B',
          events: () => {
            throw new Error('nothing of it');
          },
        });
        await expect(commit({ messages: [said('blue'), broken] })).rejects.toThrow('nothing of it');
        expect(await get(one)).toMatchObject({ status: 'open' });
        expect(await closings()).toEqual([]);
      });

      test('are answered by either address of the person, and by nobody else', async () => {
        await commit({ pairs: [{ lid: LID, phone: '15550100002' }] });
        const one = await asked();
        const other = '15550100003@s.whatsapp.net';
        await commit({ messages: [said('me', { chat: other, sender: other, said: { jid: other, text: 'me' } })] });
        expect(await get(one)).toMatchObject({ status: 'open' });
        await commit({ messages: [said('blue', { chat: LID, sender: LID, said: { lid: LID, text: 'blue' } })] });
        expect(await get(one)).toMatchObject({ status: 'answered', answer: { from: { jid: CHAT, lid: LID } } });
      });

      test('are asked when the message leaves, or earlier if WhatsApp says so', async () => {
        const one = await asked();
        expect((await get(one))!.askedAt).toBeGreaterThanOrEqual(NOW);
        const at = NOW - 7000;
        await commit({ outcomes: [{ waId: one.question.waId, status: MESSAGE_STATUS.sent, at, events: () => [] }] });
        expect(await get(one)).toMatchObject({ askedAt: at });
      });

      test('fail with their question, unless it may have arrived', async () => {
        const error = { status: MESSAGE_STATUS.error, error: 'nobody there', events: () => [] };
        const [one, other] = [await ask({ callback: CALLBACK }), await ask()];
        await commit({ outcomes: [{ waId: one.question.waId, ...error }] });
        await commit({ outcomes: [{ waId: other.question.waId, ...error, unknown: true }] });
        expect(await get(one)).toMatchObject({ status: 'failed', error: 'nobody there' });
        expect(await get(other)).toMatchObject({ status: 'open' });
        expect(await closings()).toMatchObject([{ event: 'inquiry.failed', data: { error: 'nobody there' } }]);
        expect(await deliveriesOf()).toHaveLength(1);
      });

      test('fail when nobody can answer any more: what was asked at once, what was not with its question', async () => {
        const failed = (waId: string) => {
          const told = (message: MessageRecord) => [anEvent({ data: { failed: message.waId } })];
          return { waId, status: MESSAGE_STATUS.error, error: 'gone', events: told };
        };
        const one = await asked({ callback: CALLBACK, reminder });
        const other = await ask({ reminder: { ...reminder, waId: 'R2' } });
        const elsewhere = await store.sessions.create(aSession(), someKeys());
        await store.commit({ sessionId: elsewhere.id, otherAccount: 'they are gone' });
        expect(await get(one)).toMatchObject({ status: 'open' });
        const outcomes = [other.question.waId, 'R1', 'R2'].map(failed);
        const { due, events } = await commit({ otherAccount: 'they are gone', outcomes });
        expect(await get(one)).toMatchObject({ status: 'failed', error: 'they are gone' });
        expect(await get(other)).toMatchObject({ status: 'failed', error: 'gone' });
        // Both reminders were taken back before, so nothing is told of them.
        expect(events.map(({ data }) => data)).toMatchObject([
          { failed: other.question.waId },
          { inquiryId: one.id },
          { inquiryId: other.id },
        ]);
        expect(due).toHaveLength(1);
        await commit({ messages: [said('blue')], otherAccount: 'again' });
        expect(await closings()).toHaveLength(2);
      });

      test('end when their time is over, so many at once, those of the session only', async () => {
        const two = await ask({ expiresAt: NOW + 2000 });
        const one = await ask({ expiresAt: NOW + 1000 });
        await ask();
        expect(await store.inquiries.ends()).toEqual([{ sessionId: session.id, at: NOW + 1000 }]);
        await store.commit({
          sessionId: (await store.sessions.create(aSession(), someKeys())).id,
          inquiriesOver: { by: NOW * 2, limit: 9 },
        });
        await over(NOW + 999);
        expect(await closings()).toEqual([]);
        await over(NOW + 9000, 1);
        expect(await get(one)).toMatchObject({ status: 'expired' });
        expect(await store.inquiries.ends()).toEqual([{ sessionId: session.id, at: NOW + 2000 }]);
        await over(NOW + 9000);
        expect(await get(two)).toMatchObject({ status: 'expired' });
        expect(await store.inquiries.ends()).toEqual([]);
      });

      test('take back what has not left of them, whatever closes them', async () => {
        const waiting = async () => [
          ...(await store.messages.queued(session.id, 10)),
          ...(await store.schedule.list(session.id, { offset: 0, limit: 10 })).items,
        ];
        const one = await asked({ reminder });
        expect((await waiting()).map(({ waId, request }) => [waId, request?.replyTo])).toEqual([
          ['R1', one.question.waId],
        ]);
        await commit({ messages: [said('blue')] });
        expect(await waiting()).toEqual([]);
        const other = await ask({ reminder: { ...reminder, waId: 'R2' } });
        expect(await waiting()).toHaveLength(2);
        expect(await store.inquiries.cancel(session.id, other.id)).toMatchObject({ status: 'cancelled' });
        expect(await store.inquiries.cancel(session.id, other.id)).toBeUndefined();
        expect(await waiting()).toEqual([]);
      });

      test('know a reply to their reminder', async () => {
        const one = await asked({ reminder, replyOnly: true });
        await commit({ messages: [said('blue', { said: { jid: CHAT, text: 'blue', quotes: 'R1' } })] });
        expect(await get(one)).toMatchObject({ answer: { text: 'blue', via: 'reply' } });
      });

      test('tell their callback, which gets nothing else and is not among the webhooks', async () => {
        await ask({ callback: CALLBACK, expiresAt: NOW });
        await commit({ events: [anEvent()] });
        expect(await deliveriesOf()).toEqual([]);
        const { due } = await over(NOW);
        expect(await deliveriesOf()).toMatchObject([{ event: 'inquiry.expired', status: 'pending' }]);
        const [{ subscriptionId, lane }] = due as [{ subscriptionId: string; lane: string }];
        expect((await store.deliveries.head(subscriptionId, lane))?.body).toMatchObject({ event: 'inquiry.expired' });
        expect(await store.subscriptions.get(subscriptionId)).toMatchObject({ origin: 'inquiry', ...CALLBACK });
        expect(await store.subscriptions.list(session.id)).toEqual([]);
        expect((await store.figures()).sessions[0]).toMatchObject({ webhooks: 0, undelivered: 1 });
        expect(await store.subscriptions.expire(Date.now() + 86_400_000)).toEqual([]);
        expect(await store.subscriptions.expire(Date.now() + 8 * 86_400_000)).toEqual([subscriptionId]);
      });

      test('with the callback of an older one take its place, and what it was to be told', async () => {
        const one = await asked({ callback: CALLBACK });
        const other = await asked({ callback: CALLBACK });
        expect(await get(one)).toMatchObject({ status: 'cancelled' });
        await commit({ messages: [said('blue')] });
        expect(await get(other)).toMatchObject({ status: 'answered' });
        expect(await deliveriesOf()).toHaveLength(1);
        const third = await asked({ callback: CALLBACK });
        expect(await deliveriesOf()).toEqual([]);
        await commit({ messages: [said('green')] });
        expect(await get(third)).toMatchObject({ answer: { text: 'green' } });
        expect(await deliveriesOf()).toHaveLength(1);
        const elsewhere = await store.sessions.create(aSession(), someKeys());
        await store.messages.enqueue(
          outgoing(elsewhere.id, {
            inquiry: { ...(await get(third))!, id: 'inq_elsewhere', callback: CALLBACK } as NewInquiry,
          }),
        );
        expect(await deliveriesOf()).toHaveLength(1);
      });

      test('are found by their callback, whatever has come of them, those of the session only', async () => {
        const { id } = await ask({ callback: CALLBACK });
        await store.inquiries.cancel(session.id, id);
        await ask({ callback: CALLBACK }, { chat: '15551234569@s.whatsapp.net' });
        await ask({ callback: { ...CALLBACK, url: 'http://127.0.0.1:9/else' } }, { chat: '1-2@g.us' });
        await ask({}, { chat: '1-3@g.us' });
        const found = await store.inquiries.chatsOf(session.id, CALLBACK.url);
        expect(found.sort()).toEqual([CHAT, '15551234569@s.whatsapp.net'].sort());
        expect(await store.inquiries.chatsOf(session.id + 1, CALLBACK.url)).toEqual([]);
        expect(await store.inquiries.chatsOf(session.id, `${CALLBACK.url}/`)).toEqual([]);
      });

      test('are listed newest first, by status and by pages, those of the session only', async () => {
        const ids = [await ask(), await ask(), await ask()].map(({ id }) => id).reverse();
        const page = async (status?: InquiryStatus, slice = { offset: 0, limit: 2 }) => {
          const { items, total } = await store.inquiries.list(session.id, { status }, slice);
          return [items.map(({ id }) => id), total];
        };
        await store.inquiries.cancel(session.id, ids[1]!);
        expect(await page()).toEqual([ids.slice(0, 2), 3]);
        expect(await page('open')).toEqual([[ids[0], ids[2]], 2]);
        expect(await page('answered')).toEqual([[], 0]);
        expect((await store.inquiries.list(session.id + 1, {}, { offset: 0, limit: 2 })).total).toBe(0);
        expect(await store.inquiries.get(session.id + 1, ids[0]!)).toBeUndefined();
      });

      test('are forgotten when they were closed long ago, and keep their question until then', async () => {
        const old = { timestamp: 1000 };
        const [one, other] = [await asked({}, old), await asked({}, old)];
        for (const { question } of [one, other]) {
          await commit({ outcomes: [{ waId: question.waId, status: MESSAGE_STATUS.sent, events: () => [] }] });
        }
        await store.inquiries.cancel(session.id, one.id);
        expect(await store.messages.prune(NOW, 10)).toBe(0);
        expect(await store.inquiries.prune(NOW * 2, 10)).toBe(1);
        expect(await store.messages.prune(NOW, 10)).toBe(1);
        expect(await get(one)).toBeUndefined();
        expect(await get(other)).toMatchObject({ status: 'open' });
      });
    });

    describe('messages that wait for their time', () => {
      const accept = async (waId: string, sendAt: number, more: Partial<NewOutgoing> = {}) => {
        const schedule = { sendAt, expiresAt: sendAt + 100 };
        return (await store.messages.enqueue(outgoing(session.id, { waId, schedule, ...more }))).message;
      };
      const release = ({ msgId, sendAt }: MessageRecord) => store.schedule.release({ msgId, sendAt: sendAt! }, 5000);
      const postpone = ({ msgId, sendAt }: MessageRecord, until: number) =>
        store.schedule.postpone({ msgId, sendAt: sendAt! }, until, 'not yet');
      const queued = async () => (await store.messages.queued(session.id, 10)).map(({ waId }) => waId);
      const next = async () => {
        const found = await store.schedule.next();
        return found && [found.message.waId, found.at];
      };
      const get = ({ msgId }: MessageRecord) => store.messages.get(session.id, msgId);

      test('are not in the queue, and are listed by time', async () => {
        const late = await accept('late', 2000);
        const early = await accept('early', 1000);
        const same = await accept('same', 1000);
        await store.messages.enqueue(outgoing(session.id, { waId: 'now' }));
        expect(early).toMatchObject({ send: 'scheduled', status: 1, sendAt: 1000, expiresAt: 1100 });
        expect(await queued()).toEqual(['now']);
        expect(await store.schedule.list(session.id, { offset: 0, limit: 2 })).toEqual({
          items: [early, same],
          total: 3,
        });
        expect(await store.schedule.list(session.id, { offset: 2, limit: 2 })).toEqual({ items: [late], total: 3 });
        expect((await store.schedule.list(session.id + 1, { offset: 0, limit: 2 })).total).toBe(0);
      });

      test('enter the queue once, behind what is there and before what comes later', async () => {
        const late = await accept('late', 2000);
        const early = await accept('early', 1000);
        await store.messages.enqueue(outgoing(session.id, { waId: 'before' }));
        expect(await next()).toEqual(['early', 1000]);
        expect(await release(early)).toBe(true);
        expect(await release(early)).toBe(false);
        expect(await next()).toEqual(['late', 2000]);
        expect(await release(late)).toBe(true);
        await store.messages.enqueue(outgoing(session.id, { waId: 'after' }));
        expect(await queued()).toEqual(['before', 'early', 'late', 'after']);
        expect(await get(early)).toMatchObject({ send: 'queued', timestamp: 5000, sendAt: 1000, error: null });
        expect(await next()).toBeUndefined();
      });

      test('survive the end of the process', async () => {
        const message = await accept('patient', 1000);
        store = await place.reopen();
        expect(await next()).toEqual(['patient', 1000]);
        expect(await release(message)).toBe(true);
        store = await place.reopen();
        expect(await queued()).toEqual(['patient']);
      });

      test('are put off until a time or until they expire, and looked at again when their session is resumed', async () => {
        const message = await accept('kept', 1000);
        await accept('other', 1030);
        await postpone(message, 1020);
        expect(await next()).toEqual(['kept', 1020]);
        expect(await get(message)).toMatchObject({ error: 'not yet', sendAt: 1000 });
        await postpone(message, 9999);
        expect(await next()).toEqual(['other', 1030]);
        await store.schedule.resume(session.id + 1);
        expect(await next()).toEqual(['other', 1030]);
        await store.schedule.resume(session.id);
        expect(await next()).toEqual(['kept', 1000]);
        await postpone(message, 9999);
        await store.schedule.cancel(session.id, (await store.messages.find(session.id, 'other'))!.msgId);
        expect(await next()).toEqual(['kept', 1100]);
      });

      test('can be changed while they wait, and what was decided for the old time does not count', async () => {
        const message = await accept('moved', 1000, { idempotencyKey: 'k' });
        await postpone(message, 1050);
        const request = { to: '+15550100003', text: 'Else', changed: true } as const;
        const chat = '15550100003@s.whatsapp.net';
        const change = { chat, request, sendAt: 3000, expiresAt: 4000 };
        expect(await store.schedule.change(session.id + 1, message.msgId, change)).toBeUndefined();
        const changed = await store.schedule.change(session.id, message.msgId, change);
        expect(changed).toMatchObject({ waId: 'moved', chat, request, sendAt: 3000, expiresAt: 4000, error: null });
        expect(await release(message)).toBe(false);
        await postpone(message, 1080);
        expect(await next()).toEqual(['moved', 3000]);
        // Who asks again under the key gets what it has become.
        const schedule = { sendAt: 1000, expiresAt: 1100 };
        const again = await store.messages.enqueue(outgoing(session.id, { idempotencyKey: 'k', schedule }));
        expect(again).toEqual({ message: changed, fresh: false });
        expect(await release(changed!)).toBe(true);
        expect(await store.schedule.change(session.id, message.msgId, change)).toBeUndefined();
      });

      test('that are cancelled never leave, and are not sent again', async () => {
        const message = await accept('no', 1000);
        expect(await store.schedule.cancel(session.id + 1, message.msgId)).toBeUndefined();
        expect(await store.schedule.cancel(session.id, message.msgId)).toMatchObject({
          send: 'cancelled',
          status: MESSAGE_STATUS.error,
          error: expect.stringContaining('cancelled'),
        });
        expect(await store.schedule.cancel(session.id, message.msgId)).toBeUndefined();
        expect(await release(message)).toBe(false);
        expect(await store.messages.resend(session.id, message.msgId)).toBe(false);
        expect([await next(), await queued()]).toEqual([undefined, []]);
        const sent = await accept('gone', 1000);
        await release(sent);
        expect(await store.schedule.cancel(session.id, sent.msgId)).toBeUndefined();
      });

      test('fail only as long as what was seen of them holds', async () => {
        const message = await accept('expired', 1000);
        const fail = (expiresAt: number) =>
          commit({
            outcomes: [
              {
                waId: 'expired',
                status: MESSAGE_STATUS.error,
                error: 'too late',
                provided: (one) => one.send === 'scheduled' && one.expiresAt === expiresAt,
                events: () => [anEvent()],
              },
            ],
          });
        expect(await fail(999)).toMatchObject({ events: [], settled: [] });
        expect(await get(message)).toEqual(message);
        expect((await fail(1100)).settled).toMatchObject([{ waId: 'expired', send: 'done', error: 'too late' }]);
        expect(await next()).toBeUndefined();
        // Somebody wants it all the same: then it does not expire again.
        expect(await store.messages.resend(session.id, message.msgId)).toBe(true);
        expect(await get(message)).toMatchObject({ send: 'queued', expiresAt: null });
      });

      test('keep their files, unless they are cancelled', async () => {
        const file = { kind: 'image', mimetype: 'image/png', size: 1, fileName: null, source: null } as const;
        const about = { sessionId: session.id, use: 'send', createdAt: 1, expiresAt: 2 } as const;
        await store.media.put({ id: 'f', ...file, ...about });
        const { msgId } = await accept('a picture', 1000, { request: { to: CHAT, kind: 'image', file: 'f' } });
        expect(await store.media.expire(FAR)).toEqual([]);
        await store.schedule.cancel(session.id, msgId);
        expect(await store.media.expire(FAR)).toEqual(['f']);
      });

      test('go with their session', async () => {
        await accept('gone', 1000);
        await store.sessions.delete(session.id);
        expect(await next()).toBeUndefined();
      });
    });

    describe('files', () => {
      const aFile = (about: Partial<MediaRecord> = {}): MediaRecord => ({
        id: 'file-1',
        sessionId: session.id,
        use: 'upload',
        kind: 'image',
        mimetype: 'image/png',
        size: 7,
        fileName: 'photo.png',
        source: null,
        createdAt: 1000,
        expiresAt: 2000,
        ...about,
      });

      test('are known by id, and by session and source', async () => {
        await store.media.put(aFile());
        await store.media.put(aFile({ id: 'file-2', source: 'made from this', fileName: null, use: 'received' }));
        expect(await store.media.get('file-1')).toEqual(aFile());
        expect(await store.media.get('nothing')).toBeUndefined();
        expect(await store.media.find(session.id, 'made from this')).toMatchObject({ id: 'file-2', fileName: null });
        expect(await store.media.find(session.id + 1, 'made from this')).toBeUndefined();
        expect((await store.media.ids()).sort()).toEqual(['file-1', 'file-2']);
      });

      test('that are posted in a channel are known by WhatsApp’s name for them, too', async () => {
        await store.media.put(aFile());
        await store.media.uploaded('file-1', 'the handle');
        expect(await store.media.get('file-1')).toEqual(aFile({ source: 'the handle' }));
      });

      test('expire when their time has come, not before, and later when it was put off', async () => {
        await store.media.put(aFile());
        expect(await store.media.expire(1999)).toEqual([]);
        await store.media.extend('file-1', 3000);
        expect(await store.media.expire(2000)).toEqual([]);
        expect(await store.media.expire(3000)).toEqual(['file-1']);
        expect(await store.media.get('file-1')).toBeUndefined();
        expect(await store.media.expire(3000)).toEqual([]);
      });

      test('stay as long as a message to send needs them', async () => {
        await store.media.put(aFile({ use: 'send' }));
        const request = { to: CHAT, kind: 'image', file: 'file-1' } as const;
        const { message } = await store.messages.enqueue(outgoing(session.id, { request }));
        expect(await store.media.expire(FAR)).toEqual([]);
        await store.messages.written(message.msgId, { content: Buffer.from('x'), lid: null });
        expect(await store.media.expire(FAR)).toEqual([]);
        await commit({ outcomes: [{ waId: message.waId, status: MESSAGE_STATUS.sent, events: () => [] }] });
        expect(await store.media.expire(FAR)).toEqual(['file-1']);
      });

      test('go with their session', async () => {
        await store.media.put(aFile());
        await store.sessions.delete(session.id);
        expect(await store.media.ids()).toEqual([]);
      });
    });

    describe('files to download', () => {
      const next = () => store.downloads.next(session.id);
      const want = (download_media: boolean) => store.sessions.update(session.id, aSession({ download_media }));

      test('are noted with their message, where the session wants that', async () => {
        await commit({ messages: [received({ waId: 'A', file: true })] });
        expect(await next()).toBeUndefined();
        await want(true);
        await commit({ messages: [received({ waId: 'B' }), received({ waId: 'C', file: true })] });
        await commit({ messages: [received({ waId: 'C', file: true })] });
        expect(await next()).toMatchObject({ message: { waId: 'C' }, attempts: 0, at: 0 });
      });

      test('come in order, wait when they failed, and are struck off with what tells of them', async () => {
        await want(true);
        await commit({ messages: [received({ waId: 'A', file: true }), received({ waId: 'B', file: true })] });
        const first = (await next())!;
        expect(first.message.waId).toBe('A');
        await store.downloads.retry(first.message.msgId, 5000);
        const second = (await next())!;
        expect(second.message.waId).toBe('B');
        await commit({ downloaded: [second.message.msgId], events: [anEvent()] });
        expect(await next()).toMatchObject({ message: { waId: 'A' }, attempts: 1, at: 5000 });
        store = await place.reopen();
        expect(await next()).toMatchObject({ message: { waId: 'A' }, attempts: 1, at: 5000 });
        await commit({ downloaded: [first.message.msgId] });
        expect(await next()).toBeUndefined();
      });
    });

    describe('subscriptions', () => {
      const fan = async (name: 'messages.received' | 'session.status') =>
        (await commit({ events: [anEvent({ event: name })] })).due.map(({ subscriptionId }) => subscriptionId);

      test('get the events they name, or all for *', async () => {
        const named = await subscribe({ url: 'http://a.test/', events: ['messages.update', 'messages.received'] });
        const all = await subscribe({ url: 'http://b.test/', events: ['*'] });
        await subscribe({ url: 'http://c.test/', events: ['messages.receive', 'received', 'messages.*'] });
        expect((await fan('messages.received')).sort()).toEqual([named.id, all.id].sort());
        expect(await fan('session.status')).toEqual([all.id]);
      });

      test('get the events of their own session only', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        await subscribe();
        expect((await store.commit({ sessionId: other.id, events: [anEvent()] })).due).toEqual([]);
      });

      test('get nothing once they have expired, and are then removed', async () => {
        const past = await subscribe({ url: 'http://a.test/', expiresAt: Date.now() - 1 });
        const future = await subscribe({ url: 'http://b.test/', expiresAt: FAR });
        expect(await fan('messages.received')).toEqual([future.id]);
        expect(await store.subscriptions.expire(Date.now())).toEqual([past.id]);
        expect(await store.subscriptions.expire(Date.now())).toEqual([]);
        expect(await store.subscriptions.get(past.id)).toBeUndefined();
        expect(await store.subscriptions.get(future.id)).toEqual(future);
      });

      test('of the same URL are one: the later word counts, and it is resumed', async () => {
        const first = await subscribe({ events: ['session.status'], expiresAt: FAR });
        await store.subscriptions.park(first.id, 'gone');
        const second = await subscribe({ events: ['*'], format: 'wasender' });
        expect(second).toEqual({ ...first, events: ['*'], format: 'wasender', expiresAt: null });
        expect(await store.subscriptions.list(session.id)).toEqual([second]);
      });

      test('of the same URL in two sessions, or of the session itself and of the API, are two', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        const all = [
          await subscribe(),
          await subscribe({ origin: 'session' }),
          await store.subscriptions.put(subscriptionOf(other.id)),
        ];
        expect(new Set(all.map(({ id }) => id)).size).toBe(3);
      });

      test('that are deleted take their undelivered events with them', async () => {
        const subscription = await subscribe();
        await commit({ events: [anEvent()] });
        expect(await store.subscriptions.delete(subscription.id)).toBe(true);
        expect(await store.subscriptions.delete(subscription.id)).toBe(false);
        expect(await deliveriesOf()).toEqual([]);
        expect(await store.deliveries.lanes()).toEqual([]);
        expect(await eventsOf()).toHaveLength(1);
      });

      test('keep what they want, until they are registered anew', async () => {
        const filter = {
          chats: ['direct'],
          from: ['+1 555 010 0002'],
          text: { matches: 'a+' },
          ignoreOwn: true,
        } as const;
        const wishes = {
          filter: { ...filter, chats: [...filter.chats], from: [...filter.from] },
          collectS: 10,
          markAsRead: true,
        };
        const one = await subscribe(wishes);
        expect(one).toMatchObject(wishes);
        store = await place.reopen();
        expect(await store.subscriptions.get(one.id)).toEqual(one);
        expect(await subscribe()).toEqual({ ...one, filter: null, collectS: null, markAsRead: false });
      });

      test('with a filter get what passes it, by whatever address somebody is known', async () => {
        const { id } = await subscribe({ filter: { from: ['+15550100077'] } });
        const lid = '200000000000077@lid';
        const from = async (who: object) => (await commit({ events: [anEvent({ jid: lid, lane: lid, ...who })] })).due;
        expect(await from({ lid })).toEqual([]);
        await commit({ pairs: [{ lid, phone: '15550100077' }] });
        expect(await from({ lid })).toEqual([{ subscriptionId: id, lane: lid }]);
        expect(await from({ lid: '200000000000078@lid' })).toEqual([]);
      });

      describe('of all sessions', () => {
        const subscribeAll = (about: Parameters<typeof subscriptionOf>[1] = {}) =>
          store.subscriptions.put(subscriptionOf(null, about));

        test('get the events of each, also of those that are made later, in lanes of their own', async () => {
          const { id, sessionId } = await subscribeAll();
          expect(sessionId).toBeNull();
          const later = await store.sessions.create(aSession(), someKeys());
          const { due } = await commit({ events: [anEvent()] });
          const other = await store.commit({ sessionId: later.id, events: [anEvent()] });
          expect(due).toEqual([{ subscriptionId: id, lane: `${session.id} ${CHAT}` }]);
          expect(other.due).toEqual([{ subscriptionId: id, lane: `${later.id} ${CHAT}` }]);
          expect((await store.deliveries.lanes(id)).map(({ lane }) => lane).sort()).toEqual(
            [...due, ...other.due].map(({ lane }) => lane),
          );
          expect((await store.deliveries.head(id, due[0]!.lane))!.body.sessionId).toBe(String(session.id));
          // The deliveries are shown where the events are.
          expect((await deliveriesOf()).map(({ subscriptionId }) => subscriptionId)).toEqual([id]);
          expect(await deliveriesOf({ subscriptionId: id })).toHaveLength(1);
          const [delivery] = await store.deliveries.list(later.id, {}, ALL);
          expect(await store.deliveries.get(later.id, delivery!.id)).toEqual(delivery);
          expect(await store.deliveries.get(session.id, delivery!.id)).toBeUndefined();
        });

        test('are listed by themselves, and are one by their URL', async () => {
          const own = await subscribe();
          const one = await subscribeAll({ events: ['call'] });
          const two = await subscribeAll({ url: 'http://other.test/' });
          expect(await subscribeAll()).toEqual({ ...one, events: ['*'] });
          expect((await store.subscriptions.list(null)).map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
          expect(await store.subscriptions.list(session.id)).toEqual([own]);
        });

        test('hear nothing of what a session ignores, and stay when one is deleted', async () => {
          const { id } = await subscribeAll();
          const other = await store.sessions.create(aSession({ ignore_groups: true }), someKeys());
          const group = anEvent({ jid: CHAT_OF_MANY, lane: CHAT_OF_MANY });
          expect((await store.commit({ sessionId: other.id, events: [group] })).due).toEqual([]);
          expect((await commit({ events: [group] })).due).toHaveLength(1);
          await store.sessions.delete(session.id);
          expect((await store.subscriptions.get(id))?.id).toBe(id);
          expect(await store.deliveries.lanes()).toEqual([]);
          expect((await store.commit({ sessionId: other.id, events: [anEvent()] })).due).toHaveLength(1);
        });

        test('are replayed the events of all, in the lanes of each, without what these ignore', async () => {
          const other = await store.sessions.create(aSession(), someKeys());
          const group = anEvent({ jid: CHAT_OF_MANY, lane: CHAT_OF_MANY });
          await commit({ events: [anEvent(), group] });
          await store.commit({ sessionId: other.id, events: [anEvent(), group] });
          await store.sessions.update(other.id, { ...other.settings, ignore_groups: true });
          const { id } = await subscribeAll();
          const span = (await store.events.between(0, FAR))!;
          expect(await store.deliveries.replay(id, span, 3)).toEqual({ count: 3, next: span.first + 3 });
          expect(await store.deliveries.replay(id, { ...span, first: span.first + 3 }, 3)).toEqual({
            count: 0,
            next: undefined,
          });
          expect((await store.deliveries.lanes(id)).map(({ lane }) => lane).sort()).toEqual(
            [`${session.id} ${CHAT}`, `${session.id} ${CHAT_OF_MANY}`, `${other.id} ${CHAT}`].sort(),
          );
        });

        test('count among the figures of no session, and what waits for them does', async () => {
          const { id } = await subscribeAll();
          await subscribeAll({ url: 'http://other.test/', events: ['call'] });
          await store.subscriptions.park(id, 'gone');
          const { events } = await commit({ events: [anEvent(), anEvent()] });
          const { sessions, ofAll } = await store.figures();
          expect(ofAll).toEqual({ webhooks: 2, parkedWebhooks: 1 });
          expect(sessions[0]).toMatchObject({ webhooks: 0, undelivered: 2, undeliveredSince: events[0]!.timestamp });
        });
      });

      describe('that want to see what they get', () => {
        const LONG = { limit: 500 };
        const newest = (id: string, part: { before?: number; limit: number } = LONG) => store.events.latest(id, part);

        test('see the newest event that they would have got, also from before they were there', async () => {
          const call = anEvent({ event: 'call', data: { call: {} } });
          const { events } = await commit({ events: [anEvent(), call, anEvent({ jid: CHAT_OF_MANY }), call] });
          const { id } = await subscribe({ events: ['messages.received'], filter: { chats: ['direct'] } });
          expect(await newest(id)).toEqual({ event: events[0], next: undefined });
          expect(await newest(id, { limit: 3 })).toEqual({ next: events[1]!.seq });
          expect(await newest(id, { before: events[1]!.seq, limit: 3 })).toEqual({ event: events[0], next: undefined });
          const all = await store.subscriptions.put(subscriptionOf(null));
          expect((await newest(all.id)).event).toEqual(events[3]);
        });

        test('see nothing where there is none, or they are gone', async () => {
          const { id } = await subscribe({ events: ['call'] });
          await commit({ events: [anEvent()] });
          expect(await newest(id)).toEqual({ next: undefined });
          await store.subscriptions.delete(id);
          expect(await newest(id)).toEqual({ next: undefined });
        });
      });
    });

    describe('deliveries', () => {
      test('have one head per lane, the oldest that is undelivered', async () => {
        const { id } = await subscribe();
        const { events } = await commit({
          events: [anEvent({ lane: 'a' }), anEvent({ lane: 'b' }), anEvent({ lane: 'a' })],
        });
        const lanes = await store.deliveries.lanes();
        expect(await store.deliveries.lanes(id)).toEqual(lanes);
        expect(await store.deliveries.lanes('no such subscription')).toEqual([]);
        expect(lanes.map(({ lane }) => lane).sort()).toEqual(['a', 'b']);
        const head = await store.deliveries.head(id, 'a');
        expect(head).toEqual({
          body: events[0],
          delivery: {
            id: expect.any(Number),
            subscriptionId: id,
            seq: events[0]!.seq,
            eventId: events[0]!.id,
            event: 'messages.received',
            status: 'pending',
            attempts: 0,
            failures: 0,
            nextAttemptAt: expect.any(Number),
            lastAttemptAt: null,
            lastStatus: null,
            lastError: null,
            redeliveries: 0,
          },
        });
        await store.deliveries.record(head!.delivery.id, { status: 'delivered', at: 1, httpStatus: 200 });
        expect((await store.deliveries.head(id, 'a'))!.body).toEqual(events[2]);
        expect((await store.deliveries.head(id, 'b'))!.body).toEqual(events[1]);
        expect(await store.deliveries.head(id, 'no such lane')).toBeUndefined();
      });

      test('of an event that holds a secret carry it as any other', async () => {
        const { id } = await subscribe();
        const { events } = await commit({ events: [anEvent({ secret: true, data: { qr: 'ä secret' } })] });
        expect(events[0]).toMatchObject({ data: { qr: 'ä secret' } });
        expect(events[0]).not.toHaveProperty('secret');
        expect((await store.deliveries.head(id, CHAT))!.body).toEqual(events[0]);
        expect(await eventsOf()).toEqual(events);
      });

      test('stay at the head of their lane while they fail', async () => {
        const { id } = await subscribe();
        await commit({ events: [anEvent(), anEvent()] });
        const { delivery } = (await store.deliveries.head(id, CHAT))!;
        const error = { status: 'failed', at: 5, nextAttemptAt: FAR, httpStatus: 500, error: 'answered 500' } as const;
        await store.deliveries.record(delivery.id, error);
        await store.deliveries.record(delivery.id, { ...error, spared: true });
        expect((await store.deliveries.head(id, CHAT))!.delivery).toEqual({
          ...delivery,
          status: 'failed',
          attempts: 2,
          failures: 1,
          nextAttemptAt: FAR,
          lastAttemptAt: 5,
          lastStatus: 500,
          lastError: 'answered 500',
        });
      });

      test('that were given up leave their lane to the next one', async () => {
        const { id } = await subscribe();
        const { events } = await commit({ events: [anEvent(), anEvent()] });
        const { delivery } = (await store.deliveries.head(id, CHAT))!;
        await store.deliveries.record(delivery.id, { status: 'parked', at: 5 });
        expect((await store.deliveries.head(id, CHAT))!.body).toEqual(events[1]);
      });

      test('are shown as parked while their subscription is, and still have a head', async () => {
        const { id } = await subscribe();
        await commit({ events: [anEvent(), anEvent()] });
        await store.subscriptions.park(id, 'The receiver answered 404');
        expect(await store.subscriptions.get(id)).toMatchObject({
          state: 'parked',
          parkedReason: 'The receiver answered 404',
        });
        expect(await deliveriesOf({ status: 'parked' })).toHaveLength(2);
        expect(await deliveriesOf({ status: 'pending' })).toHaveLength(0);
        expect(await store.deliveries.head(id, CHAT)).toBeDefined();
      });

      test('that were given up or put off are due at once when the subscription is resumed', async () => {
        const { id } = await subscribe();
        const { events } = await commit({ events: [anEvent(), anEvent(), anEvent()] });
        const [first, second, third] = await deliveriesOf();
        await store.deliveries.record(first!.id, { status: 'parked', at: 5 });
        await store.deliveries.record(second!.id, { status: 'delivered', at: 5 });
        await store.deliveries.record(third!.id, { status: 'failed', at: 5, nextAttemptAt: FAR });
        await store.subscriptions.park(id, 'gone');
        await store.subscriptions.resume(id);
        expect(await store.subscriptions.get(id)).toMatchObject({ state: 'active', parkedReason: null });
        const { body, delivery } = (await store.deliveries.head(id, CHAT))!;
        expect(body).toEqual(events[0]);
        expect(delivery).toMatchObject({ status: 'failed', attempts: 1, failures: 0 });
        expect(delivery.nextAttemptAt).toBeLessThanOrEqual(Date.now());
        expect((await deliveriesOf({ status: 'delivered' })).map(({ seq }) => seq)).toEqual([events[1]!.seq]);
        expect((await store.deliveries.get(session.id, third!.id))!.nextAttemptAt).toBeLessThanOrEqual(Date.now());
      });

      test('can be done once more, with a schedule of their own, in their old place', async () => {
        const { id } = await subscribe();
        const { events } = await commit({ events: [anEvent(), anEvent()] });
        const [first] = await deliveriesOf();
        await store.deliveries.record(first!.id, { status: 'failed', at: 5 });
        await store.deliveries.record(first!.id, { status: 'delivered', at: 6 });
        expect(await store.deliveries.redeliver(first!.id)).toEqual({ subscriptionId: id, lane: CHAT });
        const { body, delivery } = (await store.deliveries.head(id, CHAT))!;
        expect(body).toEqual({ ...events[0], redelivery: 1 });
        expect(delivery).toMatchObject({ status: 'pending', attempts: 2, failures: 0, redeliveries: 1 });
        expect(await eventsOf()).toEqual(events);
        await expect(store.deliveries.redeliver(99_999)).rejects.toMatchObject({ code: 'delivery_not_found' });
      });

      test('count how often they were asked for once more, and not while they are on their way', async () => {
        await subscribe();
        await commit({ events: [anEvent()] });
        const [{ id }] = (await deliveriesOf()) as [DeliveryRecord];
        const count = async () => (await store.deliveries.get(session.id, id))!.redeliveries;
        await store.deliveries.redeliver(id);
        expect(await count()).toBe(0);
        await store.deliveries.record(id, { status: 'failed', at: 5, nextAttemptAt: FAR });
        await store.deliveries.redeliver(id);
        expect((await store.deliveries.get(session.id, id))!.nextAttemptAt).toBeLessThan(FAR);
        expect(await count()).toBe(0);
        for (const [status, redeliveries] of [
          ['delivered', 1],
          ['parked', 2],
        ] as const) {
          await store.deliveries.record(id, { status, at: 5 });
          await store.deliveries.redeliver(id);
          expect(await count()).toBe(redeliveries);
        }
        await store.deliveries.redeliver(id);
        expect(await count()).toBe(2);
      });

      test('that were given up can all be done once more, and nothing else is', async () => {
        const { id } = await subscribe();
        const other = await subscribe({ url: 'http://other.test/' });
        const { events } = await commit({ events: [anEvent(), anEvent(), anEvent(), anEvent()] });
        const [a, b, c, d] = await deliveriesOf({ subscriptionId: id });
        await store.deliveries.record(a!.id, { status: 'parked', at: 5 });
        await store.deliveries.record(b!.id, { status: 'delivered', at: 5 });
        await store.deliveries.record(c!.id, { status: 'failed', at: 5, nextAttemptAt: FAR });
        await store.deliveries.record(d!.id, { status: 'parked', at: 5 });
        const [elsewhere] = await deliveriesOf({ subscriptionId: other.id });
        await store.deliveries.record(elsewhere!.id, { status: 'parked', at: 5 });
        await store.subscriptions.park(id, 'gone');

        expect(await store.deliveries.redeliverParked(id)).toBe(2);
        expect((await store.subscriptions.get(id))!.state).toBe('active');
        const shown = (await deliveriesOf({ subscriptionId: id })).map((one) => [one.status, one.redeliveries]);
        expect(shown).toEqual([
          ['pending', 1],
          ['delivered', 0],
          ['failed', 0],
          ['pending', 1],
        ]);
        expect((await store.deliveries.get(session.id, elsewhere!.id))!.status).toBe('parked');
        expect((await store.deliveries.head(id, CHAT))!.body).toEqual({ ...events[0], redelivery: 1 });
        expect(await store.deliveries.redeliverParked(id)).toBe(0);
      });

      describe('of a subscription that collects', () => {
        const call = anEvent({ event: 'call', data: { call: {} } });
        let id: string;
        beforeEach(async () => void ({ id } = await subscribe({ collectS: 300 })));
        const head = async () => (await store.deliveries.head(id, CHAT))!;
        const fix = () => store.deliveries.fixBatch(id, CHAT);

        test('gather until nothing comes any more, and are then fixed as one, under the id of the newest', async () => {
          const { events } = await commit({ events: [anEvent(), anEvent(), anEvent()] });
          const before = await head();
          expect(before.gathering).toBe(true);
          expect(before.delivery.nextAttemptAt).toBe(events[2]!.timestamp + 300_000);
          await fix();
          // What comes now is another burst, whatever becomes of this one.
          await commit({ events: [anEvent()] });
          store = await place.reopen();
          const { gathering, body, delivery } = await head();
          expect(gathering).toBeUndefined();
          expect(body).toEqual({ ...events[2], collected: events });
          expect(delivery).toMatchObject({ seq: events[2]!.seq, status: 'pending' });
        });

        test('stand and fall together', async () => {
          const { events } = await commit({ events: [anEvent(), anEvent()] });
          await fix();
          const failed = { status: 'failed', at: 5, nextAttemptAt: FAR, httpStatus: 500 } as const;
          await store.deliveries.record((await head()).delivery.id, failed);
          const of = async () => (await deliveriesOf()).map((one) => [one.status, one.attempts, one.nextAttemptAt]);
          expect(await of()).toEqual(Array(2).fill(['failed', 1, FAR]));
          await commit({ events: [anEvent()] });
          expect((await head()).body).toEqual({ ...events[1], collected: events });
          // Whoever asks for one of them tries all of them at once.
          const [first] = await deliveriesOf();
          await store.deliveries.redeliver(first!.id);
          expect((await head()).body.collected).toEqual(events);
          expect((await head()).delivery.nextAttemptAt).toBeLessThan(FAR);
          await store.deliveries.record((await head()).delivery.id, { status: 'delivered', at: 6 });
          expect((await deliveriesOf()).map(({ status }) => status)).toEqual(['delivered', 'delivered', 'pending']);
        });

        test('leave the others in their order, and do not wait for what cannot join them', async () => {
          const { events } = await commit({ events: [call, anEvent(), anEvent(), call, anEvent()] });
          const next = async () => {
            const { gathering, delivery } = await head();
            if (gathering) expect(delivery.nextAttemptAt).toBeLessThan(events[0]!.timestamp + 300_000);
            if (gathering) await fix();
            const due = await head();
            await store.deliveries.record(due.delivery.id, { status: 'delivered', at: 6 });
            return due.body;
          };
          expect(await next()).toEqual(events[0]);
          expect(await next()).toEqual({ ...events[2], collected: [events[1], events[2]] });
          expect(await next()).toEqual(events[3]);
          expect((await head()).delivery.nextAttemptAt).toBe(events[4]!.timestamp + 300_000);
        });

        test('are at most a hundred', async () => {
          await commit({ events: Array.from({ length: 101 }, () => anEvent()) });
          expect((await head()).delivery.nextAttemptAt).toBeLessThanOrEqual(Date.now());
          await fix();
          expect((await head()).body.collected).toHaveLength(100);
        });

        test('are posted alone when one is asked for once more', async () => {
          const { events } = await commit({ events: [anEvent(), anEvent(), anEvent()] });
          await fix();
          await store.deliveries.record((await head()).delivery.id, { status: 'delivered', at: 6 });
          const [first, second] = await deliveriesOf();
          await store.deliveries.redeliver(first!.id);
          await store.deliveries.redeliver(second!.id);
          const alone = (event: EventEnvelope) => ({ ...event, redelivery: 1 });
          expect(await head()).toMatchObject({ body: { ...alone(events[0]!), collected: [alone(events[0]!)] } });
          expect((await head()).gathering).toBeUndefined();
          await store.deliveries.record(first!.id, { status: 'delivered', at: 7 });
          expect((await head()).body).toEqual({ ...alone(events[1]!), collected: [alone(events[1]!)] });
        });

        test('are gathered anew when they are replayed, and come as they were when they had been given up', async () => {
          const { events } = await commit({ events: [anEvent(), anEvent()] });
          await fix();
          await store.deliveries.record((await head()).delivery.id, { status: 'parked', at: 6 });
          expect(await store.deliveries.redeliverParked(id)).toBe(2);
          const again = events.map((event) => ({ ...event, redelivery: 1 }));
          expect(await head()).toMatchObject({ body: { ...again[1], collected: again } });
          expect((await head()).gathering).toBeUndefined();
          await store.deliveries.record((await head()).delivery.id, { status: 'delivered', at: 6 });
          expect(await store.deliveries.replay(id, (await store.events.between(0, FAR))!, 500)).toMatchObject({
            count: 2,
          });
          expect((await head()).gathering).toBe(true);
        });

        test('are posted as they were fixed, also when nothing is to be collected any more', async () => {
          const { events } = await commit({ events: [anEvent(), anEvent()] });
          await fix();
          await subscribe();
          await commit({ events: [anEvent()] });
          expect((await head()).body).toEqual({ ...events[1], collected: events });
          await store.deliveries.record((await head()).delivery.id, { status: 'delivered', at: 6 });
          expect((await head()).body).not.toHaveProperty('collected');
        });
      });

      describe('of a span that is replayed', () => {
        const replay = async (id: string, limit = 500) => {
          const span = (await store.events.between(0, FAR))!;
          return store.deliveries.replay(id, span, limit);
        };

        test('are made for all that the subscription asks for, also what it never had', async () => {
          const { events } = await commit({
            events: [anEvent(), anEvent({ event: 'session.status', lane: 'session' }), anEvent({ lane: 'b' })],
          });
          const { id } = await subscribe({ events: ['messages.received'] });
          const { due } = await commit({ events: [anEvent()] });
          expect(due).toEqual([{ subscriptionId: id, lane: CHAT }]);
          const [live] = await deliveriesOf();
          expect(await replay(id)).toEqual({ count: 2, next: undefined });
          // What waits anyway waits in its place, behind what is older.
          expect((await store.deliveries.head(id, CHAT))!.body).toEqual({ ...events[0], redelivery: 1 });
          expect((await store.deliveries.head(id, 'b'))!.body).toEqual({ ...events[2], redelivery: 1 });
          expect(await store.deliveries.get(session.id, live!.id)).toEqual(live);
        });

        test('are done once more when they were delivered or given up', async () => {
          const { id } = await subscribe();
          await subscribe({ url: 'http://other.test/' });
          await commit({ events: [anEvent(), anEvent(), anEvent()] });
          const [a, b, c] = await deliveriesOf({ subscriptionId: id });
          await store.deliveries.record(a!.id, { status: 'delivered', at: 5 });
          await store.deliveries.record(b!.id, { status: 'parked', at: 5 });
          await store.deliveries.record(c!.id, { status: 'failed', at: 5, nextAttemptAt: FAR });
          expect((await replay(id)).count).toBe(2);
          const shown = await deliveriesOf({ subscriptionId: id });
          expect(shown.map((one) => [one.id, one.status, one.redeliveries])).toEqual([
            [a!.id, 'pending', 1],
            [b!.id, 'pending', 1],
            [c!.id, 'failed', 0],
          ]);
          expect((await replay(id)).count).toBe(0);
        });

        test('are not made for what the session ignores, nor for other sessions', async () => {
          const other = await store.sessions.create(aSession(), someKeys());
          await store.commit({ sessionId: other.id, events: [anEvent()] });
          await commit({ events: [anEvent({ jid: CHAT_OF_MANY, lane: CHAT_OF_MANY }), anEvent()] });
          await store.sessions.update(session.id, { ...session.settings, ignore_groups: true });
          const { id } = await subscribe();
          expect((await replay(id)).count).toBe(1);
          expect(await store.deliveries.lanes()).toEqual([{ subscriptionId: id, lane: CHAT }]);
        });

        test('are those that pass its filter, by what is known of people now', async () => {
          const lid = '200000000000077@lid';
          const events = [
            anEvent({ jid: lid, lane: lid, lid }),
            anEvent(),
            anEvent({ event: 'qrcode.updated', secret: true }),
          ];
          await commit({ events });
          const { id } = await subscribe({ filter: { from: ['+15550100077'] }, events: ['messages.received'] });
          expect((await replay(id)).count).toBe(0);
          await commit({ pairs: [{ lid, phone: '15550100077' }] });
          expect((await replay(id)).count).toBe(1);
          await subscribe({ filter: { from: ['+15550100077'] } });
          // Of what is sealed a filter says nothing.
          expect((await replay(id)).count).toBe(1);
        });

        test('are made part by part', async () => {
          const { events } = await commit({ events: Array.from({ length: 5 }, () => anEvent()) });
          const { id } = await subscribe();
          const [first, last] = [events[0]!.seq, events[4]!.seq];
          const part = (from: number) => store.deliveries.replay(id, { first: from, last }, 2);
          expect(await part(first)).toEqual({ count: 2, next: first + 2 });
          expect(await part(first + 2)).toEqual({ count: 2, next: first + 4 });
          expect(await part(first + 4)).toEqual({ count: 1, next: undefined });
        });

        test('wake a parked subscription when there are any, for somebody has asked', async () => {
          const { id } = await subscribe({ events: ['call'] });
          await commit({ events: [anEvent()] });
          await store.subscriptions.park(id, 'gone');
          expect((await replay(id)).count).toBe(0);
          expect((await store.subscriptions.get(id))!.state).toBe('parked');
          await subscribe({ events: ['*'] });
          await store.subscriptions.park(id, 'gone');
          expect((await replay(id)).count).toBe(1);
          expect((await store.subscriptions.get(id))!.state).toBe('active');
          await store.subscriptions.delete(id);
          expect(await replay(id)).toEqual({ count: 0, next: undefined });
        });
      });

      test('that are done once more wake a parked subscription, for somebody has asked', async () => {
        const { id } = await subscribe();
        await commit({ events: [anEvent()] });
        await store.subscriptions.park(id, 'gone');
        await store.deliveries.redeliver((await deliveriesOf())[0]!.id);
        expect(await store.subscriptions.get(id)).toMatchObject({ state: 'active', parkedReason: null });
      });

      test('are listed by status and subscription, page by page, for their own session', async () => {
        const a = await subscribe({ url: 'http://a.test/' });
        const b = await subscribe({ url: 'http://b.test/', events: ['session.status'] });
        await commit({ events: [anEvent(), anEvent({ event: 'session.status' })] });
        const all = await deliveriesOf();
        expect(all.map(({ id }) => id)).toEqual([...all.map(({ id }) => id)].sort((x, y) => x - y));
        expect(all).toHaveLength(3);
        expect(await deliveriesOf({ subscriptionId: b.id })).toEqual(all.filter((one) => one.subscriptionId === b.id));
        await store.deliveries.record(all[0]!.id, { status: 'delivered', at: 1 });
        expect(await deliveriesOf({ status: 'pending', subscriptionId: a.id })).toHaveLength(1);
        expect(await store.deliveries.list(session.id, {}, { after: all[0]!.id, limit: 1 })).toEqual([all[1]]);
        const other = await store.sessions.create(aSession(), someKeys());
        expect(await store.deliveries.list(other.id, {}, ALL)).toEqual([]);
        expect(await store.deliveries.get(other.id, all[0]!.id)).toBeUndefined();
      });

      test('of a subscription that was deleted meanwhile are nobody’s any more', async () => {
        const { id } = await subscribe();
        await commit({ events: [anEvent()] });
        const { delivery } = (await store.deliveries.head(id, CHAT))!;
        await store.subscriptions.delete(id);
        await store.deliveries.record(delivery.id, { status: 'delivered', at: 1 });
        await store.subscriptions.park(id, 'gone');
        await store.subscriptions.resume(id);
        expect(await store.deliveries.head(id, CHAT)).toBeUndefined();
      });
    });

    describe('figures', () => {
      test('tell of each session what waits, and since when', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        const nothing = {
          queued: 0,
          scheduled: 0,
          webhooks: 0,
          parkedWebhooks: 0,
          undelivered: 0,
          undeliveredSince: null,
        };
        const of = async () => (await store.figures()).sessions;
        expect(await of()).toEqual([session, other].map(({ id, status }) => ({ id, status, ...nothing })));

        const { id } = await subscribe();
        const parked = await subscribe({ url: 'http://127.0.0.1:9/other', events: ['messages.sent'] });
        await store.subscriptions.park(parked.id, 'gone');
        const gone = await subscribe({ url: 'http://127.0.0.1:9/gone', events: ['messages.sent'] });
        await store.subscriptions.delete(gone.id);
        const { events } = await commit({ events: [anEvent(), anEvent(), anEvent()] });
        const { delivery } = (await store.deliveries.head(id, CHAT))!;
        await store.deliveries.record(delivery.id, { status: 'delivered', at: 1 });
        await store.messages.enqueue(outgoing(session.id));
        const schedule = { sendAt: FAR, expiresAt: FAR + 1 };
        await store.messages.enqueue(outgoing(session.id, { waId: '3EB0B2', schedule }));
        await commit({ session: { status: 'connected' } });
        expect(await of()).toEqual([
          {
            ...{ id: session.id, status: 'connected', queued: 1, scheduled: 1, webhooks: 2, parkedWebhooks: 1 },
            ...{ undelivered: 2, undeliveredSince: events[1]!.timestamp },
          },
          { id: other.id, status: other.status, ...nothing },
        ]);
      });
    });

    describe('sessions', () => {
      test('keep what their governor has to remember', async () => {
        const nothing = { account: null, timelock: null, capping: null, slowdown: null, warmUp: null };
        expect(session.governor).toEqual(nothing);
        const governor = { ...nothing, timelock: { until: 5000, type: 'DEFAULT' }, warmUp: { account: 'a', since: 1 } };
        await commit({ session: { governor } });
        expect(await store.sessions.get(session.id)).toMatchObject({ governor, status: session.status });
      });

      test('keep their proxy, another one, and none', async () => {
        for (const proxy_url of ['http://user:pässword@proxy.test:8080', 'socks5://proxy.test:1080', null]) {
          const settings = { ...session.settings, proxy_url };
          expect((await store.sessions.update(session.id, settings)).settings).toEqual(settings);
          store = await place.reopen();
          expect((await store.sessions.get(session.id))!.settings).toEqual(settings);
        }
      });

      test('are found by number and by API key', async () => {
        expect(session).toMatchObject({ status: 'disconnected', reason: null, wanted: false, account: null });
        expect(await store.sessions.get(session.id)).toEqual(session);
        expect(await store.sessions.findByApiKey(session.apiKey)).toEqual(session);
        expect(await store.sessions.findByApiKey('another')).toBeUndefined();
        expect(await store.sessions.get(session.id + 1)).toBeUndefined();
      });

      test('take a new API key, and the old one is worth nothing', async () => {
        const updated = await store.sessions.update(session.id, session.settings, { apiKey: 'new' });
        expect(updated).toMatchObject({ apiKey: 'new', webhookSecret: session.webhookSecret });
        expect(await store.sessions.findByApiKey(session.apiKey)).toBeUndefined();
        expect((await store.sessions.findByApiKey('new'))?.id).toBe(session.id);
      });

      test('that are not there cannot be updated', async () => {
        await expect(store.sessions.update(99, aSession())).rejects.toMatchObject({ code: 'session_not_found' });
      });

      test('have their own webhook, which follows their settings', async () => {
        const own = async () =>
          (await store.subscriptions.list(session.id)).map(({ url, events }) => ({ url, events }));
        const set = (settings: Parameters<typeof aSession>[0]) => store.sessions.update(session.id, aSession(settings));
        await set({ webhook_url: 'http://a.test/', webhook_enabled: true, webhook_events: ['session.status'] });
        expect(await own()).toEqual([{ url: 'http://a.test/', events: ['session.status'] }]);
        const [first] = await store.subscriptions.list(session.id);
        expect(first).toMatchObject({ origin: 'session', format: 'wasender', secret: session.webhookSecret });

        await set({ webhook_url: 'http://a.test/', webhook_enabled: true, webhook_events: [] });
        expect(await own()).toEqual([{ url: 'http://a.test/', events: ['*'] }]);
        await set({ webhook_url: 'http://a.test/', webhook_enabled: false });
        expect(await own()).toEqual([]);
        await set({ webhook_url: null, webhook_enabled: true });
        expect(await own()).toEqual([]);
      });

      test('whose webhook URL is corrected have what was undelivered sent to the new one', async () => {
        const set = (url: string) =>
          store.sessions.update(session.id, aSession({ webhook_url: url, webhook_enabled: true }));
        await set('http://typo.test/');
        await commit({ events: [anEvent()] });
        const [before] = await store.subscriptions.list(session.id);
        await set('http://right.test/');
        const [after] = await store.subscriptions.list(session.id);
        expect(after).toEqual({ ...before, url: 'http://right.test/' });
        expect(await deliveriesOf()).toHaveLength(1);
      });

      test('leave the subscriptions of others alone when their own webhook changes', async () => {
        const api = await subscribe({ url: 'http://a.test/' });
        await store.sessions.update(session.id, aSession({ webhook_url: 'http://b.test/', webhook_enabled: true }));
        await store.sessions.update(session.id, aSession());
        expect(await store.subscriptions.list(session.id)).toEqual([api]);
      });

      test('are deleted with all that belongs to them, and nothing else', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        for (const { id } of [session, other]) {
          await store.subscriptions.put(subscriptionOf(id));
          await store.messages.enqueue(outgoing(id));
          await store.commit({
            sessionId: id,
            creds: Buffer.from('login'),
            keys: { session: { a: Buffer.from('b') } },
            messages: [received()],
          });
        }
        await store.sessions.delete(session.id);
        expect((await store.sessions.list()).map(({ id }) => id)).toEqual([other.id]);
        expect(await store.auth.creds(session.id)).toBeUndefined();
        expect(await store.auth.keys(session.id, 'session', ['a'])).toEqual({});
        expect(await store.messages.find(session.id, '3EB0A1')).toBeUndefined();
        expect(await store.messages.queued(session.id, 9)).toEqual([]);
        expect(await eventsOf()).toEqual([]);
        expect(await store.subscriptions.list(session.id)).toEqual([]);
        expect(await store.deliveries.lanes()).toHaveLength(1);
        expect(await eventsOf(other.id)).toHaveLength(1);
        expect(await store.auth.creds(other.id)).toEqual(Buffer.from('login'));
      });

      test('never get the number of a deleted one', async () => {
        await store.sessions.delete(session.id);
        expect((await store.sessions.create(aSession(), someKeys())).id).toBeGreaterThan(session.id);
      });
    });

    describe('people', () => {
      const [jid, lid] = ['15550100002@s.whatsapp.net', '900000000002@lid'];
      /** Notes facts; answers who has changed, by the fields that have. */
      const note = async (...contacts: ContactFacts[]) => {
        let seen: Changed<ContactRecord>[] = [];
        await commit({
          directory: {
            contacts,
            events: (changes) => {
              seen = changes.contacts;
              return [];
            },
          },
        });
        return seen;
      };
      const list = async (search?: string, slice?: Slice) => store.contacts.list(session.id, { search }, slice);

      test('are found by either address, once both are known', async () => {
        expect(await note({ lid, notify: 'Wren' })).toMatchObject([{ before: undefined, after: { lid, jid: null } }]);
        await note({ jid, name: 'Jenny Wren' });
        expect((await list()).total).toBe(2);
        expect(await note({ jid, lid })).toEqual([]);
        const united = { jid, lid, name: 'Jenny Wren', notify: 'Wren', verifiedName: null, about: null, imgUrl: null };
        expect(await store.contacts.get(session.id, jid)).toEqual(united);
        expect(await store.contacts.get(session.id, lid)).toEqual(united);
        expect(await list()).toEqual({ items: [united], total: 1 });
      });

      test('change only by what is news', async () => {
        await note({ jid, notify: 'Wren', about: 'Busy' });
        expect(await note({ jid, notify: 'Wren' }, { jid, name: undefined })).toEqual([]);
        expect(await note({ jid, lid, about: null })).toMatchObject([
          { before: { about: 'Busy', lid }, after: { about: null, notify: 'Wren', lid } },
        ]);
      });

      test('are not made by their addresses alone', async () => {
        expect(await note({ jid, lid }, { lid, imgUrl: null }, {})).toEqual([]);
        expect(await list()).toEqual({ items: [], total: 0 });
      });

      test('who take over a number take it from whoever had it', async () => {
        const other = '900000000003@lid';
        await note({ jid, lid, name: 'First' });
        await note({ lid: other, notify: 'Second' });
        await note({ jid, lid: other });
        expect(await store.contacts.get(session.id, jid)).toMatchObject({ lid: other, notify: 'Second', name: null });
        expect(await store.contacts.get(session.id, lid)).toMatchObject({ jid: null, name: 'First' });
      });

      test('are listed by name without case and accents, the nameless last, and by page', async () => {
        const number = (n: number) => `1555010000${n}@s.whatsapp.net`;
        const names = ['zoe', 'Álvaro', undefined, 'Bob', 'alvin'];
        for (const [n, name] of names.entries()) await note({ jid: number(n), about: 'x', ...(name && { name }) });
        const namesIn = async (search?: string, slice?: Slice) =>
          (await list(search, slice)).items.map(({ name }) => name);
        expect(await namesIn()).toEqual(['Álvaro', 'alvin', 'Bob', 'zoe', null]);
        expect(await namesIn('ALV')).toEqual(['Álvaro', 'alvin']);
        expect(await namesIn('15550100002')).toEqual([null]);
        expect(await namesIn('%')).toEqual([]);
        expect(await list('', { offset: 3, limit: 3 })).toMatchObject({ items: [{ name: 'zoe' }, {}], total: 5 });
      });

      test('are found by a part of their number, but by their LID only as a whole: nobody sees what is in it', async () => {
        await note({ jid, lid, name: 'Jenny Wren' });
        for (const whole of [lid, lid.replace('@lid', ''), '0100002', 'jenny'])
          expect((await list(whole)).total).toBe(1);
        for (const part of ['90000', '0002@lid', '@lid']) expect((await list(part)).total).toBe(0);
      });

      test('are those of their session, and go with it', async () => {
        const other = await store.sessions.create(aSession(), someKeys());
        await note({ jid, name: 'Here' });
        await store.commit({
          sessionId: other.id,
          directory: { contacts: [{ jid, name: 'There' }], events: () => [] },
        });
        expect(await store.contacts.get(other.id, jid)).toMatchObject({ name: 'There' });
        await store.sessions.delete(session.id);
        expect(await list()).toEqual({ items: [], total: 0 });
        expect(await store.contacts.get(other.id, jid)).toMatchObject({ name: 'There' });
      });

      test('bring their events in the same commit, made from what is known then', async () => {
        await note({ jid, lid, name: 'Wren' });
        const { events } = await commit({
          directory: {
            chats: [{ jid, unreadMore: 1 }],
            events: ({ chats }, find) => [anEvent({ data: [chats[0]!.after.unreadCount, find(lid)?.name] })],
          },
        });
        expect(events.map(({ data }) => data)).toEqual([[1, 'Wren']]);
        await expect(
          commit({
            directory: {
              contacts: [{ jid, name: 'Never' }],
              events: () => {
                throw new Error('no room');
              },
            },
          }),
        ).rejects.toThrow('no room');
        expect(await store.contacts.get(session.id, jid)).toMatchObject({ name: 'Wren' });
      });
    });

    describe('chats', () => {
      const [jid, lid] = ['15550100002@s.whatsapp.net', '900000000002@lid'];
      const group = '120363000000000001@g.us';
      const note = async (...chats: ChatFacts[]) => {
        let seen: Changed<ChatRecord>[] = [];
        await commit({
          directory: {
            chats,
            events: (changes) => {
              seen = changes.chats;
              return [];
            },
          },
        });
        return seen;
      };

      test('say how the account stands with a person, by either address', async () => {
        const standing = (address: string, since = 0) => store.chats.standing(session.id, address, since);
        expect(await standing(jid)).toBe('none');
        await store.messages.enqueue(outgoing(session.id, { chat: jid }));
        expect(await standing(jid)).toBe('begun');
        await commit({ outcomes: [{ waId: '3EB0B1', status: 0, error: 'no', events: () => [] }] });
        expect(await standing(jid)).toBe('none');
        await commit({ directory: { contacts: [{ jid, lid, name: 'Wren' }], events: () => [] } });
        expect(await standing(lid)).toBe('none');
        await commit({ outcomes: [{ waId: '3EB0B1', status: 2, events: () => [] }] });
        expect([await standing(jid), await standing(lid)]).toEqual(['open', 'open']);
        const { timestamp } = (await store.messages.find(session.id, '3EB0B1'))!;
        expect([await standing(lid, timestamp), await standing(lid, timestamp + 1)]).toEqual(['open', 'none']);
        const other = '900000000009@lid';
        await note({ lid: other, unreadCount: 0 });
        expect(await standing(other)).toBe('open');
      });

      test('stand open with whoever has written, before anything else is known of the chat', async () => {
        await commit({ messages: [received({ chat: lid, lid, sender: lid })] });
        expect(await store.chats.standing(session.id, lid, 0)).toBe('open');
      });

      test('say whether somebody has written of late, by either address', async () => {
        const heard = (address: string, since: number) => store.chats.heardSince(session.id, address, since);
        await store.messages.enqueue(outgoing(session.id, { chat: lid }));
        expect(await heard(lid, 0)).toBe(false);
        await commit({
          messages: [received({ chat: lid, lid, sender: lid, timestamp: 5000 })],
          pairs: [{ lid, phone: jid.split('@')[0]! }],
        });
        expect([await heard(lid, 5000), await heard(jid, 5000), await heard(jid, 5001)]).toEqual([true, true, false]);
      });

      test('count what is unread, and remember the latest message', async () => {
        await note({ lid, unreadMore: 1, lastMessageAt: 20 });
        await note({ jid, lid, unreadMore: 2, lastMessageAt: 10 });
        expect(await store.chats.get(session.id, jid)).toMatchObject({ jid, lid, unreadCount: 3, lastMessageAt: 20 });
        await note({ jid, unreadCount: -1 });
        await note({ jid, unreadMore: 1 });
        expect(await store.chats.get(session.id, lid)).toMatchObject({ unreadCount: 1 });
        expect(await note({ jid, unreadCount: 1, archived: false })).toEqual([]);
        expect(await note({ jid, archived: true, mutedUntil: -1, pinnedAt: 5 })).toMatchObject([
          { before: { archived: false }, after: { archived: true, mutedUntil: -1, pinnedAt: 5 } },
        ]);
      });

      describe('in a list', () => {
        const channel = '120363000000000002@newsletter';
        const stranger = '900000000003@lid';
        beforeEach(async () => {
          await note(
            { jid: group, name: 'Ärzte', lastMessageAt: 20 },
            { jid, lid, lastMessageAt: 30 },
            { lid: stranger, unreadMore: 1, lastMessageAt: 10 },
            { jid: channel, name: 'News' },
          );
          await note({ jid: '120363000000000009@g.us', imgUrl: 'https://pps/1.jpg', pictureOnly: true });
          await commit({
            directory: {
              contacts: [
                { lid, name: 'Jenny Wren' },
                { lid: stranger, notify: 'Kim' },
              ],
              events: () => [],
            },
          });
        });
        const list = async (filter: Parameters<Store['chats']['list']>[1] = {}, slice?: Slice) => {
          const { items, total } = await store.chats.list(session.id, filter, slice);
          return { names: items.map(({ name }) => name), total };
        };

        test('come by their last message, those without one last, named after the person where they have no name', async () => {
          expect(await list()).toEqual({ names: ['Jenny Wren', 'Ärzte', 'Kim', 'News'], total: 4 });
          const { items } = await store.chats.list(session.id, {}, { offset: 2, limit: 1 });
          expect(items).toMatchObject([{ lid: stranger, jid: null, unreadCount: 1, lastMessageAt: 10 }]);
          await note({ jid: channel, lastMessageAt: 40 });
          expect(await list({}, { offset: 0, limit: 2 })).toEqual({ names: ['News', 'Jenny Wren'], total: 4 });
        });

        test('are found by name without case and accents, by a part of the number, and by their address', async () => {
          expect(await list({ search: 'ARZ' })).toEqual({ names: ['Ärzte'], total: 1 });
          for (const search of ['wren', '0100002', jid, lid])
            expect((await list({ search })).names).toEqual(['Jenny Wren']);
          for (const search of ['whatsapp', '@', '9000000', '%'])
            expect(await list({ search })).toEqual({ names: [], total: 0 });
        });

        test('are of a kind', async () => {
          expect((await list({ kind: 'direct' })).names).toEqual(['Jenny Wren', 'Kim']);
          expect((await list({ kind: 'group' })).names).toEqual(['Ärzte']);
          expect((await list({ kind: 'channel', search: 'new' })).names).toEqual(['News']);
          expect((await list({ kind: 'status' })).total).toBe(0);
        });

        test('are those of their session, and tell their names to whoever has addresses', async () => {
          const other = await store.sessions.create(aSession(), someKeys());
          expect((await store.chats.list(other.id, {})).total).toBe(0);
          expect(await store.chats.names(other.id, [group])).toEqual(new Map());
          expect(await store.chats.names(session.id, [group, lid, jid, '1@lid'])).toEqual(
            new Map([
              [group, 'Ärzte'],
              [lid, 'Jenny Wren'],
              [jid, 'Jenny Wren'],
            ]),
          );
        });
      });

      test('are not made by what counts for known ones only', async () => {
        expect(await note({ jid, archived: true, knownOnly: true })).toEqual([]);
        expect(await store.chats.get(session.id, jid)).toBeUndefined();
        await note({ jid, unreadMore: 1 });
        expect(await note({ jid, archived: true, knownOnly: true })).toHaveLength(1);
      });

      test('are new again after they were deleted', async () => {
        await note({ jid, lid, unreadMore: 1 });
        await commit({ directory: { deletedChats: [lid], events: () => [] } });
        expect(await store.chats.get(session.id, jid)).toBeUndefined();
        expect(await note({ jid, unreadMore: 1 })).toMatchObject([{ before: undefined, after: { unreadCount: 1 } }]);
      });

      test('of which only the picture is known have not appeared yet', async () => {
        await note({ jid: group, pictureChanged: true, pictureOnly: true });
        expect(await store.chats.changedPictures(session.id)).toEqual([{ jid: group }]);
        expect(await store.chats.pictures(session.id)).toEqual(new Map());
        await note({ jid: group, imgUrl: 'https://pps/1.jpg', pictureChanged: false, pictureOnly: true });
        expect(await store.chats.changedPictures(session.id)).toEqual([]);
        expect(await store.chats.pictures(session.id)).toEqual(new Map([[group, 'https://pps/1.jpg']]));
        expect(await note({ jid: group, name: 'Birders' })).toMatchObject([
          { before: undefined, after: { name: 'Birders', imgUrl: 'https://pps/1.jpg' } },
        ]);
      });

      test('and people keep in mind which pictures are to be asked for', async () => {
        await commit({ directory: { contacts: [{ jid, lid, pictureChanged: true }], events: () => [] } });
        store = await place.reopen();
        expect(await store.chats.changedPictures(session.id)).toEqual([{ jid, lid }]);
        const learnt = { jid, imgUrl: 'https://pps/2.jpg' };
        await commit({ directory: { contacts: [learnt], events: () => [] } });
        expect(await store.chats.changedPictures(session.id)).toHaveLength(1);
        await commit({ directory: { contacts: [{ ...learnt, pictureChanged: false }], events: () => [] } });
        expect(await store.chats.changedPictures(session.id)).toEqual([]);
      });

      test('are named once each by a stanza that comes twice', async () => {
        const change = {
          once: 'notification 1',
          directory: { chats: [{ jid, unreadMore: 1 }], events: () => [anEvent()] },
        };
        expect((await commit(change)).events).toHaveLength(1);
        expect((await commit(change)).events).toHaveLength(0);
        expect(await store.chats.get(session.id, jid)).toMatchObject({ unreadCount: 1 });
      });
    });

    describe('polls', () => {
      const ask = async (waId: string, question: string, about: Partial<NewOutgoing> = {}) => {
        const request = { to: CHAT, poll: { question, options: ['Yes', 'No'] } };
        return (await store.messages.enqueue(outgoing(session.id, { waId, request, ...about }))).message.msgId;
      };
      const list = async (search?: string, slice?: Slice) => {
        const { items, total } = await store.messages.polls(session.id, { search }, slice);
        return { ids: items.map(({ msgId }) => msgId), total };
      };

      test('that the account has sent are listed, newest first, from wherever it did', async () => {
        const first = await ask('P1', 'Über wen?');
        await store.messages.enqueue(outgoing(session.id, { waId: 'T1' }));
        await commit({
          messages: [received({ waId: 'P2', fromMe: true, sender: '', poll: 'About what?' }), received({ waId: 'P3' })],
        });
        const second = (await store.messages.find(session.id, 'P2'))!.msgId;
        const third = await ask('P4', 'When?');
        expect(await list()).toEqual({ ids: [third, second, first], total: 3 });
        expect(await list('', { offset: 1, limit: 1 })).toEqual({ ids: [second], total: 3 });
        expect(await list('UBER')).toEqual({ ids: [first], total: 1 });
        expect(await list('%')).toEqual({ ids: [], total: 0 });
        const other = await store.sessions.create(aSession(), someKeys());
        expect((await store.messages.polls(other.id, {})).total).toBe(0);
      });

      test('that have not been sent are not among them', async () => {
        await ask('P1', 'Later?', { schedule: { sendAt: FAR, expiresAt: FAR + 1 } });
        await ask('P2', 'Failed?');
        await commit({ outcomes: [{ waId: 'P2', status: 0, error: 'no', events: () => [] }] });
        expect(await list()).toEqual({ ids: [], total: 0 });
      });
    });

    describe('a login', () => {
      test('is read back as it was written, key by key', async () => {
        const creds = Buffer.from('{"registered":true}');
        await commit({ creds, keys: { session: { a: Buffer.from('1'), b: Buffer.from('2') } } });
        await commit({ keys: { session: { a: null, b: Buffer.from('3') }, 'pre-key': { 1: Buffer.from('4') } } });
        expect(await store.auth.creds(session.id)).toEqual(creds);
        expect(await store.auth.keys(session.id, 'session', ['a', 'b', 'c'])).toEqual({ b: Buffer.from('3') });
        expect(await store.auth.keys(session.id, 'pre-key', ['1'])).toEqual({ 1: Buffer.from('4') });
      });

      test('is forgotten without the messages and the settings', async () => {
        await commit({
          creds: Buffer.from('login'),
          keys: { session: { a: Buffer.from('1') } },
          messages: [received()],
        });
        await store.auth.clear(session.id);
        expect(await store.auth.creds(session.id)).toBeUndefined();
        expect(await store.auth.keys(session.id, 'session', ['a'])).toEqual({});
        expect(await store.messages.find(session.id, '3EB0A1')).toBeDefined();
        expect(await store.sessions.get(session.id)).toBeDefined();
      });
    });

    test('messages are listed newest first, of some chats or of all', async () => {
      const written = async (waId: string, about: Partial<NewMessage> = {}) => {
        const { received: stored } = await commit({ messages: [received({ waId, ...about })] });
        return stored[0]!.msgId;
      };
      const [first, other, second] = [
        await written('A1'),
        await written('A2', { chat: 'b@g.us' }),
        await written('A3'),
      ];
      await written('A4', { about: 'A1' });
      const ids = async (filter: Parameters<Store['messages']['list']>[1], limit = 9) =>
        (await store.messages.list(session.id, filter, limit)).map(({ msgId }) => msgId);
      expect(await ids({})).toEqual([second, other, first]);
      expect(await ids({}, 2)).toEqual([second, other]);
      expect(await ids({ chats: [CHAT, 'c@lid'] })).toEqual([second, first]);
      expect(await ids({ before: second })).toEqual([other, first]);
      expect(await ids({ chats: [] })).toEqual([]);
    });
    test('what was known and asked for an account is forgotten when another one is linked', async () => {
      const [jid, lid] = [CHAT, '200000000000077@lid'];
      const elsewhere = (await store.sessions.create(aSession(), someKeys())).id;
      const { id: tokenId } = await store.tokens.put('agent', Buffer.alloc(32, 1));
      const fill = async (sessionId: number) => {
        const directory = {
          contacts: [{ jid, lid, name: 'Wren' }],
          chats: [{ jid, lid, unreadCount: 0 }],
          events: () => [],
        };
        await store.commit({ sessionId, directory, pairs: [{ lid, phone: '15550100002' }] });
        await store.answers.put(sessionId, { kind: 'group', subject: CHAT_OF_MANY, value: {}, at: 1 });
        const poll = { question: 'Where?', options: ['Yes', 'No'] };
        const { message } = await store.messages.enqueue(outgoing(sessionId, { request: { to: CHAT, poll } }));
        const ask = async (call: string) => {
          const approval = { tokenId, sessionId, tool: 'send', input: {}, call, expiresAt: FAR };
          return (await store.approvals.ask(approval, Date.now())).id;
        };
        const asked = { pending: await ask('1'), approved: await ask('2'), rejected: await ask('3') };
        await store.approvals.move(asked.approved, 'pending', 'approved');
        await store.approvals.move(asked.rejected, 'pending', 'rejected');
        return { message, asked, ask };
      };
      const known = async (sessionId: number) => [
        (await store.contacts.list(sessionId, {})).total,
        (await store.chats.list(sessionId, {})).total,
        (await store.messages.polls(sessionId, {})).total,
        (await store.answers.get(sessionId, 'group', CHAT_OF_MANY)) ? 1 : 0,
      ];
      const { message, asked, ask } = await fill(session.id);
      await fill(elsewhere);
      await commit({ otherAccount: 'they are gone' });
      expect([await known(session.id), await known(elsewhere)]).toEqual([
        [0, 0, 0, 0],
        [1, 1, 1, 1],
      ]);
      expect(await store.messages.get(session.id, message.msgId)).toMatchObject({ chat: CHAT });
      expect(await store.contacts.otherAddresses(session.id, [lid])).toEqual(new Map([[lid, jid]]));
      // Nothing that was allowed is done, and the same calls ask anew.
      expect(await store.approvals.move(asked.approved, 'approved', 'running')).toBe(false);
      const expired = await store.approvals.list({ status: 'expired' }, Date.now(), { offset: 0, limit: 9 });
      expect(expired.items.map(({ id }) => id)).toEqual([asked.approved, asked.pending]);
      const again = [await ask('1'), await ask('2'), await ask('3')];
      for (const id of Object.values(asked)) expect(again).not.toContain(id);
    });

    describe('approvals', () => {
      const LATER = FAR + 1000;
      const asking = async (about: Partial<NewApproval> = {}) => {
        const { id } = await store.tokens.put('agent', Buffer.alloc(32, 1));
        const approval = { tokenId: id, sessionId: session.id, tool: 'send', input: { to: 'x' }, call: 'hash' };
        return store.approvals.ask({ ...approval, expiresAt: FAR, ...about }, Date.now());
      };

      test('are found again by the same call, until their answer was heard', async () => {
        const first = await asking();
        expect(first).toMatchObject({ token: 'agent', sessionId: session.id, tool: 'send', status: 'pending' });
        expect((await asking()).id).toBe(first.id);
        expect((await asking({ call: 'other' })).id).not.toBe(first.id);
        await store.approvals.move(first.id, 'pending', 'approved', { at: 5, note: 'go' });
        await store.approvals.move(first.id, 'approved', 'running');
        await store.approvals.move(first.id, 'running', 'done', { answer: { n: 1 } });
        expect(await asking()).toMatchObject({
          id: first.id,
          status: 'done',
          answer: { n: 1 },
          note: 'go',
          decidedAt: 5,
        });
        await store.approvals.heard(first.id);
        expect((await asking()).id).not.toBe(first.id);
      });

      test('move from one status to another once', async () => {
        const { id } = await asking();
        expect(await store.approvals.move(id, 'pending', 'approved')).toBe(true);
        expect(await store.approvals.move(id, 'pending', 'rejected')).toBe(false);
        await store.approvals.move(id, 'approved', 'running');
        await store.approvals.interrupt();
        expect(await store.approvals.get(id)).toMatchObject({ status: 'interrupted' });
      });

      test('are listed newest first, and end', async () => {
        const [first, second] = [await asking({ call: '1' }), await asking({ call: '2', sessionId: null })];
        await store.approvals.move(first.id, 'pending', 'rejected');
        const slice = { offset: 0, limit: 9 };
        expect((await store.approvals.list({}, 0, slice)).items.map(({ id }) => id)).toEqual([second.id, first.id]);
        expect(await store.approvals.list({ status: 'rejected' }, LATER, slice)).toMatchObject({ total: 1 });
        const pending = (now: number) => store.approvals.list({ status: 'pending' }, now, slice);
        expect([(await pending(FAR - 1)).total, (await pending(FAR)).total]).toEqual([1, 0]);
        expect((await store.approvals.list({ status: 'expired' }, FAR, slice)).items).toMatchObject([
          { id: second.id },
        ]);
        expect((await asking({ call: '1' })).id).toBe(first.id);
        expect(await store.approvals.prune(LATER)).toBe(2);
        expect(await store.approvals.get(first.id)).toBeUndefined();
        const { id } = await asking({ expiresAt: Date.now() - 1 });
        expect((await asking()).id).not.toBe(id);
      });

      test('go with their token, and with their session', async () => {
        const { id } = await asking();
        await store.tokens.delete('agent');
        expect(await store.approvals.get(id)).toBeUndefined();
        const { id: next } = await asking();
        await store.sessions.delete(session.id);
        expect(await store.approvals.get(next)).toBeUndefined();
      });
    });
    test('tokens are kept by name, and the later one replaces', async () => {
      const first = await store.tokens.put('n8n', Buffer.alloc(32, 1));
      await store.tokens.put('other', Buffer.alloc(32, 2));
      const second = await store.tokens.put('n8n', Buffer.alloc(32, 3));
      expect(second).toMatchObject({ id: first.id, name: 'n8n', hash: Buffer.alloc(32, 3) });
      expect((await store.tokens.list()).map(({ name, hash }) => [name, hash])).toEqual([
        ['n8n', Buffer.alloc(32, 3)],
        ['other', Buffer.alloc(32, 2)],
      ]);
      expect(second.scope).toBeNull();
      const scope: TokenScope = { tools: ['read'], sessions: [1], calls_per_day: 5, approval: ['leave_group'] };
      expect(await store.tokens.put('n8n', Buffer.alloc(32, 4), { scope })).toMatchObject({ id: first.id, scope });
      expect((await store.tokens.list()).map((token) => token.scope)).toEqual([scope, null]);
      expect(await store.tokens.delete('n8n')).toBe(true);
      expect(await store.tokens.delete('n8n')).toBe(false);
      expect(await store.tokens.list()).toHaveLength(1);
    });

    describe('what is old', () => {
      const OLD = 1_000;
      const BEFORE = 2_000;
      const kept = async () => (await store.messages.list(session.id, {}, 500)).map(({ waId }) => waId).sort();

      test('messages are dropped with what is about them, so many at once', async () => {
        const old = (waId: string, about?: string) =>
          received({ waId, timestamp: OLD, events: () => [], ...(about !== undefined && { about }) });
        await commit({ messages: [old('A'), old('A2', 'A'), old('B'), received({ waId: 'C', events: () => [] })] });
        expect(await store.messages.prune(BEFORE, 1)).toBe(1);
        expect(await store.messages.prune(BEFORE, 9)).toBe(1);
        expect(await store.messages.prune(BEFORE, 9)).toBe(0);
        expect(await kept()).toEqual(['C']);
        expect(await store.messages.about(session.id, 'A')).toEqual([]);
        // A message that was dropped is a new one when it comes again.
        expect((await commit({ messages: [received({ waId: 'A' })] })).received).toHaveLength(1);
      });

      test('messages stay while something newer is about them, with all that is', async () => {
        const about = (waId: string, timestamp: number) =>
          received({ waId, about: 'poll', timestamp, events: () => [] });
        await commit({
          messages: [
            received({ waId: 'poll', timestamp: OLD, events: () => [] }),
            about('v1', OLD),
            about('v2', BEFORE),
          ],
        });
        expect(await store.messages.prune(BEFORE, 9)).toBe(0);
        expect(await store.messages.about(session.id, 'poll')).toHaveLength(2);
        expect(await store.messages.prune(BEFORE + 1, 9)).toBe(1);
        expect(await store.messages.about(session.id, 'poll')).toEqual([]);
      });

      test('messages stay while they are to be sent, or their outcome is open', async () => {
        const messages = ['queued', 'written', 'scheduled', 'sent', 'failed'] as const;
        for (const waId of messages) {
          const schedule = waId === 'scheduled' && { schedule: { sendAt: FAR, expiresAt: FAR } };
          await store.messages.enqueue(outgoing(session.id, { waId, timestamp: OLD, ...schedule }));
        }
        const { msgId } = (await store.messages.find(session.id, 'written'))!;
        await store.messages.written(msgId, { content: Buffer.from('x'), lid: null });
        const outcome = (waId: string, status: MessageStatus) => ({ waId, status, events: () => [] });
        await commit({ outcomes: [outcome('sent', MESSAGE_STATUS.sent), outcome('failed', MESSAGE_STATUS.error)] });
        expect(await store.messages.prune(BEFORE, 9)).toBe(2);
        for (const waId of messages) {
          const there = await store.messages.find(session.id, waId);
          expect(there !== undefined).toBe(waId !== 'sent' && waId !== 'failed');
        }
      });

      test('lines of the sessions’ logs are dropped, so many at once', async () => {
        for (const status of ['connecting', 'connected'] as const) {
          await commit({ log: { type: 'status_change', status } });
        }
        expect(await store.sessions.pruneLogs(Date.now() - 60_000, 9)).toBe(0);
        expect(await store.sessions.pruneLogs(FAR, 1)).toBe(1);
        const { items } = await store.sessions.logs(session.id, { offset: 0, limit: 9 });
        expect(items.map(({ status }) => status)).toEqual(['connected']);
      });
    });

    test('the use of a token is kept as long as its hash is the same, and never goes back', async () => {
      const { id, createdAt } = await store.tokens.put('n8n', Buffer.alloc(32, 1), { expiresAt: FAR });
      const read = async () => (await store.tokens.list()).find((token) => token.id === id);
      expect(await read()).toMatchObject({ createdAt, expiresAt: FAR, lastUsedAt: null });
      await store.tokens.used(id, 120_000);
      await store.tokens.used(id, 60_000);
      expect(await read()).toMatchObject({ lastUsedAt: 120_000 });
      await store.tokens.put('n8n', Buffer.alloc(32, 1));
      expect(await read()).toMatchObject({ createdAt, expiresAt: null, lastUsedAt: 120_000 });
      await store.tokens.put('n8n', Buffer.alloc(32, 2));
      expect(await read()).toMatchObject({ lastUsedAt: null });
    });

    test('tokens that ended are pruned, and what was counted goes with its token', async () => {
      const window = { seconds: 60, limit: 5 };
      const counted = async (id: number) => (await store.counters.read(`token:${id}`, 'calls', [window], 0))[0]!.used;
      const [old, later, never] = [
        await store.tokens.put('old', Buffer.alloc(32, 1), { expiresAt: 1000 }),
        await store.tokens.put('later', Buffer.alloc(32, 2), { expiresAt: 2000 }),
        await store.tokens.put('never', Buffer.alloc(32, 3)),
      ];
      for (const { id } of [old, later, never]) await store.counters.take(`token:${id}`, 'calls', [window], { now: 0 });
      expect(await store.tokens.prune(2000)).toBe(1);
      expect((await store.tokens.list()).map(({ name }) => name)).toEqual(['later', 'never']);
      expect([await counted(old.id), await counted(later.id)]).toEqual([0, 1]);
      await store.tokens.delete('later');
      expect([await counted(later.id), await counted(never.id)]).toEqual([0, 1]);
    });

    test('everything is there again after a restart', async () => {
      const subscription = await subscribe();
      await store.tokens.put('n8n', Buffer.alloc(32, 1));
      await commit({
        creds: Buffer.from('login'),
        keys: { session: { a: Buffer.from('ratchet') } },
        messages: [received()],
        session: { status: 'connected', wanted: true, account: { jid: 'a', lid: null, name: null } },
      });
      const { message } = await store.messages.enqueue(outgoing(session.id, { idempotencyKey: 'k' }));
      const everything = async () => ({
        sessions: await store.sessions.list(),
        tokens: await store.tokens.list(),
        creds: await store.auth.creds(session.id),
        keys: await store.auth.keys(session.id, 'session', ['a']),
        received: await store.messages.find(session.id, '3EB0A1'),
        queued: await store.messages.queued(session.id, 9),
        events: await eventsOf(),
        subscriptions: await store.subscriptions.list(session.id),
        lanes: await store.deliveries.lanes(),
        head: await store.deliveries.head(subscription.id, CHAT),
      });
      const before = await everything();
      store = await place.reopen();
      expect(await everything()).toEqual(before);
      const again = await store.messages.enqueue(outgoing(session.id, { waId: 'x', idempotencyKey: 'k' }));
      expect(again).toEqual({ message, fresh: false });
      expect((await commit({ messages: [received()] })).events).toEqual([]);
    });

    test('a repeated message that arrives while others are being written is still one', async () => {
      const commits = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          if (index % 3 === 0) await sleep(0);
          return commit({ messages: [received()], events: [anEvent({ lane: 'other' })] });
        }),
      );
      expect(commits.flatMap(({ events }) => events)).toHaveLength(21);
    });
  });
}
