import type { NewEvent } from '../../events.ts';
import type { DirectoryNews } from '../store.ts';
import { changeChat, deleteChat } from './chats.ts';
import { changeContact, findContact } from './contacts.ts';
import type { Database } from './database.ts';

/** Notes what is news about people and chats; answers the events that what has really changed brings. */
export function applyNews(db: Database, sessionId: number, news: DirectoryNews): NewEvent[] {
  const contacts = (news.contacts ?? []).flatMap((facts) => changeContact(db, sessionId, facts) ?? []);
  const chats = (news.chats ?? []).flatMap((facts) => changeChat(db, sessionId, facts) ?? []);
  for (const address of news.deletedChats ?? []) deleteChat(db, sessionId, address);
  const find = (address: string) => findContact(db, sessionId, address);
  return news.events({ contacts, chats }, find);
}
