import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { apiEntry } from './api-page.ts';
import { operation } from './operation.ts';

export const get = operation({
  id: 'documentation.get',
  http: 'GET /api/documentation',
  access: 'public',
  summary: 'Read the documentation of the REST API: a list of all entries, or one of them in detail',
  tools: [
    {
      name: 'get_api_documentation_tool',
      description:
        'Read the documentation of Warbler’s REST API, for writing programs that call it. Without id: all entries with their ids. With id: one entry with its fields and errors.',
      readOnly: true,
      local: true,
      plain: true,
    },
  ],
  input: z.object({
    id: z
      .string()
      .max(100)
      .optional()
      .describe('Entry to read, for instance message.send; all are listed without it')
      .meta({ examples: ['message.send'] }),
  }),
  output: z.object({
    entries: z
      .array(
        z.object({
          id: z
            .string()
            .describe('Id of the entry')
            .meta({ examples: ['message.send'] }),
          request: z
            .string()
            .describe('Method and path')
            .meta({ examples: ['POST /api/send-message'] }),
          summary: z
            .string()
            .describe('What it does')
            .meta({ examples: ['Send a message'] }),
        }),
      )
      .optional()
      .describe('All entries, when none was asked for'),
    text: z
      .string()
      .optional()
      .describe('The entry, in Markdown')
      .meta({ examples: ['### `POST /api/send-message`'] }),
  }),
  errors: ['not_found'],
  run: async ({ engine }, { id }) => {
    // It reads the list of all operations, which this one is on.
    const { openApi } = await import('./openapi.ts');
    const document = openApi(engine.url());
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, entry]) => ({ request: `${method.toUpperCase()} ${path}`, entry })),
    );
    if (id === undefined) {
      return { entries: all.map(({ request, entry }) => ({ id: entry.operationId, request, summary: entry.summary })) };
    }
    const found = all.find(({ entry }) => entry.operationId === id);
    if (!found) throw new EngineError('not_found', 'There is no entry of this id. Ask without id for a list of all.');
    return { text: apiEntry(document, found.request, found.entry) };
  },
});
