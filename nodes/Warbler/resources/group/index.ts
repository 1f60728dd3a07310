import type { INodeProperties } from 'n8n-workflow';
import * as addParticipants from './addParticipants';
import * as create from './create';
import * as decideRequests from './decideRequests';
import * as get from './get';
import * as getInviteInfo from './getInviteInfo';
import * as getInviteLink from './getInviteLink';
import * as getMany from './getMany';
import * as getParticipants from './getParticipants';
import * as getPicture from './getPicture';
import * as getRequests from './getRequests';
import * as join from './join';
import * as leave from './leave';
import * as removeParticipants from './removeParticipants';
import * as revokeInviteLink from './revokeInviteLink';
import * as setPicture from './setPicture';
import * as update from './update';
import * as updateRoles from './updateRoles';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [
  addParticipants,
  create,
  decideRequests,
  get,
  getInviteInfo,
  getInviteLink,
  getRequests,
  getMany,
  getParticipants,
  getPicture,
  join,
  leave,
  removeParticipants,
  revokeInviteLink,
  setPicture,
  update,
  updateRoles,
];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['group'] } },
    options: operations.map(({ option }) => option),
    default: 'getMany',
  },
  ...operations.flatMap((operation) => operation.description),
];
