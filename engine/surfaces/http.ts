import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Logger } from 'pino';
import { toBuffer, toDataURL } from 'qrcode';
import { EngineError, errorBody, isUnforeseen, unforeseen, type ErrorCode } from '../errors.ts';
import { admit } from '../operations/access.ts';
import { operations } from '../operations/index.ts';
import type { Standing } from '../operations/limits.ts';
import { changesSomething, type Engine, type FileAnswer, type Operation } from '../operations/operation.ts';
import { perform } from '../operations/perform.ts';
import { readBody } from './body.ts';
import { docs } from './docs.ts';
import { sendFile } from './file.ts';
import { mcpSurface } from './mcp.ts';

export interface HttpOptions {
  engine: Engine;
  log: Logger;
  /** The sandbox's control API, behind a personal access token, where there is a sandbox. */
  sandbox?: RequestHandler;
}

/** The REST API: a route per operation, and one place where errors become answers. */
export function httpSurface({ engine, log, sandbox }: HttpOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use((_req, res, next) => {
    res.set({ 'X-Warbler-Version': engine.version, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
    next();
  });
  app.get('/', (_req, res) => void res.type('text').send(welcome(engine.version, Boolean(sandbox))));
  app.use(docs(engine.url));
  if (sandbox) app.use('/sandbox', accountOnly(engine), sandbox);
  app.all('/mcp', mcpSurface({ engine, log }));
  for (const operation of operations) {
    const [method, path] = operation.http.split(' ') as [string, string];
    const verb = method.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
    app[verb](path, (req, res) => answer(engine, operation, req, res, log));
  }
  app.use((req) => {
    throw new EngineError('not_found', `There is no ${req.method} ${req.path}. Every request is described at /docs.`);
  });
  app.use(onError(log));
  return app;
}

async function answer(engine: Engine, operation: Operation, req: Request, res: Response, log: Logger): Promise<void> {
  const startedAt = performance.now();
  const about: Record<string, unknown> = { op: operation.id };
  let letIn = false;
  // One wide line per operation, whatever comes of it.
  res.once('finish', () => {
    const ms = Math.round(performance.now() - startedAt);
    // The door tells of those who try keys, once for many.
    const guessing = !letIn && res.locals['code'] === 'rate_limited';
    const asked = operation.access === 'public' || operation.answers === 'text';
    const quiet = (asked && res.statusCode < 400) || guessing;
    log[quiet ? 'debug' : 'info']({ ...about, ...res.locals, status: res.statusCode, ms }, 'operation');
    const code = res.locals['code'] as ErrorCode | undefined;
    engine.metrics.answered({ op: operation.id, status: res.statusCode, code, ms });
  });
  const pathSession = pathNumber(req.params['whatsappSession']);
  const { access } = operation;
  const admitted = await admit(
    engine,
    { access, changes: changesSomething(operation) },
    credentialsOf(req, pathSession),
  );
  letIn = true;
  const sessionId = admitted.record?.id ?? pathSession;
  if (sessionId) about['session'] = sessionId;
  const { input, output } = await perform(engine, operation, {
    ...admitted,
    // Only now: what a stranger sends is not even read.
    read: async () => {
      const { fields, ...brought } = await readBody(operation, req, res);
      return { fields: { ...req.query, ...fields, ...req.params }, ...brought, ...idempotencyKeyOf(operation, req) };
    },
    show: (standing) => res.set(rateLimitHeaders(standing)),
  });
  await send(operation, input['qr_as_image'] === true ? await drawn(output) : output, req, res);
}

const QR_CODE = { width: 512, margin: 2 };

/** An answer whose QR code is to be a picture, as a `data:` URL in the place of the text. */
async function drawn(output: unknown): Promise<unknown> {
  const { qrCode } = output as { qrCode?: string };
  return qrCode ? { ...(output as object), qrCode: await toDataURL(qrCode, QR_CODE) } : output;
}

async function send(operation: Operation, output: unknown, req: Request, res: Response): Promise<void> {
  if (operation.picture && req.accepts(['application/json', 'image/png']) === 'image/png') {
    const png = await toBuffer(operation.picture(output as never), QR_CODE);
    res.type('png').send(png);
    return;
  }
  if (operation.answers === 'text') return void res.type('text').send(output);
  if (operation.answers === 'file') return sendFile(output as FileAnswer, res);
  const status = operation.status ?? 200;
  if (status === 204) {
    res.status(204).end();
    return;
  }
  res.status(status).json(wrapped(operation, output));
}

function wrapped(operation: Operation, output: unknown): unknown {
  switch (operation.envelope) {
    case 'bare':
      return output;
    case 'flat':
      return { success: true, ...(output as object) };
    default:
      return { success: true, data: output };
  }
}

const credentialsOf = (req: Request, pathSession?: number) => ({
  authorization: req.get('authorization'),
  address: req.socket.remoteAddress,
  session: req.get('x-warbler-session'),
  pathSession,
});

/** 0 for what is no id, and `undefined` where the path has none. */
function pathNumber(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0;
}

/** `X-RateLimit-Reset` is a time, in seconds since 1970: so the published client reads it. */
const rateLimitHeaders = ({ limit, remaining, resetsAt }: Standing) => ({
  'X-RateLimit-Limit': String(limit),
  'X-RateLimit-Remaining': String(remaining),
  'X-RateLimit-Reset': String(Math.ceil(resetsAt / 1000)),
});

function idempotencyKeyOf(operation: Operation, req: Request): { idempotencyKey?: string } {
  const key = operation.idempotencyKey && req.get('idempotency-key');
  if (key === undefined) return {};
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return { idempotencyKey: key };
  throw new EngineError('bad_request', 'Idempotency-Key must be 1 to 200 printable characters without spaces.');
}

function accountOnly(engine: Engine): RequestHandler {
  return async (req, _res, next) => {
    await admit(engine, { access: 'account', changes: req.method !== 'GET' }, credentialsOf(req));
    next();
  };
}

function onError(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, req, res, next) => {
    // Too late for an answer: Express breaks the connection off, so that nobody takes half of one for the whole.
    if (res.headersSent) return next(thrown);
    const error = bodyParserError(thrown) ?? unforeseen(thrown);
    if (isUnforeseen(error)) log.error({ err: error.cause ?? error, path: req.path }, 'unforeseen');
    res.locals['code'] = error.code;
    if (error.code === 'unauthorized') res.set('WWW-Authenticate', 'Bearer');
    if (error.retryAfterS !== undefined) res.set('Retry-After', String(error.retryAfterS));
    res.status(error.status).json(errorBody(error));
  };
}

/** What Express itself throws for a body it cannot read, or a path it cannot decode. */
function bodyParserError(thrown: unknown): EngineError | undefined {
  if (thrown instanceof EngineError) return undefined;
  const { type, status } = thrown as { type?: string; status?: number };
  if (type === 'entity.too.large') {
    const { limit } = thrown as { limit?: number };
    return new EngineError('payload_too_large', `The request body is over ${(limit ?? 0) / 1024 ** 2} MB.`);
  }
  if (type === 'entity.parse.failed') return new EngineError('bad_request', 'The request body is not valid JSON.');
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return new EngineError('unsupported_media_type', 'The request body’s encoding is not supported. Send UTF-8 JSON.');
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new EngineError('bad_request', 'The request cannot be read.', { cause: thrown });
  }
  return undefined;
}

function welcome(version: string, sandbox: boolean): string {
  return [
    `Warbler ${version}: WhatsApp for n8n.${sandbox ? ' On its sandbox: no message leaves this machine.' : ''}`,
    '',
    'This is the engine. Give its address and a personal access token to the Warbler nodes in n8n.',
    'Is it alive: GET /healthz    Is it ready: GET /readyz    Sessions: GET /api/whatsapp-sessions',
    'Every request, to look around in: /docs    for programs: /openapi.json',
    '',
  ].join('\n');
}
