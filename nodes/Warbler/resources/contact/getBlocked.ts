import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { allFields } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Blocked',
  value: 'getBlocked',
  action: 'Get blocked contacts',
  description: 'Retrieve the contacts that this account has blocked',
  routing: {
    request: { method: 'GET', url: '/api/blocklist' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getBlocked'] } }, [
  actingSessionField,
  ...allFields,
]);
