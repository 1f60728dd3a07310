import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { entriesOfLog } from './entries';

interface Inquiry extends IDataObject {
  id: string;
  question: string;
  status: string;
}

/** Fills the list of questions that wait or waited for an answer, the latest first. A list that cannot be read throws. */
export async function searchInquiries(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await entriesOfLog<Inquiry>(
    this,
    '/api/inquiries',
    { filter, page: Number(paginationToken) },
    ({ id, question, status }) => ({ name: `${question.slice(0, 60)} (${status})`, value: id }),
  );
}
