import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Session Logs',
  value: 'getSessionLogs',
  action: 'Get logs of session',
  description: 'Retrieve the log of what happened to a session, the latest first',
  routing: {
    request: {
      method: 'GET',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/session-logs',
    },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getSessionLogs'] } }, [
  sessionField,
  ...manyFields,
]);
