import { chained, node, warbler } from '../n8n/workbench.ts';
import { SHOP } from './bakery.ts';

/** How the editor writes what was picked from a list. */
const picked = (name: string, value: string) => ({ __rl: true, mode: 'list', value, cachedResultName: name });

const session = picked(`${SHOP} (+15550100001)`, '1');
const market = picked('Saturday market', '120363025246125486@g.us');

/** A node of each resource, as somebody may have filled it in: for the pictures of the README. */
const NODES: Record<string, [does: string, parameters: object]> = {
  approval: ['approval: approve', { approvalId: '7', options: { note: 'Yes, please write to her' } }],
  'bulk-job': [
    'bulkJob: create',
    { specifyRecipients: 'json', messageType: 'text', text: 'Hello {{name}}, our Easter bread can be ordered now' },
  ],
  call: ['call: reject', { callId: '3EB025832E521B2F7E11', from: '15550100012@s.whatsapp.net' }],
  channel: ['channel: get', { channel: picked('Corner Bakery News', '120363144038483540@newsletter') }],
  chat: [
    'chat: update',
    { chat: picked('Ada Lindqvist (+15550100011)', '15550100011'), updateFields: { archived: true, mute: 28800 } },
  ],
  contact: ['contact: check', { phoneNumber: '+1 555 010 0013', options: { fresh: true } }],
  delivery: ['delivery: getMany', { filters: { status: 'parked' } }],
  event: ['event: getMany', { returnAll: true, filters: { after: 1200 } }],
  group: [
    'group: addParticipants',
    { group: market, participants: { __rl: true, mode: 'id', value: '+15550100011, +15550100012' } },
  ],
  inquiry: ['inquiry: getMany', { filters: { status: 'open' } }],
  media: ['media: download', { messageId: '3EB06A5E244031B4A5D1' }],
  'scheduled-message': [
    'scheduledMessage: update',
    { messageId: '100042', updateFields: { text: 'Your cake is ready from 3 pm', scheduledAt: '2027-04-03T15:00:00' } },
  ],
  webhook: [
    'webhook: create',
    { url: 'https://example.com/whatsapp', events: ['messages.received'], options: { expiresIn: 86400 } },
  ],
};

export const fieldPictures = Object.keys(NODES);

/** All of them, one after the other; a node's id is its picture's name. */
export function workflowOfFields() {
  const nodes = [
    node('Start', 'n8n-nodes-base.manualTrigger', 1, {}),
    ...Object.entries(NODES).map(([picture, [does, parameters]]) => warbler(picture, does, { session, ...parameters })),
  ];
  return { name: 'A node of each resource', nodes, connections: chained(nodes.map(({ name }) => name)) };
}
