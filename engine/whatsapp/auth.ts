import pLimit from 'p-limit';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Addresses, Change, IdentityNews, KeyWrites, NewMessage, Store } from '../store/store.ts';
import {
  BufferJSON,
  DEFAULT_CONNECTION_CONFIG,
  areJidsSameUser,
  initAuthCreds,
  jidDecode,
  proto,
  type AuthenticationCreds,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
} from './baileys.ts';
import { Context, outside, shareTransactions } from './context.ts';
import { GroupKeys, type Envelope, type Taken } from './group-keys.ts';
import {
  accountOf,
  identitiesIn,
  identityAt,
  identitySeen,
  NotVouchedFor,
  numberAddress,
  ownerOf,
  type Voucher,
  type Vouchers,
} from './identities.ts';
import { numberOf, type Pair } from './pairs.ts';
import { InvalidSignature, signalKey } from './signature.ts';

type SignalRepository = ReturnType<SocketConfig['makeSignalRepository']>;
type Decrypt = SignalRepository['decryptMessage'];
type DecryptGroup = SignalRepository['decryptGroupMessage'];
type Bundle = Parameters<SignalRepository['injectE2ESession']>[0]['session'];

/** What is remembered of the stanzas that Baileys decrypts, each named by its ciphertext. */
export interface Journal {
  /** Names the stanza, as {@link Change.stanza}. */
  name(ciphertext: Uint8Array): string | undefined;
  /** Who has written the stanza, and where. */
  envelope(ciphertext: Uint8Array): Envelope | undefined;
  /** The plaintext of a message that is stored already: WhatsApp delivers it again when our receipt never left. */
  known(ciphertext: Uint8Array): Promise<Uint8Array | undefined>;
  /** What the store shall remember of a decrypted stanza. */
  read(ciphertext: Uint8Array, plaintext: Uint8Array): NewMessage[];
  /** What the store shall remember of a stanza that could not be decrypted. */
  unreadable(ciphertext: Uint8Array, error: unknown): NewMessage[];
  /** What says that the sender's account vouches for the linked device that sent the stanza. */
  voucher(ciphertext: Uint8Array): Uint8Array | undefined;
  /** The same for key bundles. */
  vouchers: Vouchers;
  /** Signal addresses of devices that could not read what was sent to them, until a session is begun with them anew. */
  couldNotRead: Set<string>;
  /** The keys of a device were refused. */
  impostor(jid: string, error: unknown): void;
  /** Whether the connection has ended, so that nothing is acknowledged any more and WhatsApp delivers it again. */
  over(): boolean;
  /** Whatever has come of it, Baileys goes on with the next. */
  dealt(ciphertext: Uint8Array): void;
}

/** What a ratchet step brings to light, committed with it. */
interface Found {
  messages: NewMessage[];
  identities: IdentityNews[];
  /** The stanza that has brought it. */
  stanza?: string;
  /** The key of a group's member, which Baileys would store only later. */
  key?: Taken;
}

/**
 * One session's login and Signal keys, in the store. Read docs/decisions/0001-commit-before-ack.md: the message that
 * a ratchet step decrypts is committed in the same transaction as the step, before Baileys acknowledges it.
 */
export interface SessionAuth {
  creds: AuthenticationCreds;
  keys: SignalKeyStore;
  /** Writes the login down before it returns, as pairing needs: WhatsApp is answered only after. */
  saveCreds(): Promise<unknown>;
  /** Makes Baileys' Signal layer, with the messages it decrypts going to the store through the journal. */
  signalRepository(journal: Journal): SocketConfig['makeSignalRepository'];
}

/** The stored login cannot be read: its record was damaged, or written under another key. */
export class LoginUnreadable extends Error {
  override readonly name = 'LoginUnreadable';
}

/**
 * Loads a session's login, or makes a new one that has yet to be paired. A Signal key that cannot be read counts as
 * missing: WhatsApp's protocol makes a new one where it has to. Throws {@link LoginUnreadable}.
 */
