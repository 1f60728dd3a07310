import type { INodeProperties } from 'n8n-workflow';
import * as block from './block';
import * as check from './check';
import * as get from './get';
import * as getBlocked from './getBlocked';
import * as getLid from './getLid';
import * as getMany from './getMany';
import * as getOptOuts from './getOptOuts';
import * as getPhone from './getPhone';
import * as getPicture from './getPicture';
import * as optIn from './optIn';
import * as optOut from './optOut';
import * as unblock from './unblock';
import * as upsert from './upsert';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [
  block,
  check,
  upsert,
  get,
  getBlocked,
  getLid,
  getMany,
  getOptOuts,
  getPhone,
  getPicture,
  optIn,
  optOut,
  unblock,
];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['contact'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
