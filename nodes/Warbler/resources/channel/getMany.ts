import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many channels',
  description: 'Retrieve the channels that an account follows',
  routing: {
    request: { method: 'GET', url: '/api/channels' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['channel'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
]);
