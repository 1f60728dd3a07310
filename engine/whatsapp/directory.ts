import type { Logger } from 'pino';
import pLimit from 'p-limit';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { NewEvent } from '../events.ts';
import type { ChatRecord, ContactRecord, MessageRecord } from '../model.ts';
import type { Addresses, Changed, ChatFacts, ContactFacts, DirectoryNews, Store } from '../store/store.ts';
import {
  isJidStatusBroadcast,
  jidNormalizedUser,
  toNumber,
  type BaileysEventMap,
  type Chat,
  type Contact,
  type WASocket,
} from './baileys.ts';
import { isGroup, isPerson } from './jid.ts';
import { contactUpdate, subjectOf } from './notifications.ts';
import { person, whoAre, type WhoIs } from './people.ts';

/** As many of a batch go into one event: a webhook is no place for ten thousand contacts at once. */
const BATCH = 100;
/** From so many changes at once on, they are told in batches, and not one by one. */
const MANY = 20;

/** What Baileys tells about people and chats, before it is known which addresses belong together. */
interface Told {
  contacts?: (Omit<ContactFacts, 'jid' | 'lid'> & { of: (string | null | undefined)[] })[];
  chats?: (Omit<ChatFacts, 'jid' | 'lid'> & { of: (string | null | undefined)[] })[];
  deletedChats?: string[];
}

type Reader<E extends keyof BaileysEventMap> = (data: BaileysEventMap[E]) => Told;

/** Every event of Baileys: what it tells about people and chats, or why it is not read here. */
const READERS: { [E in keyof BaileysEventMap]: Reader<E> | string } = {
  'messaging-history.set': ({ chats, contacts, lidPnMappings = [] }) => ({
    contacts: [...contacts.map(contactOf), ...lidPnMappings.map(({ lid, pn }) => ({ of: [lid, pn] }))],
    chats: chats.filter(isListed).map(historyChat),
  }),
  'contacts.upsert': (contacts) => ({ contacts: contacts.map(contactOf) }),
  'contacts.update': (contacts) => ({ contacts: contacts.map(contactOf) }),
  'lid-mapping.update': ({ lid, pn }) => ({ contacts: [{ of: [lid, pn] }], chats: [{ of: [lid, pn] }] }),
  'chats.upsert': (chats) => ({ chats: chats.filter(isListed).map(historyChat) }),
  'chats.update': (chats) => ({ chats: chats.filter(isListed).map(chatUpdate) }),
  'chats.delete': (deletedChats) => ({ deletedChats }),

  'presence.update': 'is not kept: Directory.presence tells it',
  'connection.update': 'state.ts decides about connections',
  'creds.update': 'is the login: auth.ts',
  'messaging-history.status': 'is about the progress of the history, which nobody waits for',
  'messages.upsert': 'was read from the stanza: incoming.ts',
  'messages.update': 'was read from the stanza: incoming.ts',
  'messages.delete': 'is not kept: Directory.deleted tells it',
  'messages.media-update': 'answers the question of whoever downloads media',
  'messages.reaction': 'was read from the stanza: incoming.ts',
  'message-receipt.update': 'was read from the stanza: incoming.ts',
  'groups.upsert': 'was read from the stanza: notifications.ts',
  'groups.update': 'was read from the stanza: notifications.ts; or it is an answer to a question of ours',
  'group-participants.update': 'was read from the stanza: notifications.ts',
  'group.join-request': 'was read from the stanza: notifications.ts',
  'group.member-tag.update': 'has no event in WasenderApi’s vocabulary',
  'blocklist.set': 'is asked for when somebody wants to know: contact.blocked',
  'blocklist.update': 'is asked for when somebody wants to know: contact.blocked',
  call: 'was read from the stanza: incoming.ts',
  'labels.edit': 'labels are not part of this API',
  'labels.association': 'labels are not part of this API',
  'newsletter.reaction': 'counts of reactions are not part of this API',
  'newsletter.view': 'counts of views are not part of this API',
  'newsletter-participants.update': 'the admins of channels are not part of this API',
  'newsletter-settings.update': 'channels are asked for when somebody wants to know: channel.get',
  'message-capping.update': 'is about a limit of the account: state.ts',
  'chats.lock': 'a chat that is locked on the phone behaves as before here',
  'settings.update': 'settings of the phone’s own screens',
};

