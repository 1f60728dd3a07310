import { hashToken, newToken } from '../../engine/operations/access.ts';
import { PDF } from '../media/pictures.ts';
import { ask, asked } from '../whatsapp/ask.ts';
import { FRIEND, operations, type Answer } from '../whatsapp/stage.ts';
import { Fence, STRANGER, type Somebody } from './recipients.ts';

const { tools } = await import('../../engine/surfaces/mcp/tools.ts');

type Input = Record<string, unknown>;

let fence: Fence;
let friend: Somebody;
let stranger: Somebody;
beforeAll(async () => {
  fence = await Fence.open();
  ({ friend, stranger } = fence);
  const { store } = fence.stage.engine;
  const arrived = async () => {
    const { items } = await store.messages.logs(1, { offset: 0, limit: 100 });
    return items.every(({ fromMe, status, send }) => !fromMe || send === 'scheduled' || status >= 3);
  };
  await fence.stage.untilTrue(arrived);
});
afterAll(() => fence?.close());

/** A call of each operation that can be held to recipients, as it is about somebody. */
const HELD: Record<string, (who: Somebody) => Input> = {
  'message.send': ({ phone }) => ({ to: phone, text: 'x' }),
  'message.list': ({ phone }) => ({ chat: phone }),
  'message.edit': ({ msgId }) => ({ msgId, text: 'x' }),
  'message.info': ({ msgId }) => ({ msgId }),
  'message.read': ({ received }) => ({ key: { ...received, fromMe: false } }),
  'message.resend': ({ msgId }) => ({ message: msgId }),
  'message.react': ({ msgId }) => ({ msgId, emoji: '👍' }),
  'message.forward': ({ msgId }) => ({ msgId, to: FRIEND }),
  'message.pin': ({ msgId }) => ({ msgId }),
  'message.star': ({ msgId }) => ({ msgId }),
  'message.vote': ({ poll }) => ({ msgId: poll, options: ['Friday'] }),
  'message.pollResults': ({ poll }) => ({ msgId: poll }),
  'message.remove': ({ msgId }) => ({ msgId }),
  'bulk.send': ({ phone }) => ({ recipients: [FRIEND, phone], text: 'x' }),
  'bulk.create': ({ phone }) => ({ recipients: [FRIEND, phone], text: 'x', start: false }),
  'bulk.get': ({ job }) => ({ job }),
  'bulk.listRecipients': ({ job }) => ({ job }),
  'bulk.pause': ({ job }) => ({ job }),
  'bulk.resume': ({ job }) => ({ job }),
  'bulk.cancel': ({ job }) => ({ job }),
  'bulk.remove': ({ job }) => ({ job }),
  'optOut.add': ({ phone }) => ({ to: phone }),
  'optOut.remove': ({ phone }) => ({ to: phone }),
  'scheduled.get': ({ scheduled }) => ({ msgId: scheduled }),
  'scheduled.update': ({ scheduled }) => ({ msgId: scheduled, text: 'x' }),
  'scheduled.cancel': ({ scheduled }) => ({ msgId: scheduled }),
  'inquiry.create': ({ phone }) => ({ to: phone, kind: 'text', text: 'x' }),
  'inquiry.get': ({ inquiry }) => ({ inquiryId: inquiry }),
  'inquiry.cancel': ({ inquiry }) => ({ inquiryId: inquiry }),
  'chat.presence': ({ phone }) => ({ jid: phone, type: 'composing' }),
  'chat.subscribe': ({ phone }) => ({ jid: phone }),
  'chat.update': ({ phone }) => ({ jid: phone, archived: true }),
  'call.reject': ({ phone, callId }) => ({ callId, from: phone }),
  'media.decrypt': ({ file }) => ({ id: file }),
  'contact.put': ({ phone }) => ({ jid: phone, fullName: 'x' }),
  'contact.get': ({ phone }) => ({ contactPhoneNumber: phone }),
  'contact.picture': ({ phone }) => ({ contactPhoneNumber: phone }),
  'contact.block': ({ phone }) => ({ contactPhoneNumber: phone }),
  'contact.unblock': ({ phone }) => ({ contactPhoneNumber: phone }),
  'contact.check': ({ phone }) => ({ phone_number: phone }),
  'contact.lidFromPn': ({ phone }) => ({ pn: phone }),
  'contact.pnFromLid': ({ lid }) => ({ lid }),
  'group.create': ({ phone }) => ({ name: 'x', participants: [phone] }),
  'group.metadata': ({ group }) => ({ groupJid: group }),
  'group.participants': ({ group }) => ({ groupJid: group }),
  'group.add': ({ group }) => ({ groupJid: group, participants: [FRIEND] }),
  'group.roles': ({ group }) => ({ groupId: group, action: 'promote', participants: [FRIEND] }),
  'group.remove': ({ group }) => ({ groupJid: group, participants: [FRIEND] }),
  'group.settings': ({ group }) => ({ groupJid: group, subject: 'x' }),
  'group.inviteLink': ({ group }) => ({ groupJid: group }),
  'group.revokeInvite': ({ group }) => ({ groupJid: group }),
  'group.picture': ({ group }) => ({ groupJid: group }),
  'group.requests': ({ group }) => ({ groupJid: group }),
  'group.decide': ({ group }) => ({ groupJid: group, action: 'approve', participants: [FRIEND] }),
  'group.leave': ({ group }) => ({ groupId: group }),
  'channel.get': ({ channel }) => ({ channelJid: channel }),
  'channel.follow': ({ channel }) => ({ channelJid: channel }),
  'channel.unfollow': ({ channel }) => ({ channelJid: channel }),
};

