import type {
  IExecuteSingleFunctions,
  IN8nHttpFullResponse,
  INodeExecutionData,
  INodePropertyOptions,
} from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { refuse } from '../../shared/errors';
import { outputFileField, sessionField } from '../../shared/fields';

/** Puts the picture the engine drew into the item's binary data, where a later node can send it to somebody. */
async function toPicture(
  this: IExecuteSingleFunctions,
  _items: INodeExecutionData[],
  { body }: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
  const session = this.getNodeParameter('session', undefined, { extractValue: true }) as string;
  const field = this.getNodeParameter('binaryPropertyName') as string;
  const picture = await this.helpers.prepareBinaryData(body as Buffer, `qr-code-${session}.png`, 'image/png');
  const pairedItem = { item: this.getItemIndex() };
  return [{ json: { session: String(session) }, binary: { [field]: picture }, pairedItem }];
}

export const option: INodePropertyOptions = {
  name: 'Get QR Code',
  value: 'getQrCode',
  action: 'Get session QR code',
  description: 'Retrieve the QR code to scan with the phone, as a picture',
  routing: {
    request: {
      method: 'GET',
      url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/qrcode',
      headers: { Accept: 'image/png' },
      encoding: 'arraybuffer',
      json: false,
    },
    output: { postReceive: [refuse, toPicture] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getQrCode'] } }, [
  sessionField,
  {
    displayName:
      'Execute the step and choose View in the output panel. Scan the picture with WhatsApp on the phone, under Settings, Linked devices. WhatsApp replaces a code within a minute: execute the step again for the next one.',
    name: 'notice',
    type: 'notice',
    default: '',
  },
  outputFileField,
]);
