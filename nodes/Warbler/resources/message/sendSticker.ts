import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Sticker',
  value: 'sendSticker',
  action: 'Send sticker message',
  description: 'Send a sticker; pictures are converted into one',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendSticker'] } }, [
  actingSessionField,
  toField,
  ...fileFields('sticker'),
  sendOptions(),
]);
