/** Takes the webhooks of all sides, and tells when so many different messages have come. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { deferred, within } from './promises.mjs';

const GIVE_UP_MS = 60_000;

export class Receiver {
  #server = createServer((request, response) => void this.#take(request, response));
  #seen = new Set();
  #wanted = 0;
  #done = deferred();
  url = '';

  static async start() {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    receiver.url = `http://127.0.0.1:${receiver.#server.address().port}/`;
    return receiver;
  }

  /** Resolves with the time of the moment at which `count` messages, from now on, have come from somebody. */
  expect(count, name) {
    this.#seen.clear();
    this.#wanted = count;
    this.#done = deferred();
    return within(GIVE_UP_MS, this.#done.promise, () => `${count} webhooks from ${name}; ${this.#seen.size} have come`);
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request, response) {
    const event = JSON.parse(await text(request));
    response.writeHead(200, { 'content-length': 0 }).end();
    this.#seen.add(event.data.messages.key.id);
    if (this.#seen.size === this.#wanted) this.#done.resolve(performance.now());
  }
}