/** What nobody may do whose token is for certain recipients: it is about others, too, or hands out what would be. */
const REFUSED = `system.metrics token.create token.list token.remove approval.list approval.approve approval.reject
   session.create session.update session.remove session.regenerateKey session.messageLogs
   session.connect session.qrcode session.pairingCode session.restart session.disconnect
   message.polls bulk.list optOut.list scheduled.list inquiry.list chat.list contact.list contact.blocked
   group.list group.inviteInfo group.acceptInvite channel.list
   webhook.create webhook.list webhook.get webhook.remove webhook.resume webhook.redeliverParked webhook.replay
   webhook.sample webhook.events webhook.deliveries webhook.redeliver
   accountWebhook.create accountWebhook.list accountWebhook.get accountWebhook.remove accountWebhook.resume
   accountWebhook.redeliverParked accountWebhook.replay accountWebhook.sample`.split(/\s+/);

/** What is about nobody: the account itself, which stays as it is, and files that are not sent yet. */
const OF_THE_ACCOUNT =
  `system.authCheck media.upload session.list session.get session.getStatus session.user session.limits
   session.sessionLogs`.split(/\s+/);

/** No key is asked for. */
const PUBLIC = 'system.health system.ready documentation.get media.file media.decrypted'.split(' ');

const byId = (id: string) => operations.find((one) => one.id === id)!;

const names = (input: Input) =>
  JSON.stringify(input)
    .replace(/[ ()-]/g, '')
    .includes(STRANGER);

/** A refusal that says how to go on; of an id, not whose it is. */
function expectRefused({ status, body }: Pick<Answer, 'status' | 'body'>, input: Input): void {
  expect([status, body.code, body.message]).toEqual([
    403,
    'forbidden',
    expect.stringMatching(
      /recipients.*(Take one of them|Leave it out|Give |Use a token without|can see whether|as a whole)/,
    ),
  ]);
  if (!names(input)) expect(JSON.stringify(body)).not.toContain(STRANGER);
}

test('every operation is held to the recipients of a token, or refused, or about nobody', () => {
  const judged = [...Object.keys(HELD), ...REFUSED, ...OF_THE_ACCOUNT, ...PUBLIC];
  // Of one that is new here: can whoever it is about be told from its fields (operations/recipients.ts)?
  expect(judged.sort()).toEqual(operations.map(({ id }) => id).sort());
  expect(PUBLIC.filter((id) => byId(id).access !== 'public')).toEqual([]);
});

describe('a token for certain recipients, by REST,', () => {
  test('does nothing about anybody else, by any operation', async () => {
    const before = await fence.everything();
    let refused = 0;
    for (const [id, about] of Object.entries(HELD)) {
      const input = about(stranger);
      expectRefused(await fence.ask(id, input), input);
      refused++;
    }
    for (const id of REFUSED) {
      expectRefused(await fence.ask(id, { whatsappSession: 1, webhookId: 'x', tokenId: 1, approvalId: 1 }), {});
      refused++;
    }
    expect(await fence.everything()).toEqual(before);
    const count = { held: Object.keys(HELD).length, refused: REFUSED.length, own: OF_THE_ACCOUNT.length };
    console.log(
      `${operations.length} operations: ${count.held} held to recipients, ${count.refused} refused whole, ${count.own} about nobody, ${PUBLIC.length} public; ${refused} calls about a stranger, ${refused} refused, nothing changed`,
    );
    expect(refused).toBe(operations.length - count.own - PUBLIC.length);
  });
});

