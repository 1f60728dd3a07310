import type {
  DeclarativeRestApiSettings,
  IExecutePaginationFunctions,
  INodeExecutionData,
  INodeProperties,
  INodePropertyRouting,
} from 'n8n-workflow';
import { unreachable } from './errors';

const PAGE_SIZE = 100;

/** The two fields of a list; `maxResults` is cut to by n8n, whatever the engine sent. */
export const manyFields: INodeProperties[] = [
  {
    displayName: 'Return All',
    name: 'returnAll',
    type: 'boolean',
    default: false,
    description: 'Whether to return all results or only up to a given limit',
  },
  {
    displayName: 'Limit',
    name: 'limit',
    type: 'number',
    typeOptions: { minValue: 1 },
    default: 50,
    description: 'Max number of results to return',
    displayOptions: { show: { returnAll: [false] } },
    routing: { output: { maxResults: '={{ $value }}' } },
  },
];

/**
 * Asks once, and explains when nothing answers. n8n lets a node see such a failure in its pagination only, so every
 * operation has one; this is the one of those that have no pages.
 */
export async function onePage(
  this: IExecutePaginationFunctions,
  request: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
  try {
    return await this.makeRoutingRequest(request);
  } catch (cause) {
    const { httpCode } = cause as { httpCode?: string | null };
    throw /^E[A-Z]/.test(httpCode ?? '') ? unreachable(this.getNode(), cause) : cause;
  }
}

/** Asks for page after page, until there are enough items or a page is not full. */
function pagesOf(sizeParameter: 'limit' | 'per_page', always: Record<string, string> = {}) {
  return async function (
    this: IExecutePaginationFunctions,
    request: DeclarativeRestApiSettings.ResultOptions,
  ): Promise<INodeExecutionData[]> {
    const found: INodeExecutionData[] = [];
    const wanted = Number(request.maxResults ?? Infinity);
    const size = Math.min(PAGE_SIZE, wanted);
    for (let page = 1; found.length < wanted; page++) {
      request.options.qs = { ...request.options.qs, ...always, page, [sizeParameter]: size };
      const items = await onePage.call(this, request);
      found.push(...items);
      if (items.length < size) break;
    }
    return found;
  };
}

/** For lists that come in pages when asked to. */
export const paginated: INodePropertyRouting = {
  operations: { pagination: pagesOf('limit', { paginated: 'true' }) },
};

/** For logs, which always come in pages. */
export const paginatedLog: INodePropertyRouting = {
  operations: { pagination: pagesOf('per_page') },
};