/** What the account knows of people and chats: takes in what Baileys tells, and tells what has really changed. */
export class Directory {
  /** One batch of news after the other: what is told later counts. */
  private readonly inOrder = pLimit(1);
  /** What was told last of somebody's presence, by chat and person. */
  private readonly presences = new Map<string, string>();

  /** Calls off the next try at pictures that could not be asked for yet. */
  private later: (() => void) | undefined;

  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      clock: Clock;
      /** WhatsApp's word on the picture of a person or a group. */
      picture: (jid: string) => Promise<string | null>;
      log: Logger;
    },
  ) {}

  /** All that Baileys tells at one moment, as one change. */
  take(wa: WASocket, events: Partial<BaileysEventMap>): void {
    const told = readEvents(events);
    if (told) this.enqueue(async () => this.commit(await newsOf(wa, told, 'messaging-history.set' in events)));
    const deleted = events['messages.delete'];
    if (deleted) this.enqueue(() => this.deleted(deleted));
    const presence = events['presence.update'];
    if (presence) this.enqueue(() => this.presence(wa, presence));
  }

  /** What is known of a person, by either address. */
  async contact(...addresses: (string | null)[]): Promise<ContactRecord | undefined> {
    const { store, sessionId } = this.options;
    for (const address of addresses) {
      const found = address === null ? undefined : await store.contacts.get(sessionId, address);
      if (found) return found;
    }
    return undefined;
  }

  /** Notes what an operation of ours has changed, and tells it; Baileys, which hears of it later, changes nothing then. */
  async tell(contacts: ContactFacts[]): Promise<void> {
    await this.commit({ contacts, events: (changes) => contactEvents(changes.contacts, false) });
  }

  /** Notes what an operation of ours has found out, without telling anybody. */
  async learn(news: Omit<DirectoryNews, 'events'>): Promise<void> {
    await this.commit({ ...news, events: () => [] });
  }

  /** Messages of these chats have been marked as read by us. */
  read(chats: string[]): void {
    this.enqueue(async () => {
      for (const chat of new Set(chats.map((one) => jidNormalizedUser(one)))) {
        const known = await this.options.store.chats.get(this.options.sessionId, chat);
        if (!known) continue;
        const facts = { ...(known.jid && { jid: known.jid }), ...(known.lid && { lid: known.lid }), unreadCount: 0 };
        await this.commit({ chats: [facts], events: (changes, find) => chatEvents(changes.chats, false, find) });
      }
    });
  }

  /**
   * Asks for every picture that is known to have changed, and tells its URL. What may not be asked for now is asked for
   * when it may.
   */
  picturesChanged(): void {
    this.enqueue(async () => {
      const { store, sessionId } = this.options;
      this.later?.();
      this.later = undefined;
      for (const addresses of await store.chats.changedPictures(sessionId)) {
        try {
          await this.pictureChanged(addresses);
        } catch (error) {
          const afterS = error instanceof EngineError ? error.retryAfterS : undefined;
          if (afterS === undefined) throw error;
          const { clock } = this.options;
          this.later = clock.at(clock.now() + afterS * 1000, () => this.picturesChanged());
          return;
        }
      }
    });
  }

  /** The connection is gone: what waits for its time waits for the next connection. */
  close(): void {
    this.later?.();
    this.later = undefined;
  }

  private async pictureChanged({ jid, lid }: Addresses): Promise<void> {
    const imgUrl = await this.options.picture(jid ?? lid!);
    if (jid !== undefined && isGroup(jid)) {
      const event: NewEvent = { event: 'groups.update', lane: jid, jid, data: [{ jid, id: jid, imgUrl }] };
      const chats = [{ jid, imgUrl, pictureChanged: false, pictureOnly: true }];
      return this.commit({ chats, events: () => [event] });
    }
    const addresses = { jid, lid };
    await this.commit({
      contacts: [{ ...addresses, imgUrl, pictureChanged: false }],
      events: (_, find) => contactUpdate(find(jid ?? lid!) ?? addresses, { imgUrl }),
    });
  }

  private async commit(directory: DirectoryNews): Promise<void> {
    await this.options.store.commit({ sessionId: this.options.sessionId, directory });
  }

  /** Messages were deleted on this account only, or a whole chat was emptied. */
  private async deleted(gone: BaileysEventMap['messages.delete']): Promise<void> {
    const { store, sessionId } = this.options;
    const chat = jidNormalizedUser('all' in gone ? gone.jid : (gone.keys[0]?.remoteJid ?? ''));
    const keys =
      'all' in gone ? [] : gone.keys.map(({ id, fromMe }) => ({ id, fromMe: Boolean(fromMe), remoteJid: chat }));
    const data = { keys, forMe: true, ...('all' in gone && { all: true, remoteJid: chat }) };
    const event: NewEvent = { event: 'messages.delete', lane: chat, jid: chat, ...subjectOf(person(chat)), data };
    await store.commit({ sessionId, events: [event] });
  }

  private async presence(wa: WASocket, { id, presences }: BaileysEventMap['presence.update']): Promise<void> {
    const { store, sessionId } = this.options;
    const chat = jidNormalizedUser(id);
    const whoIs = await whoAre(wa, [id, ...Object.keys(presences)]);
    const news = Object.entries(presences).filter(([address, presence]) => {
      const key = `${chat} ${jidNormalizedUser(address)}`;
      const value = JSON.stringify(presence);
      if (this.presences.get(key) === value) return false;
      if (this.presences.size > 5000) this.presences.clear();
      this.presences.set(key, value);
      return true;
    });
    if (news.length === 0) return;
    const jid = whoIs(id)?.jid ?? chat;
    const who = whoIs(news[0]![0]);
    const data = {
      id: jid,
      presences: Object.fromEntries(
        news.map(([address, presence]) => [whoIs(address)?.jid ?? jidNormalizedUser(address), presence]),
      ),
    };
    const event: NewEvent = { event: 'presence.update', lane: `presence ${jid}`, jid, ...subjectOf(who), data };
    await store.commit({ sessionId, events: [event] });
  }

  private enqueue(work: () => Promise<void>): void {
    this.inOrder(work).catch((error: unknown) => {
      if (error instanceof EngineError && error.code === 'stopping') return;
      this.options.log.warn({ err: error }, 'directory not updated');
    });
  }
}

