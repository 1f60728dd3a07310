import { createHash, randomBytes } from 'node:crypto';
import { EngineError } from '../../errors.ts';
import { EVENT_ALIASES } from '../../events.ts';
import {
  sessionSettings,
  type GovernorRecord,
  type Reason,
  type SessionRecord,
  type SessionSettings,
  type SessionStatus,
} from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { Change, SessionLog, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places, readable } from './sealed.ts';
import { putSubscription } from './subscriptions.ts';

/** In place of a proxy whose address cannot be read: a session with a proxy never connects without it. */
const NOWHERE = 'http://unreadable.invalid';

const hashOf = (apiKey: string) => createHash('sha256').update(apiKey).digest();

export function sessions(db: Database, seal: Seal): Store['sessions'] {
  const read = (id: number): SessionRecord => {
    const row = db.get('SELECT * FROM sessions WHERE id = ?', id);
    if (!row) throw new EngineError('session_not_found', `There is no session ${id}.`);
    return toSession(row, seal);
  };
  const write = (id: number, settings: SessionSettings, secrets: { apiKey: string; webhookSecret: string }) => {
    // It may hold a password.
    const { proxy_url: proxyUrl, ...open } = settings;
    db.run(
      `UPDATE sessions SET settings = ?, sealed_proxy_url = ?, sealed_webhook_secret = ?, updated_at = ? WHERE id = ?`,
      JSON.stringify(open),
      proxyUrl === null ? null : seal.close(Buffer.from(proxyUrl), places.proxyUrl(id)),
      seal.close(Buffer.from(secrets.webhookSecret), places.webhookSecret(id)),
      Date.now(),
      id,
    );
    // One that cannot be read still opens the door for whoever has it.
    if (secrets.apiKey) {
      db.run(
        'UPDATE sessions SET api_key_hash = ?, sealed_api_key = ? WHERE id = ?',
        hashOf(secrets.apiKey),
        seal.close(Buffer.from(secrets.apiKey), places.apiKey(id)),
        id,
      );
    }
    followWebhookSettings(db, seal, id, settings, secrets.webhookSecret);
    return read(id);
  };
  return {
    async create(settings, secrets) {
      return db.transaction(() => {
        // The secrets are sealed to the row's id, which the insert decides: insert first, then fill in.
        const empty = Buffer.alloc(0);
        const { lastInsertRowid: id } = db.run(
          `INSERT INTO sessions (settings, api_key_hash, sealed_api_key, sealed_webhook_secret, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?)`,
          '{}',
          hashOf(secrets.apiKey),
          empty,
          empty,
          Date.now(),
          Date.now(),
        );
        return write(id, settings, secrets);
      });
    },
    async get(id) {
      const row = db.get('SELECT * FROM sessions WHERE id = ?', id);
      return row && toSession(row, seal);
    },
    async findByApiKey(apiKey) {
      const row = db.get('SELECT * FROM sessions WHERE api_key_hash = ?', hashOf(apiKey));
      return row && toSession(row, seal);
    },
    async list() {
      return db.all('SELECT * FROM sessions ORDER BY id').map((row) => toSession(row, seal));
    },
    async update(id, settings, secrets) {
      return db.transaction(() => {
        const { apiKey, webhookSecret } = read(id);
        const known = { apiKey, webhookSecret: webhookSecret || randomBytes(16).toString('hex') };
        return write(id, settings, { ...known, ...secrets });
      });
    },
    async delete(id) {
      db.transaction(() => {
        db.run('DELETE FROM sessions WHERE id = ?', id);
        db.run('DELETE FROM counters WHERE scope = ?', `session:${id}`);
      });
    },
    async logs(id, { offset, limit }) {
      return {
        total: Number(db.get('SELECT count(*) AS total FROM session_logs WHERE session_id = ?', id)?.['total'] ?? 0),
        items: db
          .all('SELECT * FROM session_logs WHERE session_id = ? ORDER BY id DESC LIMIT ? OFFSET ?', id, limit, offset)
          .map(toLog),
      };
    },
    async pruneLogs(before, limit) {
      // Lines are numbered as time goes by, so the first ones are the oldest.
      return db.run(
        'DELETE FROM session_logs WHERE id IN (SELECT id FROM session_logs ORDER BY id LIMIT ?) AND occurred_at < ?',
        limit,
        before,
      ).changes;
    },
  };
}

