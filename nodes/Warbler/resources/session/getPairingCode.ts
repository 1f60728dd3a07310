import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Pairing Code',
  value: 'getPairingCode',
  action: 'Get session pairing code',
  description: 'Retrieve a code to type into WhatsApp on the phone, instead of scanning a QR code',
  routing: {
    request: {
      method: 'POST',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/pairing-code',
    },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getPairingCode'] } }, [
  sessionField,
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'Phone Number',
        name: 'phoneNumber',
        type: 'string',
        default: '',
        placeholder: 'e.g. +14155552671',
        description: 'The number of the phone that the code is typed into. By default the number of the session.',
        routing: { send: { type: 'body', property: 'phone_number', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
