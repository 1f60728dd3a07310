import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { manyFields } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';
import { WEBHOOKS_URL, WEBHOOK_IN_SHORT, webhookSessionField } from './webhookFields';

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
  webhookSessionField,
  ...manyFields,
  simplifyField(true),
]);
