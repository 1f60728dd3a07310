import { z } from 'zod';
import type { Sliced } from '../store/store.ts';

/** The fields by which WasenderApi's contacts and groups are listed: all at once, or by pages. */
export const listFields = {
  paginated: z.boolean().default(false).describe('Answer one page, as {items, pagination}, instead of the whole list'),
  page: z.int().min(1).default(1).describe('Page, from 1; only with paginated'),
  limit: z.int().min(1).max(1000).default(20).describe('Items per page; only with paginated'),
  search: z
    .string()
    .max(200)
    .optional()
    .meta({ description: 'Only those whose name or number holds this', examples: ['robin'] }),
};

/** A number may be written as people write it; it is looked for by its digits. */
export function sought(search: string | undefined): string | undefined {
  const text = search?.trim();
  return text && /^\+?[\d\s().-]{4,}$/.test(text) ? text.replace(/\D/g, '') : text;
}

const pagination = z
  .object({
    total: z.int().meta({ description: 'Items altogether', examples: [41] }),
    page: z.int().meta({ description: 'This page, from 1', examples: [1] }),
    limit: z.int().meta({ description: 'Items per page', examples: [20] }),
    totalPages: z.int().meta({ description: 'Pages altogether', examples: [3] }),
  })
  .meta({ title: 'Pagination', description: 'Where the page stands in the list' });

/** A list in WasenderApi's two forms. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), z.object({ items: z.array(item).describe('The page'), pagination })]);

interface Asked {
  paginated: boolean;
  page: number;
  limit: number;
}

/** The part of a list that was asked for; `undefined`: all of it. */
export const sliceOf = ({ paginated, page, limit }: Asked) =>
  paginated ? { offset: (page - 1) * limit, limit } : undefined;

export function listed<T>({ items, total }: Sliced<T>, { paginated, page, limit }: Asked) {
  if (!paginated) return items;
  return { items, pagination: { total, page, limit, totalPages: Math.ceil(total / limit) } };
}
