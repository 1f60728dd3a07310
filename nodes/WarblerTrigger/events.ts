import type { INodePropertyOptions } from 'n8n-workflow';

/** The engine's events in a person's words. The value is the event's name in the engine and in the output's `event`. */
export const events: INodePropertyOptions[] = [
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
    name: 'Message Sent',
    value: 'message.sent',
    description: 'When a message sent through the engine has left, or could not be sent',
  },
  {
    name: 'Message Status Changed',
    value: 'messages.update',
    description: 'When a sent message is delivered, read or played',
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
