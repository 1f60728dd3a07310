import { EngineError } from '../errors.ts';
import { openPicture } from './convert.ts';

/** WhatsApp shows profile pictures square, and no larger than this. */
const SIDE = 640;

/** A picture in the form that WhatsApp takes as that of a group: a square JPEG of its middle. */
export async function asProfilePicture(path: string): Promise<Buffer> {
  const picture = await openPicture(path);
  const square = picture.rotate().resize(SIDE, SIDE, { fit: 'cover' }).flatten({ background: '#fff' });
  return square
    .jpeg({ quality: 85 })
    .toBuffer()
    .catch((cause: unknown) => {
      throw new EngineError('media_not_usable', 'The picture cannot be read: it is damaged.', { cause });
    });
}
