import { proto, unpadRandomMax16, type SocketConfig } from './baileys.ts';

type SignalRepository = ReturnType<SocketConfig['makeSignalRepository']>;
type Distribution = Parameters<SignalRepository['processSenderKeyDistributionMessage']>[0];

/** A stanza that brings a message, as Baileys names what is in it. */
export interface Envelope {
  /** The chat: a group, the statuses, or a person. */
  group: string;
  authorJid: string;
  /** What is encrypted for everybody in it. */
  msg: Uint8Array | undefined;
}

/** What a key has brought to light. */
export interface Taken {
  distribution: Distribution;
  /** The group message that came along with it. */
  opened?: { msg: Uint8Array; plaintext: Uint8Array };
}

/**
 * The keys with which the members of groups, and those who post statuses, encrypt. Each comes once, in a message between
 * two, beside the first message that it opens. Baileys stores it after the ratchet step that has brought it, and opens
 * the message after that: were the engine killed in between, the key would be lost, and what its member writes unreadable
 * until it is asked for again. Here the three are one step.
 */
export class GroupKeys {
  /** Opened already; Baileys comes to them in a moment. */
  private readonly opened = new WeakMap<Uint8Array, Uint8Array>();
  /** The last one, as it was taken in; Baileys hands it on once more. */
  private last = '';

  constructor(private readonly repository: SignalRepository) {}

  /** Takes in the key that a message between two has brought, and opens what it is for. To be committed together. */
  async take(plaintext: Uint8Array, { group, authorJid, msg }: Envelope): Promise<Taken | undefined> {
    const item = keyIn(plaintext);
    if (!item?.groupId) return undefined;
    const distribution = { authorJid, item };
    try {
      await this.repository.processSenderKeyDistributionMessage(distribution);
    } catch {
      // The message is one all the same. Baileys tries the key once more, and says why it is none.
      return undefined;
    }
    // One that does not open it is dealt with when Baileys comes to the message.
    const opened = msg && (await this.repository.decryptGroupMessage({ group, authorJid, msg }).catch(() => undefined));
    return { distribution, ...(opened && { opened: { msg: msg!, plaintext: opened } }) };
  }

  /** All of it is committed. */
  stored({ distribution, opened }: Taken): void {
    this.last = nameOf(distribution);
    if (opened) this.opened.set(opened.msg, opened.plaintext);
  }

  plaintext(msg: Uint8Array): Uint8Array | undefined {
    return this.opened.get(msg);
  }

  /** In place of Baileys': a key that is stored is not stored beside itself. */
  readonly process: SignalRepository['processSenderKeyDistributionMessage'] = async (distribution) => {
    if (nameOf(distribution) !== this.last) await this.repository.processSenderKeyDistributionMessage(distribution);
  };
}

/** What cannot be read holds none; whoever reads the message says so. */
function keyIn(plaintext: Uint8Array): proto.Message.ISenderKeyDistributionMessage | null | undefined {
  try {
    const content = proto.Message.decode(unpadRandomMax16(plaintext));
    return (content.deviceSentMessage?.message ?? content).senderKeyDistributionMessage;
  } catch {
    return undefined;
  }
}

function nameOf({ authorJid, item: { groupId, axolotlSenderKeyDistributionMessage: key } }: Distribution): string {
  return [authorJid, groupId, Buffer.from((key as Uint8Array | null) ?? []).toString('base64')].join(' ');
}
