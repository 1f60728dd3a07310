import type { INodeProperties, INodePropertyRouting } from 'n8n-workflow';
import { messageField } from '../../shared/fields';

/** Asks the engine to decrypt the file of a received message. It answers a link, which is good for an hour. */
export const decryptRequest: INodePropertyRouting['request'] = { method: 'POST', url: '/api/decrypt-media' };

/** The message whose file is wanted: the one that Warbler Trigger gave, if nothing else is said. */
export const receivedMessageField: INodeProperties = {
  ...messageField,
  default: '={{ $json.data.messages.key.id }}',
  placeholder: 'e.g. 3EB06A5E244031B4A5D1',
  description: 'The ID in the key of the received message. By default that of the message from Warbler Trigger.',
  routing: { send: { type: 'body', property: 'id', value: '={{ String($value) }}' } },
};
