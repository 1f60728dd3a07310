/** What people put around a word: STOP! “Stop” */
const AROUND = /^[\s\p{P}]+|[\s\p{P}]+$/gu;
const bare = (text: string) => text.replace(AROUND, '').toLowerCase();

/** Whether somebody has written nothing but one of these words, in any case and with any punctuation around it. */
export function isOptOut(text: string, words: readonly string[]): boolean {
  const said = bare(text);
  return said !== '' && words.some((word) => bare(word) === said);
}
