import type { EventEnvelope, NewEvent, Subject } from '../../events.ts';
import { fits } from '../../filter.ts';
import type { SessionSettings } from '../../model.ts';
import type { Span } from '../store.ts';
import type { Database, Row } from './database.ts';
import { filterOf } from './subscriptions.ts';

/** Which subscriptions get an event of a session that has just happened, each with the lane it waits in. */
export function subscribersOf(
  db: Database,
  sessionId: number,
  event: NewEvent,
): { subscriptionId: string; lane: string }[] {
  if (isIgnored(db, sessionId, event.jid)) return [];
  return db
    .all(
      `SELECT s.id, s.session_id, s.filter FROM subscriptions s
       WHERE (s.session_id = ? OR s.session_id IS NULL) AND (s.expires_at IS NULL OR s.expires_at > ?)
         AND EXISTS (SELECT 1 FROM json_each(s.events) e WHERE e.value IN ('*', ?))`,
      ...[sessionId, db.now(), event.event],
    )
    .filter((row) => passes(event, row))
    .map((row) => ({
      subscriptionId: String(row['id']),
      lane: row['session_id'] === null ? `${sessionId} ${event.lane}` : event.lane,
    }));
}

/** The same as an expression, of an event `e` and the session that a subscription is of. */
export const laneFor = (sessionId: number | null) => (sessionId === null ? "e.session_id || ' ' || e.lane" : 'e.lane');

/** Of the log's events in a span, the numbers of those that a subscription would have got, in their order. */
export function wantedOf(db: Database, subscription: Row, { first, last }: Span): number[] {
  const sessionId = subscription['session_id'] as number | null;
  const endings = ignoredEndings(db, sessionId);
  const filtered = subscription['filter'] !== null;
  return db
    .all(
      `SELECT e.seq, e.event, e.session_id${filtered ? ', e.body' : ''} FROM events e
       WHERE ${ofSession(sessionId)} AND e.seq BETWEEN ? AND ?
       AND EXISTS (SELECT 1 FROM json_each(?) names WHERE names.value IN ('*', e.event))
       ${endings.length > 0 ? `AND NOT EXISTS (SELECT 1 FROM json_each(?) i WHERE ${IS_IGNORED})` : ''} ORDER BY e.seq`,
      ...[...valuesOf(sessionId), first, last, String(subscription['events'])],
      ...(endings.length > 0 ? [JSON.stringify(endings)] : []),
    )
    .filter(({ session_id: of, body }) => !filtered || passes(logged(db, Number(of), body), subscription))
    .map(({ seq }) => Number(seq));
}

/** What the log's events `e` have to be, and the values for it, for a subscription of this session, or of all. */
export const ofSession = (sessionId: number | null) => (sessionId === null ? 'true' : 'e.session_id = ?');
export const valuesOf = (sessionId: number | null) => (sessionId === null ? [] : [sessionId]);

/** WhatsApp names a person by LID or by number; who is known by both is told by both. */
export function completed<T extends Subject>(db: Database, sessionId: number, event: T): T {
  const { lid, phone } = event;
  if ((lid === undefined) === (phone === undefined)) return event;
  const known = lid
    ? db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND lid = ?', sessionId, lid)
    : db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND phone = ?', sessionId, phone!);
  return known ? { ...event, lid: String(known['lid']), phone: String(known['phone']) } : event;
}

/** What is known of people by now counts. Of an event that is sealed nothing is told, and a filter says nothing of it. */
function logged(db: Database, sessionId: number, body: unknown): EventEnvelope | undefined {
  return Buffer.isBuffer(body) ? undefined : completed(db, sessionId, JSON.parse(String(body)) as EventEnvelope);
}

function passes(event: Parameters<typeof fits>[0] | undefined, subscription: Row): boolean {
  const filter = filterOf(subscription);
  return !filter || !event || fits(event, filter);
}

/** By the end of a jid, the setting that keeps events about it from all webhooks. They stay in the event log. */
const IGNORED = {
  '@g.us': 'ignore_groups',
  '@newsletter': 'ignore_channels',
  '@broadcast': 'ignore_broadcasts',
} as const;

function isIgnored(db: Database, sessionId: number, jid: string | undefined): boolean {
  const ending = jid?.slice(jid.indexOf('@'));
  if (ending === undefined || !(ending in IGNORED)) return false;
  return ignoredEndings(db, sessionId).some(([, ignored]) => ignored === ending);
}

/** What the jids end with of which webhooks are to hear nothing, each with the session that says so; of one, or of all. */
function ignoredEndings(db: Database, sessionId: number | null): [sessionId: number, ending: string][] {
  const rows = db.all(
    `SELECT e.session_id, e.settings FROM (SELECT id AS session_id, settings FROM sessions) e WHERE ${ofSession(sessionId)}`,
    ...valuesOf(sessionId),
  );
  return rows.flatMap((row) => {
    const settings = JSON.parse(String(row['settings'])) as Partial<SessionSettings>;
    return Object.entries(IGNORED).flatMap(([ending, setting]): [number, string][] =>
      settings[setting] ? [[Number(row['session_id']), ending]] : [],
    );
  });
}

/** What says nothing of a chat is about none. */
const JID = "CASE WHEN json_valid(e.body) THEN ifnull(json_extract(e.body, '$.jid'), '') ELSE '' END";
const IS_IGNORED = `i.value ->> 0 = e.session_id AND ${JID} LIKE '%' || (i.value ->> 1)`;
