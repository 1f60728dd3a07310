import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { INQUIRY_URL, inquiryField } from './inquiryFields';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get inquiry',
  description: 'Retrieve a question that waits for an answer, with the answer if there is one',
  routing: {
    request: { method: 'GET', url: `=${INQUIRY_URL}` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['inquiry'], operation: ['get'] } }, [
  actingSessionField,
  inquiryField,
]);
