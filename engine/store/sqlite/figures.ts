import { existsSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionStatus } from '../../model.ts';
import type { Figures, SessionFigures, Store, WebhookFigures } from '../store.ts';
import type { Database } from './database.ts';

/** Counts by the indexes of what is open: what is done, which is most, is not looked at. */
export function figures(db: Database, folder: string | undefined): Store['figures'] {
  return async () => {
    const sessions = new Map<number, SessionFigures>();
    for (const row of db.all('SELECT id, status FROM sessions ORDER BY id')) {
      const id = Number(row['id']);
      sessions.set(id, {
        ...{ id, status: row['status'] as SessionStatus, queued: 0, scheduled: 0 },
        ...{ webhooks: 0, parkedWebhooks: 0, undelivered: 0, undeliveredSince: null },
      });
    }
    const note = (row: Record<string, unknown>, fields: Partial<SessionFigures>) => {
      const session = sessions.get(Number(row['session_id']));
      if (session) Object.assign(session, fields);
    };
    const messages = db.all(
      `SELECT session_id, count(*) AS open, sum(send = 'scheduled') AS scheduled FROM messages
       WHERE send NOT IN ('done', 'cancelled') GROUP BY session_id`,
    );
    for (const row of messages) {
      const scheduled = Number(row['scheduled']);
      note(row, { scheduled, queued: Number(row['open']) - scheduled });
    }
    const webhooks = db.all(
      `SELECT session_id, count(*) AS all_of_them, sum(state = 'parked') AS parked FROM subscriptions
       WHERE state <> 'removed' AND origin <> 'inquiry' GROUP BY session_id`,
    );
    let ofAll: WebhookFigures = { webhooks: 0, parkedWebhooks: 0 };
    for (const row of webhooks) {
      const stand = { webhooks: Number(row['all_of_them']), parkedWebhooks: Number(row['parked']) };
      if (row['session_id'] === null) ofAll = stand;
      else note(row, stand);
    }
    const backlog = db.all(
      `SELECT b.session_id, b.undelivered, e.created_at FROM (
         SELECT ifnull(s.session_id, (SELECT e.session_id FROM events e WHERE e.seq = d.seq)) AS session_id,
           count(*) AS undelivered, min(d.seq) AS oldest
         FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id AND s.state <> 'removed'
         WHERE d.status IN ('pending', 'failed') GROUP BY 1
       ) b JOIN events e ON e.seq = b.oldest`,
    );
    for (const row of backlog) {
      note(row, { undelivered: Number(row['undelivered']), undeliveredSince: Number(row['created_at']) });
    }
    return { sessions: [...sessions.values()], ofAll, disk: folder === undefined ? undefined : diskOf(folder) };
  };
}

function diskOf(folder: string): NonNullable<Figures['disk']> {
  const size = (name: string) => (existsSync(join(folder, name)) ? statSync(join(folder, name)).size : 0);
  const { bavail, bsize } = statfsSync(folder);
  return { databaseBytes: size('warbler.db'), logBytes: size('warbler.db-wal'), freeBytes: bavail * bsize };
}
