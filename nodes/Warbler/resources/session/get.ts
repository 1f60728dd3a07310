import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get session',
  description: 'Retrieve a session',
  routing: {
    request: { method: 'GET', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}' },
    output: {
      postReceive: [...answer, simplify(['id', 'name', 'phone_number', 'status', 'reason', 'account', 'last_seen_at'])],
    },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['get'] } }, [
  sessionField,
  simplifyField(false),
]);
