import type { INodeProperties } from 'n8n-workflow';
import * as getMany from './getMany';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [getMany];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['event'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
