import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { file } from '../contract/files.ts';
import type { Phone } from './engine.ts';
import { Gate } from './gate.ts';
import { type Execution, UNFINISHED, until, type Workflow } from './n8n.ts';
import { withN8n } from './suite.ts';
import { node, type Output, typed, Workbench } from './workbench.ts';

const MINUTE = 60_000;
const TRIGGER = 'Warbler Trigger';
const PNG = file('logo.png');
const picture = { imageUrl: `data:image/png;base64,${PNG.toString('base64')}` };

withN8n('The Warbler Trigger in a real n8n', () => {
  let bench: Workbench;
  let own: string;
  let wren: Phone;
  let robin: Phone;

  beforeAll(async () => {
    bench = await Workbench.start();
    own = await bench.engine.number();
    wren = await bench.engine.phone('15550100081');
    robin = await bench.engine.phone('15550100082');
  }, 5 * MINUTE);

  afterAll(async () => await bench?.stop(), MINUTE);

  /** A workflow of nothing but a trigger. */
  async function workflowOn(name: string, parameters: object = {}, credential = bench.credential): Promise<Workflow> {
    const trigger = node(TRIGGER, 'n8n-nodes-warbler.warblerTrigger', 1, {
      ...{ session: typed('1'), events: ['messages.received'], filters: {}, options: {} },
      ...parameters,
    });
    return await bench.n8n.createWorkflow({ name, nodes: [trigger], connections: {} }, credential);
  }

  async function active(name: string, parameters: object = {}): Promise<Workflow> {
    const workflow = await workflowOn(name, parameters);
    await bench.n8n.activate(workflow);
    return workflow;
  }

  const itemOf = ({ runData }: Execution) => runData[TRIGGER]?.[0]?.data?.main[0]?.[0] as Output | undefined;

  const ended = async (workflow: Workflow, mode = 'webhook') =>
    (await bench.n8n.executions(workflow, mode)).filter(({ status }) => !UNFINISHED.includes(status));

  /** Waits until so many executions have ended. */
  async function untilEnded(count: number, workflow: Workflow, mode?: string): Promise<void> {
    const isThere = async () => ((await ended(workflow, mode)).length >= count ? true : undefined);
    await until(`${count} executions of ${workflow.name}`, isThere, MINUTE);
  }

  /** What the trigger gave to each execution that has ended, in the order in which they began. */
  async function items(workflow: Workflow, mode?: string): Promise<Output[]> {
    const executions = await Promise.all(
      (await ended(workflow, mode)).map(async ({ id }) => await bench.n8n.execution(id)),
    );
    return executions
      .sort((one, other) => Number(one.id) - Number(other.id))
      .map(itemOf)
      .filter((item) => item !== undefined);
  }

  const texts = async (workflow: Workflow, mode?: string) =>
    (await items(workflow, mode)).map(({ json }) => json['text']);

  async function untilTexts(workflow: Workflow, wanted: string[]): Promise<void> {
    await untilEnded(wanted.length, workflow);
    expect(await texts(workflow)).toEqual(wanted);
  }

  const webhooks = async (path: string) => await bench.engine.call<Array<{ url: string }>>('GET', path);

  /** The end of a test is told to the engine after it was told to whoever tests. */
  async function untilWebhooks(count: number): Promise<void> {
    const isSo = async () =>
      (await webhooks('/api/whatsapp-sessions/1/webhooks')).length === count ? true : undefined;
    await until(`${count} webhooks`, isSo, 30_000);
  }

  describe('several on one session', () => {
    const WRENS = { addresses: [{ address: typed('+1 555 010 0081') }] };
    let direct: Workflow;
    let groups: Workflow;
    let orders: Workflow;
    let wrens: Workflow;
    let pictures: Workflow;

    beforeAll(async () => {
      direct = await active('Direct', { filters: { chats: ['direct'], types: ['text'] } });
      groups = await active('Groups', { filters: { chats: ['group'] } });
      orders = await active('Orders', { filters: { contains: 'ORDER', matches: '#\\d+' } });
      wrens = await active('From Wren', { filters: { from: WRENS, types: ['text'] } });
      pictures = await active('Pictures', { filters: { types: ['image'] } });
      const { jid } = await bench.engine.sandbox<{ jid: string }>('POST', '/groups', {
        creator: robin.number,
        subject: 'Birds',
        participants: [own, wren.number],
      });
      await robin.send(own, 'hello');
      await wren.send(own, 'my order #7, please');
      await wren.send(jid, 'no order, Robin?');
      await wren.send(own, { ...picture, text: 'a feather' });
    }, 2 * MINUTE);

    test('each get what they asked for, and nothing else', async () => {
      await untilTexts(pictures, ['a feather']);
      await untilTexts(groups, ['no order, Robin?']);
      await untilTexts(orders, ['my order #7, please']);
      await untilTexts(direct, ['hello', 'my order #7, please']);
      expect((await texts(wrens)).sort()).toEqual(['my order #7, please', 'no order, Robin?']);
    });

    test('have what most workflows read beside the event', async () => {
      const [{ json }] = (await items(groups)) as [Output];
      expect(json).toMatchObject({
        ...{ text: 'no order, Robin?', phone: wren.number, type: 'text', isGroup: true, media: null },
        chat: json['jid'],
        name: expect.stringContaining(wren.number),
        ...{ event: 'messages.received', sessionId: '1', data: { messages: { messageBody: 'no order, Robin?' } } },
      });
    });

    test('refuse what is forged or old, and start once for what is replayed', async () => {
      await untilEnded(1, pictures);
      const { staticData } = await bench.n8n.call<{ staticData: Record<string, { secret: string; url: string }> }>(
        'GET',
        `/rest/workflows/${pictures.id}`,
      );
      const { secret, url } = staticData[`node:${TRIGGER}`]!;
      const event = await bench.engine.event<{ id: string; event: string; data: object }>(
        'the picture',
        ({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes('a feather'),
      );
      const body = JSON.stringify(event);
      const post = async (by: string, at: Date) =>
        await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'webhook-id': event.id,
            'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
            'webhook-signature': new Webhook(by.replace('whsec_', '')).sign(event.id, at, body),
          },
          body,
        });
      const forged = await post(`whsec_${Buffer.alloc(32, 7).toString('base64')}`, new Date());
      const old = await post(secret, new Date(Date.now() - 6 * MINUTE));
      const replayed = await post(secret, new Date());
      const answers = [forged, old, replayed].map(async (one) => [one.status, await one.text()]);
      expect(await Promise.all(answers)).toEqual([
        [401, expect.stringContaining('The signature does not fit the secret')],
        [401, expect.stringContaining('The timestamp of the delivery is more than 5 minutes off.')],
        [200, expect.stringContaining('This event was taken before')],
      ]);
      const unsigned = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect(unsigned.status).toBe(401);
      expect(await ended(pictures)).toHaveLength(1);
    });

    test('leave one another alone when one ends', async () => {
      await bench.n8n.deactivate(direct);
      await robin.send(own, 'order #8');
      await untilTexts(orders, ['my order #7, please', 'order #8']);
      expect(await texts(direct)).toHaveLength(2);
    });

    afterAll(async () => {
      for (const one of [groups, orders, wrens, pictures]) await bench.n8n.deactivate(one);
      expect(await webhooks('/api/whatsapp-sessions/1/webhooks')).toEqual([]);
    }, MINUTE);
  });

  test(
    'a burst is one item with its files, and is seen as read by who wrote it',
    async () => {
      const options = { collect: 3, downloadMedia: true, binaryPropertyName: 'photo', markAsRead: true };
      const workflow = await active('Burst', { options });
      await wren.send(own, 'look');
      await wren.send(own, picture);
      await wren.send(own, { ...picture, text: 'and this' });
      await untilEnded(1, workflow);
      const [item] = (await items(workflow)) as [Output];
      expect(item.json).toMatchObject({
        ...{ text: 'look\nand this', type: 'image', media: { kind: 'image', field: 'photo_1' } },
        messages: [{ text: 'look' }, { text: '', media: { field: 'photo' } }, { media: { field: 'photo_1' } }],
        collected: [{}, {}, {}],
      });
      for (const field of ['photo', 'photo_1']) {
        expect(item.binary?.[field]).toMatchObject({ mimeType: 'image/png' });
        expect((await bench.bytes(item, field)).equals(PNG)).toBe(true);
      }
      await wren.sees('that it was read', ({ text, status }) => text === 'and this' && status === 'read');
      expect(await items(workflow)).toHaveLength(1);
      await bench.n8n.deactivate(workflow);
    },
    2 * MINUTE,
  );

  test(
    'all sessions are one trigger, those that are made later included',
    async () => {
      const workflow = await active('All', { session: { __rl: true, mode: 'list', value: 'all' } });
      expect(await webhooks('/api/webhooks')).toHaveLength(1);
      const second = '15550100083';
      await bench.engine.sandbox('POST', '/phones', { phone: second, name: 'Second' });
      const { id } = await bench.engine.call<{ id: number }>('POST', '/api/whatsapp-sessions', {
        name: 'Second',
        phone_number: `+${second}`,
      });
      const session = `/api/whatsapp-sessions/${id}`;
      const { qrCode } = await bench.engine.call<{ qrCode: string }>('POST', `${session}/connect`);
      await bench.engine.sandbox('POST', `/phones/${second}/scan`, { qr: qrCode });
      await until(
        'the second session',
        async () => {
          const { status } = await bench.engine.call<{ status: string }>('GET', session);
          return status.toLowerCase() === 'connected' ? true : undefined;
        },
        30_000,
      );
      await robin.send(own, 'to the first');
      await robin.send(second, 'to the second');
      await untilEnded(2, workflow);
      const got = (await items(workflow)).map(({ json }) => [json['sessionId'], json['text']]);
      expect(got.sort()).toEqual([
        ['1', 'to the first'],
        [String(id), 'to the second'],
      ]);
      await bench.n8n.deactivate(workflow);
      expect(await webhooks('/api/webhooks')).toEqual([]);
    },
    2 * MINUTE,
  );

  test('lists all sessions before the single ones', async () => {
    const search = async (filter?: string) =>
      (await bench.n8n.search('n8n-nodes-warbler.warblerTrigger', 'searchSessions', bench.credential, filter)).results;
    expect((await search()).map(({ value }) => value).slice(0, 2)).toEqual(['all', '1']);
    expect(await search(own)).toMatchObject([{ value: '1' }]);
  });

  describe('a test in the editor', () => {
    const tried = async (workflow: Workflow) => {
      await bench.n8n.listen(workflow, TRIGGER);
      return await tested(workflow);
    };
    const tested = async (workflow: Workflow) => {
      await untilEnded(1, workflow, 'manual');
      await untilWebhooks(0);
      return ((await items(workflow, 'manual')) as [Output])[0];
    };

    test('has the latest event that fits at once', async () => {
      await robin.send(own, 'the latest');
      await bench.engine.event('the latest', ({ data }: { data: object }) =>
        JSON.stringify(data).includes('the latest'),
      );
      const { json } = await tried(await workflowOn('Latest', { filters: { contains: 'latest' } }));
      expect(json).toMatchObject({ text: 'the latest', phone: robin.number, sample: true });
    });

    test('has an example of what has not happened yet', async () => {
      const { json } = await tried(await workflowOn('Example', { events: ['call'] }));
      expect(json).toMatchObject({ event: 'call', sample: true, data: { call: { status: expect.any(String) } } });
    });

    test('waits for a new event when it is told to', async () => {
      const workflow = await workflowOn('New', { options: { testWith: 'new' } });
      await bench.n8n.listen(workflow, TRIGGER);
      await robin.send(own, 'a new one');
      const { json } = await tested(workflow);
      expect(json).toMatchObject({ text: 'a new one' });
      expect(json).not.toHaveProperty('sample');
    });

    test('takes one event', async () => {
      const gate = await Gate.before(bench.engine.url);
      const credential = await bench.n8n.createCredential({ url: gate.url, token: bench.engine.token });
      const options = { testWith: 'new', downloadMedia: true };
      const workflow = await workflowOn('One', { filters: { types: ['image'] }, options }, credential);
      gate.close('/api/decrypt-media');
      await bench.n8n.listen(workflow, TRIGGER);
      for (const text of ['first', 'second']) await robin.send(own, { ...picture, text });
      await wren.send(own, { ...picture, text: 'third' });
      await gate.holds(2);
      gate.open();
      await tested(workflow);
      gate.stop();
      expect((await ended(workflow, 'manual')).length).toBe(1);
    });

    test(
      'that is over keeps nothing from the active workflow',
      async () => {
        const gate = await Gate.before(bench.engine.url);
        const credential = await bench.n8n.createCredential({ url: gate.url, token: bench.engine.token });
        const options = { testWith: 'new', downloadMedia: true };
        const workflow = await workflowOn('Over', { options }, credential);
        await bench.n8n.activate(workflow);
        await bench.n8n.deactivate(workflow);
        gate.close('/api/decrypt-media');
        await bench.n8n.listen(workflow, TRIGGER);
        await robin.send(own, { ...picture, text: 'late' });
        await gate.holds(1);
        await bench.n8n.stopListening(workflow, TRIGGER);
        await untilWebhooks(0);
        gate.open();
        await bench.n8n.activate(workflow);
        await untilTexts(workflow, ['late']);
        expect((await ended(workflow, 'manual')).length).toBe(0);
        await bench.n8n.deactivate(workflow);
        gate.stop();
      },
      2 * MINUTE,
    );
  });

  test(
    'toggled 100 times between test and production under load, it loses nothing and starts nothing twice',
    async () => {
      const workflow = await active('Toggled');
      const sent: string[] = [];
      const rounds = 100;
      let toggling = true;
      const load = (async () => {
        for (; toggling; await sleep(150)) {
          const text = `under load ${sent.length + 1}`;
          await robin.send(own, text);
          sent.push(text);
        }
      })();
      for (let round = 0; round < rounds; round++) {
        // Most tests run beside production, some while the workflow is not published.
        const isOut = round % 10 === 0;
        if (isOut) await bench.n8n.deactivate(workflow);
        await bench.n8n.listen(workflow, TRIGGER);
        // Some have had their event, others are called off before.
        if (round % 3 === 0) await sleep(100);
        await bench.n8n.stopListening(workflow, TRIGGER);
        if (isOut) await bench.n8n.activate(workflow);
      }
      toggling = false;
      await load;
      // What is lost never comes, and then the figures say so.
      await untilEnded(sent.length, workflow).catch(() => undefined);
      const got = await texts(workflow);
      const lost = sent.filter((text) => !got.includes(text)).length;
      const twice = got.length - new Set(got).size;
      const tests = (await ended(workflow, 'manual')).length;
      console.log(
        `toggled ${rounds} times, ${tests} tests had an event: ${sent.length} messages, ${lost} lost, ${twice} started twice`,
      );
      expect({ lost, twice, order: got }).toEqual({ lost: 0, twice: 0, order: sent });
      expect(tests).toBeGreaterThan(0);
      expect(tests).toBeLessThanOrEqual(rounds);
      await bench.n8n.deactivate(workflow);
    },
    10 * MINUTE,
  );
});
