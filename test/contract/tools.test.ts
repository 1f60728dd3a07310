import { readdirSync, readFileSync } from 'node:fs';
import { toolsTable } from '../../scripts/tools.mjs';

await import('../../engine/whatsapp/hardening.ts');
const { canBeLimited } = await import('../../engine/operations/recipients.ts');
const { tools } = await import('../../engine/surfaces/mcp/tools.ts');
const { changesSomething } = await import('../../engine/operations/operation.ts');
const { SECRETS, without } = await import('../../engine/operations/secrets.ts');

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const all = [...tools.values()];
const shown = all.map((tool) => tool.shown);
const each = all.map((tool) => [tool.shown.name, tool] as const);

/** Names of the fields in a schema, however deep, that have no words of their own. */
function undescribed(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {} } = schema as { properties?: Record<string, { description?: string }> };
  const here = Object.keys(properties).filter((name) => !properties[name]!.description);
  const inside = 'properties' in schema ? { ...schema, properties: Object.values(properties) } : schema;
  return [...here, ...Object.values(inside).flatMap(undescribed)];
}

/** The tools of WasenderApi's MCP server, from its documentation, in its order. */
const DOCUMENTED = `
list_whatsapp_sessions get_specific_whatsapp_session get_session_user create_whatsapp_session
update_whatsapp_session connect_whatsapp_session disconnect_whatsapp_session get_message_logs get_session_logs
send_text_message send_mention_text_message send_image_message send_audio_message send_video_message
send_document_message send_location_message send_contact_message send_poll_message send_presence_update
resend_message edit_message delete_message get_message_info list_contacts add_or_edit_contact get_contact_info
get_contact_picture block_contact unblock_contact check_jid_on_whatsapp get_lid_from_phone_number
get_phone_number_from_lid search_contacts list_groups create_group get_group_metadata get_group_participants
add_group_participants remove_group_participants update_group_participants update_group_settings leave_group
generate_invite_link accept_group_invite search_groups get_api_documentation_tool
`
  .trim()
  .split(/\s+/);

test('every tool that WasenderApi documents is there', () => {
  expect(DOCUMENTED).toHaveLength(46);
  expect(DOCUMENTED.filter((name) => !tools.has(name))).toEqual([]);
});

test('no name is taken twice', () => {
  expect(new Set(shown.map(({ title }) => title)).size).toBe(shown.length);
  const declared = new Set(all.map(({ operation }) => operation));
  expect([...declared].flatMap(({ tools: own = [] }) => own)).toHaveLength(tools.size);
});

describe.each(each)(
  '%s',
  (name, { tool, operation, shown: { title, description, inputSchema, outputSchema, annotations } }) => {
    test('has a name and words that a model can use', () => {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
      expect(name.length).toBeLessThanOrEqual(40);
      expect(title).toMatch(/^[A-Z][A-Za-z ]+$/);
      expect(description).toMatch(/^[A-Z][^]{25,400}\.$/);
    });

    test('says all hints, and they agree', () => {
      const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
      for (const hint of [readOnlyHint, destructiveHint, idempotentHint, openWorldHint])
        expect(typeof hint).toBe('boolean');
      if (readOnlyHint) expect([destructiveHint, idempotentHint]).toEqual([false, true]);
      expect(readOnlyHint).toBe(!changesSomething(operation));
      if (operation.http.startsWith('DELETE ')) expect(destructiveHint).toBe(true);
    });

    test('takes an object without alternatives at its top, every field described', () => {
      expect(Object.keys(inputSchema).sort()).toEqual(['additionalProperties', 'properties', 'required', 'type']);
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(undescribed(inputSchema)).toEqual([]);
      expect(JSON.stringify(inputSchema).length).toBeLessThan(2000);
      for (const field of inputSchema.required ?? []) expect(inputSchema.properties).toHaveProperty(field);
      for (const field of [...(tool.fields ?? []), ...Object.keys(tool.set ?? {})]) {
        expect(Object.keys(operation.input.shape)).toContain(field);
      }
    });

    test('answers an object, and in it no secret', () => {
      expect(outputSchema).toMatchObject({ type: 'object' });
      expect(undescribed(outputSchema.properties!['data'])).toEqual([]);
      expect(JSON.stringify(outputSchema)).not.toMatch(/api_key|secret|proxy_url|"token"/);
    });

    test('is the one of its snapshot', () => {
      // After a change of an operation: npm run generate
      expect(JSON.parse(read(`test/contract/tools/${name}.json`))).toEqual(tools.get(name)!.shown);
    });
  },
);

test('there is a snapshot of no other tool', () => {
  const kept = readdirSync(new URL('tools', import.meta.url)).map((file) => file.replace('.json', ''));
  expect(kept.sort()).toEqual([...tools.keys()].sort());
});

test('the README lists every tool', () => {
  expect(read('README.md')).toContain(toolsTable(shown));
});

test('only these tools cannot be held to certain recipients', () => {
  // A field that nobody has judged makes its tool one of them: say in operations/recipients.ts what it names.
  expect(all.filter(({ operation, fields }) => !canBeLimited(operation, fields)).map(({ tool }) => tool.name)).toEqual([
    'create_whatsapp_session',
    'update_whatsapp_session',
    'connect_whatsapp_session',
    'get_qr_code',
    'disconnect_whatsapp_session',
    'get_message_logs',
    'list_polls',
    'list_bulk_jobs',
    'list_opt_outs',
    'list_scheduled_messages',
    'list_chats',
    'list_contacts',
    'search_contacts',
    'list_groups',
    'search_groups',
    'accept_group_invite',
    'list_channels',
    'list_events',
  ]);
});

test('secrets are taken out of an answer, however deep, and nothing else', () => {
  const list = [{ api_key: 'k', text: 'api_key', inner: [[{ proxy_url: 'p', url: 'u' }]] }];
  expect(without(list, SECRETS)).toEqual([{ text: 'api_key', inner: [[{ url: 'u' }]] }]);
});
