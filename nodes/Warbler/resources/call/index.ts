import type { INodeProperties } from 'n8n-workflow';
import * as reject from './reject';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [reject];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['call'] } },
    options: operations.map(({ option }) => option),
    default: 'reject',
  },
  ...operations.flatMap((operation) => operation.description),
];
