import type { Clock } from '../../clock.ts';
import type { Seal } from '../seal.ts';
import type { Change, Committed, Store } from '../store.ts';
import { leaveAccount } from './account.ts';
import { answers, changeAnswers } from './answers.ts';
import { approvals } from './approvals.ts';
import { auth, pinIdentity, writeAuth } from './auth.ts';
import { chats } from './chats.ts';
import { contacts } from './contacts.ts';
import { counters } from './counters.ts';
import { Database, StoreError } from './database.ts';
import { deliveries } from './deliveries.ts';
import { figures } from './figures.ts';
import { rotateKey, sealOf } from './key.ts';
import { sealWhatStoodOpen, wipe } from './sealed.ts';
import { appendClosing, expireInquiries, failInquiry, inquiries, takeAnswer } from './inquiries.ts';
import { changeJob, jobs } from './jobs.ts';
import { applyNews } from './news.ts';
import { appendEvent, eventLog } from './events.ts';
import { downloads, endDownloads, media, wantDownload } from './media.ts';
import { applyOutcome, applyReceipt, insertMessage, messages } from './messages.ts';
import { keepOptOut, optOuts } from './opt-outs.ts';
import { schedule } from './schedule.ts';
import { sessions, writeSession } from './sessions.ts';
import { subscriptions } from './subscriptions.ts';
import { tokens } from './tokens.ts';

export { inspect, type Inspection } from './inspect.ts';
export { rotateKey, StoreError };

/**
 * The embedded store: one SQLite file in `folder`, or in memory without one. Its methods return promises as the
 * interface asks, but have done their work before they return one.
 */
export function openSqliteStore(folder: string | undefined, given: Seal, clock?: Clock): Store {
  const db = Database.open(folder, clock);
  let seal: Seal;
  try {
    seal = sealOf(db, folder, given);
    sealWhatStoodOpen(db, seal);
    wipe(db);
  } catch (error) {
    db.close();
    throw error;
  }
  let notify: (sessionId: number, committed: Committed) => void = () => {};
  let refuse: (change: Change, error: unknown) => void = () => {};
  const commit = (change: Change) => {
    try {
      return db.transaction(() => apply(db, seal, change));
    } catch (error) {
      refuse(change, error);
      throw error;
    }
  };
  return {
    async commit(change) {
      const committed = commit(change);
      const { events, settled, received } = committed;
      if (events.length + settled.length + received.length > 0) notify(change.sessionId, committed);
      return committed;
    },
    onCommitted(listener) {
      notify = listener;
    },
    async health() {
      return db.failing();
    },
    onHealth(listener) {
      db.onHealth = listener;
    },
    onRefused(listener) {
      refuse = listener;
    },
    counters: counters(db),
    approvals: approvals(db, seal),
    tokens: tokens(db),
    sessions: sessions(db, seal),
    auth: auth(db, seal),
    answers: answers(db),
    messages: messages(db, seal),
    schedule: schedule(db),
    inquiries: inquiries(db),
    contacts: contacts(db),
    chats: chats(db),
    optOuts: optOuts(db),
    jobs: jobs(db),
    events: eventLog(db, seal),
    subscriptions: subscriptions(db, seal),
    deliveries: deliveries(db, seal),
    media: media(db),
    downloads: downloads(db),
    figures: figures(db, folder),
    async close() {
      db.close();
    },
  };
}

/** Tokens, and the ids of the sessions that they may be limited to. */
export interface TokenStore extends Pick<Store, 'tokens'> {
  sessions(): Promise<number[]>;
  close(): Promise<void>;
}

/**
 * The tokens of a data folder, also while an engine runs on it, which sees a change at the next request. A folder that
 * was never used gets its database now.
 */
export function openTokens(folder: string, seal: Seal): TokenStore {
  const db = Database.beside(folder);
  if (!db) {
    const store = openSqliteStore(folder, seal);
    return { tokens: store.tokens, sessions: async () => [], close: () => store.close() };
  }
  return {
    tokens: tokens(db),
    sessions: async () => db.all('SELECT id FROM sessions ORDER BY id').map(({ id }) => Number(id)),
    async close() {
      db.close();
    },
  };
}

function apply(db: Database, seal: Seal, change: Change): Committed {
  const { sessionId } = change;
  if (change.once !== undefined && !takeOnce(db, sessionId, change.once)) {
    return { events: [], settled: [], received: [], job: undefined, due: [] };
  }
  writeAuth(db, seal, change);
  writeSession(db, change);
  for (const { lid, phone } of change.pairs ?? []) {
    db.run('INSERT OR REPLACE INTO pairs (session_id, lid, phone) VALUES (?, ?, ?)', sessionId, lid, phone);
  }
  for (const answer of change.answers ?? []) changeAnswers(db, sessionId, answer);
  const identified = (change.identities ?? []).flatMap((news) => pinIdentity(db, seal, sessionId, news));
  const inserted = (change.messages ?? []).flatMap((message) => {
    const stored = insertMessage(db, sessionId, message);
    if (stored) wantDownload(db, message, stored.message);
    if (stored) keepOptOut(db, sessionId, message);
    return stored ? { ...stored, answered: takeAnswer(db, stored.message, message, stored.known) } : [];
  });
  endDownloads(db, change.downloaded ?? []);
  const abandoned = change.otherAccount === undefined ? [] : leaveAccount(db, sessionId, change.otherAccount);
  const outcomes = (change.outcomes ?? []).map((outcome) => {
    const applied = applyOutcome(db, sessionId, outcome);
    return { ...applied, failed: applied.settled && failInquiry(db, applied.settled) };
  });
  const settled = outcomes.flatMap((outcome) => outcome.settled ?? []);
  const changed = change.job && changeJob(db, change.job);
  const closed = [
    ...inserted.flatMap(({ answered }) => answered ?? []),
    ...abandoned,
    ...outcomes.flatMap(({ failed }) => failed ?? []),
    ...(change.inquiriesOver ? expireInquiries(db, sessionId, change.inquiriesOver) : []),
  ];
  const told = [
    ...identified,
    ...inserted.flatMap(({ events }) => events),
    ...outcomes.flatMap(({ events }) => events),
    ...(change.receipts ?? []).flatMap((receipt) => applyReceipt(db, sessionId, receipt)),
    ...(change.directory ? applyNews(db, sessionId, change.directory) : []),
    ...(changed?.events ?? []),
    ...(change.events ?? []),
  ];
  const appended = [
    ...told.map((event) => appendEvent(db, seal, sessionId, event)),
    ...closed.map((inquiry) => appendClosing(db, seal, inquiry)),
  ];
  return {
    events: appended.map(({ envelope }) => envelope),
    settled,
    received: inserted.map(({ message }) => message),
    job: changed?.job,
    due: appended.flatMap(({ due }) => due),
  };
}

/** Answers whether nothing of this name was taken in before. */
function takeOnce(db: Database, sessionId: number, name: string): boolean {
  const { changes } = db.run(
    'INSERT OR IGNORE INTO taken (session_id, name, at) VALUES (?, ?, ?)',
    sessionId,
    name,
    db.now(),
  );
  return changes > 0;
}