export async function openAuth(store: Store, sessionId: number, clock: Clock, log: Logger): Promise<SessionAuth> {
  const known = await readLogin(store, sessionId);
  // A number that was asked for a pairing code and never linked is no login, though Baileys would try it as one.
  const creds = known && !(known.me && !known.account) ? known : initAuthCreds();
  /** What the Signal transaction has found that is under way in this asynchronous context. */
  const found = new Context<Found>();

  const isOwn = ({ jid, lid }: Addresses) =>
    areJidsSameUser(jid ?? lid, creds.me?.id) || areJidsSameUser(lid ?? jid, creds.me?.lid);

  const keys: SignalKeyStore = {
    async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      const stored = await store.auth.keys(sessionId, type, ids);
      const read = ([id, value]: [string, Buffer | null]): [string, unknown][] => {
        try {
          if (value) return [[id, revive(type, parse(value))]];
        } catch {
          // As one that cannot be opened.
        }
        log.error({ op: 'auth.read', type, id }, 'a Signal key cannot be read, and counts as missing');
        return [];
      };
      return Object.fromEntries(Object.entries(stored).flatMap(read)) as { [id: string]: SignalDataTypeMap[T] };
    },
    async set(data: SignalDataSet) {
      const { messages, identities, stanza } = found.get() ?? { messages: [], identities: [] };
      const pairs = pairsIn(data);
      await store.commit({
        sessionId,
        ...(stanza !== undefined && { stanza }),
        keys: serialized(data),
        messages: [...messages],
        identities: [...identities, ...identitiesIn(data, clock.now())].filter((person) => !isOwn(person)),
        ...(pairs.length > 0 && { pairs, answers: pairs.map((pair) => numberOf(pair, clock.now())) }),
      });
      // Only now: Baileys tries a failed commit again.
      messages.length = 0;
      identities.length = 0;
    },
  };

  return {
    creds,
    keys,
    async saveCreds() {
      const change: Change = { sessionId, creds: serialize(creds) };
      if (creds.me && creds.account) {
        change.session = { account: { jid: creds.me.id, lid: creds.me.lid ?? null, name: creds.me.name ?? null } };
        change.keys = serialized(ownPair(creds.me));
      }
      return store.commit(change);
    },
    signalRepository: (journal) => (auth, logger, pnToLid) => {
      const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, pnToLid);
      const keysOfBaileys = auth.keys as SignalKeyStoreWithTransaction;
      shareTransactions(keysOfBaileys);
      const { transaction } = keysOfBaileys;
      const groupKeys = new GroupKeys(repository);

      /**
       * Commits ratchet and message together; were there no ratchet to write, the message still is. A message that is
       * known has had its ratchet step: it is answered from the store, so that Baileys acknowledges it once more.
       */
      const journaled = <O>(decrypt: (options: O) => Promise<Uint8Array>, of: (options: O) => [Uint8Array, string]) => {
        return (options: O) =>
          found
            .run({ messages: [], identities: [] }, async () => {
              const [ciphertext, lock] = of(options);
              const known = groupKeys.plaintext(ciphertext) ?? (await journal.known(ciphertext));
              if (known) return known;
              const current = found.get()!;
              const { messages } = current;
              const stanza = journal.name(ciphertext);
              if (stanza !== undefined) current.stanza = stanza;
              const brought = { sessionId, ...(stanza !== undefined && { stanza }) };
              let failure: { error: unknown } | undefined;
              const plaintext = await transaction(async () => {
                const plain = await decrypt(options).catch((error: unknown) => {
                  failure = { error };
                  throw error;
                });
                messages.push(...journal.read(ciphertext, plain));
                return plain;
              }, lock).catch(async (error: unknown) => {
                const unreadable = journal.over() ? [] : journal.unreadable(ciphertext, failure?.error ?? error);
                if (unreadable.length > 0) await store.commit({ ...brought, messages: unreadable });
                throw error;
              });
              if (messages.length > 0) await store.commit({ ...brought, messages });
              if (current.key) groupKeys.stored(current.key);
              return plaintext;
            })
            .finally(() => journal.dealt(of(options)[0]));
      };

      /** Notes who a device belongs to. Throws when it is not who it says; nothing of it is written then. */
      const admit = async (
        jid: string,
        identity: Uint8Array | undefined,
        { signed, phone: told }: Partial<Pick<Voucher, 'signed' | 'phone'>>,
      ) => {
        const own = isOwn(ownerOf(jid)) ? accountKey(creds) : undefined;
        const phone = repository.jidToSignalProtocolAddress(jid).replace(/\.\d+$/, '.0');
        const known = own ?? told ?? (await identityAt(auth.keys, phone));
        const account = accountOf(jid, identity, signed, known);
        if (own && !account.equals(own)) throw new NotVouchedFor('the own account does not vouch for it');
        if (!own) found.get()?.identities.push(identitySeen(ownerOf(jid), account, clock.now()));
      };

      /** A message that opens a session counts only when its sender is who they say. */
      const decrypt: Decrypt = async (options) => {
        const { jid, type, ciphertext } = options;
        const plaintext = await repository.decryptMessage(options);
        if (type === 'pkmsg') {
          const identity = await identityAt(auth.keys, repository.jidToSignalProtocolAddress(jid));
          await admit(jid, identity, { signed: journal.voucher(ciphertext) });
        }
        await takeGroupKey(ciphertext, plaintext);
        return plaintext;
      };

      const takeGroupKey = async (ciphertext: Uint8Array, plaintext: Uint8Array) => {
        const envelope = journal.envelope(ciphertext);
        const key = envelope && (await groupKeys.take(plaintext, envelope));
        const current = found.get();
        if (!key || !current) return;
        current.key = key;
        if (key.opened) current.messages.push(...journal.read(key.opened.msg, key.opened.plaintext));
      };

      /**
       * Whether the session with a device is as good as one that would be begun with its keys. Baileys asks for the
       * keys, and begins anew, whenever it looks up somebody's devices: with the first message after every start and
       * every five minutes. Of the sessions left behind up to forty are kept with every message.
       */
      const stands = async (jid: string, { identityKey, registrationId }: Bundle): Promise<boolean> => {
        const address = repository.jidToSignalProtocolAddress(jid);
        const unread = [address, await numberAddress(auth.keys, address)].map((one) =>
          journal.couldNotRead.delete(one),
        );
        if (unread.includes(true)) return false;
        const open = await repository.getSessionInfo(jid);
        const identity = open?.registrationId === registrationId && (await identityAt(auth.keys, address));
        return identity ? identity.equals(signalKey(identityKey)) : false;
      };

      const inject: SignalRepository['injectE2ESession'] = (options) =>
        found.run({ messages: [], identities: [] }, async () => {
          const { jid, session } = options;
          const { signed, phone, asked } = journal.vouchers.take(session.identityKey);
          try {
            await admit(jid, session.identityKey, { signed, phone });
            if (!asked || !(await stands(jid, session))) await repository.injectE2ESession(options);
          } catch (error) {
            // One impostor among the devices that were asked for is left out; the others get the message.
            if (!asked || !isForgery(error)) throw error;
            journal.impostor(jid, error);
          }
        });

      return alone(repository, {
        injectE2ESession: inject,
        decryptMessage: journaled<Parameters<Decrypt>[0]>(decrypt, ({ ciphertext, jid }) => [
          ciphertext,
          jid,
        ]) as Decrypt,
        decryptGroupMessage: journaled<Parameters<DecryptGroup>[0]>(
          (options) => repository.decryptGroupMessage(options),
          ({ msg, group }) => [msg, group],
        ) as DecryptGroup,
        processSenderKeyDistributionMessage: groupKeys.process,
      });
    },
  };
}

