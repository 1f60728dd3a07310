import { validationFailed } from '../errors.ts';
import type { MessageRecord } from '../model.ts';
import type { ChatModification, WAPresence, WASocket } from './baileys.ts';
import { isGroup, toJid } from './jid.ts';
import { keyTo } from './outgoing.ts';
import type { Session } from './session.ts';

/** Shows the account as typing or recording in a chat, or as online or offline everywhere. */
export async function showPresence(session: Session, shown: string, type: WAPresence): Promise<void> {
  const jid = presenceJid(shown);
  await session.ask('Error sending presence update', (wa) => wa.sendPresenceUpdate(type, jid));
}

function presenceJid(typed: string): string {
  try {
    return toJid(typed, 'jid');
  } catch (error) {
    throw validationFailed({ jid: ['Error sending presence update: Invalid JID provided.'] }, error);
  }
}

export interface ChatChanges {
  archived?: boolean | undefined;
  pinned?: boolean | undefined;
  mutedUntil?: number | undefined;
  read?: boolean | undefined;
  disappearAfter?: number | undefined;
}

/** Makes the given changes one after the other; answers the chat's address. */
export async function modifyChat(session: Session, typed: string, changes: ChatChanges): Promise<string> {
  const chat = toJid(typed, 'jid');
  const { archived, pinned, mutedUntil, read, disappearAfter } = changes;
  const last = await session.messages.last(chat);
  const lastMessages = last ? [{ key: keyTo(last, session.me), messageTimestamp: seconds(last) }] : [];
  const modifications: ChatModification[] = [];
  if (archived !== undefined) modifications.push({ archive: archived, lastMessages });
  if (pinned !== undefined) modifications.push({ pin: pinned });
  if (mutedUntil !== undefined) modifications.push({ mute: mutedUntil > 0 ? mutedUntil * 1000 : null });
  if (read !== undefined) modifications.push({ markRead: read, lastMessages });
  for (const modification of modifications) {
    await session.ask('Failed to change chat', (wa) => wa.chatModify(modification, chat));
  }
  if (disappearAfter !== undefined) {
    await session.ask('Failed to change chat', (wa) => letDisappear(wa, chat, disappearAfter));
  }
  return chat;
}

const seconds = ({ timestamp }: MessageRecord) => Math.floor(timestamp / 1000);

/** In a group it is a setting of the group; with a person, a message that both phones heed. */
async function letDisappear(wa: WASocket, chat: string, afterS: number): Promise<void> {
  if (isGroup(chat)) await wa.groupToggleEphemeral(chat, afterS);
  else await wa.sendMessage(chat, { disappearingMessagesInChat: afterS });
}
