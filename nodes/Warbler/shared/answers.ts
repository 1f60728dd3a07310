import type {
  IDataObject,
  IExecuteSingleFunctions,
  IN8nHttpFullResponse,
  INodeExecutionData,
  PostReceiveAction,
} from 'n8n-workflow';
import { isObjectEmpty } from 'n8n-workflow';
import { refuse } from './errors';

type Entry = IDataObject | string | number;

/** What an envelope holds: the engine wraps in `data`, sends fields beside `success`, or sends the fields alone. */
function contentOf(body: IDataObject): unknown {
  if (body.data !== undefined) return body.data;
  const fields = { ...body };
  delete fields.success;
  return fields;
}

/** The entries of a list, be it whole, a page as `items`, or a page as `data`; nothing for what is no list. */
function entriesOf(content: unknown): Entry[] | undefined {
  if (Array.isArray(content)) return content as Entry[];
  const { items, data } = content as { items?: unknown; data?: unknown };
  const page = items ?? data;
  return Array.isArray(page) ? (page as Entry[]) : undefined;
}

/** An entry that is a bare address becomes an item all the same; an answer without content says that it was done. */
function itemOf(entry: Entry): IDataObject {
  if (typeof entry !== 'object') return { jid: entry };
  return isObjectEmpty(entry) ? { success: true } : entry;
}

/** Takes the engine's envelope off: a list becomes an item per entry, each paired with the item that asked for it. */
export async function unwrap(
  this: IExecuteSingleFunctions,
  _items: INodeExecutionData[],
  { body }: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
  const content = contentOf(body as IDataObject);
  const entries = entriesOf(content) ?? [content as IDataObject];
  return entries.map((entry) => ({ json: itemOf(entry), pairedItem: { item: this.getItemIndex() } }));
}

/** What n8n's nodes answer after a deletion. */
async function confirmDeletion(this: IExecuteSingleFunctions): Promise<INodeExecutionData[]> {
  return [{ json: { deleted: true }, pairedItem: { item: this.getItemIndex() } }];
}

/** The `postReceive` steps of nearly every operation. */
export const answer: PostReceiveAction[] = [refuse, unwrap];

/** The same for one that deletes. */
export const deletion: PostReceiveAction[] = [refuse, confirmDeletion];
