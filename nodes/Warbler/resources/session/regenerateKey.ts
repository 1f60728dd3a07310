import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Regenerate Key',
  value: 'regenerateKey',
  action: 'Regenerate session key',
  description: 'Give a session a new API key; the old one stops working at once',
  routing: {
    request: {
      method: 'POST',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/regenerate-key',
    },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['regenerateKey'] } }, [
  sessionField,
]);
