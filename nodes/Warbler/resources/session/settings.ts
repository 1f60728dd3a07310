import type { INodeProperties } from 'n8n-workflow';
import { eventsField, eventsNamed } from '../../shared/eventsField';
import { COMMA_LIST } from '../../shared/values';

const setting = (property: string) => ({ send: { type: 'body' as const, property } });

const yesOrNo = (displayName: string, name: string, property: string, description: string): INodeProperties => ({
  displayName,
  name,
  type: 'boolean',
  default: true,
  description,
  routing: setting(property),
});

/** Both are asked for when a session is created; afterwards they are settings like the others. */
export const accountProtection = yesOrNo(
  'Protect Account',
  'accountProtection',
  'account_protection',
  'Whether to take one message every 5 seconds and to refuse others, which lowers the risk that WhatsApp restricts the number',
);
export const logMessages = yesOrNo(
  'Log Messages',
  'logMessages',
  'log_messages',
  'Whether the engine keeps a log of the messages of this session',
);

/** What can be set when a session is created, and later, in the order of the alphabet. */
export const settings: INodeProperties[] = [
  yesOrNo('Always Online', 'alwaysOnline', 'always_online', 'Whether to appear online while connected'),
  {
    displayName: 'Budgets',
    name: 'budgets',
    type: 'json',
    default: '{\n  "number_checks": { "per_minute": 30, "per_day": 500 }\n}',
    description:
      'JSON: how often what WhatsApp watches may happen, where that shall differ from the pace: new_chats, number_checks, group_metadata, profile_pictures, group_adds. Leave it empty for what the pace has.',
    routing: {
      send: {
        ...setting('budgets').send,
        value: '={{ typeof $value === "string" ? JSON.parse($value || "null") : $value }}',
      },
    },
  },
  yesOrNo(
    'Download Media',
    'downloadMedia',
    'download_media',
    'Whether to download the files of received messages at once; the event Media Ready then has their link',
  ),
  yesOrNo('Ignore Broadcasts', 'ignoreBroadcasts', 'ignore_broadcasts', 'Whether to leave out events from broadcasts'),
  yesOrNo('Ignore Channels', 'ignoreChannels', 'ignore_channels', 'Whether to leave out events from channels'),
  yesOrNo('Ignore Groups', 'ignoreGroups', 'ignore_groups', 'Whether to leave out events from groups'),
  {
    displayName: 'Limits',
    name: 'limits',
    type: 'json',
    default: '{\n  "message_send": { "per_minute": 60 }\n}',
    description:
      'JSON: how often requests may be made, in place of all that was set before: message_send, group_metadata, contact_picture, number_check, other, endpoints, concurrent. Leave it empty for what the engine has.',
    routing: {
      send: {
        ...setting('limits').send,
        value: '={{ typeof $value === "string" ? JSON.parse($value || "null") : $value }}',
      },
    },
  },
  {
    displayName: 'Opt-Out Words',
    name: 'optOutWords',
    type: 'string',
    default: '',
    placeholder: 'e.g. STOP, unsubscribe',
    description: 'Bulk jobs leave alone whoever writes one of these words and nothing else. Separated by commas.',
    routing: { send: { ...setting('opt_out_words').send, value: COMMA_LIST } },
  },
  {
    displayName: 'Pace',
    name: 'pace',
    type: 'options',
    options: [
      { name: 'As the Engine Has It', value: '', description: 'What WARBLER_PACE says' },
      { name: 'Careful', value: 'careful', description: 'A message in 5 to 8 seconds, 500 a day' },
      { name: 'Normal', value: 'normal', description: 'A message in 1 to 3 seconds, 1,000 a day' },
      { name: 'Off', value: 'off', description: 'As fast as it goes; only what WhatsApp says is obeyed' },
    ],
    default: '',
    description: 'How fast messages leave, and how much of what WhatsApp watches may happen',
    routing: { send: { ...setting('pace').send, value: '={{ $value || null }}' } },
  },
  {
    displayName: 'Proxy URL',
    name: 'proxyUrl',
    type: 'string',
    typeOptions: { password: true },
    default: '',
    placeholder: 'e.g. socks5://user:password@proxy.example.com:1080',
    description: 'What this session goes through to WhatsApp: http, https or socks5. Leave it empty for none.',
    routing: { send: { ...setting('proxy_url').send, value: '={{ $value || null }}' } },
  },
  {
    displayName: 'Quiet Hours',
    name: 'quietHours',
    type: 'fixedCollection',
    placeholder: 'Add Quiet Hours',
    default: {},
    description: 'Hours of the day in which no message leaves: what is sent then waits. Leave it empty for none.',
    options: [
      {
        displayName: 'Hours',
        name: 'hours',
        values: [
          {
            displayName: 'From',
            name: 'from',
            type: 'string',
            default: '22:00',
            placeholder: 'e.g. 22:00',
            description: 'Time of day at which they begin',
          },
          {
            displayName: 'To',
            name: 'to',
            type: 'string',
            default: '07:00',
            placeholder: 'e.g. 07:00',
            description: 'Time of day at which they end',
          },
          {
            displayName: 'Time Zone',
            name: 'timeZone',
            type: 'string',
            default: '={{ $now.zoneName }}',
            placeholder: 'e.g. Europe/Berlin',
            description: 'Name of the time zone of both',
          },
        ],
      },
    ],
    routing: {
      send: {
        ...setting('quiet_hours').send,
        value:
          '={{ $value.hours ? { from: $value.hours.from, to: $value.hours.to, time_zone: $value.hours.timeZone } : null }}',
      },
    },
  },
  yesOrNo(
    'Read Incoming Messages',
    'readIncomingMessages',
    'read_incoming_messages',
    'Whether to mark messages as read when they arrive',
  ),
  yesOrNo('Reject Calls', 'autoRejectCalls', 'auto_reject_calls', 'Whether to reject every call that comes in'),
  yesOrNo(
    'Warm Up',
    'warmUp',
    'warm_up',
    'Whether a new number begins with few messages and new chats a day, and grows to its pace in two weeks',
  ),
  yesOrNo('Webhook Enabled', 'webhookEnabled', 'webhook_enabled', 'Whether to post events to the webhook URL'),
  {
    ...eventsField,
    displayName: 'Webhook Events',
    name: 'webhookEvents',
    routing: { send: { ...setting('webhook_events').send, value: eventsNamed('null') } },
  },
  {
    displayName: 'Webhook URL',
    name: 'webhookUrl',
    type: 'string',
    default: '',
    placeholder: 'e.g. https://example.com/whatsapp',
    description: 'Where to post events besides the triggers of n8n, which need no URL here. Leave it empty for none.',
    routing: { send: { ...setting('webhook_url').send, value: '={{ $value || null }}' } },
  },
];
