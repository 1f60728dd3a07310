import { z } from 'zod';
import type { Sliced } from '../store/store.ts';

/** The fields by which WasenderApi's logs are paged. */
export const pageFields = {
  page: z.int().min(1).default(1).describe('Page, from 1'),
  per_page: z.int().min(1).max(100).default(10).describe('Entries per page'),
};

/** A page of a log in WasenderApi's form. */
export const pageOf = <T extends z.ZodType>(entry: T) =>
  z.object({
    current_page: z.int(),
    data: z.array(entry),
    first_page_url: z.string(),
    from: z.int().nullable(),
    last_page: z.int(),
    last_page_url: z.string(),
    next_page_url: z.string().nullable(),
    path: z.string(),
    per_page: z.int(),
    prev_page_url: z.string().nullable(),
    to: z.int().nullable(),
    total: z.int(),
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
