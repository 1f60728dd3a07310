import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { captionField, sendOptions, sendRouting, toField, viewOnce } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Image',
  value: 'sendImage',
  action: 'Send image message',
  description: 'Send a picture with an optional caption',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendImage'] } }, [
  actingSessionField,
  toField,
  ...fileFields('image'),
  captionField,
  sendOptions(viewOnce),
]);
