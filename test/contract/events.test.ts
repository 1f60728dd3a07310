import { EVENT_NAMES, type EventEnvelope, type EventName } from '../../engine/events.ts';
import { exampleOf } from '../../engine/operations/event-examples.ts';
import { Receiver, type ReceivedRequest } from '../engine/receiver.ts';
import { FRIEND } from '../whatsapp/stage.ts';
import { Agent } from './agent.ts';
import { file } from './files.ts';
import { EVENT_FIXTURES, type EventFixture } from './fixtures.ts';
import { differences, documentedForEvents } from './matcher.ts';
import { gist, proven } from './prove.ts';
import { must, OWN, SAMPLE, SAMPLE_JID, World } from './world.ts';

/** What somebody does on a phone, and how the event that follows from it is told from others of its kind. */
interface Provocation {
  /** Title of the documented example that this one is; without it the event is documented nowhere. */
  as?: string;
  provoke: () => Promise<(event: EventEnvelope) => boolean>;
  /** Keys of the example of which each event has only some. */
  parts?: string[];
  /** Whom the envelope has to name. */
  about: () => Partial<Pick<EventEnvelope, 'jid' | 'lid' | 'phone'>>;
}

let world: World;
let receiver: Receiver;
let group: string;
let channel: string;
const seen: ReceivedRequest[] = [];

beforeAll(async () => {
  world = await World.open();
  receiver = await Receiver.start();
  group = world.group([OWN, SAMPLE, FRIEND]);
  channel = world.channel(SAMPLE, OWN);
  await world.account('PUT', '/api/whatsapp-sessions/1', hook({ download_media: true }));
});
afterAll(async () => {
  await world?.close();
  await receiver?.close();
});

/** Every event, to the session's own webhook, as WasenderApi's customers set it up. */
const hook = (more: object = {}) => ({
  webhook_url: receiver.origin,
  webhook_enabled: true,
  webhook_events: null,
  ...more,
});

const sam = () => ({ lid: world.sandbox.phone(SAMPLE).lid, phone: SAMPLE });
const chat = () => ({ jid: SAMPLE_JID, ...sam() });
const inGroup = () => ({ jid: group, ...sam() });
const data = <T>(event: EventEnvelope) => event.data as T;
const says = (id: string) => (event: EventEnvelope) => JSON.stringify(event.data).includes(id);

/** Sam writes to the session's account. */
async function writes(
  content: Record<string, unknown> = { text: 'Hello, I have a question' },
  to = OWN,
): Promise<string> {
  return (await world.sandbox.send(SAMPLE, { to, ...content })).id;
}
/** …and it has arrived. */
async function written(content?: Record<string, unknown>): Promise<string> {
  const id = await writes(content);
  await posted('messages.received', says(id));
  return id;
}
/** The session's account writes, and it has been taken. */
async function sends(body: Record<string, unknown>): Promise<string> {
  const { body: answer } = await world.send({ wait: true, ...body });
  return (answer.data as { id: string }).id;
}

/** The session's account asks Sam something; answers the inquiry's id, and that of the message. */
async function asks(body: Record<string, unknown>): Promise<{ inquiryId: string; id: string }> {
  const { body: answer } = await world.api('POST', '/api/inquiries', { to: SAMPLE, text: fresh('Well?'), ...body });
  const { id: inquiryId, msgId } = answer.data as { id: string; msgId: number };
  const { body: info } = await world.api('GET', `/api/messages/${msgId}/info`);
  return { inquiryId, id: (info.data as { id: string }).id };
}

async function posted(name: EventName, fits: (event: EventEnvelope) => boolean): Promise<ReceivedRequest> {
  const all = () => receiver.requests.filter(({ event }) => event.event === name);
  try {
    return await world.eventually(name, () => all().find(({ event }) => fits(event)));
  } catch {
    throw new Error(
      `Not posted as provoked; posted were ${JSON.stringify(all().map(({ event }) => event)).slice(-600)}`,
    );
  }
}

const received =
  (to: () => string = () => OWN): Provocation['provoke'] =>
  async () =>
    says(await writes(undefined, to()));
let names = 0;
const fresh = (what: string) => `${what} ${++names}`;

