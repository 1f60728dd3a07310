import type { RequestListener } from 'node:http';
import sharp from 'sharp';
import { isForMedia } from './media-api.ts';
import type { Network } from './network.ts';
import { pictureAt } from './pictures.ts';
import { SandboxError } from './problem.ts';

/** Sides of a picture in pixels, as WhatsApp has them. */
const FULL = 640;
const PREVIEW = 96;

export const isPicturePath = (path: string): boolean => path.startsWith('/pps/v/');

/** `GET` a picture's address: the JPEG, small when the address says `stp=dst-jpg_s96x96`. 404 when it was replaced. */
export function pictureApi(network: Network): RequestListener {
  return (request, response) => {
    if (!isForMedia(request)) {
      response.writeHead(403).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://pictures');
    const picture = pictureAt(network, url.pathname);
    if (!picture || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(picture ? 405 : 404).end();
      return;
    }
    const small = url.searchParams.get('stp')?.includes(`s${PREVIEW}x${PREVIEW}`);
    const jpeg = small ? square(picture.image, PREVIEW) : Promise.resolve(picture.image);
    jpeg.then(
      (image) => {
        response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': image.length });
        response.end(request.method === 'HEAD' ? undefined : image);
      },
      (error: unknown) => {
        network.logger.debug({ err: error }, 'a picture that a client has set cannot be made smaller');
        response.writeHead(500).end();
      },
    );
  };
}

/** What a phone makes of the picture that its owner has chosen. */
export async function asProfilePicture(image: Buffer): Promise<Buffer> {
  try {
    return await square(image, FULL);
  } catch {
    throw new SandboxError(422, 'not-an-image', 'The picture cannot be read: give a JPEG, PNG, WebP or GIF.');
  }
}

function square(image: Buffer, side: number): Promise<Buffer> {
  return sharp(image).rotate().resize(side, side, { fit: 'cover' }).flatten({ background: '#fff' }).jpeg().toBuffer();
}
