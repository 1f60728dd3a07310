import type { INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes, SEND_AND_WAIT_OPERATION } from 'n8n-workflow';
import { listSearch } from './listSearch';
import * as approval from './resources/approval';
import * as bulkJob from './resources/bulkJob';
import * as call from './resources/call';
import * as channel from './resources/channel';
import * as chat from './resources/chat';
import * as contact from './resources/contact';
import * as delivery from './resources/delivery';
import * as event from './resources/event';
import * as group from './resources/group';
import * as inquiry from './resources/inquiry';
import * as media from './resources/media';
import * as message from './resources/message';
import * as scheduledMessage from './resources/scheduledMessage';
import * as session from './resources/session';
import * as webhook from './resources/webhook';
import { takeAnswer, webhooks } from './sendAndWait/answer';
import { sendAndWait } from './sendAndWait/ask';
import { onePage } from './shared/pages';

export class Warbler implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Warbler',
    name: 'warbler',
    icon: { light: 'file:warbler.svg', dark: 'file:warbler.dark.svg' },
    group: ['output'],
    version: 1,
    subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
    description: 'Send WhatsApp messages, and manage groups, contacts and sessions, with your own Warbler engine',
    // A model is told "Send text message in …": with a name that it knows.
    defaults: { name: 'WhatsApp (Warbler)' },
    usableAsTool: true,
    webhooks,
    waitingNodeTooltip: `={{ $parameter.operation === '${SEND_AND_WAIT_OPERATION}' ? 'Waits for the answer on WhatsApp' : '' }}`,
    inputs: [NodeConnectionTypes.Main],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: 'warblerApi', required: true }],
    requestDefaults: {
      baseURL: '={{ $credentials.url.trim().replace(/\\/+$/, "") }}',
      headers: { Accept: 'application/json' },
      json: true,
      ignoreHttpStatusErrors: true,
    },
    requestOperations: { pagination: onePage },
    sensitiveOutputFields: ['api_key', 'code', 'data.qr', 'proxy_url', 'qrCode', 'secret', 'webhook_secret'],
    properties: [
      {
        displayName: 'Resource',
        name: 'resource',
        type: 'options',
        noDataExpression: true,
        options: [
          { name: 'Approval', value: 'approval' },
          { name: 'Bulk Job', value: 'bulkJob' },
          { name: 'Call', value: 'call' },
          { name: 'Channel', value: 'channel' },
          { name: 'Chat', value: 'chat' },
          { name: 'Contact', value: 'contact' },
          { name: 'Delivery', value: 'delivery' },
          { name: 'Event', value: 'event' },
          { name: 'Group', value: 'group' },
          { name: 'Inquiry', value: 'inquiry' },
          { name: 'Media', value: 'media' },
          { name: 'Message', value: 'message' },
          { name: 'Scheduled Message', value: 'scheduledMessage' },
          { name: 'Session', value: 'session' },
          { name: 'Webhook', value: 'webhook' },
        ],
        default: 'message',
        routing: { send: { paginate: true } },
      },
      ...approval.description,
      ...bulkJob.description,
      ...call.description,
      ...channel.description,
      ...chat.description,
      ...contact.description,
      ...delivery.description,
      ...event.description,
      ...group.description,
      ...inquiry.description,
      ...media.description,
      ...message.description,
      ...scheduledMessage.description,
      ...session.description,
      ...webhook.description,
    ],
  };

  methods = { listSearch };

  customOperations = { message: { [SEND_AND_WAIT_OPERATION]: sendAndWait } };
  webhook = takeAnswer;
}
