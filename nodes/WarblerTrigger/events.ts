import type { INodePropertyOptions } from 'n8n-workflow';

/** The engine's events in a person's words. The value is the event's name in the engine and in the output's `event`. */
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
    name: 'Bulk Job Status Changed',
    value: 'bulk.status',
    description: 'When a bulk job starts, pauses, goes on, is through or was cancelled',
  },
  {
    name: 'Call',
    value: 'call',
    description: 'When a call comes in, and when it is taken, rejected, missed or over',
  },
  {
    name: 'Channel Message Received',
    value: 'messages-newsletter.received',
    description: 'When a channel that this account follows posts something',
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
    name: 'Contact Updated',
    value: 'contacts.update',
    description: 'When a contact has another name, picture or about text',
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
    name: 'Group Message Receipt',
    value: 'message-receipt.update',
    description: 'When a member of a group has received, read or played a message of this account',
  },
  {
    name: 'Group Message Received',
    value: 'messages-group.received',
    description: 'When somebody writes in a group',
  },
  {
    name: 'Group Participants Changed',
    value: 'group-participants.update',
    description: 'When members join, leave, are removed, or become admins',
  },
  {
    name: 'Group Updated',
    value: 'groups.update',
    description: 'When name, description, picture or settings of a group have changed',
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
    name: 'Message Reaction',
    value: 'messages.reaction',
    description: 'When somebody reacts to a message or takes a reaction back',
  },
  {
    name: 'Message Received',
    value: 'messages.received',
    description: 'When somebody writes to this account, in a chat or in a group',
  },
  {
    name: 'Message Received or Sent',
    value: 'messages.upsert',
    description: 'When a message appears in a chat, whoever wrote it and on whichever device',
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
    name: 'Message Status Changed',
    value: 'messages.update',
    description: 'When a sent message is delivered, read or played, or a message was edited',
  },
  {
    name: 'Message Unreadable',
    value: 'message.undecryptable',
    description: 'When a message has come that cannot be decrypted; the sender is asked for it again',
  },
  {
    name: 'Personal Message Received',
    value: 'messages-personal.received',
    description: 'When somebody writes in a chat with this account alone',
  },
  {
    name: 'Poll Results',
    value: 'poll.results',
    description: 'When somebody votes in a poll or changes a vote',
  },
  {
    name: 'Presence Updated',
    value: 'presence.update',
    description: 'When somebody comes online, goes offline, types or records',
  },
  {
    name: 'QR Code Updated',
    value: 'qrcode.updated',
    description: 'When there is a new QR code to scan',
  },
  {
    name: 'Session Status Changed',
    value: 'session.status',
    description: 'When the session connects, disconnects, is logged out or waits for a scan',
  },
];
