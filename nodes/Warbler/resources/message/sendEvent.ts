import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { UNIX_SECONDS } from '../../shared/values';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Event',
  value: 'sendEvent',
  action: 'Send event message',
  description: 'Invite to an event that people can accept or decline',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendEvent'] } }, [
  actingSessionField,
  toField,
  {
    displayName: 'Event Name',
    name: 'eventName',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. Summer party',
    description: 'What the event is called',
    routing: { send: { type: 'body', property: 'event.name' } },
  },
  {
    displayName: 'Start',
    name: 'startTime',
    type: 'dateTime',
    default: '',
    required: true,
    description: 'When the event begins, in the time zone of the workflow',
    routing: { send: { type: 'body', property: 'event.startTime', value: UNIX_SECONDS } },
  },
  sendOptions(
    {
      displayName: 'Description',
      name: 'eventDescription',
      type: 'string',
      typeOptions: { rows: 2 },
      default: '',
      placeholder: 'e.g. Bring something for the grill',
      description: 'What guests should know',
      routing: { send: { type: 'body', property: 'event.description' } },
    },
    {
      displayName: 'End',
      name: 'endTime',
      type: 'dateTime',
      default: '',
      description: 'When the event ends, in the time zone of the workflow',
      routing: { send: { type: 'body', property: 'event.endTime', value: UNIX_SECONDS } },
    },
    {
      displayName: 'Place',
      name: 'place',
      type: 'string',
      default: '',
      placeholder: 'e.g. Pariser Platz, Berlin',
      description: 'Where the event takes place',
      routing: { send: { type: 'body', property: 'event.location' } },
    },
  ),
]);