/** Ways round the fence: by the name of a tool, or of an operation that has none for it. */
const ROUND: [string, () => Input][] = [
  ...[
    () => `+${STRANGER}`,
    () => `00${STRANGER}`,
    () => `+1 (555) 010-0003`,
    () => `${STRANGER}@s.whatsapp.net`,
    () => ` ${STRANGER}:7@C.US`,
    () => stranger.lid,
    () => `https://wa.me/${STRANGER}`,
    () => `https://api.whatsapp.com/send?phone=${STRANGER}&text=${FRIEND}`,
    () => stranger.group,
    () => stranger.channel,
    () => 'status@broadcast',
  ].map((to): [string, () => Input] => ['send_text_message', () => ({ to: to(), text: 'no' })]),
  ['send_text_message', () => ({ to: FRIEND, text: 'no', replyTo: stranger.msgId })],
  ['send_text_message', () => ({ to: FRIEND, text: 'no', replyTo: stranger.received.id })],
  ['send_mention_text_message', () => ({ to: friend.group, text: 'no', mentions: [FRIEND, STRANGER] })],
  ['send_image_message', () => ({ to: STRANGER, imageUrl: 'http://127.0.0.1:9/never-fetched.jpg' })],
  ['send_poll_message', () => ({ to: STRANGER, poll: { question: 'no', options: ['a', 'b'] } })],
  ['send_contact_message', () => ({ to: STRANGER, contact: { name: 'no', phone: FRIEND } })],
  ['send_text_message', () => ({ to: STRANGER, text: 'no', scheduledAt: fence.tomorrow() })],
  ['message.send', () => ({ to: STRANGER, event: { name: 'no', startTime: 1_900_000_000 } })],
  ['message.send', () => ({ to: STRANGER, text: 'no', buttons: [{ text: 'no' }], footer: FRIEND })],
  ['message.send', () => ({ to: 'status@broadcast', text: 'no', audience: [STRANGER], backgroundColor: '#112233' })],
  ['update_scheduled_message', () => ({ msgId: stranger.scheduled, to: FRIEND })],
  ['update_scheduled_message', () => ({ msgId: friend.scheduled, to: STRANGER })],
  ['list_scheduled_messages', () => ({})],
  ['create_bulk_job', () => ({ recipients: [STRANGER], text: 'no', dry_run: true })],
  ['create_bulk_job', () => ({ recipients: [FRIEND, Number(STRANGER)], text: 'no' })],
  ['create_bulk_job', () => ({ recipients: [{ to: FRIEND }, { to: STRANGER }], text: 'no' })],
  ['bulk.create', () => ({ recipients: [FRIEND], text: 'no', mentions: [STRANGER] })],
  ['bulk.send', () => ({ recipients: [{ to: STRANGER, variables: { to: FRIEND } }], type: 'text', text: 'no' })],
  ['bulk.send', () => ({ recipients: [STRANGER], type: 'image', imageUrl: 'http://127.0.0.1:9/x', caption: 'no' })],
  ['list_bulk_jobs', () => ({})],
  ['list_opt_outs', () => ({})],
  ['inquiry.create', () => ({ to: friend.group, from: STRANGER, kind: 'text', text: 'no' })],
  // It would end the question that the stranger was asked by the same URL.
  ['inquiry.create', () => ({ to: FRIEND, kind: 'text', text: 'no', callbackUrl: stranger.callbackUrl })],
  ['forward_message', () => ({ msgId: friend.msgId, to: STRANGER })],
  ['forward_message', () => ({ msgId: stranger.received.id, to: FRIEND })],
  ['list_messages', () => ({})],
  ['list_messages', () => ({ before: 1_000_000 })],
  ['mark_message_as_read', () => ({ key: { ...stranger.received, fromMe: false } })],
  ['mark_message_as_read', () => ({ key: { ...friend.received, id: stranger.received.id, fromMe: false } })],
  ['mark_message_as_read', () => ({ key: { ...stranger.received, id: friend.received.id, fromMe: true } })],
  ['download_media', () => ({ msgId: stranger.msgId, id: friend.file })],
  ['download_media', () => ({ msgId: friend.msgId, id: stranger.file })],
  ['media.decrypt', () => ({ id: friend.file, data: { messages: { key: stranger.received, message: {} } } })],
  ['create_group', () => ({ name: 'no', participants: [FRIEND, STRANGER] })],
  ['create_group', () => ({ name: 'no', participants: [] })],
  ['create_group', () => ({ name: 'no' })],
  ['add_group_participants', () => ({ groupJid: friend.group, participants: [STRANGER] })],
  ['add_group_participants', () => ({ groupJid: stranger.group, participants: [FRIEND] })],
  ['get_group_metadata', () => ({ groupJid: stranger.group.replace('@g.us', '') })],
  // Digits are a number to one field, and a group, a channel or a LID to another.
  ['get_group_metadata', () => ({ groupJid: FRIEND })],
  ['get_channel', () => ({ channelJid: FRIEND })],
  ['get_phone_number_from_lid', () => ({ lid: FRIEND })],
  ['get_channel', () => ({ channelJid: fence.stage.sandbox.channels.get(friend.channel).invite })],
  ['get_contact_info', () => ({ contactPhoneNumber: STRANGER, fresh: true })],
  ['send_presence_update', () => ({ jid: FRIEND, type: 'available' })],
  ['send_presence_update', () => ({ jid: FRIEND, type: 'unavailable', delayMs: 1 })],
  ['list_contacts', () => ({})],
  ['search_contacts', () => ({ search: FRIEND })],
  ['list_chats', () => ({})],
  ['list_groups', () => ({})],
  ['list_polls', () => ({})],
  ['list_events', () => ({})],
  ['accept_group_invite', () => ({ code: 'ABCDEFGH' })],
  ['update_whatsapp_session', () => ({ webhook_url: 'https://example.com' })],
  ['create_whatsapp_session', () => ({ name: 'x', phone_number: `+${FRIEND}` })],
  ['get_message_logs', () => ({})],
  ['webhook.create', () => ({ whatsappSession: 1, url: 'http://127.0.0.1:9', events: ['*'] })],
  ['webhook.create', () => ({ whatsappSession: 1, url: 'http://127.0.0.1:9', filter: { chats: [FRIEND] } })],
  ['accountWebhook.create', () => ({ url: 'http://127.0.0.1:9', events: ['*'] })],
  ['token.create', () => ({ name: 'wider' })],
  ['token.create', () => ({ name: 'wider', scope: { recipients: [FRIEND, STRANGER] } })],
  ['session.regenerateKey', () => ({ whatsappSession: 1 })],
  ['session.pairingCode', () => ({ whatsappSession: 1, phone_number: FRIEND })],
];

