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

/** The same for lists that were returned whole before they could be cut. */
export const allFields: INodeProperties[] = manyFields.map((field) =>
  field.name === 'returnAll' ? { ...field, default: true } : field,
);

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

/** Asks for what lies behind the last entry of each page, until there is enough or a page is not full. */
function pagesBehind(parameter: 'after' | 'before', entry: 'seq' | 'id' | 'msgId') {
  return async function (
    this: IExecutePaginationFunctions,
    request: DeclarativeRestApiSettings.ResultOptions,
  ): Promise<INodeExecutionData[]> {
    const found: INodeExecutionData[] = [];
    const wanted = Number(request.maxResults ?? Infinity);
    const size = Math.min(PAGE_SIZE, wanted);
    while (found.length < wanted) {
      request.options.qs = { ...request.options.qs, limit: size };
      const items = await onePage.call(this, request);
      found.push(...items);
      if (items.length < size) break;
      request.options.qs[parameter] = items.at(-1)!.json[entry];
    }
    return found;
  };
}

/** For lists that are read on from an entry: the name of the parameter, and what of the last entry it takes. */
export const readOn = (...by: Parameters<typeof pagesBehind>): INodePropertyRouting => ({
  operations: { pagination: pagesBehind(...by) },
});

/** For lists that come in pages when asked to. */
export const paginated: INodePropertyRouting = {
  operations: { pagination: pagesOf('limit', { paginated: 'true' }) },
};

/** For logs, which always come in pages. */
export const paginatedLog: INodePropertyRouting = {
  operations: { pagination: pagesOf('per_page') },
};
