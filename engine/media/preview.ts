import { Parser } from 'htmlparser2';
import sharp from 'sharp';
import { PIXEL_LIMIT } from './convert.ts';
import { thumbnailOf } from './details.ts';
import type { Fetcher } from './fetch.ts';

const PATIENCE_MS = 3000;
const PAGE_BYTES = 512 * 1024;
const PICTURE_BYTES = 2 * 1024 * 1024;

/** What a chat shows of the first link in a text. */
export interface Preview {
  /** As it stands in the text. */
  url: string;
  title: string;
  description?: string;
  /** JPEG. */
  thumbnail?: Buffer;
}

/** The first http(s) address in a text, without the punctuation of the sentence around it. */
export function firstLink(text: string): string | undefined {
  const found = /https?:\/\/[^\s<>"]+/i.exec(text)?.[0].replace(/[.,;:!?'’”)\]}]+$/, '');
  return found && URL.canParse(found) ? found : undefined;
}

/** Looks at the page behind the first link of a text. Whatever goes wrong, there is just no preview. */
export async function previewOf(text: string, fetcher: Fetcher): Promise<Preview | undefined> {
  const url = firstLink(text);
  if (!url) return undefined;
  const deadline = Date.now() + PATIENCE_MS;
  try {
    const { bytes, type, from } = await fetcher.page(url, PAGE_BYTES, PATIENCE_MS);
    if (!/html/i.test(type)) return undefined;
    const { title, description, image } = read(new TextDecoder(charsetOf(type)).decode(bytes));
    if (!title) return undefined;
    const left = deadline - Date.now();
    const picture = image && left > 0 && URL.canParse(image, from) ? new URL(image, from).href : undefined;
    const thumbnail = picture ? await pictureAt(picture, fetcher, left).catch(() => undefined) : undefined;
    return { url, title, ...(description && { description }), ...(thumbnail && { thumbnail }) };
  } catch {
    return undefined;
  }
}

async function pictureAt(url: string, fetcher: Fetcher, timeoutMs: number): Promise<Buffer> {
  const { bytes } = await fetcher.page(url, PICTURE_BYTES, timeoutMs);
  return thumbnailOf(sharp(bytes, { limitInputPixels: PIXEL_LIMIT }));
}

function charsetOf(type: string): string {
  const named = /charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(named).encoding;
  } catch {
    return 'utf-8';
  }
}

/** OpenGraph's words where a page has them, else those of HTML. */
function read(html: string): { title?: string; description?: string; image?: string } {
  const meta: Record<string, string> = {};
  let inTitle = false;
  let title = '';
  const parser = new Parser({
    onopentag(name, { property, name: called, content }) {
      if (name === 'title') inTitle = true;
      const key = (property ?? called)?.toLowerCase();
      if (name === 'meta' && key && content) meta[key] ??= content;
    },
    ontext(text) {
      if (inTitle && title.length < 1000) title += text;
    },
    onclosetag(name) {
      if (name === 'title') inTitle = false;
    },
  });
  parser.write(html);
  parser.end();
  const pick = (most: number, ...words: (string | undefined)[]) =>
    words.map((word) => word?.replace(/\s+/g, ' ').trim().slice(0, most)).find(Boolean);
  const shown = pick(300, meta['og:title'], meta['twitter:title'], title);
  const about = pick(500, meta['og:description'], meta['twitter:description'], meta['description']);
  const image = pick(2000, meta['og:image:secure_url'], meta['og:image'], meta['twitter:image']);
  return { ...(shown && { title: shown }), ...(about && { description: about }), ...(image && { image }) };
}
