import { randomBytes } from 'node:crypto';
import type { EventEnvelope, EventName, Subject } from '../events.ts';

const PHONE = '15551234567';
const JID = `${PHONE}@s.whatsapp.net`;
const LID = '123456789012345@lid';
const GROUP = '120363041234567890@g.us';
const CHANNEL = '120363144038483540@newsletter';
const ID = '3EB0C767D26A8B3F5C2A';
const INQUIRY = 'inq_5f2c9a7e41b84d0c3e';
const SECONDS = 1_768_469_400;
const ISO = '2026-01-15T09:30:00.000Z';

/** A chat with a person, and something that they do in a group. */
const DIRECT = { jid: JID, lid: LID, phone: PHONE };
const IN_GROUP = { ...DIRECT, jid: GROUP };

const OF_PERSON = {
  id: ID,
  fromMe: false,
  remoteJid: JID,
  addressingMode: 'pn',
  senderPn: JID,
  cleanedSenderPn: PHONE,
  senderLid: LID,
};
const OF_MEMBER = {
  id: ID,
  fromMe: false,
  remoteJid: GROUP,
  participant: LID,
  participantPn: JID,
  cleanedParticipantPn: PHONE,
  participantLid: LID,
  addressingMode: 'lid',
};
const OWN = { id: ID, fromMe: true, remoteJid: JID };
const WRAPPING = { messageSecret: 'K0daauumwCQ0mvuDK0h6scRhXQJeMpsy7mT4rqv9Zzw=' };

const written = (key: object, text: string) => ({
  key,
  messageBody: text,
  message: { conversation: text, messageContextInfo: { deviceListMetadataVersion: 2, ...WRAPPING } },
  messageTimestamp: SECONDS,
});
const fromSam = (key: object) => ({ ...written(key, 'Hello, I have a question'), pushName: 'Sam Sample' });
const PERSON = { jid: JID, id: JID, lid: LID, phone: PHONE };
const SAM = { jid: JID, lid: LID, phone: PHONE };