describe('a token for certain recipients', () => {
  test.each(ROUND)('does not get round them by %s', async (name, about) => {
    const input = about();
    const tool = tools.get(name);
    const operation = tool?.operation ?? byId(name);
    const before = await fence.everything();
    const session = operation.http.includes(':whatsappSession') ? { whatsappSession: 1 } : {};
    expectRefused(await fence.ask(operation.id, { ...session, ...tool?.tool.set, ...input }), input);
    if (tool) {
      const { error } = await fence.agent.call(name, input);
      expect(error).toMatchObject({ code: 'forbidden' });
      if (!names(input)) expect(error!.message).not.toContain(STRANGER);
    }
    expect(await fence.everything()).toEqual(before);
  });

  test('is for addresses: a name is nobody’s', async () => {
    const before = await fence.everything();
    for (const to of ['Somebody else', STRANGER + 'x', `${FRIEND}, ${STRANGER}`]) {
      expect((await fence.ask('message.send', { to, text: 'no' })).status).toBe(422);
    }
    expect(await fence.everything()).toEqual(before);
  });

  test('is not told what came of somebody else’s request by repeating its Idempotency-Key', async () => {
    const { stage } = fence;
    const headers = { 'idempotency-key': 'of-somebody-else' };
    const later = { text: 'later', scheduledAt: fence.tomorrow() };
    const { body } = await ask(stage, 'message.send', { to: FRIEND, ...later }, headers);
    const { msgId } = body.data as { msgId: number };
    // A scheduled message that was changed is what its key answers, whatever is asked.
    await asked(stage, 'scheduled.update', { msgId, to: STRANGER });
    expectRefused(await fence.ask('message.send', { to: FRIEND, ...later }, headers), {});
    expectRefused(await fence.ask('message.send', { to: STRANGER, ...later }, headers), { STRANGER });
    const own = { 'idempotency-key': 'of-the-agent' };
    const first = await fence.ask('message.send', { to: FRIEND, text: 'once' }, own);
    const again = await fence.ask('message.send', { to: FRIEND, text: 'once' }, own);
    expect([again.status, again.body.data]).toEqual([200, first.body.data]);
  });

  test('uploads a file, by a form, and sends it to nobody else', async () => {
    const body = new FormData();
    body.append('file', new File([new Uint8Array(PDF)], 'Plan.pdf', { type: 'application/pdf' }));
    const headers = { authorization: `Bearer ${fence.token}`, 'x-warbler-session': '1' };
    const response = await fetch(`${fence.stage.engine.url}/api/upload`, { method: 'POST', headers, body });
    const { id: documentUrl, publicUrl } = (await response.json()) as { id: string; publicUrl: string };
    const before = await fence.everything();
    for (const file of [documentUrl, publicUrl]) {
      const input = { to: STRANGER, documentUrl: file, fileName: 'Plan.pdf' };
      expectRefused(await fence.ask('message.send', input), input);
    }
    expect(await fence.everything()).toEqual(before);
    const sent = await fence.ask('message.send', { to: FRIEND, documentUrl, fileName: 'Plan.pdf', wait: true });
    expect(sent.status).toBe(200);
  });

  test('has no person asked to approve what is refused, and no call counted', async () => {
    const scope = { recipients: [`+${FRIEND}`], approval: 'writes' as const, calls_per_day: 1 };
    const agent = await fence.connect(await fence.tokenFor(scope));
    const { error } = await agent.call('send_text_message', { to: STRANGER, text: 'no' });
    expect(error).toMatchObject({ code: 'forbidden', message: expect.stringMatching(/recipients/) });
    const { total } = await asked<{ total: number }>(fence.stage, 'approval.list');
    expect(total).toBe(0);
    expect(await agent.data('list_messages', { chat: FRIEND })).not.toEqual([]);
    expect((await agent.call('list_messages', { chat: FRIEND })).error).toMatchObject({ code: 'rate_limited' });
  });

  test('opens nothing beside the API and MCP, and nothing of the account', async () => {
    const headers = { authorization: `Bearer ${fence.token}` };
    const status = async (path: string, init: RequestInit = {}) =>
      (await fetch(`${fence.stage.engine.url}${path}`, { headers, ...init })).status;
    expect(await status('/sandbox/phones')).toBe(403);
    expect(await status(`/sandbox/phones/${STRANGER}/messages`)).toBe(403);
    expect(await status('/metrics')).toBe(403);
    expect(await status('/api/auth-check')).toBe(200);
  });

  test('is not shown tools that could not be held to them', async () => {
    const names = await fence.agent.tools();
    expect(names).toEqual(expect.arrayContaining(['send_text_message', 'list_messages', 'list_whatsapp_sessions']));
    for (const name of ['list_contacts', 'list_bulk_jobs', 'accept_group_invite', 'update_whatsapp_session']) {
      expect(names).not.toContain(name);
    }
  });
});

