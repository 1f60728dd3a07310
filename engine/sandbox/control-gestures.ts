import { z } from 'zod';
import { findChat } from './chats.ts';
import * as gestures from './gestures.ts';
import type { Handset } from './handset.ts';
import type { Network } from './network.ts';
import { openMedia, type MediaFile } from './phone-media.ts';
import { checked, SandboxError } from './problem.ts';

const one = { chat: z.string().min(1), id: z.string().min(1) };
const reactRequest = z.strictObject({ ...one, emoji: z.string().max(64) });
const voteRequest = z.strictObject({ ...one, options: z.array(z.string()).max(12) });
const editRequest = z.strictObject({ ...one, text: z.string().min(1).max(65_536) });
const deleteRequest = z.strictObject({ ...one, forEveryone: z.boolean().optional() });
const forwardRequest = z.strictObject({ ...one, to: z.string().min(1) });
const pinRequest = z.strictObject({
  ...one,
  pinned: z.boolean().optional(),
  seconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .optional(),
});
const keepRequest = z.strictObject({ ...one, kept: z.boolean().optional() });
const respondRequest = z.strictObject({ ...one, response: z.enum(['GOING', 'NOT_GOING', 'MAYBE']) });
const timerRequest = z.strictObject({ chat: z.string().min(1), seconds: z.int().min(0) });
const playedRequest = z.strictObject({ chat: z.string().min(1), ids: z.array(z.string().min(1)).min(1).max(100) });

/** A message that was sent by a gesture. */
export interface Sent {
  id: string;
}

/** WhatsApp's button pins for a day, a week, or this. */
const PIN_SECONDS = 30 * 86_400;

/**
 * What a person's thumb does with a message on a simulated phone. Each resolves with the id of the message that tells
 * the others about it, once the server has that.
 */
export class GestureControl {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  /** An empty emoji takes the reaction back. */
  react(phone: string, request: z.input<typeof reactRequest>): Promise<Sent> {
    const { chat, id, emoji } = checked(reactRequest, request);
    return this.#send(phone, (handset) => gestures.react(handset, gestures.aim(handset, chat, id), emoji));
  }

  /** `options` are all that one has chosen, by name; none takes the vote back. */
  vote(phone: string, request: z.input<typeof voteRequest>): Promise<Sent> {
    const { chat, id, options } = checked(voteRequest, request);
    return this.#send(phone, (handset) => gestures.vote(handset, gestures.aim(handset, chat, id), options));
  }

  edit(phone: string, request: z.input<typeof editRequest>): Promise<Sent> {
    const { chat, id, text } = checked(editRequest, request);
    return this.#send(phone, (handset) => gestures.edit(handset, gestures.aim(handset, chat, id), text));
  }

  /** For everybody, or with `forEveryone: false` on this phone alone (then nobody is told and there is no id). */
  delete(phone: string, request: z.input<typeof deleteRequest>): Promise<Sent | { deleted: true }> {
    const { chat, id, forEveryone = true } = checked(deleteRequest, request);
    if (forEveryone) return this.#send(phone, (handset) => gestures.revoke(handset, gestures.aim(handset, chat, id)));
    return this.#network.phone(phone).use(async (handset) => {
      handset.chats.remove([gestures.aim(handset, chat, id).message]);
      return { deleted: true as const };
    });
  }

  forward(phone: string, request: z.input<typeof forwardRequest>): Promise<Sent> {
    const { chat, id, to } = checked(forwardRequest, request);
    return this.#send(phone, (handset) =>
      gestures.forward(handset, gestures.aim(handset, chat, id), findChat(this.#network, to)),
    );
  }

  /** `pinned` is true when not given; for 30 days when no `seconds` are. */
  pin(phone: string, request: z.input<typeof pinRequest>): Promise<Sent> {
    const { chat, id, pinned = true, seconds = PIN_SECONDS } = checked(pinRequest, request);
    return this.#send(phone, (handset) => gestures.pin(handset, gestures.aim(handset, chat, id), pinned, seconds));
  }

  keep(phone: string, request: z.input<typeof keepRequest>): Promise<Sent> {
    const { chat, id, kept = true } = checked(keepRequest, request);
    return this.#send(phone, (handset) => gestures.keep(handset, gestures.aim(handset, chat, id), kept));
  }

  respond(phone: string, request: z.input<typeof respondRequest>): Promise<Sent> {
    const { chat, id, response } = checked(respondRequest, request);
    return this.#send(phone, (handset) => gestures.respond(handset, gestures.aim(handset, chat, id), response));
  }

  /** The timer of a chat with a person; that of a group is a setting of the group. */
  disappearing(phone: string, request: z.input<typeof timerRequest>): Promise<Sent> {
    const { chat: written, seconds } = checked(timerRequest, request);
    const chat = findChat(this.#network, written);
    if (chat.kind !== 'person') {
      throw new SandboxError(422, 'not-a-person', `The timer of ${chat.jid} is a setting of the group.`);
    }
    if (!gestures.TIMERS.includes(seconds)) {
      throw new SandboxError(422, 'invalid-timer', `WhatsApp offers ${gestures.TIMERS.join(', ')} seconds.`);
    }
    return this.#send(phone, (handset) => gestures.setDisappearing(handset, chat, seconds));
  }

  played(phone: string, request: z.input<typeof playedRequest>): Promise<void> {
    const { chat: written, ids } = checked(playedRequest, request);
    const chat = findChat(this.#network, written);
    return this.#network.phone(phone).use(async (handset) => {
      this.#network.store.transaction(() => gestures.play(handset, chat, ids));
    });
  }

  /** The file of a message on this phone, decrypted. */
  media(phone: string, id: string): Promise<MediaFile> {
    return this.#network.phone(phone).use(async (handset) => {
      const [message] = handset.chats.list({ id });
      if (!message) {
        throw new SandboxError(404, 'unknown-message', `+${handset.account.phone} has no message ${id}.`);
      }
      return openMedia(handset, message);
    });
  }

  #send(phone: string, gesture: (handset: Handset) => Promise<string>): Promise<Sent> {
    return this.#network.phone(phone).use(async (handset) => ({ id: await gesture(handset) }));
  }
}