/**
 * What a message of ours says about its chat when WhatsApp has taken it: Baileys, which has only relayed it, tells of no
 * chat. `undefined` for what is about another message, and for what is no chat.
 */
export function chatOfSent({ chat, lid, about, timestamp }: MessageRecord): DirectoryNews | undefined {
  if (about || !isListed({ id: chat })) return undefined;
  const who = person(chat, isPerson(chat) ? lid : null);
  const addresses = who ? { ...(who.phone && { jid: who.jid }), ...(who.lid && { lid: who.lid }) } : { jid: chat };
  // whoever answers has read what was there
  const facts = { ...addresses, lastMessageAt: Math.floor(timestamp / 1000), unreadCount: 0 };
  return { chats: [facts], events: (changes, find) => chatEvents(changes.chats, false, find) };
}

function readEvents(events: Partial<BaileysEventMap>): Told | undefined {
  const all: Required<Told> = { contacts: [], chats: [], deletedChats: [] };
  for (const [name, data] of Object.entries(events)) {
    const reader = READERS[name as keyof BaileysEventMap] as Reader<never> | string | undefined;
    if (typeof reader !== 'function') continue;
    const { contacts = [], chats = [], deletedChats = [] } = reader(data as never);
    all.contacts.push(...contacts);
    all.chats.push(...chats);
    all.deletedChats.push(...deletedChats);
  }
  return Object.values(all).some((list) => list.length > 0) ? all : undefined;
}

