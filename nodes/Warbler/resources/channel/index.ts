import type { INodeProperties } from 'n8n-workflow';
import * as follow from './follow';
import * as get from './get';
import * as getMany from './getMany';
import * as unfollow from './unfollow';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [follow, get, getMany, unfollow];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['channel'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