/** How each event is provoked: by people on phones, by receipts, by the network. */
const PROVOCATIONS: Record<EventName, Provocation[]> = {
  'messages.received': [
    { as: 'payload', provoke: received(), about: sam },
    { as: 'How To Receive Messages and Media', provoke: received(), about: sam },
  ],
  'messages-personal.received': [{ as: 'payload', provoke: received(), about: sam }],
  'messages-group.received': [{ as: 'payload', provoke: received(() => group), about: inGroup }],
  'messages-newsletter.received': [
    {
      as: 'payload',
      provoke: async () =>
        says((await world.sandbox.channels.post(channel, { by: SAMPLE, text: 'Hey Good News!' })).id),
      about: () => ({ jid: channel }),
    },
  ],
  'messages.upsert': [{ as: 'payload', provoke: received(), about: sam }],
  'messages.update': [
    {
      as: 'payload',
      provoke: async () => {
        const id = await sends({ text: 'read me' });
        await world.arrived(SAMPLE, (message) => message.id === id);
        await world.sandbox.read(SAMPLE, { chat: OWN, ids: [id] });
        return (event) => says(id)(event) && data<{ update: { status: number } }>(event).update.status === 4;
      },
      about: chat,
    },
  ],
  'messages.delete': [
    {
      as: 'payload',
      provoke: async () => {
        const id = await written();
        await world.sandbox.gestures.delete(SAMPLE, { chat: OWN, id });
        return says(id);
      },
      about: sam,
    },
  ],
  'messages.reaction': [
    {
      as: 'payload',
      provoke: async () => {
        const id = await sends({ text: 'do you like it?' });
        await world.arrived(SAMPLE, (message) => message.id === id);
        await world.sandbox.gestures.react(SAMPLE, { chat: OWN, id, emoji: '👍' });
        return (event) => says(id)(event) && says('👍')(event);
      },
      about: sam,
    },
  ],
  'message.sent': [
    {
      as: 'message sent successfully',
      provoke: async () => says(await sends({ text: 'This is my reply.' })),
      about: chat,
    },
    {
      as: 'message failed to be sent',
      provoke: async () => {
        const { body } = await world.send({ to: '+15559990000', text: 'nobody', wait: true });
        const { msgId } = body['details'] as { msgId: number };
        return (event) => data<{ msgId: number }>(event).msgId === msgId;
      },
      about: () => ({ phone: '15559990000' }),
    },
  ],
  'message-receipt.update': [
    {
      as: 'receipt',
      provoke: async () => receiptOf(await sends({ to: group, text: 'all' }), 'receiptTimestamp'),
      about: inGroup,
    },
    {
      as: 'read',
      provoke: async () => {
        const id = await sends({ to: group, text: 'read this, all' });
        await world.arrived(SAMPLE, (message) => message.id === id);
        await world.sandbox.read(SAMPLE, { chat: group, ids: [id] });
        return receiptOf(id, 'readTimestamp');
      },
      about: inGroup,
    },
  ],
  'message.undecryptable': [{ provoke: garbled, about: sam }],
  'message.recovered': [{ provoke: garbled, about: sam }],
  'media.ready': [
    {
      provoke: async () => {
        const id = await writes({ imageUrl: `data:image/png;base64,${file('logo.png').toString('base64')}` });
        return (event) => says(id)(event) && typeof data<{ publicUrl: string }>(event).publicUrl === 'string';
      },
      about: sam,
    },
  ],
  'poll.results': [
    {
      as: 'payload',
      provoke: async () => {
        const id = await sends({ poll: { question: 'Hungry?', options: ['Pizza', 'Humberger'] } });
        await world.arrived(SAMPLE, (message) => message.id === id);
        await world.sandbox.gestures.vote(SAMPLE, { chat: OWN, id, options: ['Pizza'] });
        return says(id);
      },
      about: sam,
    },
  ],
  call: [
    {
      as: 'payload',
      provoke: async () => {
        const { callId } = world.sandbox.calls.start(SAMPLE, { to: OWN, video: true });
        return says(callId);
      },
      about: sam,
    },
  ],
  'presence.update': [
    {
      provoke: async () => {
        await world.api('POST', '/api/send-presence-update', { jid: world.own().jid, type: 'available' });
        await world.api('POST', '/api/presence/subscribe', { jid: SAMPLE_JID });
        world.sandbox.typing(SAMPLE, { to: OWN });
        return says('composing');
      },
      about: sam,
    },
  ],
  'chats.upsert': [
    {
      as: 'payload',
      provoke: async () => {
        const phone = world.newPhone();
        await world.sandbox.send(phone, { to: OWN, text: 'for the first time' });
        return (event) => event.phone === phone;
      },
      about: () => ({}),
    },
  ],
  'chats.update': [
    {
      as: 'payload',
      provoke: async () => {
        await written();
        world.sandbox.chats.change(OWN, { chat: SAMPLE, archived: true });
        return (event) => data<{ archived?: boolean }[]>(event)[0]!.archived === true && event.phone === SAMPLE;
      },
      about: chat,
    },
  ],
  'chats.delete': [
    {
      as: 'payload',
      provoke: async () => {
        const phone = world.newPhone();
        const { id } = await world.sandbox.send(phone, { to: OWN, text: 'not for long' });
        await posted('messages.received', says(id));
        world.sandbox.chats.change(OWN, { chat: phone, delete: true });
        return says(phone);
      },
      about: () => ({}),
    },
  ],
  'contacts.upsert': [
    {
      as: 'payload',
      provoke: async () => {
        const name = fresh('Contact Name');
        world.sandbox.account.saveContact(OWN, { phone: SAMPLE, name });
        return says(name);
      },
      about: sam,
    },
  ],
  'contacts.update': [
    {
      as: 'payload',
      provoke: async () => {
        await world.sandbox.account.setPicture(SAMPLE, { base64: file('image.jpg').toString('base64') });
        return says('imgUrl');
      },
      about: sam,
    },
  ],
  'contact.identity_changed': [
    {
      provoke: async () => {
        await written();
        await world.sandbox.reinstall(SAMPLE);
        await writes();
        return says('changedAt');
      },
      about: chat,
    },
  ],
  'groups.upsert': [
    {
      as: 'payload',
      provoke: async () =>
        says(
          world.sandbox.groups.create({
            creator: SAMPLE,
            subject: 'Group Name',
            participants: [OWN],
            description: 'Group description',
          }).jid,
        ),
      about: sam,
    },
  ],
  'groups.update': [
    {
      as: 'payload',
      // WhatsApp tells each setting by itself: what the example shows in one event comes in two.
      provoke: async () => {
        const jid = world.group([SAMPLE, OWN]);
        world.sandbox.groups.set(jid, { by: SAMPLE, restrict: true });
        world.sandbox.groups.set(jid, { by: SAMPLE, announce: true, restrict: false });
        const tells = (setting: string) => (event: EventEnvelope) => event.jid === jid && says(setting)(event);
        await posted('groups.update', tells('"restrict":false'));
        return tells('"announce":true');
      },
      parts: ['announce', 'restrict'],
      about: sam,
    },
  ],
  'group-participants.update': [
    {
      as: 'payload',
      provoke: async () => {
        const jid = world.group([SAMPLE, OWN]);
        world.sandbox.groups.change(jid, 'add', { by: SAMPLE, participants: [FRIEND] });
        return (event) => event.jid === jid;
      },
      about: sam,
    },
  ],
  'group.join-request': [
    {
      provoke: async () => {
        const { jid, inviteCode } = world.sandbox.groups.create({
          creator: OWN,
          subject: 'By request',
          participants: [],
          joinApproval: true,
        });
        world.sandbox.groups.join(jid, { phone: SAMPLE, code: inviteCode });
        return (event) => event.jid === jid && says('created')(event);
      },
      about: sam,
    },
  ],
  'account.restricted': [
    {
      provoke: async () => {
        const { id } = world.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 60 });
        await posted('account.restricted', () => true);
        world.sandbox.removeFaults(id);
        return () => true;
      },
      about: () => ({}),
    },
  ],
  'bulk.status': [
    {
      provoke: async () => {
        const { body } = await world.api('POST', '/api/bulk-jobs', { recipients: [FRIEND], text: fresh('To many') });
        const { id } = body.data as { id: number };
        return (event) => {
          const { job } = data<{ job: { id: number; status: string } }>(event);
          return job.id === id && job.status === 'completed';
        };
      },
      about: () => ({}),
    },
  ],
  'inquiry.answered': [
    {
      provoke: async () => {
        const { inquiryId, id } = await asks({ kind: 'approval' });
        await world.arrived(SAMPLE, (message) => message.id === id);
        await world.sandbox.gestures.react(SAMPLE, { chat: OWN, id, emoji: '👍🏽' });
        return says(inquiryId);
      },
      about: chat,
    },
  ],
  'inquiry.expired': [
    {
      provoke: async () => {
        const { inquiryId } = await asks({ kind: 'text', expireAfter: 60 });
        // A minute is long: the time is over by a word of ours.
        await world.stage.engine.store.commit({
          sessionId: 1,
          inquiriesOver: { by: Date.now() + 120_000, limit: 10 },
        });
        return says(inquiryId);
      },
      about: chat,
    },
  ],
  'inquiry.failed': [
    {
      provoke: async () => {
        const { inquiryId } = await asks({ kind: 'text', to: '+15559990000' });
        return says(inquiryId);
      },
      about: () => ({ phone: '15559990000' }),
    },
  ],
  'approval.requested': [
    {
      provoke: async () => {
        const scope = { approval: 'all' };
        const { body } = await world.account('POST', '/api/tokens', { name: fresh('an agent'), scope });
        const agent = await Agent.connect(world.stage.engine.url, (body.data as { token: string }).token);
        const calling = agent.call('send_text_message', { to: SAMPLE, text: 'May I?' });
        const id = await world.eventually('the approval', async () => {
          const { body: pending } = await world.account('GET', '/api/approvals?status=pending');
          return (pending.data as { data: { id: number }[] }).data[0]?.id;
        });
        await world.account('POST', `/api/approvals/${id}/reject`);
        await calling;
        await agent.close();
        return says('May I?');
      },
      about: () => ({}),
    },
  ],
  'session.status': [
    {
      as: 'payload',
      provoke: async () => {
        const session = await world.session({ connected: true, ...hook() });
        return (event) => event.sessionId === String(session.id) && says('connected')(event);
      },
      about: () => ({}),
    },
  ],
  'qrcode.updated': [
    {
      as: 'payload',
      provoke: async () => {
        const session = await world.session(hook());
        await world.account('POST', `/api/whatsapp-sessions/${session.id}/connect`);
        return (event) => event.sessionId === String(session.id);
      },
      about: () => ({}),
    },
  ],
};