/** One event of each kind, as the engine tells it: what differs from kind to kind. */
export const EVENT_EXAMPLES: Record<EventName, Subject & { data: unknown }> = {
  'messages.received': { ...DIRECT, data: { messages: fromSam(OF_PERSON) } },
  'messages-personal.received': { ...DIRECT, data: { messages: fromSam(OF_PERSON) } },
  'messages-group.received': { ...IN_GROUP, data: { messages: fromSam(OF_MEMBER) } },
  'messages-newsletter.received': {
    jid: CHANNEL,
    data: {
      messages: written({ id: ID, fromMe: false, remoteJid: CHANNEL, addressingMode: 'pn' }, 'Good news!'),
    },
  },
  'messages.upsert': { ...DIRECT, data: { messages: [fromSam(OF_PERSON)] } },
  'messages.update': { ...DIRECT, data: { update: { status: 4 }, key: OWN, msgId: 1042 } },
  'messages.delete': { ...DIRECT, data: { keys: [{ id: ID, fromMe: false, remoteJid: JID }], msgId: 1042 } },
  'messages.reaction': {
    ...DIRECT,
    data: [{ key: OWN, reaction: { text: '👍', key: { id: '3EB0F00941A65A40FBCF', fromMe: false, remoteJid: JID } } }],
  },
  'message.sent': {
    ...DIRECT,
    data: {
      key: OWN,
      messageBody: 'This is my reply.',
      message: { extendedTextMessage: { text: 'This is my reply.' }, messageContextInfo: WRAPPING },
      messageTimestamp: SECONDS,
      msgId: 1042,
      success: true,
    },
  },
  'message-receipt.update': {
    ...IN_GROUP,
    data: {
      message: {
        key: { remoteJid: GROUP, id: ID, fromMe: true, participant: LID },
        receipt: { userJid: LID, receiptTimestamp: SECONDS },
      },
      msgId: 1042,
    },
  },
  'message.undecryptable': {
    ...DIRECT,
    data: {
      key: OF_PERSON,
      reason: 'undecryptable',
      message: 'The message could not be decrypted. Its sender is asked to send it again, which happens by itself.',
    },
  },
  'message.recovered': { ...DIRECT, data: { key: OF_PERSON } },
  'media.ready': {
    ...DIRECT,
    data: {
      key: { id: ID, fromMe: false, remoteJid: JID, senderPn: JID, cleanedSenderPn: PHONE },
      messageId: ID,
      msgId: 1042,
      kind: 'image',
      mimetype: 'image/jpeg',
      size: 48_213,
      fileName: null,
      publicUrl: `http://127.0.0.1:3210/api/decrypted-media/${ID}-cf93d8aef0c5629611c00a6aa6f1ba96`,
      expiresAt: SECONDS * 1000 + 86_400_000,
    },
  },
  'poll.results': {
    ...DIRECT,
    data: {
      key: OWN,
      pollResult: [
        { name: 'Pizza', voters: [JID] },
        { name: 'Pasta', voters: [] },
      ],
      msgId: 1042,
      vote: { options: ['Pizza'], key: { id: '3EB0F00941A65A40FBCF', fromMe: false, remoteJid: JID } },
    },
  },
  call: {
    ...DIRECT,
    jid: LID,
    data: {
      call: {
        id: '87579FB7AE63BF70D7289973E6C2DE18',
        from: JID,
        date: ISO,
        isGroup: false,
        isVideo: true,
        status: 'offer',
      },
    },
  },
  'presence.update': { ...DIRECT, data: { id: JID, presences: { [JID]: { lastKnownPresence: 'composing' } } } },
  'chats.upsert': {
    ...DIRECT,
    data: [
      {
        id: JID,
        name: 'Sam Sample',
        unreadCount: 1,
        conversationTimestamp: SECONDS,
        archived: false,
        pinned: null,
        mutedUntil: null,
        lid: LID,
        phone: PHONE,
      },
    ],
  },
  'chats.update': {
    ...DIRECT,
    data: [{ id: JID, lid: LID, phone: PHONE, unreadCount: 1, conversationTimestamp: SECONDS, archived: true }],
  },
  'chats.delete': { ...DIRECT, data: [JID] },
  'contacts.upsert': {
    ...DIRECT,
    data: [{ ...PERSON, name: 'Sam', notify: 'Sam Sample', verifiedName: null, imgUrl: null, status: null }],
  },
  'contacts.update': {
    ...DIRECT,
    data: [{ ...PERSON, imgUrl: 'https://pps.whatsapp.net/v/t61.24694-24/412345678_n.jpg' }],
  },
  'contact.identity_changed': {
    ...DIRECT,
    data: {
      changedAt: ISO,
      announced: true,
      message:
        'WhatsApp says that this contact has another identity, as after moving to a new phone. Messages go on; if it matters who reads them, ask the contact by another way.',
    },
  },
  'groups.upsert': {
    ...IN_GROUP,
    data: [
      {
        jid: GROUP,
        id: GROUP,
        subject: 'Choir',
        creation: SECONDS,
        owner: JID,
        desc: 'Rehearsal on Fridays',
        size: 1,
        announce: false,
        restrict: false,
        joinApproval: false,
        memberAdd: false,
        disappearAfter: 0,
        isCommunity: false,
        community: null,
        participants: [{ ...PERSON, isAdmin: true, isSuperAdmin: true }],
        by: SAM,
      },
    ],
  },
  'groups.update': { ...IN_GROUP, data: [{ jid: GROUP, id: GROUP, announce: true, by: SAM }] },
  'group-participants.update': {
    ...IN_GROUP,
    data: {
      jid: GROUP,
      id: GROUP,
      participants: ['15557654321@s.whatsapp.net'],
      action: 'add',
      by: SAM,
      members: [{ jid: '15557654321@s.whatsapp.net', lid: '543210987654321@lid', phone: '15557654321' }],
    },
  },
  'group.join-request': {
    ...IN_GROUP,
    data: {
      jid: GROUP,
      participant: JID,
      lid: LID,
      phone: PHONE,
      action: 'created',
      method: 'invite_link',
      by: SAM,
    },
  },
  'account.restricted': {
    data: {
      kind: 'new_chats',
      restricted: true,
      type: 'DEFAULT',
      message: `WhatsApp has restricted this account until ${ISO}: it may not begin new chats. Those that exist go on.`,
      until: ISO,
    },
  },
  'bulk.status': {
    data: {
      job: {
        id: 12,
        name: null,
        status: 'completed',
        reason: null,
        total: 1,
        counts: {
          pending: 0,
          queued: 0,
          sent: 1,
          delivered: 0,
          read: 0,
          failed: 0,
          skipped: 0,
          cancelled: 0,
        },
        created_at: ISO,
        started_at: ISO,
        ended_at: ISO,
        estimated_end: ISO,
      },
    },
  },
  'inquiry.answered': {
    ...DIRECT,
    data: {
      inquiryId: INQUIRY,
      kind: 'approval',
      status: 'answered',
      msgId: 1042,
      question: 'Shall we send the order?',
      answer: {
        approved: true,
        via: 'reaction',
        respondedAt: ISO,
        from: { jid: JID, lid: LID, phone: PHONE, name: 'Sam Sample' },
        messageId: ID,
        type: 'reactionMessage',
      },
    },
  },
  'inquiry.expired': {
    ...DIRECT,
    data: { inquiryId: INQUIRY, kind: 'text', status: 'expired', msgId: 1042, question: 'When shall we come?' },
  },
  'inquiry.failed': {
    jid: JID,
    phone: PHONE,
    data: {
      inquiryId: INQUIRY,
      kind: 'text',
      status: 'failed',
      msgId: 1042,
      question: 'When shall we come?',
      error: 'the number is not on WhatsApp',
    },
  },
  'approval.requested': {
    data: {
      id: 7,
      token: 'support agent',
      tool: 'send_text_message',
      input: { to: PHONE, text: 'Your order has left.' },
      createdAt: SECONDS * 1000,
      expiresAt: SECONDS * 1000 + 86_400_000,
    },
  },
  'session.status': { data: { status: 'connected' } },
  'qrcode.updated': { data: { qr: 'https://wa.me/settings/linked_devices#2@an-example,which,nobody,can,scan,1' } },
};

/** An example in the form of an event of a session. It has no place in the log, and no two have the same id. */
export function exampleOf(event: EventName, sessionId: number, now: number): EventEnvelope {
  const { data, ...subject } = EVENT_EXAMPLES[event];
  const id = `evt_${randomBytes(12).toString('hex')}`;
  return { event, id, seq: 0, sessionId: String(sessionId), timestamp: now, ...subject, data };
}
