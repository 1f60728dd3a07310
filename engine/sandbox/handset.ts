import type { Account } from './accounts.ts';
import type { Changes } from './changes.ts';
import type { Chat, Chats } from './chats.ts';
import type { MessageContent } from './content.ts';
import type { Network } from './network.ts';
import type { Delivery } from './phone.ts';
import type { Stanza } from './stanza.ts';

/** What a phone lends to whatever a person does with it, for as long as nothing else happens on it. */
export interface Handset {
  network: Network;
  account: Account;
  chats: Chats;
  changes: Changes;
  /** Sends a message, end-to-end encrypted; resolves with its id once the server has it. */
  deliver(chat: Chat, content: MessageContent, delivery?: Delivery): Promise<string>;
  receipt(node: Stanza): void;
}
