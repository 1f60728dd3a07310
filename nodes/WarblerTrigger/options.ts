import type { IDataObject, INodeProperties } from 'n8n-workflow';
import { outputFileField } from '../Warbler/shared/fields';
import { MESSAGES, WITH_FILES } from './events';

const ofMessages = { show: { '/events': MESSAGES } };

export const optionsField: INodeProperties = {
  displayName: 'Options',
  name: 'options',
  type: 'collection',
  placeholder: 'Add Option',
  default: {},
  options: [
    {
      displayName: 'Collect a Burst',
      name: 'collect',
      type: 'number',
      typeOptions: { minValue: 1, maxValue: 300 },
      default: 10,
      description:
        'Seconds of quiet in a chat after which its messages come together, as one item. At most five times as long after the first of them.',
      displayOptions: ofMessages,
    },
    {
      displayName: 'Download Media',
      name: 'downloadMedia',
      type: 'boolean',
      default: true,
      description: 'Whether to put the files of messages into the item before the workflow starts',
      displayOptions: { show: { '/events': WITH_FILES } },
    },
    {
      displayName: 'Mark as Read',
      name: 'markAsRead',
      type: 'boolean',
      default: true,
      description: 'Whether people see that their message was read, once the workflow has it',
      displayOptions: ofMessages,
    },
    { ...outputFileField, required: false, displayOptions: { show: { downloadMedia: [true] } } },
    {
      displayName: 'Test With',
      name: 'testWith',
      type: 'options',
      options: [
        { name: 'Latest Event or Example', value: 'sample', description: 'What came last and fits, or an example' },
        { name: 'New Event', value: 'new', description: 'Wait until something happens' },
      ],
      default: 'new',
      description: 'What a test in the editor starts with. Without this option: the latest event, or an example.',
    },
  ],
};

/** The values of the fields above. */
export interface Options extends IDataObject {
  collect?: number;
  downloadMedia?: boolean;
  markAsRead?: boolean;
  binaryPropertyName?: string;
  testWith?: 'sample' | 'new';
}
