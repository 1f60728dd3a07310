import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { INQUIRY_URL, inquiryField } from './inquiryFields';

export const option: INodePropertyOptions = {
  name: 'Cancel',
  value: 'cancel',
  action: 'Cancel inquiry',
  description: 'Wait no longer for the answer to a question; what was sent stays',
  routing: {
    request: { method: 'POST', url: `=${INQUIRY_URL}/cancel` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['inquiry'], operation: ['cancel'] } }, [
  actingSessionField,
  inquiryField,
]);
