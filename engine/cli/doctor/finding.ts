/** One thing that was looked at: how it is and, when something is to be done, what. Never a secret. */
export interface Finding {
  /** `note`: the engine works, but not everything does, or somebody may want to know. */
  is: 'good' | 'note' | 'bad';
  what: string;
  then?: string;
}

export const good = (what: string): Finding => ({ is: 'good', what });
export const note = (what: string, then?: string): Finding => ({ is: 'note', what, ...(then && { then }) });
export const bad = (what: string, then: string): Finding => ({ is: 'bad', what, then });

/** Bytes as people say them. */
export const inWords = (bytes: number) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;

/** Minutes, hours or days, of milliseconds. */
export function spell(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1440)} days`;
}
