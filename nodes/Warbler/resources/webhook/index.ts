import type { INodeProperties } from 'n8n-workflow';
import * as create from './create';
import * as deleteWebhook from './delete';
import * as get from './get';
import * as getMany from './getMany';
import * as redeliverParked from './redeliverParked';
import * as replay from './replay';
import * as resume from './resume';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [create, deleteWebhook, get, getMany, redeliverParked, replay, resume];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['webhook'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
