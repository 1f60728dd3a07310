import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { deletion } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Delete',
  value: 'delete',
  action: 'Delete session',
  description: 'Log a session out of WhatsApp and delete it with all its data',
  routing: {
    request: { method: 'DELETE', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}' },
    output: { postReceive: deletion },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['delete'] } }, [
  sessionField,
]);
