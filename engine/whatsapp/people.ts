import { jidDecode, type WASocket } from './baileys.ts';
import { isPerson, lidOf, phoneOf } from './jid.ts';

/** Somebody, with whichever addresses are known. */
export interface Person {
  /** Phone-number jid where the number is known, else the LID. */
  jid: string;
  lid: string | null;
  /** Digits with country code. */
  phone: string | null;
}

/** One person from all addresses that are told of them; `undefined` when none is a person's. */
export function person(...addresses: (string | null | undefined)[]): Person | undefined {
  const phone = addresses.map(phoneOf).find(Boolean) ?? null;
  const lid = addresses.map(lidOf).find(Boolean) ?? null;
  const jid = phone === null ? lid : `${phone}@s.whatsapp.net`;
  return jid === null ? undefined : { jid, lid, phone };
}

/** Whether both are the same person, as far as their addresses tell. */
export const isSame = (a: Person, b: Person): boolean => a.jid === b.jid || (a.lid !== null && a.lid === b.lid);

/** {@link Person} of an address, as far as this account knows, without asking WhatsApp. */
export type WhoIs = (...addresses: (string | null | undefined)[]) => Person | undefined;

/**
 * Completes addresses from what WhatsApp has told this account about which LID belongs to which number. The answer
 * knows the given addresses only.
 */
export async function whoAre(wa: WASocket, addresses: (string | null | undefined)[]): Promise<WhoIs> {
  const asked = new Set<string>();
  for (const address of addresses) {
    if (!address || !isPerson(address)) continue;
    const user = jidDecode(address)!.user;
    asked.add(lidOf(address) ? `${user}_reverse` : user);
  }
  const known = asked.size > 0 ? await wa.authState.keys.get('lid-mapping', [...asked]) : {};
  const otherOf = (address: string | null | undefined): string | undefined => {
    const user = address && isPerson(address) ? jidDecode(address)!.user : undefined;
    if (user === undefined) return undefined;
    if (!lidOf(address)) return known[user] && `${known[user]}@lid`;
    return known[`${user}_reverse`] && `${known[`${user}_reverse`]}@s.whatsapp.net`;
  };
  return (...all) => person(...all, ...all.map(otherOf));
}

/**
 * Notes that a number and a LID are the same person, with what Baileys does on such an occasion: a Signal session under
 * the number moves to the LID, without which the next message could not be decrypted.
 */
export async function learnPair(wa: WASocket, pn: string, lid: string): Promise<void> {
  const { user } = jidDecode(pn)!;
  const known = await wa.authState.keys.get('lid-mapping', [user]);
  if (known[user] === jidDecode(lid)?.user) return;
  await wa.signalRepository.lidMapping.storeLIDPNMappings([{ pn, lid }]);
  await wa.signalRepository.migrateSession(pn, lid);
}