describe('what such a token opens', () => {
  const scopeOf = async (scope: object) => {
    const { body } = await ask(fence.stage, 'token.create', { name: JSON.stringify(scope), scope });
    return (body.data as { scope: object } | undefined)?.scope ?? body['errors'];
  };
  const recipients = [`${FRIEND}@s.whatsapp.net`];

  test('is REST and MCP, unless it is for MCP or has what only MCP can hold to', async () => {
    expect(await scopeOf({ recipients: [FRIEND] })).toEqual({ recipients });
    expect(await scopeOf({ recipients: [FRIEND], mcp_only: false })).toEqual({ recipients });
    expect(await scopeOf({ recipients: [FRIEND], mcp_only: true })).toEqual({ recipients, mcp_only: true });
    for (const more of [{ tools: ['write'] }, { calls_per_day: 5 }, { approval: 'writes' }]) {
      expect(await scopeOf({ recipients: [FRIEND], ...more })).toEqual({ recipients, mcp_only: true, ...more });
      const { 'scope.mcp_only': words } = (await scopeOf({ recipients: [FRIEND], mcp_only: false, ...more })) as Input;
      expect(words).toEqual([`REST cannot hold to ${Object.keys(more)[0]!}.`]);
    }
  });

  test('is MCP alone for one that was made when recipients held there only', async () => {
    const token = newToken();
    // As it was stored then.
    await fence.stage.engine.store.tokens.put('old', hashToken(token), { scope: { mcp_only: true, recipients } });
    const { status, body } = await fence.ask('message.list', { chat: FRIEND }, { authorization: `Bearer ${token}` });
    expect([status, body.message]).toEqual([403, expect.stringMatching(/opens \/mcp and nothing else/)]);
    expect(await (await fence.connect(token)).data('list_messages', { chat: FRIEND })).not.toEqual([]);
  });
});

