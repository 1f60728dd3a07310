/** The bench's sandbox, and what else people do on their phones in the soak. */
import { offer } from '../bench/child.mjs';
import { sandbox } from '../bench/sandbox.mjs';
import { each } from '../bench/promises.mjs';

/** By phone, the number of the last message that was looked at. */
const seen = new Map();
/** How often each text that the engine sends has reached the phone that counts for it. */
const arrived = new Map();
let twice = 0;

function look(phone, counts) {
  const after = seen.get(phone);
  const messages = sandbox.messages(phone, { limit: 10_000, ...(after !== undefined && { after }) });
  if (messages.length > 0) seen.set(phone, messages.at(-1).seq);
  for (const { text, fromMe, chat } of messages) {
    if (fromMe || !text?.startsWith('out ') || !counts(chat, phone)) continue;
    const times = (arrived.get(text) ?? 0) + 1;
    arrived.set(text, times);
    if (times > 1) twice++;
  }
}

const groups = new Map();

offer({
  createGroup: (creator, participants, subject) => {
    const { jid } = sandbox.groups.create({ creator, participants, subject });
    groups.set(jid, creator);
    return jid;
  },
  /** Each of `messages` is `{ from, ...what is sent }`; answers their ids. */
  sendAll: async (messages) => {
    const ids = [];
    await each(messages, 8, async ({ from, ...message }) => ids.push((await sandbox.send(from, message)).id));
    return ids;
  },
  /** People open the chat, and the senders are told. */
  readAll: async (phones, chat) => {
    for (const phone of phones) await sandbox.read(phone, { chat });
  },
  drop: (phone) => void sandbox.addFault({ fault: 'drop', phone }),
  /** How many different texts of the engine have arrived, and how many came more than once. */
  arrived: async (phones) => {
    for (const phone of phones) look(phone, (chat, at) => (groups.get(chat) ?? at) === at);
    return { different: arrived.size, twice };
  },
});
