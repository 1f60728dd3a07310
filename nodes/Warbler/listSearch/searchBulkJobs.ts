import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { entriesOfLog } from './entries';

interface BulkJob extends IDataObject {
  id: number;
  name: string | null;
  status: string;
}

/** Fills the list of bulk jobs, the latest first. A list that cannot be read throws. */
export async function searchBulkJobs(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await entriesOfLog<BulkJob>(
    this,
    '/api/bulk-jobs',
    { filter, page: Number(paginationToken) },
    ({ id, name, status }) => ({ name: `${name ?? `Job ${id}`} (${status})`, value: String(id) }),
  );
}
