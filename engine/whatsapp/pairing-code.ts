import { getBinaryNodeChild, type BinaryNode, type WASocket } from './baileys.ts';
import { NoAnswer, Refusal, type Meanings } from './failure.ts';

const ANSWER_MS = 20_000;

/** What WhatsApp's codes mean when it is asked for a pairing code. */
export const PAIRING_REFUSALS: Meanings = {
  400: 'WhatsApp does not accept how this engine introduces itself. Set WARBLER_BROWSER to its default.',
  404: ['recipient_not_on_whatsapp', 'This number is not on WhatsApp. Check phone_number.'],
  429: 'WhatsApp was asked for too many codes. Wait some minutes, or scan the QR code.',
};

/**
 * Asks WhatsApp for a code that the phone may type in. Baileys makes the code and does not wait for WhatsApp's word on
 * it; this does. Throws {@link Refusal} when there will be none.
 */
export async function requestPairingCode(wa: WASocket, phone: string): Promise<string> {
  const answered = answerOf(wa);
  const code = await wa.requestPairingCode(phone.replace(/\D/g, ''));
  await answered;
  return code;
}

/** Before the login there is no other question on the way whose answer this could be. */
function answerOf(wa: WASocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(timer);
      wa.ws.off('frame', read);
      done();
    };
    const timer = setTimeout(() => settle(() => reject(new NoAnswer())), ANSWER_MS);
    const read = (frame: BinaryNode) => {
      if (frame.tag !== 'iq' || !['result', 'error'].includes(frame.attrs?.['type'] ?? '')) return;
      const code = Number(getBinaryNodeChild(frame, 'error')?.attrs['code']);
      settle(() => (Number.isFinite(code) ? reject(new Refusal(code)) : resolve()));
    };
    wa.ws.on('frame', read);
  });
}