/** A message that cannot be decrypted at first, and then can. */
async function garbled(): Promise<(event: EventEnvelope) => boolean> {
  world.sandbox.addFault({ fault: 'garble', phone: OWN, times: 1 });
  return says(await writes({ text: 'through the noise' }));
}

const receiptOf = (id: string, field: string) => (event: EventEnvelope) =>
  says(id)(event) && says(field)(event) && event.lid === sam().lid;

const FIXTURES = [...EVENT_FIXTURES].map(([name, fixture]) => ({ name, fixture }));
const fixtureOf = (event: EventName): { name: string; fixture: EventFixture } | undefined =>
  FIXTURES.find(({ fixture }) => fixture.event === event);

describe.each(EVENT_NAMES)('%s', (event) => {
  const provocations = PROVOCATIONS[event];
  const documented = fixtureOf(event);
  for (const provocation of provocations) {
    const example = documented?.fixture.examples.find(({ title }) => title === provocation.as);
    const row = {
      fixture: documented ? `event ${documented.name}` : `event ${event}`,
      endpoint: documented?.fixture.title ?? 'Event of Warbler’s own',
      what: provocation.as && provocation.as !== 'payload' ? `${event}: ${provocation.as}` : event,
      documented: example ? gist(example.body) : 'only here',
    };
    proven(row, async () => {
      const request = await posted(event, await provocation.provoke());
      seen.push(request);
      envelope(request.event, provocation.about());
      if (!example) return undefined;
      const problems = differences(example.body, request.event, documentedForEvents()).filter(
        (problem) => !provocation.parts?.some((part) => problem.includes(`.${part} is missing`)),
      );
      must(problems.length === 0, problems.join('; '));
      return provocation.parts && 'each in an event of its own, as WhatsApp tells them';
    });
  }
  test('every documented example of it is provoked', () => {
    const titles = documented?.fixture.examples.map(({ title }) => title) ?? [];
    expect(provocations.flatMap(({ as }) => as ?? []).sort()).toEqual([...titles].sort());
    expect(provocations).not.toHaveLength(0);
  });
});

