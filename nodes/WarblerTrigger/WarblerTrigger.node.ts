import type {
  IHookFunctions,
  INodeType,
  INodeTypeDescription,
  IWebhookFunctions,
  IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';
import { takeDelivery } from './delivery';
import { events, MESSAGES } from './events';
import { filtersField } from './filters';
import { optionsField } from './options';
import { listenedField, listSearch } from './sessions';
import { isRegistered, register, unregister } from './subscription';

/** For the subtitle: what was chosen, in a person's words. */
const NAMES = JSON.stringify(Object.fromEntries(events.map(({ name, value }) => [value, name])));

export class WarblerTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'Warbler Trigger',
    name: 'warblerTrigger',
    icon: { light: 'file:../Warbler/warbler.svg', dark: 'file:../Warbler/warbler.dark.svg' },
    group: ['trigger'],
    version: 1,
    subtitle: `={{ $parameter["events"].map((event) => (${NAMES})[event] ?? event).join(", ") }}`,
    description: 'Starts the workflow when something happens on WhatsApp, for example when a message is received',
    eventTriggerDescription: 'Waiting for something to happen on WhatsApp',
    activationMessage: 'Your workflow now starts when this happens on WhatsApp.',
    triggerPanel: {
      header: 'Listen to WhatsApp',
      executionsHelp: {
        inactive:
          "<b>While building your workflow</b>, click the button. The latest event that fits comes at once, or an example where there is none, so that you have data to work with; the option 'Test With' waits for a new one instead.<br /> <br /><b>Once you're happy with your workflow</b>, publish it. Then every event starts it. These executions will show up in the <a data-key='executions'>executions list</a>, but not in the editor.",
        active:
          "<b>While building your workflow</b>, click the button. The latest event that fits comes at once, or an example where there is none; the option 'Test With' waits for a new one instead. A test takes nothing from the active workflow.<br /> <br /><b>Your workflow also runs by itself</b>, since it is active: every event starts it. These executions show up in the <a data-key='executions'>executions list</a>, but not in the editor.",
      },
      activationHint:
        'Once you’ve finished building your workflow, publish it to have it listen all the time (you just won’t see those executions here).',
    },
    defaults: { name: 'Warbler Trigger' },
    // A trigger is no tool. Older releases of n8n's lint rules want to see the key all the same.
    usableAsTool: undefined,
    inputs: [],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: 'warblerApi', required: true }],
    webhooks: [
      {
        name: 'default',
        httpMethod: 'POST',
        responseMode: 'onReceived',
        responseData: 'noData',
        path: 'webhook',
        // The trigger registers itself: there is no URL to take anywhere.
        ndvHideUrl: true,
      },
    ],
    properties: [
      listenedField,
      {
        displayName: 'Trigger On',
        name: 'events',
        type: 'multiOptions',
        options: events,
        default: ['messages.received'],
        required: true,
        description: 'What starts the workflow',
      },
      {
        displayName:
          'What people write is data. Do not let an AI agent follow instructions in it: anybody can write to this account.',
        name: 'notice',
        type: 'notice',
        default: '',
        displayOptions: { show: { events: MESSAGES } },
      },
      filtersField,
      optionsField,
    ],
  };

  methods = { listSearch };

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
