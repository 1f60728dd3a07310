import { z } from 'zod';
import { jidOf, type Sender } from './accounts.ts';
import { blockedBy, changeBlocklist } from './blocklist.ts';
import { contactsOf, removeContact, saveContact, type Contact } from './contacts.ts';
import { parsePhone } from './jid.ts';
import type { Network } from './network.ts';
import { asProfilePicture } from './picture-api.ts';
import { changePicture, pathOf, pictureOf } from './pictures.ts';
import { checked, SandboxError } from './problem.ts';

const contactRequest = z.strictObject({ phone: z.string(), name: z.string().trim().min(1).max(100) });
const pictureRequest = z.union([
  z.strictObject({ imageUrl: z.url({ protocol: /^(https?|data)$/ }) }),
  z.strictObject({ base64: z.base64().min(1) }),
]);
const onePhone = z.strictObject({ phone: z.string().min(1) });

export type ContactRequest = z.input<typeof contactRequest>;
export type PictureRequest = z.input<typeof pictureRequest>;
export type BlockRequest = z.input<typeof onePhone>;
export type { Contact } from './contacts.ts';

/** A profile picture and where it lies. */
export interface PictureInfo {
  id: string;
  url: string;
  previewUrl: string;
  /** Seconds since 1970. */
  updated: number;
}

/** Somebody whom a phone has blocked. */
export interface Blocked {
  phone: string;
  jid: string;
  lid: string;
}

const MAX_PICTURE_BYTES = 20 * 1024 * 1024;

/** What a person can do in the settings, the address book and the chat list of a simulated phone. */
export class AccountControl {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  /** The person saves a number in the address book, or gives a saved one another name. */
  saveContact(phone: string, request: ContactRequest): Contact {
    const { account } = this.#phone(phone);
    const { phone: written, name } = checked(contactRequest, request);
    const number = parsePhone(written);
    saveContact(this.#network, account, number, name);
    const saved = this.contacts(phone).find((one) => one.phone === number);
    if (!saved) throw new Error('a contact that was just saved is not there');
    return saved;
  }

  contacts(phone: string): Contact[] {
    return contactsOf(this.#network, this.#phone(phone).account.phone);
  }

  removeContact(phone: string, contact: string): void {
    const { account } = this.#phone(phone);
    const number = parsePhone(contact);
    if (!removeContact(this.#network, account, number)) {
      throw new SandboxError(404, 'unknown-contact', `+${account.phone} has nobody with the number +${number} saved.`);
    }
  }

  async setPicture(phone: string, request: PictureRequest): Promise<PictureInfo> {
    const owner = this.#phone(phone);
    const wanted = checked(pictureRequest, request);
    const image = 'base64' in wanted ? Buffer.from(wanted.base64, 'base64') : await download(wanted.imageUrl);
    const jpeg = await asProfilePicture(image);
    changePicture(this.#network, owner.account.phone, jpeg, owner);
    return this.picture(phone);
  }

  picture(phone: string): PictureInfo {
    const { account } = this.#phone(phone);
    const picture = pictureOf(this.#network, account.phone);
    if (!picture) throw new SandboxError(404, 'no-picture', `+${account.phone} has no profile picture.`);
    const at = (type: 'image' | 'preview'): string => `http://${this.#network.host}${pathOf(picture, type)}`;
    return { id: picture.id, url: at('image'), previewUrl: at('preview'), updated: picture.updated };
  }

  removePicture(phone: string): void {
    const owner = this.#phone(phone);
    changePicture(this.#network, owner.account.phone, undefined, owner);
  }

  block(phone: string, request: BlockRequest): Blocked[] {
    return this.#changeBlocklist(phone, request, 'block');
  }

  unblock(phone: string, request: BlockRequest): Blocked[] {
    return this.#changeBlocklist(phone, request, 'unblock');
  }

  blocklist(phone: string): Blocked[] {
    return blockedBy(this.#network, this.#phone(phone).account.phone).map((one) => ({
      ...{ phone: one.phone, jid: jidOf(one, 'pn'), lid: jidOf(one, 'lid') },
    }));
  }

  #changeBlocklist(phone: string, request: BlockRequest, action: 'block' | 'unblock'): Blocked[] {
    const owner = this.#phone(phone);
    const { account: whom } = this.#network.accounts.recipient(checked(onePhone, request).phone);
    if (whom.phone === owner.account.phone) {
      throw new SandboxError(422, 'block-oneself', 'Nobody can block themselves; give another number in "phone".');
    }
    changeBlocklist(this.#network, owner, whom, action);
    return this.blocklist(phone);
  }

  /** The phone itself: device 0 of its account. */
  #phone(phone: string): Sender {
    const account = this.#network.accounts.must(phone);
    const device = this.#network.accounts.device(account.phone, 0);
    if (!device) throw new Error(`+${account.phone} has no phone`);
    return { account, device };
  }
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`it answers with ${response.status}`);
    const image = Buffer.from(await response.arrayBuffer());
    if (image.length > MAX_PICTURE_BYTES) throw new Error('it is larger than 20 MB');
    return image;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SandboxError(422, 'image-not-there', `The picture at "imageUrl" cannot be fetched: ${why}`);
  }
}
