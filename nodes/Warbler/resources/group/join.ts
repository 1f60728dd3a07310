import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Join',
  value: 'join',
  action: 'Join group',
  description: 'Join a group by its invite link',
  routing: {
    request: { method: 'POST', url: '/api/groups/invite/accept' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['join'] } }, [
  actingSessionField,
  {
    displayName: 'Invite Link or Code',
    name: 'code',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. https://chat.whatsapp.com/I8mjkHnC984Ubg3EVkzqxz',
    description: 'The link, or the code at its end',
    routing: {
      send: { type: 'body', property: 'code', value: '={{ $value.trim().split("/").pop().split("?")[0] }}' },
    },
  },
]);
