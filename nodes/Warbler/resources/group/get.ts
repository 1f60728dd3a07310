import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, freshField, groupField } from '../../shared/fields';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get group',
  description: 'Retrieve a group with its settings and participants',
  routing: {
    request: { method: 'GET', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/metadata' },
    output: { postReceive: [...answer, simplify(['jid', 'subject', 'desc', 'size', 'owner', 'creation'])] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['get'] } }, [
  actingSessionField,
  groupField,
  simplifyField(false),
  freshField,
]);
