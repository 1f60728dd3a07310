import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Reject',
  value: 'reject',
  action: 'Reject call',
  description: 'Reject a call that comes in',
  routing: {
    request: { method: 'POST', url: '=/api/calls/{{ encodeURIComponent($parameter["callId"]) }}/reject' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['call'], operation: ['reject'] } }, [
  actingSessionField,
  {
    displayName: 'Call ID',
    name: 'callId',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. 3EB025832E521B2F7E11',
    description: 'The ID in the event of the incoming call',
  },
  {
    displayName: 'From',
    name: 'from',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. 14155552671@s.whatsapp.net',
    description: 'Who calls: the JID in the event of the incoming call',
    routing: { send: { type: 'body', property: 'from' } },
  },
]);
