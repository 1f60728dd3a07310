import { z } from 'zod';
import type { Sliced } from '../store/store.ts';

/** The fields by which WasenderApi's logs are paged. */
export const pageFields = {
  page: z.int().min(1).default(1).describe('Page, from 1'),
  per_page: z.int().min(1).max(100).default(10).describe('Entries per page'),
};

const PATH = '/api/whatsapp-sessions/1/message-logs';
const address = (page: number) => z.string().meta({ examples: [`${PATH}?page=${page}&per_page=10`] });

/** A page of a log in WasenderApi's form. */
export const pageOf = <T extends z.ZodType>(entry: T) =>
  z.object({
    current_page: z.int().meta({ description: 'This page, from 1', examples: [2] }),
    data: z.array(entry).describe('The entries of this page'),
    first_page_url: address(1).describe('Path of the first page'),
    from: z
      .int()
      .nullable()
      .meta({ description: 'Number of the first entry on this page, from 1', examples: [11] }),
    last_page: z.int().meta({ description: 'Number of the last page', examples: [3] }),
    last_page_url: address(3).describe('Path of the last page'),
    next_page_url: address(3).nullable().describe('Path of the next page; null on the last'),
    path: z.string().meta({ description: 'Path of the list', examples: [PATH] }),
    per_page: z.int().meta({ description: 'Entries per page', examples: [10] }),
    prev_page_url: address(1).nullable().describe('Path of the page before; null on the first'),
    to: z
      .int()
      .nullable()
      .meta({ description: 'Number of the last entry on this page', examples: [20] }),
    total: z.int().meta({ description: 'Entries altogether', examples: [28] }),
  });

/** One page with what leads to the others; `path` is the endpoint's. */
export function paged<T>({ items, total }: Sliced<T>, page: number, perPage: number, path: string) {
  const last = Math.max(1, Math.ceil(total / perPage));
  const url = (number: number) => `${path}?page=${number}&per_page=${perPage}`;
  const first = (page - 1) * perPage + 1;
  return {
    current_page: page,
    data: items,
    first_page_url: url(1),
    from: items.length > 0 ? first : null,
    last_page: last,
    last_page_url: url(last),
    next_page_url: page < last ? url(page + 1) : null,
    path,
    per_page: perPage,
    prev_page_url: page > 1 ? url(page - 1) : null,
    to: items.length > 0 ? first + items.length - 1 : null,
    total,
  };
}
