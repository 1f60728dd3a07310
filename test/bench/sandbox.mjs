/**
 * The WhatsApp sandbox in a process of its own, in memory, so that its disk is not what is measured. The soak offers
 * more of it (test/soak/sandbox.mjs).
 */
// libsignal prints its sessions, keys included, and signs a hundred times as slowly as phones do.
import '../../engine/dist/whatsapp/hardening.js';
import { startSandbox } from '../../engine/dist/sandbox/index.js';
import { offer } from './child.mjs';
import { textOf } from './texts.mjs';

export const sandbox = await startSandbox({ port: 0 });
/** By phone, the number of the last message that was counted. */
const seen = new Map();

offer({
  address: () => ({ url: sandbox.url, socketUrl: sandbox.socketUrl }),
  addPhone: (phone) => {
    const known = sandbox.phones().some((one) => one.phone === phone);
    if (!known) sandbox.addPhone({ phone });
  },
  scan: (phone, qr) => sandbox.scan(phone, qr),
  /** The phones write `count` texts to one number between them, as fast as they can; answers the ms that it took. */
  burst: async (phones, to, count) => {
    const startedAt = performance.now();
    const sends = Array.from({ length: count }, (_, index) =>
      sandbox.send(phones[index % phones.length], { to, text: textOf(index, count) }),
    );
    await Promise.all(sends);
    return performance.now() - startedAt;
  },
  /** How many messages from `chat` the phone has got, and could read, since this was last asked. */
  news: async (phone, chat) => {
    await sandbox.idle();
    const messages = sandbox.messages(phone, {
      chat,
      limit: 10_000,
      ...(seen.has(phone) && { after: seen.get(phone) }),
    });
    if (messages.length > 0) seen.set(phone, messages.at(-1).seq);
    return messages.length;
  },
  idle: () => sandbox.idle(),
});
