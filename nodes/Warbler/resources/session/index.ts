import type { INodeProperties } from 'n8n-workflow';
import * as connect from './connect';
import * as create from './create';
import * as get from './get';
import * as getMany from './getMany';
import * as getQrCode from './getQrCode';
import * as getStatus from './getStatus';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [connect, create, get, getMany, getQrCode, getStatus];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['session'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
