import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { captionField, sendOptions, sendRouting, toField, viewOnce } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Video',
  value: 'sendVideo',
  action: 'Send video message',
  description: 'Send a video with an optional caption',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendVideo'] } }, [
  actingSessionField,
  toField,
  ...fileFields('video'),
  captionField,
  sendOptions(viewOnce, {
    displayName: 'Play As',
    name: 'playAs',
    type: 'options',
    options: [
      {
        name: 'GIF',
        value: 'gif',
        description: 'Plays by itself, in a loop and without sound',
        routing: { send: { type: 'body', property: 'gif', value: '={{ true }}' } },
      },
      { name: 'Video', value: 'video', description: 'Plays when it is tapped' },
      {
        name: 'Video Note',
        value: 'videoNote',
        description: 'Round, as if recorded in the chat',
        routing: { send: { type: 'body', property: 'videoNote', value: '={{ true }}' } },
      },
    ],
    default: 'gif',
    description: 'How the video shows in the chat',
  }),
]);
