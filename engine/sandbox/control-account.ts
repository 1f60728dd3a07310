import { z } from 'zod';
import { jidOf, type Sender } from './accounts.ts';
import { blockedBy, changeBlocklist } from './blocklist.ts';
import { businessOf, businessRequest, setBusiness, type Business, type BusinessRequest } from './business.ts';
import { contactsOf, removeContact, saveContact, type Contact } from './contacts.ts';
import { parsePhone } from './jid.ts';
import type { Network } from './network.ts';
import { asProfilePicture } from './picture-api.ts';
import { changePicture, pathOf, pictureOf } from './pictures.ts';
import type { SeenPresence } from './presence.ts';
import { changeDisappearingMode, changePrivacy, isSetting, privacyOf, SETTINGS, settingOf } from './privacy.ts';
import { checked, SandboxError } from './problem.ts';
import { changeAbout, changeName } from './profile.ts';

const contactRequest = z.strictObject({ phone: z.string(), name: z.string().trim().min(1).max(100) });
const pictureRequest = z.union([
  z.strictObject({ imageUrl: z.url({ protocol: /^(https?|data)$/ }) }),
  z.strictObject({ base64: z.base64().min(1) }),
]);
const aboutRequest = z.strictObject({ text: z.string().max(139) });
const nameRequest = z.strictObject({ name: z.string().trim().min(1).max(100) });
const presenceRequest = z.strictObject({ state: z.enum(['available', 'unavailable']) });
const presenceQuery = z.strictObject({ of: z.string().min(1) });
const privacyRequest = z.record(z.string(), z.union([z.string(), z.int().min(0)]));
const onePhone = z.strictObject({ phone: z.string().min(1) });

export type ContactRequest = z.input<typeof contactRequest>;
export type PictureRequest = z.input<typeof pictureRequest>;
export type BlockRequest = z.input<typeof onePhone>;
export type AboutRequest = z.input<typeof aboutRequest>;
export type NameRequest = z.input<typeof nameRequest>;
export type PresenceRequest = z.input<typeof presenceRequest>;
export type PresenceQuery = z.input<typeof presenceQuery>;
export type PrivacyRequest = z.input<typeof privacyRequest>;
export type { Business, BusinessRequest } from './business.ts';
export type { Contact } from './contacts.ts';
export type { SeenPresence } from './presence.ts';

/** A profile picture and where it lies. */
export interface PictureInfo {
  id: string;
  url: string;
  previewUrl: string;
  /** Seconds since 1970. */
  updated: number;
}

/** What an account shows of itself. */
export interface ProfileInfo {
  phone: string;
  name: string;
  about: string;
  picture: PictureInfo | null;
  /** Null for a private account. */
  business: Business | null;
}

/** Somebody whom a phone has blocked. */
export interface Blocked {
  phone: string;
  jid: string;
  lid: string;
}

const CHOICES = Object.entries(SETTINGS)
  .map(([name, values]) => `${name} (${values.join(', ')})`)
  .join('; ');
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

  profile(phone: string): ProfileInfo {
    const { account } = this.#phone(phone);
    const picture = pictureOf(this.#network, account.phone) ? this.picture(phone) : null;
    const business = businessOf(this.#network, account.phone) ?? null;
    return { phone: account.phone, name: account.name, about: account.about, picture, business };
  }

  /** What a business says about itself; a private account becomes one. */
  setBusiness(phone: string, request: BusinessRequest): ProfileInfo {
    setBusiness(this.#network, this.#phone(phone).account.phone, checked(businessRequest, request));
    return this.profile(phone);
  }

  /** The text under the profile name. */
  setAbout(phone: string, request: AboutRequest): ProfileInfo {
    changeAbout(this.#network, this.#phone(phone).account, checked(aboutRequest, request).text);
    return this.profile(phone);
  }

  /** The profile name: seen in later messages, and taken over by the linked devices. */
  setName(phone: string, request: NameRequest): ProfileInfo {
    changeName(this.#network, this.#phone(phone).account, checked(nameRequest, request).name);
    return this.profile(phone);
  }

  /** The person opens WhatsApp on the phone, or puts it away. */
  setPresence(phone: string, request: PresenceRequest): void {
    const { account, device } = this.#phone(phone);
    this.#network.presences.set(account, device, checked(presenceRequest, request).state);
  }

  /** What the person sees of somebody else. */
  presence(phone: string, query: PresenceQuery): SeenPresence {
    const { account } = this.#phone(phone);
    const seen = this.#network.accounts.recipient(checked(presenceQuery, query).of);
    return this.#network.presences.seenBy(account.phone, seen.account);
  }

  privacy(phone: string): Record<string, string> {
    const { account } = this.#phone(phone);
    const timer = settingOf(this.#network, account.phone, 'disappearing_mode');
    return { ...privacyOf(this.#network, account.phone), disappearing_mode: timer || '0' };
  }

  /** Changes some of the privacy settings, by WhatsApp's names; `disappearing_mode` is the default timer in seconds. */
  setPrivacy(phone: string, request: PrivacyRequest): Record<string, string> {
    const owner = this.#phone(phone);
    const { disappearing_mode: timer, ...wanted } = checked(privacyRequest, request);
    const changes = Object.entries(wanted).map(([name, value]) => ({ name, value: String(value) }));
    const unknown = changes.find(({ name, value }) => !isSetting(name, value));
    if (unknown || (timer !== undefined && !/^\d+$/.test(String(timer)))) {
      const what = unknown ? `${unknown.name}: ${unknown.value}` : `disappearing_mode: ${timer}`;
      throw new SandboxError(422, 'unknown-setting', `There is no privacy setting "${what}". There are: ${CHOICES}.`);
    }
    if (changes.length > 0) changePrivacy(this.#network, owner, changes);
    if (timer !== undefined) changeDisappearingMode(this.#network, owner, Number(timer));
    return this.privacy(phone);
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
