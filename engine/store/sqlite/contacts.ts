import type { ContactRecord } from '../../model.ts';
import type { Changed, ContactFacts, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { changed, findByAddress, saysNothing, told, unite } from './addresses.ts';

export function contacts(db: Database): Store['contacts'] {
  return {
    async get(sessionId, address) {
      return findContact(db, sessionId, address);
    },
    async list(sessionId, { search }, slice) {
      const where = "FROM contacts WHERE session_id = ? AND (? = '' OR instr(search, ?) > 0 OR lid = ?)";
      const sought = folded(search ?? '');
      const lid = sought.endsWith('@lid') ? sought : `${sought}@lid`;
      const asked = [sessionId, sought, sought, lid];
      const total = Number(db.get(`SELECT count(*) AS total ${where}`, ...asked)!['total']);
      const items = db
        .all(`SELECT * ${where} ORDER BY search, id LIMIT ? OFFSET ?`, ...asked, slice?.limit ?? -1, slice?.offset ?? 0)
        .map(toContact);
      return { items, total };
    },
    async otherAddresses(sessionId, addresses) {
      return otherAddresses(db, sessionId, addresses);
    },
  };
}

/** The other address of those who are known by number and LID, by the one that is asked for. */
export function otherAddresses(db: Database, sessionId: number, addresses: readonly string[]): Map<string, string> {
  const asked = JSON.stringify(addresses);
  const jid = "phone || '@s.whatsapp.net'";
  // CROSS JOIN: SQLite is to look up each address in the index, and not to read all pairs for each.
  const rows = db.all(
    `SELECT a.value AS address, ${jid} AS other FROM json_each(?) a CROSS JOIN pairs ON session_id = ? AND lid = a.value
     UNION ALL
     SELECT a.value, lid FROM json_each(?) a
       CROSS JOIN pairs ON session_id = ? AND phone = substr(a.value, 1, instr(a.value, '@') - 1)
       WHERE a.value LIKE '%@s.whatsapp.net'`,
    ...[asked, sessionId, asked, sessionId],
  );
  return new Map(rows.map(({ address, other }) => [String(address), String(other)]));
}

export function findContact(db: Database, sessionId: number, address: string): ContactRecord | undefined {
  const row = findByAddress(db, 'contacts', sessionId, address);
  return row && toContact(row);
}

/** Notes what is news about a person; `undefined` when nothing of it was. */
export function changeContact(
  db: Database,
  sessionId: number,
  facts: ContactFacts,
): Changed<ContactRecord> | undefined {
  const { jid, lid } = facts;
  if (jid === undefined && lid === undefined) return undefined;
  const row = unite(db, 'contacts', sessionId, facts);
  if (!row && saysNothing(facts)) return undefined;
  const before = row && toContact(row);
  const after: ContactRecord = {
    jid: told(jid, row?.['jid']),
    lid: told(lid, row?.['lid']),
    name: told(facts.name, row?.['name']),
    notify: told(facts.notify, row?.['notify']),
    verifiedName: told(facts.verifiedName, row?.['verified_name']),
    about: told(facts.about, row?.['about']),
    imgUrl: told(facts.imgUrl, row?.['img_url']),
  };
  const pictureChanged = facts.pictureChanged ?? row?.['picture_changed'] === 1;
  write(db, sessionId, row, after, pictureChanged);
  return changed(before, after);
}

function write(
  db: Database,
  sessionId: number,
  row: Row | undefined,
  contact: ContactRecord,
  pictureChanged: boolean,
): void {
  const { jid, lid, name, notify, verifiedName, about, imgUrl } = contact;
  const values = [jid, lid, name, notify, verifiedName, about, imgUrl, pictureChanged ? 1 : 0, searchable(contact)];
  if (row) {
    db.run(
      `UPDATE contacts SET jid = ?, lid = ?, name = ?, notify = ?, verified_name = ?, about = ?, img_url = ?,
       picture_changed = ?, search = ?, updated_at = ? WHERE id = ?`,
      ...values,
      Date.now(),
      Number(row['id']),
    );
    return;
  }
  db.run(
    `INSERT INTO contacts (jid, lid, name, notify, verified_name, about, img_url, picture_changed, search, updated_at, session_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...values,
    Date.now(),
    sessionId,
  );
}

/**
 * The name that the person is shown under comes first, so that the list is in its order; who has none comes last. Not
 * the LID: nobody sees it, and its digits are found only by who looks for all of it.
 */
function searchable({ name, notify, verifiedName, jid }: ContactRecord): string {
  const names = [name, verifiedName, notify].filter((one) => one);
  return folded([...(names.length > 0 ? names : ['\uffff']), jid].filter(Boolean).join('\n'));
}

/** Without case and accents. */
export function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

function toContact(row: Row): ContactRecord {
  return {
    jid: row['jid'] as string | null,
    lid: row['lid'] as string | null,
    name: row['name'] as string | null,
    notify: row['notify'] as string | null,
    verifiedName: row['verified_name'] as string | null,
    about: row['about'] as string | null,
    imgUrl: row['img_url'] as string | null,
  };
}