describe('a token for certain recipients reaches them', () => {
  const lines = (phone: string, ...wanted: string[]) =>
    fence.stage.untilTrue(() => wanted.every((text) => fence.texts(phone).includes(text)));

  test('by number, by LID, by a link and in their groups', async () => {
    const { group, lid, msgId } = friend;
    const send = (to: string, text: string, more: Input = {}) => fence.ask('message.send', { to, text, ...more });
    await send(FRIEND, 'by number', { replyTo: msgId });
    await send(lid, 'by LID');
    await send(`https://wa.me/${FRIEND}`, 'by a link');
    await send(group, 'in the group', { mentionAll: true, mentions: [FRIEND] });
    await lines(FRIEND, 'by number', 'by LID', 'by a link', 'in the group');
    await fence.agent.data('send_text_message', { to: lid, text: 'by a tool', replyTo: msgId });
    await fence.agent.data('send_mention_text_message', { to: group, text: 'by a tool, all', mentionAll: true });
    await lines(FRIEND, 'by a tool', 'by a tool, all');
  });

  test('later, and many of them', async () => {
    const later = { to: FRIEND, text: 'later', scheduledAt: fence.tomorrow() };
    const { msgId } = await fence.agent.data<{ msgId: number }>('send_text_message', later);
    const now = new Date(fence.clock.now()).toISOString();
    await fence.agent.data('update_scheduled_message', { msgId, to: friend.group, text: 'now', scheduledAt: now });
    const recipients = [{ to: friend.lid }, FRIEND, friend.group, `+${FRIEND}`];
    await fence.agent.data('create_bulk_job', { recipients, text: 'to many' });
    await lines(FRIEND, 'now', 'to many');
  });

  test('with a question that a URL is told of, also in place of one that they were asked by it before', async () => {
    const { store } = fence.stage.engine;
    for (const callbackUrl of ['http://127.0.0.1:9/new', friend.callbackUrl]) {
      const question = { to: FRIEND, kind: 'text', text: callbackUrl, callbackUrl };
      expect((await fence.ask('inquiry.create', question)).status).toBe(201);
    }
    const status = async ({ inquiry }: Somebody) => (await store.inquiries.get(1, inquiry))?.status;
    expect([await status(friend), await status(stranger)]).toEqual(['cancelled', 'open']);
  });

  test('by every operation that can be held to them, and by those that are about nobody', async () => {
    let reached = 0;
    const of = (id: string) => ({ ...(byId(id).http.includes(':whatsappSession') && { whatsappSession: 1 }) });
    for (const id of OF_THE_ACCOUNT) {
      const input = id === 'media.upload' ? { base64: 'aGVsbG8=', mimetype: 'text/plain' } : of(id);
      const { status, body } = await fence.ask(id, input);
      expect([id, status < 300]).toEqual([id, true]);
      expect(JSON.stringify(body)).not.toMatch(/api_key|webhook_secret|wblr_/);
    }
    const notNow: unknown[] = [];
    for (const [id, about] of Object.entries(HELD)) {
      const { status, body } = await fence.ask(id, about(friend));
      if (status < 300) reached++;
      else notNow.push([id, body.code]);
    }
    console.log(
      `${reached} of ${Object.keys(HELD).length} calls about the friend done, ${notNow.length} not possible now`,
    );
    // It has not failed, does not run, and is the account's own.
    expect(notNow).toEqual([
      ['message.resend', 'conflict'],
      ['bulk.pause', 'conflict'],
      ['channel.unfollow', 'not_permitted'],
    ]);
    expect(fence.texts(STRANGER)).not.toContain('x');
    for (const id of OF_THE_ACCOUNT.slice(-3)) {
      const { status } = await fence.ask(id, of(id));
      expect([id, status]).toEqual([id, 200]);
    }
  });
});
