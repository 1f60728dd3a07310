import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { manyFields } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';
import { WEBHOOK_IN_SHORT, WEBHOOKS_URL } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many webhooks',
  description: 'Retrieve who gets the events of a session',
  routing: {
    request: { method: 'GET', url: `=${WEBHOOKS_URL}` },
    output: { postReceive: [...answer, simplify(WEBHOOK_IN_SHORT)] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['getMany'] } }, [
  sessionField,
  ...manyFields,
  simplifyField(true),
]);
