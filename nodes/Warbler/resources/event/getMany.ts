import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { manyFields, readOn } from '../../shared/pages';
import { simplifyField } from '../../shared/simplify';
import { eventInShort } from './inShort';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many events',
  description: 'Retrieve what has happened in a session, from the event log, oldest first',
  routing: {
    request: { method: 'GET', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}/events' },
    ...readOn('after', 'seq'),
    output: { postReceive: [...answer, eventInShort] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['event'], operation: ['getMany'] } }, [
  sessionField,
  ...manyFields,
  simplifyField(true),
  {
    displayName: 'Filters',
    name: 'filters',
    type: 'collection',
    placeholder: 'Add Filter',
    default: {},
    options: [
      {
        displayName: 'After',
        name: 'after',
        type: 'number',
        typeOptions: { minValue: 0 },
        default: 0,
        description: 'Only what happened after the event with this seq, for example the last one that was read before',
        routing: { send: { type: 'query', property: 'after' } },
      },
    ],
  },
]);
