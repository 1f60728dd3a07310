import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, inputFileField } from '../../shared/fields';
import { uploadFile } from '../../shared/files';

export const option: INodePropertyOptions = {
  name: 'Upload',
  value: 'upload',
  action: 'Upload media',
  description: 'Hand a file to the engine, to send it several times; the engine keeps it for a day',
  routing: {
    request: { method: 'POST', url: '/api/upload' },
    send: { preSend: [uploadFile] },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['media'], operation: ['upload'] } }, [
  actingSessionField,
  inputFileField,
]);
