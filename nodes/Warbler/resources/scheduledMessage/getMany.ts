import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many scheduled messages',
  description: 'Retrieve the messages that wait for their time, the next one first',
  routing: {
    request: { method: 'GET', url: '/api/scheduled-messages' },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['scheduledMessage'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
]);