/** What every request carries, whatever the event. */
function envelope(event: EventEnvelope, about: ReturnType<Provocation['about']>): void {
  must(typeof event.id === 'string' && event.id.length >= 16, `id is ${event.id}`);
  must(Number.isInteger(event.seq) && event.seq > 0, `seq is ${event.seq}`);
  must(/^\d+$/.test(event.sessionId), `sessionId is ${event.sessionId}`);
  must(Number.isInteger(event.timestamp), `timestamp is ${event.timestamp}`);
  for (const [field, value] of Object.entries(about)) {
    must(
      event[field as keyof typeof about] === value,
      `${field} is ${event[field as keyof typeof about]}, not ${value}`,
    );
  }
}

/** Every key of a value with where it stands, and the kind of what is there. Addresses that are keys are all the same. */
function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((one) => shapeOf(one, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return [`${path}: ${value === null ? 'null' : typeof value}`];
  return Object.entries(value).flatMap(([key, one]) => shapeOf(one, `${path}.${key.includes('@') ? '*' : key}`));
}

test.each(EVENT_NAMES)('the example of %s is what such an event looks like', (name) => {
  const example = exampleOf(name, 1, Date.now());
  const real = receiver.requests.filter(({ event }) => event.event === name).map(({ event }) => shapeOf(event).sort());
  expect(real).toContainEqual(shapeOf(example).sort());
});

test('no event is documented that is not declared', () => {
  for (const { fixture } of FIXTURES) expect(EVENT_NAMES).toContain(fixture.event);
});

test('ids are never given twice, and seq rises with every event of a session', () => {
  const events = receiver.requests.map(({ event }) => event);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
});

test('no request carries a key or a token', async () => {
  const { body } = await world.account('GET', '/api/whatsapp-sessions/1');
  const { webhook_secret: secret } = body.data as { webhook_secret: string };
  expect(seen.length).toBeGreaterThan(EVENT_NAMES.length);
  for (const { body: posted } of receiver.requests) {
    expect(posted).not.toContain(world.apiKey);
    expect(posted).not.toContain(secret);
  }
});
