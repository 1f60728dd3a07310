import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get Info',
  value: 'getInfo',
  action: 'Get message info',
  description: 'Retrieve a message with its status',
  routing: {
    request: { method: 'GET', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/info' },
    output: {
      postReceive: [
        ...answer,
        simplify(['msgId', 'id', 'remoteJid', 'text', 'type', 'status', 'messageTimestamp', 'error']),
      ],
    },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['getInfo'] } }, [
  actingSessionField,
  messageField,
  simplifyField(false),
]);