/** The own account's key, as it was proven when this device was linked. Read back from JSON it is base64. */
function accountKey({ account }: AuthenticationCreds): Buffer | undefined {
  const key = account?.accountSignatureKey as Uint8Array | string | null | undefined;
  return key?.length ? signalKey(typeof key === 'string' ? Buffer.from(key, 'base64') : key) : undefined;
}

const isForgery = (error: unknown) => error instanceof NotVouchedFor || error instanceof InvalidSignature;

/** What changes a ratchet or a session record. */
const STEPS = [
  'decryptMessage',
  'decryptGroupMessage',
  'processSenderKeyDistributionMessage',
  'encryptMessage',
  'encryptGroupMessage',
  'getSenderKeyDistributionMessage',
  'injectE2ESession',
  'deleteSession',
  'migrateSession',
] as const satisfies (keyof SignalRepository)[];

/**
 * Runs every ratchet step by itself: one at a time per session, and outside whatever transaction the caller has open.
 * Baileys encrypts inside a transaction that it commits only after the frame has left, and holds a copy of the
 * session records all the while. A crash in between would use a message key twice, and a message received in between
 * would be decrypted from a record that is then written over.
 */
function alone(repository: SignalRepository, decrypting: Partial<SignalRepository>): SignalRepository {
  const oneAtATime = pLimit(1);
  const steps: Record<string, unknown> = {};
  for (const name of STEPS) {
    const step = (decrypting[name] ?? repository[name]) as (...args: unknown[]) => Promise<unknown>;
    steps[name] = (...args: unknown[]) => outside(() => oneAtATime(() => step(...args)));
  }
  return { ...repository, ...(steps as Partial<SignalRepository>) };
}