function contactOf(contact: Partial<Contact>): NonNullable<Told['contacts']>[number] {
  const { id, lid, phoneNumber, name, notify, verifiedName, status } = contact;
  return { of: [id, lid, phoneNumber], ...said({ name, notify, verifiedName, about: status }) };
}

/** Status posts come as a chat of their own, which is none. */
const isListed = ({ id }: { id?: string | null }) => Boolean(id) && !isJidStatusBroadcast(id!);

/** A chat as the history has it. */
function historyChat(chat: Chat): NonNullable<Told['chats']>[number] {
  return {
    of: [chat.id, chat.lidJid, chat.pnJid],
    ...said({
      name: chat.displayName || chat.name || undefined,
      unreadCount: chat.markedAsUnread && !chat.unreadCount ? -1 : (chat.unreadCount ?? undefined),
      lastMessageAt: chat.conversationTimestamp ? toNumber(chat.conversationTimestamp) : undefined,
      archived: chat.archived ?? undefined,
      pinnedAt: chat.pinned || undefined,
      mutedUntil: chat.muteEndTime ? toNumber(chat.muteEndTime) : undefined,
    }),
  };
}

/** A change of a chat. A count above zero is of messages that are new; 0 is read, -1 is marked as unread by hand. */
function chatUpdate(chat: BaileysEventMap['chats.update'][number]): NonNullable<Told['chats']>[number] {
  const { unreadCount: unread, pinned, muteEndTime, conditional } = chat;
  const answered = chat.messages?.some(({ message }) => message?.key?.fromMe);
  return {
    of: [chat.id],
    // settings of the first sync, which are also of chats that the history does not have
    ...(conditional && { knownOnly: true }),
    ...said({
      name: chat.name || undefined,
      unreadMore: unread && unread > 0 ? unread : undefined,
      unreadCount: typeof unread === 'number' && unread <= 0 ? unread : answered ? 0 : undefined,
      lastMessageAt: chat.conversationTimestamp ? toNumber(chat.conversationTimestamp) : undefined,
      archived: chat.archived ?? undefined,
      pinnedAt: pinned === null ? null : pinned,
      mutedUntil: muteEndTime === null ? null : muteEndTime === undefined ? undefined : toNumber(muteEndTime),
    }),
  };
}

/** Without what was not said. */
function said<T extends object>(facts: T): { [F in keyof T]: Exclude<T[F], undefined> } {
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [F in keyof T]: Exclude<T[F], undefined> };
}

async function newsOf(wa: WASocket, told: Told, history: boolean): Promise<DirectoryNews> {
  const { contacts = [], chats = [], deletedChats = [] } = told;
  const whoIs = await whoAre(wa, [...[...contacts, ...chats].flatMap(({ of }) => of), ...deletedChats]);
  const deleted = deletedChats.map((id) => whoIs(id)?.jid ?? jidNormalizedUser(id));
  return {
    contacts: contacts.flatMap(({ of, ...facts }) => {
      const addresses = addressesOf(whoIs, of);
      return addresses ? { ...facts, ...addresses } : [];
    }),
    chats: chats.map(({ of, ...facts }) => ({
      ...facts,
      ...(addressesOf(whoIs, of) ?? { jid: jidNormalizedUser(of[0]!) }),
    })),
    deletedChats: deletedChats.flatMap((id) => [jidNormalizedUser(id), ...(whoIs(id)?.lid ?? [])]),
    events: (changes, find) => [
      ...contactEvents(changes.contacts, history),
      ...chatEvents(changes.chats, history, find),
      ...deleted.map((jid): NewEvent => ({
        event: 'chats.delete',
        lane: 'chats',
        jid,
        ...subjectOf(person(jid)),
        data: [jid],
      })),
    ],
  };
}

