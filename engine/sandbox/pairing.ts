import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { proto } from '@whiskeysockets/baileys';
import { jidOf, MAX_LINKED_DEVICES, type Account, type Device } from './accounts.ts';
import { wantEverything } from './bootstrap.ts';
import type { Connection } from './connection.ts';
import { countersigned, signIdentity } from './device-identity.ts';
import { failure, restart } from './endings.ts';
import { agree, fromBigEndian, generateKeyPair, hmac } from './keys.ts';
import { readKeyBundle, unwrap, wrap } from './link-code.ts';
import type { Network } from './network.ts';
import { isGenuine, putSignedKey } from './prekeys.ts';
import { SandboxError } from './problem.ts';
import { passkeyRequest } from './restrictions.ts';
import { SERVER, bytes, child, iqError, kindsOf, now, result, stanza, text, type Stanza } from './stanza.ts';

/** How long the refs behind the QR codes live. WhatsApp's own: the first a minute, the others 20 seconds each. */
export interface PairingTimes {
  firstRefMs: number;
  refMs: number;
}

export const WHATSAPP_TIMES: PairingTimes = { firstRefMs: 60_000, refMs: 20_000 };

const REFS = 6;
/** A code that has just been replaced on the screen may still be in the camera. */
const GRACE_MS = 2_000;
const CONFIRM_TIMEOUT_MS = 15_000;
const CODE_REQUEST_MS = 1_000;
/** What a client may call itself to the phone when it wants to be linked by code: a browser, and what it runs on. */
const DISPLAY = /^(Chrome|Edge|Firefox|IE|Opera|Safari|Electron|Desktop) \([^()]+\)$/;

type PairingData = proto.ClientPayload.IDevicePairingRegistrationData;

/** A client that waits to be paired: its keys, and the refs under which its QR codes are known. */
export interface Registration {
  connection: Connection;
  noiseKey: Buffer;
  identity: Buffer;
  registrationId: number;
  signedPreKey: { id: number; public: Buffer; signature: Buffer };
  platform: string;
  /** Whether it wants all of the past, and not only what is recent. */
  wantsEverything: boolean;
  refs: string[];
  /** True from the scan on: a code works once. */
  taken: boolean;
  /** Called when the client answers `pair-success`. */
  confirm: ((answer: Stanza) => void) | undefined;
  byCode: CodePairing | undefined;
  /** The connection is gone. */
  abandon(): void;
}

/** Pairing by code: what the client sent when it asked for it, and what the phone answered. */
interface CodePairing {
  phone: string;
  ref: string;
  wrappedCompanionEphemeral: Buffer;
  /** Takes the client's half of the second step; answers whether it could be read. */
  finish: ((request: Stanza) => boolean) | undefined;
  /** The client has asked for another code meanwhile. */
  replaced: () => void;
}

/**
 * Linking a device to an account, by QR code or by code. Both end the same way: the phone signs the client's identity
 * (`pair-success`), the client countersigns (`pair-device-sign`), the device exists, and the client is sent away with
 * 515 to come back as that device.
 */
export class Pairing {
  readonly #network: Network;
  readonly #times: PairingTimes;
  readonly #byRef = new Map<string, { registration: Registration; until: number }>();
  readonly #waiting = new Set<Registration>();

  constructor(network: Network, times: PairingTimes) {
    this.#network = network;
    this.#times = times;
  }

