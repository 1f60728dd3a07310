import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Restart',
  value: 'restart',
  action: 'Restart session',
  description: 'Connect a session anew with the same login',
  routing: {
    request: { method: 'POST', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/restart' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['restart'] } }, [
  sessionField,
]);
