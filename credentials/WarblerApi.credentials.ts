import type { IAuthenticateGeneric, Icon, ICredentialType, INodeProperties } from 'n8n-workflow';

/**
 * Where the engine is and the personal access token it knows. One credential serves every session: each request names
 * its session itself. It is tested by the nodes (`nodes/Warbler/shared/connection.ts`), because a declarative test can
 * show no advice when nothing answers.
 */
export class WarblerApi implements ICredentialType {
  name = 'warblerApi';

  displayName = 'Warbler API';

  icon: Icon = { light: 'file:../nodes/Warbler/warbler.svg', dark: 'file:../nodes/Warbler/warbler.dark.svg' };

  documentationUrl = 'https://github.com/warbler-wa/n8n-nodes-warbler#credentials';

  properties: INodeProperties[] = [
    {
      displayName: 'Engine URL',
      name: 'url',
      type: 'string',
      default: 'http://localhost:3210',
      placeholder: 'e.g. http://warbler:3210',
      required: true,
      description:
        'Where the Warbler engine answers, as seen from n8n. When n8n runs in Docker, localhost is the n8n container itself: use the service name of the engine or http://host.docker.internal:3210.',
    },
    {
      displayName: 'Personal Access Token',
      name: 'token',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      required: true,
      description: 'The token the engine printed at its first start. "warbler token" makes a new one.',
    },
  ];

  authenticate: IAuthenticateGeneric = {
    type: 'generic',
    properties: { headers: { Authorization: '=Bearer {{$credentials.token}}' } },
  };
}
