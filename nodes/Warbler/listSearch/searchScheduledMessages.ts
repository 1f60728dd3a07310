import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { entriesOfLog } from './entries';

interface ScheduledMessage extends IDataObject {
  msgId: number;
  jid: string;
  scheduledAt: string;
  content: { text?: string } | null;
}

function show({ msgId, jid, scheduledAt, content }: ScheduledMessage) {
  const at = scheduledAt.slice(0, 16).replace('T', ' ');
  const text = content?.text ? `: ${content.text.slice(0, 60)}` : '';
  return { name: `${at} UTC to ${jid}${text}`, value: String(msgId) };
}

/** Fills the list of messages that wait for their time, the next one first. A list that cannot be read throws. */
export async function searchScheduledMessages(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await entriesOfLog<ScheduledMessage>(
    this,
    '/api/scheduled-messages',
    { filter, page: Number(paginationToken) },
    show,
  );
}
