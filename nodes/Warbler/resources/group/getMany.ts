import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, searchFilter } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many groups',
  description: 'Retrieve the groups that an account is a member of',
  routing: {
    request: { method: 'GET', url: '/api/groups' },
    ...paginated,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  searchFilter('Family', 'Part of the name'),
]);
