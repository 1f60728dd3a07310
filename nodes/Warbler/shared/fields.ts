import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { byChannelLink, byChatLink, byJid, byPhone, byPhoneOrJid, fromList, picker } from './pickers';
import { COMMA_LIST } from './values';

/** Chooses a session: from the engine's list, or by its number. Used as it is where the session is part of the path. */
export const sessionField: INodeProperties = {
  displayName: 'Session',
  name: 'session',
  type: 'resourceLocator',
  default: { mode: 'list', value: '' },
  required: true,
  description: 'The WhatsApp account to use',
  modes: [
    {
      displayName: 'From List',
      name: 'list',
      type: 'list',
      placeholder: 'Select a session...',
      typeOptions: { searchListMethod: 'searchSessions', searchable: true },
    },
    {
      displayName: 'By ID',
      name: 'id',
      type: 'string',
      placeholder: 'e.g. 1',
      validation: [
        { type: 'regex', properties: { regex: '^\\d+$', errorMessage: 'A session ID is a number, for example 1' } },
      ],
    },
  ],
};

/** The same for what a session does: the engine reads its number from this header. */
export const actingSessionField: INodeProperties = {
  ...sessionField,
  routing: { request: { headers: { 'X-Warbler-Session': '={{ $value }}' } } },
};

/** Whoever gets something: a person, a group or a channel. */
export const recipientField = picker(
  { displayName: 'To', name: 'to', description: 'The person, group or channel to send to' },
  [
    fromList('searchRecipients', 'Select a chat, contact, group or channel...'),
    byPhone,
    byChatLink,
    byJid('120363025246125486@g.us'),
  ],
);

export const chatField = picker(
  { displayName: 'Chat', name: 'chat', description: 'The chat with a person, group or channel' },
  [fromList('searchChats', 'Select a recent chat...'), byPhone, byChatLink, byJid('120363025246125486@g.us')],
);

export const contactField = picker(
  { displayName: 'Contact', name: 'contact', description: 'The person this is about' },
  [fromList('searchContacts', 'Select a contact...'), byPhone, byChatLink, byJid('14155552671@s.whatsapp.net')],
);

export const groupField = picker({ displayName: 'Group', name: 'group', description: 'The group this is about' }, [
  fromList('searchGroups', 'Select a group...'),
  byJid('120363025246125486@g.us'),
]);

export const channelField = picker(
  { displayName: 'Channel', name: 'channel', description: 'The channel this is about' },
  [fromList('searchChannels', 'Select a channel...'), byChannelLink, byJid('120363144038483540@newsletter')],
);

/** Names a message that is there already; part of the path. */
export const messageField: INodeProperties = {
  displayName: 'Message ID',
  name: 'messageId',
  type: 'string',
  default: '',
  required: true,
  placeholder: 'e.g. 100000',
  description: 'The msgId that sending returned, or the ID in the key of a received message',
};

const peopleField = (search: string, select: string, dependsOn?: string[]): INodeProperties => ({
  ...picker(
    {
      displayName: 'Participants',
      name: 'participants',
      description: 'One from the list, or any number of phone numbers and JIDs, separated by commas',
    },
    [fromList(search, select), byPhoneOrJid('+14155552671, +14155552672')],
    dependsOn,
  ),
  routing: { send: { type: 'body', property: 'participants', value: COMMA_LIST } },
});

/** Several people in one field. Takes text that a person types, or a list from an expression. */
export const participantsField = peopleField('searchContacts', 'Select a contact...');

/** The same for people who are in the group. */
export const membersField = peopleField('searchMembers', 'Select a participant...', ['session.value', 'group.value']);

/** Where a file goes that an operation fetches. */
export const outputFileField: INodeProperties = {
  displayName: 'Put Output File in Field',
  name: 'binaryPropertyName',
  type: 'string',
  default: 'data',
  required: true,
  placeholder: 'e.g. data',
  hint: 'The name of the output binary field to put the file in',
};

/** Which file of the item an operation takes. */
export const inputFileField: INodeProperties = {
  displayName: 'Input Data Field Name',
  name: 'binaryPropertyName',
  type: 'string',
  default: 'data',
  required: true,
  placeholder: 'e.g. data',
  hint: 'The name of the input field containing the binary file data to be processed',
};

const TIMERS: INodePropertyOptions[] = [
  { name: '24 Hours', value: 86400 },
  { name: '7 Days', value: 604800 },
  { name: '90 Days', value: 7776000 },
];

/** How long a message stays: the three times that WhatsApp has. */
export const disappearAfterField: INodeProperties = {
  displayName: 'Disappear After',
  name: 'disappearAfter',
  type: 'options',
  options: TIMERS,
  default: 604800,
  description: 'How long the message stays in the chat',
  routing: { send: { type: 'body', property: 'disappearAfter' } },
};

/** The same as a setting of a chat or a group, which can be taken back. */
export const disappearingField: INodeProperties = {
  ...disappearAfterField,
  options: [...TIMERS, { name: 'Never', value: 0 }],
  description: 'How long new messages stay, for everyone in the chat',
};

/** For what the engine answers from memory while WhatsApp has told nothing else. */
export const freshField: INodeProperties = {
  displayName: 'Options',
  name: 'options',
  type: 'collection',
  placeholder: 'Add Option',
  default: {},
  options: [
    {
      displayName: 'Ask WhatsApp Now',
      name: 'fresh',
      type: 'boolean',
      default: true,
      description: 'Whether to ask WhatsApp again, instead of taking what it has told the engine before',
      routing: { send: { type: 'query', property: 'fresh' } },
    },
  ],
};

const filtersField = (options: INodeProperties[]): INodeProperties => ({
  displayName: 'Filters',
  name: 'filters',
  type: 'collection',
  placeholder: 'Add Filter',
  default: {},
  options,
});

/** For lists of what has a status: only those in one; `preset` is the one that stands there first. */
export const statusFilter = (preset: string, options: INodePropertyOptions[]) =>
  filtersField([
    {
      displayName: 'Status',
      name: 'status',
      type: 'options',
      options,
      default: preset,
      description: 'Which ones to return',
      routing: { send: { type: 'query', property: 'status' } },
    },
  ]);

/** For lists that the engine searches: only what has a text in it, in the field that `description` names. */
export const searchFilter = (example: string, description: string, ...others: INodeProperties[]) =>
  filtersField([
    ...others,
    {
      displayName: 'Search',
      name: 'search',
      type: 'string',
      default: '',
      placeholder: `e.g. ${example}`,
      description,
      routing: { send: { type: 'query', property: 'search', value: '={{ $value || undefined }}' } },
    },
  ]);
