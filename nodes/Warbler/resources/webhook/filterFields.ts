import type { INodeProperties } from 'n8n-workflow';
import { filtersField } from '../../../WarblerTrigger/filters';
import { COMMA_LIST } from '../../shared/values';

const ofTrigger = filtersField.options as INodeProperties[];

/** A filter as the trigger has it, whatever events are chosen. */
function filter(name: string, property: string): INodeProperties {
  const field = { ...ofTrigger.find((one) => one.name === name)! };
  delete field.displayOptions;
  return { ...field, routing: { send: { type: 'body', property: `filter.${property}` } } };
}

/** Which events count; all that are set have to hold. */
export const filterFields: INodeProperties = {
  displayName: 'Filters',
  name: 'filters',
  type: 'collection',
  placeholder: 'Add Filter',
  default: {},
  options: [
    filter('chats', 'chats'),
    {
      displayName: 'From People',
      name: 'from',
      type: 'string',
      default: '',
      placeholder: 'e.g. +14155552671, +14155552672',
      description: 'Only what these people do, in whichever chat: phone numbers or JIDs, separated by commas',
      routing: { send: { type: 'body', property: 'filter.from', value: COMMA_LIST } },
    },
    filter('ignoreOwn', 'ignoreOwn'),
    {
      displayName: 'In Chats',
      name: 'in',
      type: 'string',
      default: '',
      placeholder: 'e.g. +14155552671, 120363025246125486@g.us',
      description: 'Only what happens in these chats: phone numbers or JIDs, separated by commas',
      routing: { send: { type: 'body', property: 'filter.in', value: COMMA_LIST } },
    },
    filter('types', 'types'),
    filter('contains', 'text.contains'),
    filter('matches', 'text.matches'),
  ],
};