/** The session's own part of a commit. */
export function writeSession(db: Database, { sessionId, session, log }: Change): void {
  if (log) {
    db.run(
      'INSERT INTO session_logs (session_id, event_type, status, reason, occurred_at) VALUES (?, ?, ?, ?, ?)',
      sessionId,
      log.type,
      log.status,
      log.reason ?? null,
      db.now(),
    );
  }
  if (!session) return;
  const { status, reason, wanted, account, governor } = session;
  if (status !== undefined) db.run('UPDATE sessions SET status = ? WHERE id = ?', status, sessionId);
  if (reason !== undefined) db.run('UPDATE sessions SET reason = ? WHERE id = ?', json(reason), sessionId);
  if (wanted !== undefined) db.run('UPDATE sessions SET wanted = ? WHERE id = ?', wanted ? 1 : 0, sessionId);
  if (account !== undefined) db.run('UPDATE sessions SET account = ? WHERE id = ?', json(account), sessionId);
  if (governor !== undefined) db.run('UPDATE sessions SET governor = ? WHERE id = ?', json(governor), sessionId);
  db.run('UPDATE sessions SET updated_at = ? WHERE id = ?', Date.now(), sessionId);
}

/**
 * The session's `webhook_url` is one more subscription, and stays the same one when the URL changes: what could not be
 * delivered to a mistyped URL goes to the corrected one.
 */
function followWebhookSettings(db: Database, seal: Seal, id: number, settings: SessionSettings, secret: string): void {
  const url = settings.webhook_enabled ? settings.webhook_url : null;
  if (url === null) {
    db.run("DELETE FROM subscriptions WHERE session_id = ? AND origin = 'session'", id);
    return;
  }
  db.run("UPDATE subscriptions SET url = ? WHERE session_id = ? AND origin = 'session'", url, id);
  putSubscription(db, seal, {
    sessionId: id,
    origin: 'session',
    url,
    events: settings.webhook_events?.length
      ? settings.webhook_events.map((name) => EVENT_ALIASES[name] ?? name)
      : ['*'],
    format: 'wasender',
    secret,
    expiresAt: null,
  });
}

const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
const parsed = <T>(text: unknown): T | null => (text === null ? null : (JSON.parse(String(text)) as T));

/** For settings that came into being after the session. */
const DEFAULTS = sessionSettings.parse({ name: 'any', phone_number: '+15550100000' });

const NOTHING_SAID: GovernorRecord = { account: null, timelock: null, capping: null, slowdown: null, warmUp: null };

function toLog(row: Row): SessionLog {
  return {
    id: Number(row['id']),
    sessionId: Number(row['session_id']),
    type: row['event_type'] as SessionLog['type'],
    status: row['status'] as SessionStatus,
    reason: row['reason'] as string | null,
    occurredAt: Number(row['occurred_at']),
  };
}

function toSession(row: Row, seal: Seal): SessionRecord {
  const id = Number(row['id']);
  const proxyUrl = row['sealed_proxy_url'] as Buffer | null;
  return {
    id,
    settings: {
      ...DEFAULTS,
      ...(JSON.parse(String(row['settings'])) as SessionSettings),
      proxy_url: proxyUrl === null ? null : (readable(seal, proxyUrl, places.proxyUrl(id)) ?? NOWHERE),
    },
    status: row['status'] as SessionStatus,
    reason: parsed<Reason>(row['reason']),
    wanted: row['wanted'] === 1,
    governor: { ...NOTHING_SAID, ...parsed<Partial<GovernorRecord>>(row['governor']) },
    account: parsed<NonNullable<SessionRecord['account']>>(row['account']),
    apiKey: readable(seal, row['sealed_api_key'], places.apiKey(id)) ?? '',
    webhookSecret: readable(seal, row['sealed_webhook_secret'], places.webhookSecret(id)) ?? '',
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  };
}
