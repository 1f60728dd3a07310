import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

/**
 * What can start a workflow, in a person's words. The value is the event's name in the engine and in the output's
 * `event`, or a group of {@link GROUPS}.
 */
export const events: INodePropertyOptions[] = [
  {
    name: 'Account Restricted',
    value: 'account.restricted',
    description: 'When WhatsApp restricts the account for a time, or lifts the restriction',
  },
  {
    name: 'Approval Requested',
    value: 'approval.requested',
    description: 'When a call of an AI agent waits for a person to approve it',
  },
  {
    name: 'Bulk Job Progress',
    value: 'bulk.status',
    description: 'When a bulk job starts, pauses, goes on, is through or was cancelled',
  },
  {
    name: 'Call',
    value: 'call',
    description: 'When a call comes in, and when it is taken, rejected, missed or over',
  },
  {
    name: 'Chat Added',
    value: 'chats.upsert',
    description: 'When there is a new chat',
  },
  {
    name: 'Chat Deleted',
    value: 'chats.delete',
    description: 'When a chat was deleted',
  },
  {
    name: 'Chat Updated',
    value: 'chats.update',
    description: 'When a chat is archived, muted, pinned, or has another number of unread messages',
  },
  {
    name: 'Contact Added',
    value: 'contacts.upsert',
    description: 'When a contact is added to the address book or renamed in it',
  },
  {
    name: 'Contact Identity Changed',
    value: 'contact.identity_changed',
    description: 'When a contact has another identity key, as after moving to a new phone',
  },
  {
    name: 'Contact or Chat Changes',
    value: 'contactsAndChats',
    description: 'When anything changes about a contact or a chat',
  },
  {
    name: 'Contact Updated',
    value: 'contacts.update',
    description: 'When a contact has another name, picture or about text',
  },
  {
    name: 'Group Changes',
    value: 'groupChanges',
    description: 'When anything changes in a group: members, admins, name, settings, requests to join',
  },
  {
    name: 'Group Join Request',
    value: 'group.join-request',
    description: 'When somebody asks to join a group, and when an admin has decided',
  },
  {
    name: 'Group Joined',
    value: 'groups.upsert',
    description: 'When this account becomes a member of a group',
  },
  {
    name: 'Group Members Changed',
    value: 'group-participants.update',
    description: 'When members join, leave, are removed, or become admins',
  },
  {
    name: 'Group Updated',
    value: 'groups.update',
    description: 'When name, description, picture or settings of a group have changed',
  },
  {
    name: 'Inquiry Answered',
    value: 'inquiry.answered',
    description: 'When the person who was asked has answered a question that waits for its answer',
  },
  {
    name: 'Inquiry Expired',
    value: 'inquiry.expired',
    description: 'When nobody has answered such a question in time',
  },
  {
    name: 'Inquiry Failed',
    value: 'inquiry.failed',
    description: 'When such a question could not be sent, or the account changed',
  },
  {
    name: 'Media Ready',
    value: 'media.ready',
    description: 'When the file of a received message was downloaded, for sessions that download media',
  },
  {
    name: 'Message Deleted',
    value: 'messages.delete',
    description: 'When a message was deleted, for everyone or on this account',
  },
  {
    name: 'Message Edited or Deleted',
    value: 'messageChanges',
    description: 'When the author changes a message or takes it back',
  },
  {
    name: 'Message Read by a Group Member',
    value: 'message-receipt.update',
    description: 'When a member of a group has received, read or played a message of this account',
  },
  {
    name: 'Message Recovered',
    value: 'message.recovered',
    description: 'When a message that was unreadable has come again, readable',
  },
  {
    name: 'Message Sent',
    value: 'message.sent',
    description: 'When a message sent through the engine has left, or could not be sent',
  },
  {
    name: 'Message Sent or Status Changed',
    value: 'messageStatus',
    description: 'When a message of this account has left, could not be sent, or is delivered, read or played',
  },
  {
    name: 'Message Unreadable',
    value: 'message.undecryptable',
    description: 'When a message has come that cannot be decrypted; the sender is asked for it again',
  },
  {
    name: 'Message Unreadable or Recovered',
    value: 'unreadableMessages',
    description: 'When a message cannot be decrypted, and when it has come again, readable',
  },
  {
    name: 'Message Updated',
    value: 'messages.update',
    description: 'When a sent message is delivered, read or played, or a message was edited',
  },
  {
    name: 'New Message',
    value: 'messages.received',
    description: 'When somebody writes to this account, in a chat, a group or a channel',
  },
  {
    name: 'New Message in a Channel',
    value: 'messages-newsletter.received',
    description: 'When a channel that this account follows posts something',
  },
  {
    name: 'New Message in a Direct Chat',
    value: 'messages-personal.received',
    description: 'When somebody writes in a chat with this account alone',
  },
  {
    name: 'New Message in a Group',
    value: 'messages-group.received',
    description: 'When somebody writes in a group',
  },
  {
    name: 'New Message, Received or Sent',
    value: 'messages.upsert',
    description: 'When a message appears in a chat, whoever wrote it and on whichever device',
  },
  {
    name: 'Poll Vote',
    value: 'poll.results',
    description: 'When somebody votes in a poll or changes a vote',
  },
  {
    name: 'Presence',
    value: 'presence.update',
    description: 'When somebody comes online, goes offline, types or records',
  },
  {
    name: 'QR Code',
    value: 'qrcode.updated',
    description: 'When there is a new QR code to scan',
  },
  {
    name: 'Reaction',
    value: 'messages.reaction',
    description: 'When somebody reacts to a message or takes a reaction back',
  },
  {
    name: 'Session Status',
    value: 'session.status',
    description: 'When the session connects, disconnects, is logged out or waits for a scan',
  },
  {
    name: 'Session Status or QR Code',
    value: 'sessionChanges',
    description: 'When the status of the session changes, and when there is a new QR code to scan',
  },
];

