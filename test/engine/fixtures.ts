import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import type { NewEvent } from '../../engine/events.ts';
import { MESSAGE_STATUS, sessionSettings, type SessionSettings } from '../../engine/model.ts';
import type { NewMessage, NewOutgoing, NewSubscription } from '../../engine/store/store.ts';

/** Things that tests need and that say nothing about what is tested. */

export const silent: Logger = pino({ level: 'silent' });

/** A folder of its own for each test; `remove` when done. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'warbler-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export function aSession(settings: Partial<SessionSettings> = {}): SessionSettings {
  return { ...sessionSettings.parse({ name: 'Shop', phone_number: '+15550100001' }), ...settings };
}

/** Keys of a session in the form that real ones have, other ones at each call. */
export function someKeys(): { apiKey: string; webhookSecret: string } {
  return { apiKey: randomBytes(32).toString('hex'), webhookSecret: randomBytes(16).toString('hex') };
}

export const CHAT = '15550100002@s.whatsapp.net';

export function anEvent(event: Partial<NewEvent> = {}): NewEvent {
  return { event: 'messages.received', lane: CHAT, jid: CHAT, data: { messages: {} }, ...event };
}

export function received(message: Partial<NewMessage> = {}): NewMessage {
  return {
    waId: '3EB0A1',
    chat: CHAT,
    lid: null,
    fromMe: false,
    sender: CHAT,
    content: Buffer.from('protobuf'),
    status: MESSAGE_STATUS.delivered,
    timestamp: 1_750_000_000_000,
    events: () => [anEvent()],
    ...message,
  };
}

export function outgoing(sessionId: number, message: Partial<NewOutgoing> = {}): NewOutgoing {
  return {
    sessionId,
    waId: '3EB0B1',
    chat: CHAT,
    request: { to: '+15550100002', text: 'Hello' },
    logged: true,
    timestamp: 1_750_000_000_000,
    ...message,
  };
}

export const SECRET = `whsec_${Buffer.from('a signing secret of 32 bytes ...').toString('base64')}`;

export function subscriptionOf(sessionId: number | null, subscription: Partial<NewSubscription> = {}): NewSubscription {
  return {
    sessionId,
    origin: 'api',
    url: 'http://127.0.0.1:9/hook',
    events: ['*'],
    format: 'standard',
    secret: SECRET,
    expiresAt: null,
    ...subscription,
  };
}
