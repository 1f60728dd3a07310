import { setTimeout as timer } from 'node:timers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Context, outside } from '../../engine/whatsapp/context.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

/** So many storages of asynchronous contexts Node carries with whatever begins: on Node 24 none, before it each used one. */
function carried(): number {
  const begun = timer(() => {}, 0);
  return Object.getOwnPropertySymbols(begun).filter(({ description }) => description === 'kResourceStore').length;
}

describe('contexts', () => {
  let stage: Stage;
  beforeAll(async () => void (stage = await Stage.open()));
  afterAll(() => stage.close());

  const talk = async (text: string) => {
    await stage.sandbox.send(FRIEND, { to: OWN, text: `in ${text}` });
    await stage.until((events) => textsOf(events).includes(`in ${text}`));
    expect(await stage.send(FRIEND, `out ${text}`)).toMatchObject({ status: 200 });
  };

  test('a connection that has ended leaves nothing behind that every promise and timer carries on', async () => {
    await talk('at first');
    const before = carried();
    for (let life = 1; life <= 5; life++) {
      await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
      await stage.call('POST', '/api/whatsapp-sessions/1/connect');
      await stage.untilStatus(({ status }) => status === 'connected');
      await talk(`in life ${life}`);
    }
    expect(carried()).toBe(before);
  });

  test('each context sees its own value, over awaits and within others, and nothing from outside', async () => {
    const [one, other] = [new Context<string>(), new Context<string>()];
    const both = async () => {
      await new Promise((resolve) => timer(resolve, 1));
      return [one.get(), other.get()];
    };
    expect(await one.run('a', () => other.run('b', both))).toEqual(['a', 'b']);
    expect(await one.run('a', () => one.run('c', both))).toEqual(['c', undefined]);
    expect(await one.run('a', () => Promise.all([both(), other.run('b', both), both()]))).toEqual([
      ['a', undefined],
      ['a', 'b'],
      ['a', undefined],
    ]);
    expect(await one.run('a', () => outside(both))).toEqual([undefined, undefined]);
    expect(await both()).toEqual([undefined, undefined]);
  });

  test('a value is let go when another has taken its place, however deep in it that happened', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const context = new Context<object>();
    const begin = () => {
      const value = { text: 'a stanza, say' };
      // What goes on for long, a queue for instance, begins its next piece of work within the one before.
      void context.run(value, () => context.run({}, () => new Promise((resolve) => timer(resolve, 1000))));
      return new WeakRef(value);
    };
    const value = begin();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(value.deref()).toBeUndefined();
  });
});
