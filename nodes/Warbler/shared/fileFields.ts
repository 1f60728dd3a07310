import type { INodeProperties } from 'n8n-workflow';
import { inputFileField } from './fields';
import { uploadInto } from './files';

const EXAMPLES = {
  image: 'picture.jpg',
  video: 'clip.mp4',
  audio: 'message.mp3',
  document: 'invoice.pdf',
  sticker: 'sticker.webp',
};

/**
 * Where a file comes from: a URL, or a file of the item, which is uploaded first. Either way it is named in one field of
 * the request.
 */
export function fileFields(kind: keyof typeof EXAMPLES, property = `${kind}Url`): INodeProperties[] {
  const displayName = kind.charAt(0).toUpperCase() + kind.slice(1);
  return [
    {
      displayName: `Take ${displayName} From`,
      name: 'source',
      type: 'options',
      options: [
        { name: 'Input Data Field', value: 'binary', description: 'A file that an earlier node has put into the item' },
        { name: 'URL', value: 'url', description: 'A file that the engine fetches' },
      ],
      default: 'url',
      description: 'Where the file is',
    },
    {
      displayName: `${displayName} URL`,
      name: 'url',
      type: 'string',
      default: '',
      required: true,
      placeholder: `e.g. https://example.com/${EXAMPLES[kind]}`,
      description: 'Link that the engine can open, or the ID of a file uploaded with Media: Upload',
      displayOptions: { show: { source: ['url'] } },
      routing: { send: { type: 'body', property } },
    },
    {
      ...inputFileField,
      displayOptions: { show: { source: ['binary'] } },
      routing: { send: { preSend: [uploadInto(property)] } },
    },
  ];
}
