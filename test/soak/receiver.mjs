/** Takes the webhooks, as a receiver does: in a process of its own, answering at once, counting by message. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { offer } from '../bench/child.mjs';

const times = new Map();
let twice = 0;

const server = createServer(async (request, response) => {
  const { id } = JSON.parse(await text(request)).data.messages.key;
  response.writeHead(200, { 'content-length': 0 }).end();
  times.set(id, (times.get(id) ?? 0) + 1);
  if (times.get(id) > 1) twice++;
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

offer({
  url: () => `http://127.0.0.1:${server.address().port}/`,
  received: () => ({ different: times.size, twice }),
  missing: (ids) => ids.filter((id) => !times.has(id)),
});