/** Choices that stand for several events of the engine. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  contactsAndChats: [
    'chats.delete',
    'chats.update',
    'chats.upsert',
    'contact.identity_changed',
    'contacts.update',
    'contacts.upsert',
  ],
  groupChanges: ['group-participants.update', 'group.join-request', 'groups.update', 'groups.upsert'],
  messageChanges: ['messages.delete', 'messages.update'],
  messageStatus: ['message-receipt.update', 'message.sent', 'messages.update'],
  sessionChanges: ['qrcode.updated', 'session.status'],
  unreadableMessages: ['message.recovered', 'message.undecryptable'],
};

/** Choices that bring messages that somebody wrote: what they say, and what kind they are, can be asked for. */
export const MESSAGES = [
  'messages.received',
  'messages-group.received',
  'messages-newsletter.received',
  'messages-personal.received',
  'messages.upsert',
];

/** Choices that bring files, which can be downloaded. */
export const WITH_FILES = [...MESSAGES, 'media.ready'];

/** Choices that are about the account, in no chat. */
export const ACCOUNT = [
  'account.restricted',
  'approval.requested',
  'bulk.status',
  'qrcode.updated',
  'session.status',
  'sessionChanges',
];

/** The engine's names for what was chosen, each once. */
export const eventsOf = (choices: string[]): string[] => [
  ...new Set(choices.flatMap((choice) => GROUPS[choice] ?? [choice])),
];

/** `messages.update` tells of two things: of a group that is about one of them, this is the field that has it. */
const UPDATED: Readonly<Record<string, string>> = { messageChanges: 'message', messageStatus: 'status' };

function isOfGroup(group: string, { event, data }: IDataObject): boolean {
  if (!GROUPS[group]?.includes(String(event))) return false;
  const field = UPDATED[group];
  if (field === undefined || event !== 'messages.update') return true;
  const { update } = (data ?? {}) as { update?: IDataObject };
  return update?.[field] !== undefined;
}

/** Whether an event is what somebody has chosen. */
export const isChosen = (choices: string[], event: IDataObject): boolean =>
  choices.some((choice) => choice === event.event || isOfGroup(choice, event));