/** Of a person; `undefined` for groups and everything else. */
function addressesOf(whoIs: WhoIs, of: (string | null | undefined)[]): { jid?: string; lid?: string } | undefined {
  if (!of.some((address) => address && isPerson(address))) return undefined;
  const who = whoIs(...of);
  return who && { ...(who.phone && { jid: who.jid }), ...(who.lid && { lid: who.lid }) };
}

/** New people and new names in the address book are one event, all else about a person is another. */
function contactEvents(changes: Changed<ContactRecord>[], history: boolean): NewEvent[] {
  const isUpsert = ({ before, after }: Changed<ContactRecord>) => !before || before.name !== after.name;
  const upserts = changes.filter(isUpsert).map(({ after }) => describeContact(after));
  const updates = changes
    .filter((change) => !isUpsert(change))
    .map(({ before, after }) => ({
      ...addressed(after),
      ...differences(describeContact(before!), describeContact(after)),
    }));
  return [
    ...inBatches('contacts.upsert', 'contacts', upserts, ({ jid }) => jid, history),
    ...inBatches('contacts.update', 'contacts', updates, ({ jid }) => jid, history),
  ];
}

function chatEvents(
  changes: Changed<ChatRecord>[],
  history: boolean,
  find: (address: string) => ContactRecord | undefined,
): NewEvent[] {
  const nameOf = ({ jid, lid, name }: ChatRecord) => {
    const contact = find(jid ?? lid!);
    return name ?? contact?.name ?? contact?.verifiedName ?? contact?.notify ?? null;
  };
  const upserts = changes
    .filter(({ before }) => !before)
    .map(({ after }) => ({ ...describeChat(after), name: nameOf(after) }));
  const updates = changes
    .filter(({ before }) => before)
    .map(({ before, after }) => {
      const { id, lid, phone, unreadCount, conversationTimestamp } = describeChat(after);
      const changed = differences(describeChat(before!), describeChat(after));
      return { id, lid, phone, unreadCount, conversationTimestamp, ...changed };
    });
  return [
    ...inBatches('chats.upsert', 'chats', upserts, ({ id }) => id, history),
    ...inBatches('chats.update', 'chats', updates, ({ id }) => id, history),
  ];
}

/** One event each for what happens by and by; a history, or what comes in masses, in batches. */
function inBatches<T>(
  event: NewEvent['event'],
  lane: string,
  items: T[],
  jidOf: (item: T) => string,
  history: boolean,
): NewEvent[] {
  const size = history || items.length > MANY ? BATCH : 1;
  const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
  return batches.map((data) => {
    const [only] = data.length === 1 ? data : [];
    const about = only && {
      jid: jidOf(only),
      ...subjectOf(person(jidOf(only), (only as { lid?: string | null }).lid)),
    };
    return { event, lane, ...about, data };
  });
}

function addressed({ jid, lid }: { jid: string | null; lid: string | null }) {
  const who = person(jid, lid)!;
  return { jid: who.jid, id: who.jid, lid: who.lid, phone: who.phone };
}

/** A person in WasenderApi's form: of the contact events, and of the list of contacts. */
export function describeContact(contact: ContactRecord) {
  const { jid, id, lid, phone } = addressed(contact);
  const { name, notify, verifiedName, imgUrl, about: status } = contact;
  return { jid, id, name, notify, verifiedName, imgUrl, status, lid, phone };
}

function describeChat(chat: ChatRecord) {
  const who = person(chat.jid, chat.lid);
  return {
    id: who?.jid ?? chat.jid!,
    name: chat.name,
    unreadCount: chat.unreadCount,
    conversationTimestamp: chat.lastMessageAt,
    archived: chat.archived,
    pinned: chat.pinnedAt,
    mutedUntil: chat.mutedUntil,
    lid: who?.lid ?? null,
    phone: who?.phone ?? null,
  };
}

/** The fields of `after` that are not as they were. */
function differences<T extends object>(before: T, after: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(after).filter(([field, value]) => before[field as keyof T] !== value),
  ) as Partial<T>;
}