  /** A client has registered: its keys are checked and it is given the refs for its QR codes. */
  begin(connection: Connection, noiseKey: Buffer, data: PairingData): void {
    const identity = Buffer.from(data.eIdent ?? []);
    const signedPreKey = {
      id: fromBigEndian(data.eSkeyId ?? new Uint8Array()),
      public: Buffer.from(data.eSkeyVal ?? []),
      signature: Buffer.from(data.eSkeySig ?? []),
    };
    if (identity.length !== 32 || !isGenuine(signedPreKey, identity)) {
      return connection.end(failure(400));
    }
    const refs = Array.from({ length: REFS }, () => `2@${randomBytes(48).toString('base64')}`);
    const expiry = setTimeout(() => connection.goAway(), this.#times.firstRefMs + (REFS - 1) * this.#times.refMs);
    const registration: Registration = {
      connection,
      noiseKey,
      identity,
      registrationId: fromBigEndian(data.eRegid ?? new Uint8Array()),
      signedPreKey,
      platform: platformOf(data),
      wantsEverything: proto.DeviceProps.decode(Buffer.from(data.deviceProps ?? [])).requireFullSync === true,
      refs,
      taken: false,
      confirm: undefined,
      byCode: undefined,
      abandon: () => {
        clearTimeout(expiry);
        for (const ref of refs) this.#byRef.delete(ref);
        this.#waiting.delete(registration);
      },
    };
    const start = Date.now() + this.#times.firstRefMs + GRACE_MS;
    refs.forEach((ref, index) => this.#byRef.set(ref, { registration, until: start + index * this.#times.refMs }));
    this.#waiting.add(registration);
    connection.registration = registration;
    const content = refs.map((ref) => stanza('ref', {}, Buffer.from(ref)));
    connection.send(
      stanza('iq', { from: SERVER, type: 'set', id: this.#network.newId(), xmlns: 'md' }, [
        stanza('pair-device', {}, content),
      ]),
    );
  }

  /** What a client sends that is not paired yet. */
  handle(connection: Connection, node: Stanza): Stanza | undefined {
    const { registration } = connection;
    if (!registration || node.tag !== 'iq') return undefined;
    const { type, xmlns } = node.attrs;
    if (type === 'result' || type === 'error') {
      if (type === 'error' || child(node, 'pair-device-sign')) registration.confirm?.(node);
      return undefined;
    }
    if (xmlns === 'w:p') return result(node);
    // an authenticator's answer to that would have to convince WhatsApp; there is none that convinces the sandbox
    if (xmlns === 'md' && child(node, 'passkey_request_options')) return result(node, [passkeyRequest()]);
    if (xmlns === 'md' && child(node, 'passkey_prologue')) return iqError(node, 403);
    const request = child(node, 'link_code_companion_reg');
    if (xmlns !== 'md' || !request) return iqError(node, 501);
    const limited = this.#network.faults.fire('rate-limit', { kinds: kindsOf(node) });
    if (limited) return iqError(node, limited.code ?? 429);
    if (request.attrs['stage'] === 'companion_hello') return this.#codeRequested(registration, node, request);
    if (request.attrs['stage'] === 'companion_finish') {
      return registration.byCode?.finish?.(request) ? result(node) : iqError(node, 400);
    }
    return iqError(node, 400);
  }

  /** The phone's camera has read a QR code. Resolves when the client has countersigned. */
  async scan(account: Account, qr: string): Promise<Device> {
    // WhatsApp's codes are links since 2025; what counts is behind the `#`
    const [ref = '', noiseKey = '', identity = '', advSecret = ''] = (qr.split('#').at(-1) ?? '').trim().split(',');
    const secret = Buffer.from(advSecret, 'base64');
    if (secret.length !== 32) {
      throw new SandboxError(
        422,
        'invalid-qr',
        'That is not a WhatsApp linking code: give the text of the QR code as the client shows it.',
      );
    }
    const known = this.#byRef.get(ref);
    if (!known || known.until < Date.now() || known.registration.taken) {
      throw new SandboxError(
        410,
        'qr-expired',
        'This QR code is no longer valid. Scan the one that the client shows now.',
      );
    }
    const { registration } = known;
    this.#demandPasskey(account, registration);
    const same =
      Buffer.from(noiseKey, 'base64').equals(registration.noiseKey) &&
      Buffer.from(identity, 'base64').equals(registration.identity);
    if (!same) {
      throw new SandboxError(422, 'invalid-qr', 'The keys in the QR code are not those of the client behind it.');
    }
    return this.#link(account, registration, secret);
  }

  /** The person has typed the client's pairing code into the phone. Resolves when the client has countersigned. */
  async enterCode(account: Account, written: string): Promise<Device> {
    const code = written.toUpperCase().replace(/[\s-]/g, '');
    if (!/^[0-9A-Z]{8}$/.test(code)) {
      throw new SandboxError(422, 'invalid-code', 'A pairing code has 8 letters and digits, such as ABCD-1234.');
    }
    const registration = await this.#codeRequestedFor(account);
    if (!registration?.byCode) {
      throw new SandboxError(
        404,
        'no-code-requested',
        `No client has asked for a pairing code for +${account.phone}. Ask for one in the client first.`,
      );
    }
    this.#demandPasskey(account, registration);
    const secret = await this.#exchange(account, registration, registration.byCode, code);
    return this.#link(account, registration, secret);
  }

  /** An account that demands a passkey for linking has the client asked for one, and nothing is linked. */
  #demandPasskey(account: Account, { connection }: Registration): void {
    if (!this.#network.faults.fire('demand-passkey', { phone: account.phone })) return;
    const attrs = { from: SERVER, type: 'passkey_prologue_request', id: this.#network.newId(), t: now() };
    connection.send(stanza('notification', attrs, [passkeyRequest()]));
    throw new SandboxError(
      409,
      'passkey-demanded',
      `+${account.phone} demands a passkey for linking, which the client has been asked for. Delete the fault to link.`,
    );
  }

  /** The client shows its code before it has told the server; a program types faster than a person, so it is waited for. */
  async #codeRequestedFor(account: Account): Promise<Registration | undefined> {
    const deadline = Date.now() + CODE_REQUEST_MS;
    for (;;) {
      const found = [...this.#waiting].findLast((one) => one.byCode?.phone === account.phone && !one.taken);
      if (found || Date.now() > deadline) return found;
      await sleep(10);
    }
  }

  /** `stage=companion_hello`: a client wants to be paired with this number by code. */
  #codeRequested(registration: Registration, iq: Stanza, request: Stanza): Stanza {
    const wanted = this.#network.accounts.find(request.attrs['jid']);
    const wrapped = bytes(child(request, 'link_code_pairing_wrapped_companion_ephemeral_pub'));
    const noiseKey = bytes(child(request, 'companion_server_auth_key_pub'));
    if (!wanted) return iqError(iq, 404);
    if (wrapped.length !== 80 || !noiseKey.equals(registration.noiseKey)) return iqError(iq, 400);
    if (!DISPLAY.test(text(child(request, 'companion_platform_display')))) return iqError(iq, 400);
    const ref = randomBytes(16).toString('base64url');
    registration.byCode?.replaced();
    registration.byCode = {
      phone: wanted.account.phone,
      ref,
      wrappedCompanionEphemeral: wrapped,
      finish: undefined,
      replaced: () => undefined,
    };
    return result(iq, [
      stanza('link_code_companion_reg', { stage: 'companion_hello' }, [
        stanza('link_code_pairing_ref', {}, Buffer.from(ref)),
      ]),
    ]);
  }

  /**
   * Both sides know the code; each has sent its ephemeral key encrypted under it. With a wrong code they arrive at
   * different keys, which shows when the phone cannot open what the client sends last. The result is the secret that
   * a QR code would have carried.
   */
  async #exchange(account: Account, registration: Registration, pairing: CodePairing, code: string): Promise<Buffer> {
    const companionEphemeral = await unwrap(pairing.wrappedCompanionEphemeral, code);
    const ephemeral = generateKeyPair();
    const wrapped = await wrap(ephemeral.public, code);
    const shared = agree(ephemeral.private, companionEphemeral);
    const answered = new Promise<Buffer>((resolve, reject) => {
      pairing.replaced = () => {
        const problem = 'The client has asked for another code meanwhile. Type the one that it shows now.';
        reject(new SandboxError(410, 'code-replaced', problem));
      };
      pairing.finish = (request) => {
        const secret = readKeyBundle(account.identity, registration.identity, pairing.ref, shared, request);
        pairing.finish = undefined;
        if (secret) resolve(secret);
        else reject(new SandboxError(422, 'wrong-code', 'The pairing code is not the one that the client shows.'));
        return secret !== undefined;
      };
    });
    const { connection } = registration;
    const content = [
      stanza('link_code_pairing_ref', {}, Buffer.from(pairing.ref)),
      stanza('primary_identity_pub', {}, account.identity.public),
      stanza('link_code_pairing_wrapped_primary_ephemeral_pub', {}, wrapped),
    ];
    const hello = stanza('link_code_companion_reg', { stage: 'primary_hello' }, content);
    const attrs = { from: SERVER, type: 'link_code_companion_reg', id: this.#network.newId(), t: now() };
    connection.send(stanza('notification', attrs, [hello]));
    return withinTime(answered, registration);
  }

  async #link(account: Account, registration: Registration, advSecret: Buffer): Promise<Device> {
    const linked = this.#network.accounts.devices(account.phone).length - 1;
    if (linked >= MAX_LINKED_DEVICES) {
      throw new SandboxError(
        409,
        'too-many-devices',
        `+${account.phone} has ${linked} linked devices, which is as many as WhatsApp allows. Unlink one first.`,
      );
    }
    registration.taken = true;
    const id = this.#network.accounts.takeDeviceId(account.phone);
    const forged = this.#network.faults.fire('forged-identity', { phone: account.phone });
    const signed = signIdentity(account, registration.identity, id, forged !== undefined && forged.part !== 'hmac');
    const signedBytes = Buffer.from(proto.ADVSignedDeviceIdentity.encode(signed).finish());
    const sealed = proto.ADVSignedDeviceIdentityHMAC.encode({
      details: signedBytes,
      hmac: hmac(forged?.part === 'hmac' ? randomBytes(32) : advSecret, signedBytes),
    }).finish();
    const answered = new Promise<Stanza>((resolve) => (registration.confirm = resolve));
    registration.connection.send(
      stanza('iq', { from: SERVER, type: 'set', id: this.#network.newId() }, [
        stanza('pair-success', {}, [
          stanza('device-identity', {}, Buffer.from(sealed)),
          stanza('biz', { name: account.name }),
          stanza('platform', { name: 'android' }),
          stanza('device', { jid: jidOf(account, 'pn', id), lid: jidOf(account, 'lid', id) }),
        ]),
      ]),
    );
    const answer = await withinTime(answered, registration);
    const confirmed = countersigned(account, registration.identity, signed, answer);
    if (!confirmed) {
      registration.connection.end(failure(401));
      throw new SandboxError(
        409,
        'pairing-refused',
        'The client did not accept the device identity that it was given.',
      );
    }
    return this.#complete(account, registration, id, confirmed);
  }

  #complete(account: Account, registration: Registration, id: number, signedIdentity: Buffer): Device {
    const { accounts, store, logger } = this.#network;
    const { phone } = account;
    const { registrationId, identity, noiseKey, platform, signedPreKey, connection } = registration;
    const keys = { registrationId, identity, noiseKey, keyIndex: id, signedIdentity };
    const device = { phone, id, ...keys, platform, pushName: undefined, bootstrapped: false, lastSeen: undefined };
    store.transaction(() => {
      // it may have been deleted while the client was thinking
      accounts.must(phone);
      accounts.addDevice(device);
      putSignedKey(this.#network, phone, id, signedPreKey);
      if (registration.wantsEverything) wantEverything(this.#network, phone, id);
      this.#network.announceDevices(account, 'add', device);
    });
    connection.end(restart());
    logger.info({ phone, device: id }, 'device linked');
    return device;
  }
}

function platformOf(data: PairingData): string {
  const props = proto.DeviceProps.decode(Buffer.from(data.deviceProps ?? []));
  const platform = proto.DeviceProps.PlatformType[props.platformType ?? 0] ?? 'UNKNOWN';
  return props.os ? `${platform} (${props.os})` : platform;
}

/** Waits for the client, as long as it is there and takes no longer than a person would watch the spinner. */
async function withinTime<T>(answered: Promise<T>, registration: Registration): Promise<T> {
  const abandon = registration.abandon;
  let timer: NodeJS.Timeout | undefined;
  const given = new Promise<never>((_resolve, reject) => {
    const gaveUp = () => reject(new SandboxError(409, 'client-gone', 'The client went away before it was paired.'));
    const tooLate = () => reject(new SandboxError(409, 'client-silent', 'The client did not answer in time.'));
    timer = setTimeout(tooLate, CONFIRM_TIMEOUT_MS);
    registration.abandon = () => {
      abandon();
      gaveUp();
    };
  });
  try {
    return await Promise.race([answered, given]);
  } finally {
    clearTimeout(timer);
    registration.abandon = abandon;
  }
}
