import { PassThrough, type Readable, type Writable } from 'node:stream';
import busboy from 'busboy';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { EngineError } from '../errors.ts';
import type { FileBody, Operation } from '../operations/operation.ts';

const MB = 1024 ** 2;
const FORM_FIELD_BYTES = 1024;

export interface Body {
  fields: Record<string, unknown>;
  file?: FileBody;
}

/** What a request brings besides its path and query: fields, or a file where the operation takes one. */
export async function readBody(operation: Operation, req: Request, res: Response): Promise<Body> {
  refuseCompressed(req);
  if (operation.takes === 'file' && !req.is('application/json')) {
    if (req.is('multipart/form-data')) return fromForm(req);
    if (req.headers['content-length'] !== '0' && hasBody(req)) {
      const stream = new PassThrough();
      req.pipe(stream);
      follow(req, stream, stream);
      return { fields: {}, file: { stream, mimetype: req.headers['content-type'], fileName: undefined } };
    }
  }
  for (const parse of parsersOf(operation)) await parsed(parse, req, res);
  return { fields: fieldsOf(req.body) };
}

/** A limit on bytes says nothing of what they unpack to: 150 kB can be 150 MB. */
function refuseCompressed(req: Request): void {
  const encoding = req.headers['content-encoding']?.trim().toLowerCase();
  if (!encoding || encoding === 'identity' || !hasBody(req)) return;
  throw new EngineError('unsupported_media_type', 'Compressed request bodies are not taken. Send it as it is.');
}

const hasBody = ({ headers }: Request) =>
  headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;

const parsers = new Map<number, RequestHandler[]>();

/** Express's own parsers, one pair for each limit. */
function parsersOf({ bodyMb = 1 }: Operation): RequestHandler[] {
  const limit = bodyMb * MB;
  const known = parsers.get(limit);
  if (known) return known;
  const made = [express.json({ limit, strict: true }), express.urlencoded({ limit: MB, extended: false })];
  parsers.set(limit, made);
  return made;
}

function parsed(parse: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void parse(req, res, (error?: unknown) => (error ? reject(error as Error) : resolve()));
  });
}

function fieldsOf(body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new EngineError('bad_request', 'The request body must be a JSON object.');
}

/**
 * Ties a file to the request that brings it. A request that breaks off must not look like a file that ends; and when
 * the file is refused, the rest of the request is read to nowhere, so that its sender gets to see the answer.
 */
function follow(req: Request, into: Writable, file: Readable): void {
  req.once('close', () => {
    if (!req.complete) file.destroy(new EngineError('bad_request', 'The upload broke off before its end.'));
  });
  file.once('close', () => {
    if (file.readableEnded) return;
    req.unpipe(into);
    req.resume();
  });
}

/** The first file of a form, whatever its field is called. Fields that come after it are not waited for. */
function fromForm(req: Request): Promise<Body> {
  return new Promise((resolve, reject) => {
    const fields: Record<string, unknown> = {};
    const unreadable = (cause: unknown) =>
      new EngineError('bad_request', 'The form cannot be read. Send multipart/form-data with one file in it.', {
        cause,
      });
    let form: busboy.Busboy;
    try {
      form = busboy({
        headers: req.headers,
        limits: { files: 1, fields: 20, fieldSize: FORM_FIELD_BYTES },
        defParamCharset: 'utf8',
      });
    } catch (error) {
      return reject(unreadable(error));
    }
    req.once('close', () => reject(unreadable(new Error('the request broke off'))));
    form.on('field', (name, value) => void (fields[name] = value));
    form.on('file', (_name, part, { filename, mimeType }) => {
      // The form may break off before anybody reads its file: then this is where that is kept until somebody does.
      const stream = new PassThrough();
      stream.on('error', () => {});
      part.once('error', (error) => stream.destroy(unreadable(error)));
      part.pipe(stream);
      follow(req, form, stream);
      resolve({ fields, file: { stream, mimetype: mimeType, fileName: filename } });
    });
    form.on('error', (error) => reject(unreadable(error)));
    form.on('close', () => {
      reject(
        new EngineError(
          'bad_request',
          'The form holds no file. Send it as a file field, e.g. curl -F file=@photo.jpg.',
        ),
      );
    });
    req.pipe(form);
  });
}
