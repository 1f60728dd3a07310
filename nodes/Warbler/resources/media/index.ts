import type { INodeProperties } from 'n8n-workflow';
import * as download from './download';
import * as getLink from './getLink';
import * as upload from './upload';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [download, getLink, upload];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['media'] } },
    options: operations.map(({ option }) => option),
    default: 'download',
  },
  ...operations.flatMap((operation) => operation.description),
];
