import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Limits',
  value: 'getLimits',
  action: 'Get limits of session',
  description: 'Retrieve the limits of a session, and what is left of them',
  routing: {
    request: {
      method: 'GET',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/limits',
    },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getLimits'] } }, [
  sessionField,
]);
