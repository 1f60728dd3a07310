import type { IDataObject, INodeProperties, INodePropertyMode } from 'n8n-workflow';
import { isObjectEmpty } from 'n8n-workflow';
import { byPhoneOrJid, fromList } from '../Warbler/shared/pickers';
import { ACCOUNT, events, MESSAGES } from './events';

const inChats = {
  show: { '/events': events.map(({ value }) => value).filter((one) => !ACCOUNT.includes(String(one))) },
};
/** What tells of messages that say something. */
const WITH_TEXT = [...MESSAGES, 'message.sent', 'messageChanges', 'messages.update'];
const ofTexts = { show: { '/events': WITH_TEXT } };

/** People or chats, each picked from a list of the session or typed; several may be typed at once. */
function addressesField(
  field: Pick<INodeProperties, 'displayName' | 'name' | 'description'>,
  entry: string,
  modes: INodePropertyMode[],
): INodeProperties {
  return {
    ...field,
    type: 'fixedCollection',
    typeOptions: { multipleValues: true, multipleValueButtonText: `Add ${entry}` },
    placeholder: `Add ${entry}`,
    default: {},
    displayOptions: inChats,
    options: [
      {
        displayName: entry,
        name: 'addresses',
        values: [
          {
            displayName: entry,
            name: 'address',
            type: 'resourceLocator',
            default: { mode: 'list', value: '' },
            modes,
          },
        ],
      },
    ],
  };
}

/** Which events count. All that are set have to hold; the engine looks, before n8n hears of an event. */
export const filtersField: INodeProperties = {
  displayName: 'Filters',
  name: 'filters',
  type: 'collection',
  placeholder: 'Add Filter',
  default: {},
  displayOptions: { show: { events: inChats.show['/events'] } },
  options: [
    {
      displayName: 'Chat Types',
      name: 'chats',
      type: 'multiOptions',
      options: [
        { name: 'Channel', value: 'channel' },
        { name: 'Direct', value: 'direct', description: 'A chat with one person' },
        { name: 'Group', value: 'group' },
        { name: 'Status', value: 'status', description: 'What contacts show to all their contacts for a day' },
      ],
      default: ['direct'],
      description: 'Only what happens in chats of these types',
      displayOptions: inChats,
    },
    addressesField(
      { displayName: 'From People', name: 'from', description: 'Only what these people do, in whichever chat' },
      'Person',
      [fromList('searchContacts', 'Select a contact...'), byPhoneOrJid('+14155552671, +14155552672')],
    ),
    {
      displayName: 'Ignore My Own Messages',
      name: 'ignoreOwn',
      type: 'boolean',
      default: true,
      description: 'Whether to leave out what this account writes, votes or reacts with itself, here or on the phone',
      displayOptions: {
        show: {
          '/events': ['messageChanges', 'messages.reaction', 'messages.update', 'messages.upsert', 'poll.results'],
        },
      },
    },
    addressesField(
      { displayName: 'In Chats', name: 'in', description: 'Only what happens in these chats, groups or channels' },
      'Chat',
      [fromList('searchRecipients', 'Select a chat...'), byPhoneOrJid('+14155552671, 120363025246125486@g.us')],
    ),
    {
      displayName: 'Message Types',
      name: 'types',
      type: 'multiOptions',
      options: [
        { name: 'Audio', value: 'audio' },
        { name: 'Contact', value: 'contact' },
        { name: 'Document', value: 'document' },
        { name: 'Event', value: 'event' },
        { name: 'Image', value: 'image' },
        { name: 'Location', value: 'location' },
        { name: 'Other', value: 'other' },
        { name: 'Poll', value: 'poll' },
        { name: 'Reaction', value: 'reaction' },
        { name: 'Sticker', value: 'sticker' },
        { name: 'Text', value: 'text' },
        { name: 'Video', value: 'video' },
        { name: 'Voice', value: 'voice', description: 'A voice message, as recorded in the chat' },
      ],
      default: ['text'],
      description: 'Only messages of these types',
      displayOptions: { show: { '/events': [...WITH_TEXT, 'media.ready'] } },
    },
    {
      displayName: 'Text Contains',
      name: 'contains',
      type: 'string',
      default: '',
      placeholder: 'e.g. order',
      description: 'Only messages whose text or caption has this in it, in upper or lower case',
      displayOptions: ofTexts,
    },
    {
      displayName: 'Text Matches',
      name: 'matches',
      type: 'string',
      default: '',
      placeholder: 'e.g. ^order #\\d+',
      description:
        'Only messages in whose text or caption this regular expression (RE2) is found; (?i) in front ignores case',
      displayOptions: ofTexts,
    },
  ],
};

interface Addresses {
  addresses?: Array<{ address?: unknown }>;
}

/** The values of the fields above. */
export interface Filters extends IDataObject {
  chats?: string[];
  from?: Addresses & IDataObject;
  ignoreOwn?: boolean;
  in?: Addresses & IDataObject;
  types?: string[];
  contains?: string;
  matches?: string;
}

/** Takes what a list gave, text with commas that a person typed, and a list that an expression gives. */
function addressesOf({ addresses = [] }: Addresses = {}): string[] {
  return addresses
    .map(({ address }) => (address as { value?: unknown } | undefined)?.value ?? address)
    .flatMap((value) => (Array.isArray(value) ? value : String(value ?? '').split(',')))
    .map((one) => String(one).trim())
    .filter((one) => one !== '');
}

/** Without what says nothing. */
function said(fields: IDataObject): IDataObject | undefined {
  const entries = Object.entries(fields).filter(
    ([, value]) => Boolean(value) && !(Array.isArray(value) && value.length === 0),
  );
  const some = Object.fromEntries(entries);
  return isObjectEmpty(some) ? undefined : some;
}

/** The filter as the engine takes it; undefined where nothing is filtered. */
export function filterOf({
  chats,
  from,
  ignoreOwn,
  in: chosen,
  types,
  contains,
  matches,
}: Filters): IDataObject | undefined {
  const text = said({ contains: contains?.trim(), matches });
  return said({ chats, in: addressesOf(chosen), from: addressesOf(from), text, types, ignoreOwn });
}
