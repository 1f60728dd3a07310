import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below a folder, with its bytes; `skip` are files, by path from the folder. */
export function filesIn(folder: string, skip: readonly string[] = []): { path: string; bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !skip.includes(path))
    .map((path) => ({ path, bytes: readFileSync(join(folder, path)) }));
}

/** How a secret may be written: as it is, in hex, in base64 with whatever stands before it, in a URL, as Node prints. */
export function formsOf(secret: string | Buffer): Buffer[] {
  const bytes = Buffer.from(secret);
  // Three bytes are four letters: how a secret looks in base64 depends on where in a longer text it begins.
  const shifted = [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const [from, to] = [before && 4, Math.floor(padded.length / 3) * 4];
    return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
  });
  const texts = [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...shifted,
    [...bytes].join(','),
    bytes.toString('hex').replace(/..(?=.)/g, '$& '),
  ];
  if (typeof secret === 'string') texts.push(encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1));
  return [bytes, ...[...new Set(texts)].filter((text) => text.length >= 8).map((text) => Buffer.from(text))];
}

/** A secret by the name under which a failing test reports it: the test must not print it either. */
export type Secrets = Record<string, string | Buffer>;

/** Which secrets stand in which places. Looks at each byte once, however many secrets there are. */
export function found(secrets: Secrets, places: { path: string; bytes: Buffer }[]): string[] {
  const byBeginning = new Map<number, { name: string; form: Buffer }[]>();
  for (const [name, secret] of Object.entries(secrets)) {
    for (const form of formsOf(secret)) {
      const beginning = form.readUInt32BE(0);
      const same = byBeginning.get(beginning);
      if (same) same.push({ name, form });
      else byBeginning.set(beginning, [{ name, form }]);
    }
  }
  const hits = new Set<string>();
  for (const { path, bytes } of places) {
    let window = 0;
    for (let end = 0; end < bytes.length; end += 1) {
      window = ((window << 8) | bytes[end]!) >>> 0;
      const at = end - 3;
      for (const { name, form } of byBeginning.get(window) ?? []) {
        if (at >= 0 && bytes.compare(form, 0, form.length, at, Math.min(at + form.length, bytes.length)) === 0) {
          hits.add(`${name} in ${path}`);
        }
      }
    }
  }
  return [...hits].sort();
}