async function readLogin(store: Store, sessionId: number): Promise<AuthenticationCreds | undefined> {
  const saved = await store.auth.creds(sessionId);
  if (saved === undefined) return undefined;
  try {
    const creds = saved && (parse(saved) as Partial<AuthenticationCreds>);
    if (creds?.noiseKey && creds.signedIdentityKey && creds.signedPreKey) return creds as AuthenticationCreds;
  } catch {
    // As one that cannot be opened.
  }
  throw new LoginUnreadable(`The login of session ${sessionId} cannot be read.`);
}

const serialize = (value: unknown) => Buffer.from(JSON.stringify(value, BufferJSON.replacer));
const parse = (bytes: Buffer): unknown => JSON.parse(bytes.toString(), BufferJSON.reviver);

function serialized(data: SignalDataSet): KeyWrites {
  const writes: KeyWrites = {};
  for (const [type, values] of Object.entries(data)) {
    writes[type] = {};
    for (const [id, value] of Object.entries(values ?? {})) writes[type][id] = value === null ? null : serialize(value);
  }
  return writes;
}

/**
 * The account's own number and LID are one person. Without this Baileys asks WhatsApp for it in the middle of the first
 * message from the own phone, and all messages behind it wait for the answer.
 */
function ownPair({ id, lid }: { id: string; lid?: string }): SignalDataSet {
  const [phone, own] = [jidDecode(id)?.user, lid && jidDecode(lid)?.user];
  return phone && own ? { 'lid-mapping': { [phone]: own, [`${own}_reverse`]: phone } } : {};
}

/** Baileys keeps each pair twice: LID by number, and number by LID under a name that says so. */
function pairsIn(data: SignalDataSet): Pair[] {
  return Object.entries(data['lid-mapping'] ?? {}).flatMap(([phone, lid]) =>
    lid && /^\d+$/.test(phone) ? { phone, lid: `${lid}@lid` } : [],
  );
}

/** Baileys wants this one kind as a protobuf object, not as the plain one that JSON gives back. */
function revive(type: keyof SignalDataTypeMap, value: unknown): unknown {
  if (type !== 'app-state-sync-key') return value;
  return proto.Message.AppStateSyncKeyData.fromObject(value as Record<string, unknown>);
}
