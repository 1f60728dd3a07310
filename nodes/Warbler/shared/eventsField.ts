import type { INodeProperties } from 'n8n-workflow';
import { events, GROUPS } from '../../WarblerTrigger/events';

/** Chooses events for a URL, in the words and groups of the trigger. */
export const eventsField: INodeProperties = {
  displayName: 'Events',
  name: 'events',
  type: 'multiOptions',
  options: events,
  default: [],
  description: 'Which events to post; none means all',
};

/** The engine's names for what was chosen; `all` is the engine's word for all of them, as an expression. */
export const eventsNamed = (all: string): string =>
  `={{ $value.length === 0 ? ${all} : [...new Set($value.flatMap((choice) => (${JSON.stringify(GROUPS)})[choice] ?? [choice]))] }}`;
