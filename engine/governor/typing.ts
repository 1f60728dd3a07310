import type { SendRequest } from '../model.ts';
import type { Profile } from './profiles.ts';

/** What the recipient is shown before a message comes, and for how long. */
export interface Typing {
  state: 'composing' | 'recording';
  ms: number;
}

/** A text, or the caption of a file, is typed; a voice note is recorded. Whatever else is sent is chosen, not written. */
export function typingFor(
  { text, kind, voice }: SendRequest,
  { msPerCharacter, leastMs, mostMs }: Profile['typing'],
): Typing | undefined {
  if (kind === 'audio' && voice !== false) return { state: 'recording', ms: mostMs };
  if (!text) return undefined;
  return { state: 'composing', ms: Math.min(mostMs, Math.max(leastMs, text.length * msPerCharacter)) };
}
