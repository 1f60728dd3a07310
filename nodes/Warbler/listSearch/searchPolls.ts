import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { pageOf } from './entries';

interface Poll extends IDataObject {
  msgId: number;
  question: string;
  chat: string;
  chatName: string | null;
}

/** Fills the list of polls that were sent, the newest first. A list that cannot be read throws. */
export async function searchPolls(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await pageOf<Poll>(
    this,
    '/api/polls',
    { filter, page: Number(paginationToken) },
    ({ msgId, question, chat, chatName }) => ({ name: `${question} (${chatName ?? chat})`, value: String(msgId) }),
  );
}
