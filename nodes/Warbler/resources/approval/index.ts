import type { INodeProperties } from 'n8n-workflow';
import * as approve from './approve';
import * as getMany from './getMany';
import * as reject from './reject';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [approve, getMany, reject];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['approval'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
