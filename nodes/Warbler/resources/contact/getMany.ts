import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, searchFilter } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many contacts',
  description: 'Retrieve the contacts of an account',
  routing: {
    request: { method: 'GET', url: '/api/contacts' },
    ...paginated,
    output: { postReceive: [...answer, simplify(['jid', 'lid', 'phone', 'name', 'notify'])] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  simplifyField(false),
  searchFilter('Nathan', 'Part of the name or the number'),
]);
