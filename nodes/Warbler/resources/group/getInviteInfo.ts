import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Invite Info',
  value: 'getInviteInfo',
  action: 'Get invite info of group',
  description: 'Retrieve what an invite link tells about its group, without joining',
  routing: {
    request: {
      method: 'GET',
      url: '=/api/groups/invite/{{ encodeURIComponent($parameter["code"].trim().split("/").pop().split("?")[0]) }}',
    },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getInviteInfo'] } }, [
  actingSessionField,
  {
    displayName: 'Invite Link or Code',
    name: 'code',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. https://chat.whatsapp.com/I8mjkHnC984Ubg3EVkzqxz',
    description: 'The link, or the code at its end',
  },
]);
