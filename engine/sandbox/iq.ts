import type { Sender } from './accounts.ts';
import { syncAppState } from './app-state.ts';
import * as blocklist from './blocklist.ts';
import { groups } from './group-queries.ts';
import * as business from './business.ts';
import { setActive, setPassive } from './login.ts';
import * as channels from './channel-queries.ts';
import { mex } from './mex.ts';
import type { Network } from './network.ts';
import * as pictures from './pictures.ts';
import * as prekeys from './prekeys.ts';
import * as privacy from './privacy.ts';
import * as profile from './profile.ts';
import * as settings from './settings.ts';
import { child, iqError, kindsOf, result, type Stanza } from './stanza.ts';
import { usync } from './usync.ts';

type Answer = (network: Network, from: Sender, iq: Stanza) => Stanza;

const empty: Answer = (_network, _from, iq) => result(iq);

/**
 * Every query that a device may ask, by `xmlns type child`. `*` stands for any child (or none) that has no row of its
 * own, and for a query without a type. What is not here is answered with error 501, as WhatsApp answers what it does
 * not know.
 */
const ANSWERS: Record<string, Answer> = {
  'encrypt get count': prekeys.count,
  'encrypt get digest': prekeys.digest,
  'encrypt get key': prekeys.fetch,
  'encrypt set registration': prekeys.upload,
  'encrypt set rotate': prekeys.rotate,

  'passive set active': active,
  'passive set passive': passive,
  'w:p get *': empty,
  'abt get props': settings.props,
  'w:stats * add': empty,
  'urn:xmpp:whatsapp:dirty set clean': empty,
  'urn:xmpp:whatsapp:push set config': empty,
  'tos get *': empty,
  'tos set *': empty,
  'w:mex get query': mex,
  'newsletter get messages': channels.messages,
  'newsletter get message_updates': channels.messageUpdates,
  'newsletter set live_updates': channels.liveUpdates,
  'w:m set media_conn': settings.mediaConnection,

  'usync get usync': usync,
  'w:sync:app:state set sync': syncAppState,

  'privacy get privacy': privacy.get,
  'privacy set privacy': privacy.set,
  'privacy set tokens': privacy.issueTokens,
  'blocklist get *': blocklist.get,
  'blocklist set item': blocklist.set,
  'disappearing_mode set disappearing_mode': privacy.setDisappearingMode,

  'w:profile:picture get picture': pictures.getPicture,
  'w:profile:picture set *': pictures.setPicture,
  'status set status': profile.setAbout,
  'w:biz get business_profile': business.getProfile,
  'w:biz set business_profile': business.setProfile,
  'w:biz:catalog get *': business.nothing,
  'w:biz:catalog set *': business.forbidden,
  'fb:thrift_iq get order': business.nothing,
  'bot get bot': profile.bots,

  'w:g2 get *': groups,
  'w:g2 set *': groups,
  'md set remove-companion-device': removeDevice,
};

/** `<iq>` of a logged-in device. */
export function answerIq(network: Network, from: Sender, iq: Stanza): Stanza | undefined {
  const { xmlns = '*', type = '*' } = iq.attrs;
  // answers to our own queries need no answer
  if (type === 'result' || type === 'error') return undefined;
  network.policy.query(from, iq);
  const limited = xmlns !== 'w:p' && network.faults.fire('rate-limit', { ...whomOf(from), kinds: kindsOf(iq) });
  if (limited) return iqError(iq, limited.code ?? 429);
  const answer = ANSWERS[`${xmlns} ${type} ${child(iq)?.tag ?? '*'}`] ?? ANSWERS[`${xmlns} ${type} *`];
  return answer ? answer(network, from, iq) : iqError(iq, 501);
}

const whomOf = ({ device }: Sender) => ({ phone: device.phone, device: device.id });

function active(network: Network, from: Sender, iq: Stanza): Stanza {
  // the answer goes first: what waited for the device comes behind it
  network.soon(() => setActive(network, network.connectionOf(from.device)));
  return result(iq);
}

function passive(network: Network, from: Sender, iq: Stanza): Stanza {
  setPassive(network.connectionOf(from.device));
  return result(iq);
}

/** The device logs itself out; the answer is the last thing it hears before `device_removed`. */
function removeDevice(network: Network, from: Sender, iq: Stanza): Stanza {
  const jid = child(iq)?.attrs['jid'];
  const named = network.accounts.find(jid);
  if (named?.account.phone !== from.account.phone) return iqError(iq, 403);
  const device = network.accounts.device(from.account.phone, named.device);
  if (!device || device.id === 0) return iqError(iq, 404);
  network.soon(() => network.removeDevice(from.account, device));
  return result(iq);
}
