import type { INodeProperties, INodePropertyRouting } from 'n8n-workflow';

/** Asks the engine to decrypt the file of a received message. It answers a link, which is good for an hour. */
export const decryptRequest: INodePropertyRouting['request'] = { method: 'POST', url: '/api/decrypt-media' };

/** The message whose file is wanted: what Warbler Trigger gives, if nothing else is said. */
export const receivedMessageField: INodeProperties = {
  displayName: 'Message',
  name: 'message',
  type: 'json',
  default: '={{ $json.data.messages }}',
  required: true,
  description: 'The received message with its key, as Warbler Trigger outputs it',
  routing: {
    send: {
      type: 'body',
      property: 'data.messages',
      value: '={{ typeof $value === "string" ? JSON.parse($value) : $value }}',
    },
  },
};
