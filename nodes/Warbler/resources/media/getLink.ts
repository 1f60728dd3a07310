import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { decryptRequest, receivedMessageField } from './receivedMessage';

export const option: INodePropertyOptions = {
  name: 'Get Link',
  value: 'getLink',
  action: 'Get link to media',
  description: 'Retrieve a link to the file of a received message, which is good for an hour',
  routing: {
    request: decryptRequest,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['media'], operation: ['getLink'] } }, [
  actingSessionField,
  receivedMessageField,
]);
