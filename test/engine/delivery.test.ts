import { setImmediate } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { guardedAgent } from '../../engine/network/guard.ts';
import { Delivering, NOT_AGAIN, numberOf } from './delivering.ts';
import { SECRET, silent } from './fixtures.ts';

const here = new Delivering();
beforeEach(() => here.open());
afterEach(() => here.close());

describe('a delivery', () => {
  describe('is signed', () => {
    test('after Standard Webhooks, so that its library takes it', async () => {
      await here.work();
      await here.subscribe();
      await here.happen('a');
      const { method, path, headers, body, event } = await here.receiver.next();
      expect({ method, path }).toEqual({ method: 'POST', path: '/hook' });
      expect(headers['content-type']).toBe('application/json');
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(event);
      expect(headers['webhook-id']).toBe(event.id);
      expect(headers).not.toHaveProperty('x-webhook-signature');
      expect(await here.store.events.list(here.session.id, { after: 0, limit: 1 })).toEqual([event]);
    });

    test('so that a changed body or another secret is refused by that library', async () => {
      await here.work();
      await here.subscribe();
      await here.happen('a');
      const { headers, body } = await here.receiver.next();
      const given = headers as Record<string, string>;
      expect(() => new Webhook(SECRET).verify(`${body} `, given)).toThrow();
      expect(() => new Webhook(Buffer.alloc(32, 9).toString('base64')).verify(body, given)).toThrow();
    });

    test('with X-Webhook-Signature for clients of WasenderApi, besides', async () => {
      const { webhookSecret } = here.session;
      await here.work();
      await here.subscribe({ format: 'wasender', secret: webhookSecret });
      await here.happen('a');
      const { headers, body } = await here.receiver.next();
      expect(headers['x-webhook-signature']).toBe(webhookSecret);
      new Webhook(webhookSecret).verify(body, headers as Record<string, string>);
    });

    test('anew at each try, under the same id', async () => {
      here.receiver.script(500, 500);
      await here.work({ pausesMs: [1, 1] });
      await here.subscribe();
      await here.happen('a');
      const tries = await here.receiver.nexts(3);
      expect(new Set(tries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      expect(new Set(tries.map(({ body }) => body)).size).toBe(1);
      for (const { headers, body } of tries) new Webhook(SECRET).verify(body, headers as Record<string, string>);
    });
  });

  describe('goes', () => {
    test('in order within a chat, over failures', async () => {
      here.receiver.script(500, 'break', 200, 503, 200, 'garbage');
      await here.work({ pausesMs: [1, 1, 1] });
      await here.subscribe();
      await here.happen('a', 'a', 'a');
      expect((await here.receiver.nexts(7)).map(numberOf)).toEqual([1, 1, 1, 2, 2, 3, 3]);
    });

    test('one at a time within a chat, while other chats go on', async () => {
      const release = here.receiver.hold();
      await here.work();
      await here.subscribe();
      await here.happen('a', 'a', 'b');
      expect((await here.receiver.nexts(2)).map(numberOf).sort()).toEqual([1, 3]);
      await here.happen('a', 'c');
      expect(numberOf(await here.receiver.next())).toBe(5);
      release();
      expect((await here.receiver.nexts(2)).map(numberOf)).toEqual([2, 4]);
    });

    test('past a chat whose first event is refused for hours', async () => {
      here.receiver.answer = ({ event }) => (event.jid === 'a' ? 500 : 200);
      await here.work(NOT_AGAIN);
      await here.subscribe();
      await here.happen('a', 'a', 'b', 'b');
      const got = await here.receiver.nexts(3);
      expect(got.map(numberOf).sort()).toEqual([1, 3, 4]);
      await here.happen('a');
      await here.settle();
      expect(here.receiver.requests).toHaveLength(3);
    });

    test('to one subscriber while another one never answers', async () => {
      const dead = await here.anotherReceiver();
      dead.answer = () => 'hang';
      await here.work();
      await here.subscribe({ url: `${dead.origin}/` });
      await here.subscribe();
      const lanes = Array.from({ length: 40 }, (_, index) => `chat ${index}`);
      await here.happen(...lanes);
      expect((await here.receiver.nexts(40)).map(numberOf).sort((a, b) => a - b)).toEqual(lanes.map((_, i) => i + 1));
      expect((await dead.nexts(8)).length).toBe(8);
      await here.worker.stop(0);
      expect(dead.requests).toHaveLength(8);
    });

    test('to a subscriber that answers slowly with at most eight chats at once', async () => {
      let [now, most] = [0, 0];
      here.receiver.answer = async () => {
        most = Math.max(most, (now += 1));
        await setImmediate();
        now -= 1;
        return 200;
      };
      await here.work();
      await here.subscribe();
      await here.happen(...Array.from({ length: 60 }, (_, index) => `chat ${index}`));
      await here.receiver.nexts(60);
      expect(most).toBeLessThanOrEqual(8);
    });

    test('after a restart with the first that is undelivered', async () => {
      here.receiver.script(200);
      here.receiver.answer = () => 'break';
      await here.work(NOT_AGAIN);
      await here.subscribe();
      await here.happen('a', 'a', 'a', 'b');
      await here.receiver.nexts(3);
      await here.settle();
      await here.store.close();

      await here.openStore();
      here.receiver.answer = () => 200;
      // The pause of an hour is kept over the restart: what it is about is not yet due …
      await here.work();
      await here.settle();
      expect(here.receiver.requests).toHaveLength(3);
      // … until somebody resumes.
      await here.work();
      const [subscription] = await here.store.subscriptions.list(here.session.id);
      await here.store.subscriptions.resume(subscription!.id);
      await here.worker.wakeSubscription(subscription!.id);
      const rest = (await here.receiver.nexts(3)).map(numberOf);
      await here.settle();
      expect((await here.deliveries()).map(({ status }) => status)).toEqual(Array(4).fill('delivered'));
      expect(rest.length).toBe(3);
    });

    test('once, when the engine was stopped before the answer came, under the same id to the next one', async () => {
      const release = here.receiver.hold();
      await here.work();
      await here.subscribe();
      await here.happen('a');
      const first = await here.receiver.next();
      await here.worker.stop(0);
      release();
      await here.agent.destroy();
      expect((await here.deliveries())[0]).toMatchObject({ status: 'pending', attempts: 0 });
      here.agent = guardedAgent(['loopback']);
      await here.work();
      const second = await here.receiver.next();
      expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
      await here.settle();
      expect((await here.deliveries())[0]).toMatchObject({ status: 'delivered', attempts: 1 });
    });

    test('on when the engine stops in the middle of an attempt that is answered in time', async () => {
      const release = here.receiver.hold();
      await here.work();
      await here.subscribe();
      await here.happen('a', 'a');
      await here.receiver.next();
      const stopped = here.worker.stop();
      release();
      await stopped;
      expect((await here.deliveries()).map(({ status }) => status)).toEqual(['delivered', 'pending']);
      expect(here.receiver.requests).toHaveLength(1);
    });
  });

  describe('whose subscription', () => {
    test('is deleted while it is on its way is nobody’s any more', async () => {
      const release = here.receiver.hold();
      await here.work();
      const { id } = await here.subscribe();
      await here.happen('a', 'a', 'b');
      await here.receiver.nexts(2);
      await here.store.subscriptions.delete(id);
      release(404);
      await here.recorded();
      await here.recorded();
      await here.settle();
      expect(here.receiver.requests).toHaveLength(2);
    });

    test('or whose session is deleted while it is on its way is nobody’s any more', async () => {
      const release = here.receiver.hold();
      await here.work({ pausesMs: [1] });
      await here.subscribe();
      await here.happen('a', 'a');
      await here.receiver.next();
      await here.store.sessions.delete(here.session.id);
      release(500);
      await here.recorded();
      await here.settle();
      expect(here.receiver.requests).toHaveLength(1);
    });

    test('expires gets nothing that happens later', async () => {
      await here.work();
      await here.subscribe({ expiresAt: Date.now() - 1 });
      await here.happen('a');
      await here.settle();
      expect(here.receiver.requests).toEqual([]);
    });

    test('is replaced gets its events with the new secret', async () => {
      here.receiver.script(500);
      await here.work(NOT_AGAIN);
      await here.subscribe();
      await here.happen('a');
      await here.recorded();
      const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
      const { id } = await here.subscribe({ secret });
      await here.worker.wakeSubscription(id);
      const [, second] = await here.receiver.nexts(2);
      new Webhook(secret).verify(second!.body, second!.headers as Record<string, string>);
    });
  });

  test('takes no memory of chats that have nothing to deliver', async () => {
    await here.work();
    await here.subscribe();
    await here.happen(...Array.from({ length: 100 }, (_, index) => `chat ${index}`));
    await here.receiver.nexts(100);
    await here.settle();
    expect((here.worker as unknown as { work: Map<string, unknown> }).work.size).toBe(0);
  });

  test('that the store could not record is made again, not forgotten', async () => {
    const errors: unknown[] = [];
    const log = silent.child({}, { level: 'silent' });
    log.error = ((about: unknown) => void errors.push(about)) as typeof log.error;
    const { head } = here.store.deliveries;
    let broken = true;
    here.store.deliveries.head = async (...args) => {
      if (!broken) return head(...args);
      broken = false;
      throw new Error('disk is full');
    };
    await here.work({ log });
    const { id } = await here.subscribe();
    await here.happen('a');
    await here.worker.wakeSubscription(id);
    expect(numberOf(await here.receiver.next())).toBe(1);
    expect(errors).toHaveLength(1);
  });
});
