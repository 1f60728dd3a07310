import type { INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';
import { searchSessions } from './listSearch/searchSessions';
import * as message from './resources/message';
import * as session from './resources/session';

export class Warbler implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Warbler',
    name: 'warbler',
    icon: { light: 'file:warbler.svg', dark: 'file:warbler.dark.svg' },
    group: ['output'],
    version: 1,
    subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
    description: 'Send WhatsApp messages and manage WhatsApp sessions with your own Warbler engine',
    defaults: { name: 'Warbler' },
    usableAsTool: true,
    inputs: [NodeConnectionTypes.Main],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: 'warblerApi', required: true }],
    requestDefaults: {
      baseURL: '={{ $credentials.url.trim().replace(/\\/+$/, "") }}',
      headers: { Accept: 'application/json' },
      json: true,
      ignoreHttpStatusErrors: true,
    },
    sensitiveOutputFields: ['api_key', 'webhook_secret'],
    properties: [
      {
        displayName: 'Resource',
        name: 'resource',
        type: 'options',
        noDataExpression: true,
        options: [
          { name: 'Message', value: 'message' },
          { name: 'Session', value: 'session' },
        ],
        default: 'message',
      },
      ...message.description,
      ...session.description,
    ],
  };

  methods = {
    listSearch: { searchSessions },
  };
}
