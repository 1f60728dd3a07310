import type {
  IHookFunctions,
  INodeType,
  INodeTypeDescription,
  IWebhookFunctions,
  IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';
import { searchSessions } from '../Warbler/listSearch/searchSessions';
import { sessionField } from '../Warbler/shared/fields';
import { takeDelivery } from './delivery';
import { events } from './events';
import { isRegistered, register, unregister } from './subscription';

export class WarblerTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Warbler Trigger',
    name: 'warblerTrigger',
    icon: { light: 'file:../Warbler/warbler.svg', dark: 'file:../Warbler/warbler.dark.svg' },
    group: ['trigger'],
    version: 1,
    subtitle: '={{ $parameter["events"].join(", ") }}',
    description: 'Starts the workflow when something happens on WhatsApp, for example when a message is received',
    defaults: { name: 'Warbler Trigger' },
    // A trigger is no tool. Older releases of n8n's lint rules want to see the key all the same.
    usableAsTool: undefined,
    inputs: [],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: 'warblerApi', required: true }],
    webhooks: [
      { name: 'default', httpMethod: 'POST', responseMode: 'onReceived', responseData: 'noData', path: 'webhook' },
    ],
    properties: [
      sessionField,
      {
        displayName: 'Events',
        name: 'events',
        type: 'multiOptions',
        options: events,
        default: ['messages.received'],
        required: true,
        description: 'What starts the workflow',
      },
    ],
  };

  methods = {
    listSearch: { searchSessions },
  };

  webhookMethods = {
    default: {
      async checkExists(this: IHookFunctions): Promise<boolean> {
        return await isRegistered.call(this);
      },
      async create(this: IHookFunctions): Promise<boolean> {
        return await register.call(this);
      },
      async delete(this: IHookFunctions): Promise<boolean> {
        return await unregister.call(this);
      },
    },
  };

  async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
    return await takeDelivery.call(this);
  }
}
