import type { IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';
import { flatOf } from '../../../WarblerTrigger/flat';

/** Last `postReceive` step, while Simplify is on: what happened, when, and what the trigger puts in front of an event. */
export async function eventInShort(
  this: IExecuteSingleFunctions,
  items: INodeExecutionData[],
): Promise<INodeExecutionData[]> {
  if (!this.getNodeParameter('simple', false)) return items;
  return items.map(({ json, ...item }) => {
    const { event, id, seq, timestamp } = json;
    return { ...item, json: { event, id, seq, timestamp, ...flatOf(json) } };
  });
}
