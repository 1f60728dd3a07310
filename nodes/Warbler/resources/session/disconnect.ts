import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Disconnect',
  value: 'disconnect',
  action: 'Disconnect session',
  description: 'Disconnect a session from WhatsApp; it keeps its login',
  routing: {
    request: {
      method: 'POST',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/disconnect',
    },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['disconnect'] } }, [
  sessionField,
]);
