import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { refuse } from '../../shared/errors';
import { actingSessionField, outputFileField } from '../../shared/fields';
import { fetchFile } from '../../shared/files';
import { decryptRequest, receivedMessageField } from './receivedMessage';

export const option: INodePropertyOptions = {
  name: 'Download',
  value: 'download',
  action: 'Download media',
  description: 'Retrieve the picture, video, audio, document or sticker of a received message as a file',
  routing: {
    request: decryptRequest,
    output: { postReceive: [refuse, fetchFile] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['media'], operation: ['download'] } }, [
  actingSessionField,
  receivedMessageField,
  outputFileField,
]);
