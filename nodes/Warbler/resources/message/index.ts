import type { INodeProperties } from 'n8n-workflow';
import * as sendText from './sendText';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [sendText];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['message'] } },
    options: operations.map(({ option }) => option),
    default: 'sendText',
  },
  ...operations.flatMap((operation) => operation.description),
];
