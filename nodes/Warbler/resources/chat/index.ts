import type { INodeProperties } from 'n8n-workflow';
import * as getMany from './getMany';
import * as sendPresence from './sendPresence';
import * as subscribePresence from './subscribePresence';
import * as update from './update';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [getMany, sendPresence, subscribePresence, update];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['chat'] } },
    options: operations.map(({ option }) => option),
    default: 'sendPresence',
  },
  ...operations.flatMap((operation) => operation.description),
];
