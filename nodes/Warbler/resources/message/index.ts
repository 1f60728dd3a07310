import type { INodeProperties } from 'n8n-workflow';
import * as deleteMessage from './delete';
import * as edit from './edit';
import * as forward from './forward';
import * as getInfo from './getInfo';
import * as getMany from './getMany';
import * as getPollResults from './getPollResults';
import * as getPolls from './getPolls';
import * as markAsRead from './markAsRead';
import * as pin from './pin';
import * as react from './react';
import * as resend from './resend';
import * as sendAndWait from './sendAndWait';
import * as sendAudio from './sendAudio';
import * as sendContact from './sendContact';
import * as sendDocument from './sendDocument';
import * as sendEvent from './sendEvent';
import * as sendImage from './sendImage';
import * as sendLocation from './sendLocation';
import * as sendPoll from './sendPoll';
import * as sendStatus from './sendStatus';
import * as sendSticker from './sendSticker';
import * as sendText from './sendText';
import * as sendVideo from './sendVideo';
import * as star from './star';
import * as vote from './vote';

/** One file per operation; a new one is imported above and listed here, in the order of the menu. */
const operations = [
  deleteMessage,
  edit,
  forward,
  getInfo,
  getMany,
  getPollResults,
  getPolls,
  markAsRead,
  pin,
  react,
  resend,
  sendAndWait,
  sendAudio,
  sendContact,
  sendDocument,
  sendEvent,
  sendImage,
  sendLocation,
  sendPoll,
  sendStatus,
  sendSticker,
  sendText,
  sendVideo,
  star,
  vote,
];

export const description: INodeProperties[] = [
  {
    displayName: 'Operation',
    name: 'operation',
    type: 'options',
    noDataExpression: true,
    displayOptions: { show: { resource: ['message'] } },
    options: operations.map(({ option }) => option),
    default: 'sendText',
  },
  ...operations.flatMap((operation) => operation.description),
];
