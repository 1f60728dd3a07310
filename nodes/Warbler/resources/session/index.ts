import type { INodeProperties } from 'n8n-workflow';
import * as connect from './connect';
import * as create from './create';
import * as deleteSession from './delete';
import * as disconnect from './disconnect';
import * as get from './get';
import * as getLimits from './getLimits';
import * as getMany from './getMany';
import * as getMessageLogs from './getMessageLogs';
import * as getPairingCode from './getPairingCode';
import * as getQrCode from './getQrCode';
import * as getSessionLogs from './getSessionLogs';
import * as getStatus from './getStatus';
import * as getUser from './getUser';
import * as regenerateKey from './regenerateKey';
import * as restart from './restart';
import * as update from './update';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [
  connect,
  create,
  deleteSession,
  disconnect,
  get,
  getLimits,
  getMany,
  getMessageLogs,
  getPairingCode,
  getQrCode,
  getSessionLogs,
  getStatus,
  getUser,
  regenerateKey,
  restart,
  update,
];

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
