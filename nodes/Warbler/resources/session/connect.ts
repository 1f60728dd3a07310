import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Connect',
  value: 'connect',
  action: 'Connect session',
  description: 'Connect a session to WhatsApp; a new one then waits for its QR code to be scanned',
  routing: {
    request: { method: 'POST', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/connect' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['connect'] } }, [
  sessionField,
]);
