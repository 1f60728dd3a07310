import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Message Logs',
  value: 'getMessageLogs',
  action: 'Get message logs of session',
  description: 'Retrieve the log of messages that a session has sent',
  routing: {
    request: {
      method: 'GET',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/message-logs',
    },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getMessageLogs'] } }, [
  sessionField,
  ...manyFields,
]);
