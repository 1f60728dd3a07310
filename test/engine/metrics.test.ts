import { FRIEND, OWN, Stage, TOKEN } from '../whatsapp/stage.ts';
import { Receiver } from './receiver.ts';

let stage: Stage;
let receiver: Receiver;
beforeAll(async () => {
  stage = await Stage.open();
  receiver = await Receiver.start();
});
afterAll(async () => {
  await stage?.close();
  await receiver?.close();
});

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Asks as Prometheus does. */
async function scrape(): Promise<{ text: string; samples: Sample[] }> {
  const response = await fetch(`${stage.engine.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const text = await response.text();
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  const samples = lines.map((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, of]) => [label, of]);
    return { name: name!, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
  });
  return { text, samples };
}

/** One figure by its name and labels. */
async function figure(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const { samples } = await scrape();
  const fits = (one: Sample) => Object.entries(labels).every(([label, value]) => one.labels[label] === value);
  return samples.find((one) => one.name === name && fits(one))?.value;
}

test('figures follow what happens to sessions, messages, events and webhooks', async () => {
  const before = (await figure('warbler_messages_received_total', { session: '1' })) ?? 0;
  receiver.answer = () => 500;
  const { id } = await stage.subscribe(receiver.origin, ['messages.received']);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'Hello' });
  await receiver.next();
  expect((await stage.send(FRIEND, 'Hello back')).status).toBe(200);
  await stage.untilTrue(
    async () => (await figure('warbler_delivery_attempt_duration_seconds_count', { outcome: 'retry' }))! > 0,
  );

  expect(await figure('warbler_messages_received_total', { session: '1' })).toBe(before + 1);
  expect(await figure('warbler_messages_sent_total', { session: '1' })).toBe(1);
  expect(await figure('warbler_events_total', { event: 'messages.received' })).toBeGreaterThan(0);
  expect(await figure('warbler_deliveries_waiting', { session: '1' })).toBe(1);
  expect(await figure('warbler_oldest_undelivered_event_age_seconds', { session: '1' })).toBeGreaterThan(0);
  expect(await figure('warbler_sessions', { status: 'connected' })).toBe(1);
  expect(await figure('warbler_session_connected', { session: '1' })).toBe(1);
  expect(await figure('warbler_session_last_frame_age_seconds', { session: '1' })).toBeGreaterThanOrEqual(0);
  expect(await figure('warbler_session_connections_total', { session: '1' })).toBeGreaterThan(0);
  expect(await figure('warbler_send_queue_messages', { session: '1' })).toBe(0);
  expect(await figure('warbler_webhooks', { session: '1', state: 'active' })).toBe(1);
  await stage.engine.store.subscriptions.park(id, 'gone');
  expect(await figure('warbler_webhooks', { session: '1', state: 'parked' })).toBe(1);
  const ofAll = async () => {
    const { samples } = await scrape();
    return samples.filter(({ name, labels }) => name === 'warbler_webhooks' && !('session' in labels));
  };
  expect((await ofAll()).map(({ labels, value }) => [labels['state'], value])).toEqual([
    ['active', 0],
    ['parked', 0],
  ]);
  const all = await stage.call('POST', '/api/webhooks', { url: receiver.origin, events: ['call'] });
  expect((await ofAll()).map(({ value }) => value)).toEqual([1, 0]);
  await stage.call('DELETE', `/api/webhooks/${(all.body.data as { id: string }).id}`);

  await stage.engine.store.subscriptions.delete(id);
  expect(await figure('warbler_deliveries_waiting', { session: '1' })).toBe(0);
  expect(await figure('warbler_oldest_undelivered_event_age_seconds', { session: '1' })).toBe(0);
});

test('requests are counted by operation and class of status, refusals by code', async () => {
  const requests = (status: string) =>
    figure('warbler_request_duration_seconds_count', { op: 'group.metadata', status });
  await stage.call('GET', '/api/groups/no-group/metadata');
  await stage.call('GET', '/api/groups/no-group/metadata', undefined, { authorization: 'Bearer wrong' });
  expect(await requests('4xx')).toBe(2);
  expect(await requests('2xx')).toBeUndefined();
  expect(await figure('warbler_refusals_total', { code: 'unauthorized' })).toBe(1);
  expect(await figure('warbler_refusals_total', { code: 'rate_limited' })).toBe(0);
});

test('the process, the disk and the commits have theirs', async () => {
  expect(await figure('warbler_build_info', { node: process.version })).toBe(1);
  expect(await figure('warbler_database_bytes', { file: 'database' })).toBeGreaterThan(0);
  expect(await figure('warbler_disk_free_bytes')).toBeGreaterThan(0);
  expect(await figure('warbler_store_commit_duration_seconds_count')).toBeGreaterThan(0);
  expect(await figure('process_resident_memory_bytes')).toBeGreaterThan(1e7);
});

test('no label holds an address, a name or a URL, and each has a help text', async () => {
  const { text, samples } = await scrape();
  const ours = samples.filter(({ name }) => name.startsWith('warbler_'));
  expect(ours.length).toBeGreaterThan(50);
  const labels = new Set(ours.flatMap((one) => Object.keys(one.labels)));
  const allowed = ['session', 'status', 'state', 'outcome', 'op', 'event', 'code', 'file', 'le', 'version', 'node'];
  expect([...labels].filter((label) => !allowed.includes(label))).toEqual([]);
  for (const { labels } of ours) if (labels['session']) expect(labels['session']).toMatch(/^\d+$/);
  for (const stranger of [OWN, FRIEND, 'Sandbox', receiver.origin, '@s.whatsapp.net']) {
    expect(text).not.toContain(stranger);
  }
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name!));
  const bare = ours.filter(({ name }) => !helped.has(name) && !helped.has(name.replace(/_(bucket|sum|count)$/, '')));
  expect(bare).toEqual([]);
});

test('they are told to nobody without a personal access token', async () => {
  const session = await stage.engine.store.sessions.get(1);
  const status = async (key: string | undefined) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`${stage.engine.url}/metrics`, { headers })).status;
  };
  expect(await status(undefined)).toBe(401);
  expect(await status(session!.apiKey)).toBe(403);
  const tokenOf = async (name: string, scope: object) => {
    const { body } = await stage.call('POST', '/api/tokens', { name, scope });
    return (body.data as { token: string }).token;
  };
  expect(await status(await tokenOf('prometheus', { access: 'read' }))).toBe(200);
  expect(await status(await tokenOf('one session', { sessions: [1] }))).toBe(403);
});

test('two engines in one process count apart', async () => {
  const other = await Stage.open();
  try {
    await stage.send(FRIEND, 'One more');
    const response = await fetch(`${other.engine.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await response.text()).not.toContain('warbler_messages_sent_total{session="1"}');
  } finally {
    await other.close();
  }
});
