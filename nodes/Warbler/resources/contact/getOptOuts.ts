import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Opt-Outs',
  value: 'getOptOuts',
  action: 'Get contacts that opted out',
  description: 'Retrieve the contacts that bulk jobs leave alone',
  routing: {
    request: { method: 'GET', url: '/api/opt-outs' },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getOptOuts'] } }, [
  actingSessionField,
  ...manyFields,
]);
