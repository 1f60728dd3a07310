import { AsyncLocalStorage } from 'node:async_hooks';
import type { SignalKeyStoreWithTransaction } from './baileys.ts';

type Values = ReadonlyMap<Context<unknown>, unknown>;

const storage = new AsyncLocalStorage<Values>();

/**
 * A value that holds for whatever is begun within {@link run}, as an `AsyncLocalStorage` of Node's does. Before Node 24
 * each of those, once run, stays in the process for good and costs every promise and timer a property: here they share
 * one, so that there may be a context per session or connection.
 */
export class Context<T> {
  run<R>(value: T, work: () => R): R {
    return storage.run(new Map(storage.getStore()).set(this, value), work);
  }

  get(): T | undefined {
    return storage.getStore()?.get(this) as T | undefined;
  }
}

/** Runs what shall not inherit the context of whoever happened to begin it. */
export const outside = AsyncLocalStorage.snapshot();

/** Baileys makes a storage for the transactions of each connection, before any of them runs: it becomes a context. */
export function shareTransactions(keys: Pick<SignalKeyStoreWithTransaction, 'isInTransaction'>): void {
  const context = new Context<unknown>();
  const own = readBy(() => keys.isInTransaction());
  if (!own) throw new Error('Baileys no longer keeps its transactions in an AsyncLocalStorage.');
  own.run = (value: unknown, work: () => unknown) => context.run(value, work) as never;
  own.getStore = () => context.get();
}

/** The storage that is asked for its value on the way: nobody hands it out. */
function readBy(ask: () => void): AsyncLocalStorage<unknown> | undefined {
  const { prototype } = AsyncLocalStorage<unknown>;
  const { getStore } = prototype;
  const asked: AsyncLocalStorage<unknown>[] = [];
  prototype.getStore = function () {
    asked.push(this);
    return getStore.call(this);
  };
  try {
    ask();
  } finally {
    prototype.getStore = getStore;
  }
  return asked[0];
}
