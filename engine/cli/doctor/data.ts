import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, KEY_FILE, parsedKey, storePath, type Settings } from '../../config.ts';
import { SESSION_STATUSES } from '../../model.ts';
import { Seal } from '../../store/seal.ts';
import { inspect, type Inspection } from '../../store/sqlite/index.ts';
import { bad, good, inWords, note, spell, type Finding } from './finding.ts';

const LITTLE_BYTES = 1e9;
const NOTHING_BYTES = 1e8;
/** A receiver that is restarted is back by then. */
const LONG_MS = 15 * 60_000;
const LISTEN = 'Activate the workflow, or delete the webhook. What happens meanwhile is kept.';

export interface Data {
  findings: Finding[];
  /** Whether an engine has the folder. */
  taken: boolean;
  /** Proxies of sessions. They hold passwords: to be used, never to be shown. */
  proxies: { session: number; url: string }[];
}

/** The data folder, and what the database says of sessions and webhooks. */
export async function checkData(settings: Settings): Promise<Data> {
  const folder = storePath(settings);
  if (!existsSync(folder)) {
    const findings = [note(`There is no data folder ${folder} yet`, 'The first start makes it.')];
    return { findings, taken: false, proxies: [] };
  }
  const findings = [...checkFolder(folder), ...checkDisk(folder)];
  const key = checkKey(settings, folder);
  findings.push(...key.findings);
  const found = key.seal && (await look(folder, key.seal));
  if (!found) return { findings, taken: false, proxies: [] };
  findings.push(...found.findings);
  const { taken = false, contents } = found.inspection ?? {};
  const proxies = (contents?.sessions ?? []).flatMap(({ id, proxyUrl }) =>
    proxyUrl ? [{ session: id, url: proxyUrl }] : [],
  );
  return { findings, taken, proxies };
}

function checkFolder(folder: string): Finding[] {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return [bad(`The data folder ${folder} cannot be written`, 'Make it writable for the user that runs Warbler.')];
  }
  return openTo(folder, 0o077)
    ? [note(`The data folder ${folder} is open to other users of this machine`, `chmod 700 ${folder}`)]
    : [good(`The data folder ${folder} is writable, and nobody else’s`)];
}

/** Windows has other rights than these. */
const openTo = (path: string, others: number) => process.platform !== 'win32' && (statSync(path).mode & others) !== 0;

function checkDisk(folder: string): Finding[] {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free < NOTHING_BYTES) {
    return [
      bad(
        `The disk is full: ${inWords(free)} are free`,
        'Free space. Nothing is accepted while nothing can be written.',
      ),
    ];
  }
  if (free < LITTLE_BYTES) return [note(`Only ${inWords(free)} of the disk are free`, 'Free space before it is full.')];
  return [good(`${inWords(free)} of the disk are free`)];
}

function checkKey({ givenKey }: Settings, folder: string): { findings: Finding[]; seal?: Seal } {
  if (givenKey)
    return { findings: [good('The encryption key is in WARBLER_ENCRYPTION_KEY')], seal: new Seal(givenKey) };
  const file = join(folder, KEY_FILE);
  const database = existsSync(join(folder, 'warbler.db'));
  if (!existsSync(file)) {
    if (!database) return { findings: [note('There is no encryption key yet', 'The first start makes one.')] };
    return {
      findings: [
        bad(
          `${file} is missing, and the database is under it`,
          'Put it back from a backup, or set WARBLER_ENCRYPTION_KEY. Without it no login can be read.',
        ),
      ],
    };
  }
  const findings = openTo(file, 0o077)
    ? [bad(`${file} can be read by other users of this machine`, `chmod 600 ${file}`)]
    : [];
  try {
    return { findings, seal: new Seal(parsedKey(readFileSync(file, 'utf8').trim(), file)) };
  } catch (error) {
    if (error instanceof ConfigError) findings.push(bad(error.message, 'Put the file back from a backup.'));
    else findings.push(bad(`${file} cannot be read`, 'Make it readable for the user that runs Warbler.'));
    return { findings };
  }
}

async function look(folder: string, seal: Seal): Promise<{ findings: Finding[]; inspection?: Inspection }> {
  let inspection: Inspection | undefined;
  try {
    inspection = await inspect(folder, seal);
  } catch (error) {
    const says = (error as Error).message;
    return {
      findings: [bad(`The database in ${folder} cannot be read (${says})`, 'Restore the folder from a backup.')],
    };
  }
  if (!inspection) return { findings: [note('There is no database yet', 'The first start makes it.')] };
  return { findings: [...judged(inspection, existsSync(join(folder, `${KEY_FILE}.new`)))], inspection };
}

function* judged({ taken, schema, keyFits, contents }: Inspection, rotating: boolean): Generator<Finding> {
  yield taken
    ? good('An engine runs on this data folder')
    : note('No engine runs on this data folder', 'Start it with: npm start');
  if (schema.found > schema.known) {
    yield bad('The database was written by a newer Warbler', 'Start that version, or restore a backup.');
  } else if (schema.found < schema.known) {
    yield note('The database is of an earlier Warbler', 'The next start brings it up to date; make a backup before.');
  } else yield good('The database is of this version');
  if (rotating)
    yield note('A change of the encryption key was cut short', 'The next start finishes it, or takes it back.');
  else if (keyFits) yield good('The encryption key fits the database');
  else
    yield bad(
      'The encryption key does not fit the database',
      'Start with the key that it was written with: its encryption.key, or WARBLER_ENCRYPTION_KEY.',
    );
  if (!contents) return;
  for (const { id, status, reason } of contents.sessions) {
    if (status === 'connected')
      yield taken ? good(`Session ${id} is connected`) : good(`Session ${id} was connected, and will be again`);
    else
      yield note(
        `Session ${id}: ${status}${reason ? ` (${reason.code})` : ''}`,
        reason?.message ?? SESSION_STATUSES[status],
      );
  }
  const { ofAll, sessions } = contents.figures;
  if (ofAll.parkedWebhooks > 0) {
    yield note(`All sessions: ${ofAll.parkedWebhooks} of the webhooks for them have nobody who listens`, LISTEN);
  }
  for (const { id, parkedWebhooks, undelivered, undeliveredSince, queued } of sessions) {
    if (parkedWebhooks > 0) {
      yield note(`Session ${id}: ${parkedWebhooks} of its webhooks have nobody who listens`, LISTEN);
    }
    const age = undeliveredSince === null ? 0 : Date.now() - undeliveredSince;
    if (age > LONG_MS) {
      yield note(
        `Session ${id}: ${undelivered} events are not delivered, the oldest for ${spell(age)}`,
        `GET /api/whatsapp-sessions/${id}/deliveries?status=failed says why.`,
      );
    }
    if (queued > 0) yield note(`Session ${id}: ${queued} messages wait to be sent`);
  }
}
