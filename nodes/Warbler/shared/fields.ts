import type { INodeProperties } from 'n8n-workflow';

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
export const sendingSessionField: INodeProperties = {
  ...sessionField,
  routing: { request: { headers: { 'X-Warbler-Session': '={{ $value }}' } } },
};
