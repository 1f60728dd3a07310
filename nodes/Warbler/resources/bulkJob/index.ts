import type { INodeProperties } from 'n8n-workflow';
import * as cancel from './cancel';
import * as create from './create';
import * as deleteBulkJob from './delete';
import * as get from './get';
import * as getMany from './getMany';
import * as getRecipients from './getRecipients';
import * as pause from './pause';
import * as resume from './resume';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [cancel, create, deleteBulkJob, get, getMany, getRecipients, pause, resume];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['bulkJob'] } },
    options: operations.map(({ option }) => option),
    default: 'create',
  },
  ...operations.flatMap((operation) => operation.description),
];
