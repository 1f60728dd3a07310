import type { Change } from '../store/store.ts';
import {
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getCallStatusFromNode,
  jidNormalizedUser,
  type BinaryNode,
  type WACallUpdateType,
} from './baileys.ts';
import { subjectOf } from './describe.ts';
import type { Session } from './session.ts';

/** What of a call people hear of; the rest is how two phones find each other. */
const TOLD: readonly WACallUpdateType[] = ['offer', 'accept', 'reject', 'timeout', 'terminate'];

/** A call that is coming in, for whoever wants to reject it. */
export interface Offer {
  id: string;
  /** The address that a rejection goes to. */
  from: string;
}

/** What only the offer of a call says; its later stanzas do not repeat it. */
interface Nature {
  isVideo: boolean;
  isGroup: boolean;
  phone: string | undefined;
}

/** Reads the `<call>` stanzas of one connection. */
export class Calls {
  private readonly natures = new Map<string, Nature>();

  /** The change that a stanza makes, and the call that it offers. */
  read(stanza: BinaryNode): { change?: Omit<Change, 'sessionId'>; offer?: Offer } {
    const [info] = getAllBinaryNodeChildren(stanza);
    const id = info?.attrs['call-id'];
    const status = info && getCallStatusFromNode(info);
    if (!info || !id || !status || !TOLD.includes(status)) return {};
    const nature = this.natureOf(id, info, status);
    const from = jidNormalizedUser(info.attrs['call-creator'] ?? info.attrs['from'] ?? stanza.attrs['from']);
    const shown = nature.phone ?? from;
    const group = info.attrs['group-jid'];
    const data = {
      call: {
        id,
        from: shown,
        date: new Date(Number(stanza.attrs['t'] ?? 0) * 1000).toISOString(),
        isGroup: nature.isGroup,
        isVideo: nature.isVideo,
        status,
        ...(group && { groupJid: group }),
      },
    };
    const change = {
      once: `call:${id}:${status}:${stanza.attrs['id'] ?? ''}`,
      events: [{ event: 'call' as const, lane: from, ...subjectOf(from, [from, nature.phone]), data }],
    };
    return status === 'offer' ? { change, offer: { id, from } } : { change };
  }

  private natureOf(id: string, info: BinaryNode, status: WACallUpdateType): Nature {
    if (status !== 'offer') {
      const known = this.natures.get(id) ?? { isVideo: false, isGroup: false, phone: undefined };
      this.natures.delete(id);
      return known;
    }
    const nature = {
      isVideo: Boolean(getBinaryNodeChild(info, 'video')) || info.attrs['media'] === 'video',
      isGroup: info.attrs['type'] === 'group' || Boolean(info.attrs['group-jid']),
      phone: info.attrs['caller_pn'],
    };
    // Of some calls the end is never told.
    if (this.natures.size > 1000) this.natures.clear();
    this.natures.set(id, nature);
    return nature;
  }
}

/** Rejects a call that rings; the caller sees that it was declined. */
export function rejectCall(session: Session, { id, from }: Offer): Promise<void> {
  return session.ask('Failed to reject call', (wa) => wa.rejectCall(id, from));
}
