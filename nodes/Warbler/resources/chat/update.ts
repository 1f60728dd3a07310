import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, chatField, disappearingField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Update',
  value: 'update',
  action: 'Update chat',
  description: 'Archive, pin or mute a chat, mark it as read, or let its messages disappear',
  routing: {
    request: { method: 'PUT', url: '=/api/chats/{{ encodeURIComponent($parameter["chat"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['chat'], operation: ['update'] } }, [
  actingSessionField,
  chatField,
  {
    displayName: 'Update Fields',
    name: 'updateFields',
    type: 'collection',
    placeholder: 'Add Field',
    default: {},
    options: [
      {
        displayName: 'Archived',
        name: 'archived',
        type: 'boolean',
        default: true,
        description: 'Whether the chat is to be in the archive',
        routing: { send: { type: 'body', property: 'archived' } },
      },
      disappearingField,
      {
        displayName: 'Mute',
        name: 'mute',
        type: 'options',
        options: [
          { name: '8 Hours', value: 28800 },
          { name: 'Always', value: 3153600000 },
          { name: 'One Week', value: 604800 },
          { name: 'Unmute', value: 0 },
        ],
        default: 28800,
        description: 'How long the chat is to be silent',
        routing: {
          send: {
            type: 'body',
            property: 'mutedUntil',
            value: '={{ $value === 0 ? 0 : Math.floor(Date.now() / 1000) + $value }}',
          },
        },
      },
      {
        displayName: 'Pinned',
        name: 'pinned',
        type: 'boolean',
        default: true,
        description: 'Whether the chat is to stay at the top of the list',
        routing: { send: { type: 'body', property: 'pinned' } },
      },
      {
        displayName: 'Read',
        name: 'read',
        type: 'boolean',
        default: true,
        description: 'Whether the chat is to be marked as read; turn it off to mark it as unread',
        routing: { send: { type: 'body', property: 'read' } },
      },
    ],
  },
]);
