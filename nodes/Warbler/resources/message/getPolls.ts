import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, searchFilter } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Polls',
  value: 'getPolls',
  action: 'Get polls sent as message',
  description: 'Retrieve the polls that this account has sent, newest first',
  routing: {
    request: { method: 'GET', url: '/api/polls' },
    ...paginated,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['getPolls'] } }, [
  actingSessionField,
  ...manyFields,
  searchFilter('meet', 'Part of the question'),
]);
