import { byHand, fromList, picker } from '../../shared/pickers';

/** Names a bulk job; part of the path. */
export const jobField = picker({ displayName: 'Bulk Job', name: 'bulkJobId', description: 'The job this is about' }, [
  fromList('searchBulkJobs', 'Select a bulk job...'),
  byHand('By ID', 'id', '1'),
]);

export const JOB_URL = '/api/bulk-jobs/{{ encodeURIComponent($parameter["bulkJobId"]) }}';
