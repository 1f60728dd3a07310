import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Location',
  value: 'sendLocation',
  action: 'Send location message',
  description: 'Send a place on the map',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendLocation'] } }, [
  actingSessionField,
  toField,
  {
    displayName: 'Latitude',
    name: 'latitude',
    type: 'number',
    typeOptions: { minValue: -90, maxValue: 90, numberPrecision: 6 },
    default: 0,
    required: true,
    placeholder: 'e.g. 52.5163',
    description: 'Degrees north of the equator; negative in the south',
    routing: { send: { type: 'body', property: 'location.latitude' } },
  },
  {
    displayName: 'Longitude',
    name: 'longitude',
    type: 'number',
    typeOptions: { minValue: -180, maxValue: 180, numberPrecision: 6 },
    default: 0,
    required: true,
    placeholder: 'e.g. 13.3777',
    description: 'Degrees east of Greenwich; negative in the west',
    routing: { send: { type: 'body', property: 'location.longitude' } },
  },
  sendOptions(
    {
      displayName: 'Address',
      name: 'address',
      type: 'string',
      default: '',
      placeholder: 'e.g. Pariser Platz, 10117 Berlin',
      description: 'Shown below the name of the place',
      routing: { send: { type: 'body', property: 'location.address' } },
    },
    {
      displayName: 'Place Name',
      name: 'placeName',
      type: 'string',
      default: '',
      placeholder: 'e.g. Brandenburg Gate',
      description: 'Shown above the address',
      routing: { send: { type: 'body', property: 'location.name' } },
    },
  ),
]);
