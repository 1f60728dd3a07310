import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { manyFields } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many sessions',
  description: 'Retrieve the sessions of the engine',
  routing: {
    request: { method: 'GET', url: '/api/whatsapp-sessions' },
    output: {
      postReceive: [...answer, simplify(['id', 'name', 'phone_number', 'status', 'reason', 'account', 'last_seen_at'])],
    },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getMany'] } }, [
  ...manyFields,
  simplifyField(false),
]);
