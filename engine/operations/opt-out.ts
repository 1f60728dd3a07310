import { z } from 'zod';
import { EngineError } from '../errors.ts';
import type { OptOutRecord } from '../model.ts';
import { toPerson } from '../whatsapp/contacts.ts';
import { lidOf, phoneOf } from '../whatsapp/jid.ts';
import { isoTime, lid, personJid, phone, whatWasDone } from './fields.ts';
import { operation } from './operation.ts';
import { paged, pageFields, pageOf } from './page.ts';

const to = z
  .string()
  .min(1)
  .max(200)
  .meta({
    description: 'Phone number with country code, or a WhatsApp address of a person',
    examples: ['15551234567'],
  });
const shown = z.object({
  jid: personJid,
  lid,
  phone,
  source: z.enum(['api', 'word']).describe('word: the person has written one of the session’s opt_out_words'),
  created_at: isoTime.describe('When they were put on the list, in ISO 8601'),
});

export const list = operation({
  id: 'optOut.list',
  http: 'GET /api/opt-outs',
  access: 'session',
  summary: 'List the people whom bulk jobs of this session leave alone, the latest first',
  tools: [
    {
      name: 'list_opt_outs',
      description:
        'List the people whom bulk jobs leave alone, the latest first: those put on the list, and those who have asked for it in a message.',
      readOnly: true,
      local: true,
      plain: true,
    },
  ],
  input: z.object(pageFields),
  output: pageOf(shown),
  run: async ({ engine, record }, { page, per_page: perPage }) => {
    const slice = { offset: (page - 1) * perPage, limit: perPage };
    const found = await engine.store.optOuts.list(record.id, slice);
    return paged({ ...found, items: found.items.map(show) }, page, perPage, '/api/opt-outs');
  },
});

export const add = operation({
  id: 'optOut.add',
  http: 'POST /api/opt-outs',
  access: 'session',
  summary: 'Have bulk jobs leave a person alone, those that are under way, too',
  tools: [
    {
      name: 'add_opt_out',
      description:
        'Have bulk jobs leave a person alone from now on, those that are under way, too. Do this when somebody asks for no more messages. Single messages still reach them.',
      idempotent: true,
      local: true,
      plain: true,
    },
  ],
  status: 201,
  input: z.object({ to }),
  output: shown,
  run: async ({ engine, record }, { to }) => {
    const address = toPerson(to, 'to');
    const person = lidOf(address) ? { lid: address } : { jid: address };
    const about = { source: 'api' as const, createdAt: engine.clock.now() };
    return show(await engine.store.optOuts.put(record.id, person, about));
  },
});

export const remove = operation({
  id: 'optOut.remove',
  http: 'DELETE /api/opt-outs/:to',
  access: 'session',
  summary: 'Take a person off the list, so that bulk jobs write to them again',
  envelope: 'flat',
  input: z.object({ to }),
  output: z.object({ message: whatWasDone('Opt-out deleted.') }),
  errors: ['not_found'],
  run: async ({ engine, record }, { to }) => {
    if (await engine.store.optOuts.delete(record.id, toPerson(to, 'to'))) return { message: 'Opt-out deleted.' };
    throw new EngineError('not_found', `${to} is not on the list of people who have opted out.`);
  },
});

function show({ jid, lid, source, createdAt }: OptOutRecord) {
  const created_at = new Date(createdAt).toISOString();
  return { jid: jid ?? lid!, lid, phone: phoneOf(jid) ?? null, source, created_at };
}
