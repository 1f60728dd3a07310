/** How many event ids a trigger remembers: far more than the engine has under way to one subscription. */
const WINDOW = 1000;

/**
 * The events one trigger has taken, so that a repeat starts nothing.
 *
 * n8n reads the static data of a workflow anew for every webhook request and writes all of it back before it answers:
 * of two requests at once, the later writer wins and the other's id is gone. So this memory, shared by all requests of
 * a process, leads; static data is what it is refilled from after a restart. Deliveries take turns: one starts when the
 * one before it has been answered, which makes the id of every answered delivery part of what the next one writes.
 */
export class EventMemory {
  private readonly ids = new Set<string>();

  private tail: Promise<void> = Promise.resolve();

  /** Resolves when all earlier deliveries have been answered. The next one waits until `answered` resolves. */
  async takeTurn(answered: Promise<void>): Promise<void> {
    const before = this.tail;
    this.tail = before.then(async () => await answered);
    await before;
  }

  /** Adds what static data knows, which another process may have written. */
  learn(ids: string[] = []): void {
    for (const id of ids) this.ids.add(id);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /** Called as the workflow is about to start; the oldest id leaves. */
  add(id: string): void {
    this.ids.add(id);
    for (const oldest of this.ids) {
      if (this.ids.size <= WINDOW) break;
      this.ids.delete(oldest);
    }
  }

  /** Called when n8n could not start the workflow after all: the engine will deliver again and must not be turned away. */
  forget(id: string): void {
    this.ids.delete(id);
  }

  /** Oldest first, as static data keeps them. */
  list(): string[] {
    return [...this.ids];
  }
}

const memories = new Map<string, EventMemory>();

/**
 * The memory, in this process, of the trigger that has this production URL. It outlives a deactivation, since the engine
 * may still repeat an event.
 */
export function memoryOf(url: string): EventMemory {
  const memory = memories.get(url) ?? new EventMemory();
  memories.set(url, memory);
  return memory;
}
