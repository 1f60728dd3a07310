import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Control } from './control.ts';
import type { Logger } from './network.ts';
import type { MediaFile } from './phone-media.ts';
import { SandboxError } from './problem.ts';

/** A picture in base64 has to fit. */
const MAX_BODY = '16mb';

/** One route: the status of the answer, and what is done. */
type Action = (control: Control, request: Request) => unknown;

const GROUP_ROUTES: [method: 'get' | 'post' | 'delete', path: string, status: number, action: Action][] = [
  ['post', '/groups', 201, (control, { body }) => control.groups.create(body)],
  ['get', '/groups', 200, (control) => control.groups.list()],
  ['get', '/groups/:jid', 200, (control, request) => control.groups.get(jidOf(request))],
  ['delete', '/groups/:jid', 204, (control, request) => control.groups.delete(jidOf(request))],
  ['post', '/groups/:jid/leave', 204, (control, request) => control.groups.leave(jidOf(request), request.body)],
  ['post', '/groups/:jid/subject', 200, (control, request) => control.groups.setSubject(jidOf(request), request.body)],
  [
    'post',
    '/groups/:jid/description',
    200,
    (control, request) => control.groups.setDescription(jidOf(request), request.body),
  ],
  ['post', '/groups/:jid/settings', 200, (control, request) => control.groups.set(jidOf(request), request.body)],
  [
    'post',
    '/groups/:jid/invite-code',
    200,
    (control, request) => control.groups.inviteCode(jidOf(request), request.body),
  ],
  ['post', '/groups/:jid/join', 200, (control, request) => control.groups.join(jidOf(request), request.body)],
  ...(['add', 'remove', 'promote', 'demote'] as const).map((what) => changeRoute(what, what)),
  ...(['approve', 'reject'] as const).map((what) => changeRoute(`requests/${what}`, what)),
];

function changeRoute(path: string, what: Parameters<Control['groups']['change']>[1]): (typeof GROUP_ROUTES)[number] {
  const action: Action = (control, request) => control.groups.change(jidOf(request), what, request.body);
  return ['post', `/groups/:jid/${path}`, 200, action];
}

/** The whole control API, under `/sandbox`. The bodies are checked by the methods. */
const ROUTES: ['get' | 'post' | 'patch' | 'delete', string, number, Action][] = [
  ['get', '/root-key', 200, (control) => ({ publicKey: control.rootKey })],
  ['post', '/phones', 201, (control, { body }) => control.addPhone(body)],
  ['get', '/phones', 200, (control) => control.phones()],
  ['get', '/phones/:phone', 200, (control, request) => control.phone(phoneOf(request))],
  ['delete', '/phones/:phone', 204, (control, request) => control.removePhone(phoneOf(request))],
  ['post', '/phones/:phone/scan', 200, (control, request) => control.scan(phoneOf(request), bodyOf(request)['qr'])],
  [
    'post',
    '/phones/:phone/link-code',
    200,
    (control, request) => control.linkCode(phoneOf(request), bodyOf(request)['code']),
  ],
  [
    'post',
    '/phones/:phone/unlink',
    200,
    (control, request) => control.unlink(phoneOf(request), bodyOf(request)['device']),
  ],
  ['post', '/phones/:phone/send', 201, (control, request) => control.send(phoneOf(request), request.body)],
  ['post', '/phones/:phone/send-bytes', 201, (control, request) => control.sendBytes(phoneOf(request), request.body)],
  ['post', '/phones/:phone/status', 201, (control, request) => control.status(phoneOf(request), request.body)],
  ['post', '/phones/:phone/read', 200, (control, request) => control.read(phoneOf(request), request.body)],
  ['post', '/phones/:phone/typing', 204, (control, request) => control.typing(phoneOf(request), request.body)],
  ['post', '/phones/:phone/reinstall', 204, (control, request) => control.reinstall(phoneOf(request))],
  ['post', '/phones/:phone/lose-sessions', 204, (control, request) => control.loseSessions(phoneOf(request))],
  ['get', '/phones/:phone/messages', 200, (control, request) => control.messages(phoneOf(request), request.query)],
  ['get', '/phones/:phone/media/:id', 200, download],
  ['post', '/phones/:phone/download', 200, download],
  ['post', '/phones/:phone/react', 201, ({ gestures }, r) => gestures.react(phoneOf(r), r.body)],
  ['post', '/phones/:phone/vote', 201, ({ gestures }, r) => gestures.vote(phoneOf(r), r.body)],
  ['post', '/phones/:phone/edit', 201, ({ gestures }, r) => gestures.edit(phoneOf(r), r.body)],
  ['post', '/phones/:phone/delete', 201, ({ gestures }, r) => gestures.delete(phoneOf(r), r.body)],
  ['post', '/phones/:phone/forward', 201, ({ gestures }, r) => gestures.forward(phoneOf(r), r.body)],
  ['post', '/phones/:phone/pin', 201, ({ gestures }, r) => gestures.pin(phoneOf(r), r.body)],
  ['post', '/phones/:phone/keep', 201, ({ gestures }, r) => gestures.keep(phoneOf(r), r.body)],
  ['post', '/phones/:phone/respond', 201, ({ gestures }, r) => gestures.respond(phoneOf(r), r.body)],
  ['post', '/phones/:phone/disappearing', 201, ({ gestures }, r) => gestures.disappearing(phoneOf(r), r.body)],
  ['post', '/phones/:phone/played', 204, ({ gestures }, r) => gestures.played(phoneOf(r), r.body)],
  ['post', '/media/expire', 200, (control, { body }) => control.expireMedia(body)],
  ['post', '/phones/:phone/call', 201, (control, request) => control.calls.start(phoneOf(request), request.body)],
  ['post', '/phones/:phone/accept', 204, (control, request) => control.calls.accept(phoneOf(request), request.body)],
  ['post', '/phones/:phone/reject', 204, (control, request) => control.calls.reject(phoneOf(request), request.body)],
  ['post', '/phones/:phone/hang-up', 204, (control, request) => control.calls.hangUp(phoneOf(request), request.body)],
  ['get', '/phones/:phone/calls', 200, (control, request) => control.calls.list(phoneOf(request))],
  ['post', '/phones/:phone/contacts', 201, ({ account }, r) => account.saveContact(phoneOf(r), r.body)],
  ['get', '/phones/:phone/contacts', 200, ({ account }, r) => account.contacts(phoneOf(r))],
  ['delete', '/phones/:phone/contacts/:contact', 204, ({ account }, r) => account.removeContact(phoneOf(r), named(r))],
  ['get', '/phones/:phone/chats', 200, ({ chats }, r) => chats.list(phoneOf(r))],
  ['post', '/phones/:phone/chats', 200, ({ chats }, r) => chats.change(phoneOf(r), r.body)],
  ['post', '/phones/:phone/star', 200, ({ chats }, r) => chats.star(phoneOf(r), r.body)],
  ['post', '/phones/:phone/delete-for-me', 204, ({ chats }, r) => chats.deleteForMe(phoneOf(r), r.body)],
  ['get', '/phones/:phone/labels', 200, ({ chats }, r) => chats.labels(phoneOf(r))],
  ['post', '/phones/:phone/labels', 201, ({ chats }, r) => chats.saveLabel(phoneOf(r), r.body)],
  ['delete', '/phones/:phone/labels/:label', 204, ({ chats }, r) => chats.removeLabel(phoneOf(r), labelOf(r))],
  ['post', '/phones/:phone/labels/:label', 200, ({ chats }, r) => chats.label(phoneOf(r), labelOf(r), r.body)],
  ['get', '/phones/:phone/quick-replies', 200, ({ chats }, r) => chats.quickReplies(phoneOf(r))],
  ['post', '/phones/:phone/quick-replies', 201, ({ chats }, r) => chats.addQuickReply(phoneOf(r), r.body)],
  ['get', '/phones/:phone/profile', 200, ({ account }, r) => account.profile(phoneOf(r))],
  ['post', '/phones/:phone/business', 200, ({ account }, r) => account.setBusiness(phoneOf(r), r.body)],
  ['post', '/phones/:phone/about', 200, ({ account }, r) => account.setAbout(phoneOf(r), r.body)],
  ['post', '/phones/:phone/name', 200, ({ account }, r) => account.setName(phoneOf(r), r.body)],
  ['post', '/phones/:phone/presence', 204, ({ account }, r) => account.setPresence(phoneOf(r), r.body)],
  ['get', '/phones/:phone/presence', 200, ({ account }, r) => account.presence(phoneOf(r), r.query as never)],
  ['post', '/phones/:phone/privacy', 200, ({ account }, r) => account.setPrivacy(phoneOf(r), r.body)],
  ['get', '/phones/:phone/privacy', 200, ({ account }, r) => account.privacy(phoneOf(r))],
  ['post', '/phones/:phone/picture', 200, ({ account }, r) => account.setPicture(phoneOf(r), r.body)],
  ['get', '/phones/:phone/picture', 200, ({ account }, r) => account.picture(phoneOf(r))],
  ['delete', '/phones/:phone/picture', 204, ({ account }, r) => account.removePicture(phoneOf(r))],
  ['post', '/phones/:phone/block', 200, ({ account }, r) => account.block(phoneOf(r), r.body)],
  ['post', '/phones/:phone/unblock', 200, ({ account }, r) => account.unblock(phoneOf(r), r.body)],
  ['get', '/phones/:phone/blocklist', 200, ({ account }, r) => account.blocklist(phoneOf(r))],
  ['post', '/channels', 201, (control, { body }) => control.channels.create(body)],
  ['get', '/channels', 200, (control) => control.channels.list()],
  ['get', '/channels/:jid', 200, (control, request) => control.channels.get(jidOf(request))],
  ['patch', '/channels/:jid', 200, (control, request) => control.channels.update(jidOf(request), request.body)],
  ['delete', '/channels/:jid', 204, (control, request) => control.channels.remove(jidOf(request))],
  ['post', '/channels/:jid/follow', 200, (control, request) => control.channels.follow(jidOf(request), request.body)],
  [
    'post',
    '/channels/:jid/unfollow',
    200,
    (control, request) => control.channels.unfollow(jidOf(request), request.body),
  ],
  ['post', '/channels/:jid/admins', 200, (control, request) => control.channels.promote(jidOf(request), request.body)],
  ['post', '/channels/:jid/demote', 200, (control, request) => control.channels.demote(jidOf(request), request.body)],
  ['get', '/channels/:jid/posts', 200, (control, request) => control.channels.posts(jidOf(request))],
  ['post', '/channels/:jid/post', 201, (control, request) => control.channels.post(jidOf(request), request.body)],
  ['post', '/channels/:jid/react', 200, (control, request) => control.channels.react(jidOf(request), request.body)],
  ['post', '/channels/:jid/view', 204, (control, request) => control.channels.view(jidOf(request), request.body)],
  ['post', '/channels/:jid/edit', 200, (control, request) => control.channels.edit(jidOf(request), request.body)],
  ['post', '/channels/:jid/delete', 200, (control, request) => control.channels.delete(jidOf(request), request.body)],
  ...GROUP_ROUTES,
  ['post', '/faults', 201, (control, { body }) => control.addFault(body)],
  ['get', '/faults', 200, (control) => control.faults()],
  ['delete', '/faults', 204, (control) => control.removeFaults()],
  ['delete', '/faults/:id', 204, (control, request) => control.removeFaults(faultId(request))],
  ['post', '/policy', 201, (control, { body }) => control.setPolicy(body)],
  ['get', '/policy', 200, (control) => control.policy()],
  ['delete', '/policy', 204, (control) => control.removePolicy()],
  ['post', '/stanzas', 201, (control, { body }) => control.sendStanza(body)],
  ['get', '/stanzas', 200, (control, request) => control.stanzas(request.query)],
];

/** The HTTP surface. Everything it refuses it refuses with 4xx and `{error, message}`. */
export function controlApi(control: Control, logger: Logger): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((request, response, next) => {
    if (isLoopback(request.socket.remoteAddress) && speaksOfLoopback(request.headers.host)) return next();
    refuse(response, new SandboxError(403, 'loopback-only', 'The sandbox can only be controlled from this machine.'));
  });
  app.use((request, response, next) => {
    // a web page cannot send JSON to a foreign address without asking first, and it is not answered when it asks
    const hasBody = Number(request.headers['content-length'] ?? 0) > 0 || request.headers['transfer-encoding'];
    if (!hasBody || request.is('application/json')) return next();
    refuse(response, new SandboxError(415, 'json-only', 'Send the body as JSON, with content-type: application/json.'));
  });
  app.use(express.json({ limit: MAX_BODY }));
  const router = express.Router();
  for (const [method, path, status, action] of ROUTES) {
    router[method](path, async (request, response) => {
      const answer = await action(control, request);
      if (status === 204) response.status(204).end();
      else if (answer instanceof Download) answer.send(response);
      else response.status(status).json(answer);
    });
  }
  app.use('/sandbox', router);
  app.use((request, response) => {
    refuse(response, new SandboxError(404, 'unknown-route', `There is no ${request.method} ${request.path} here.`));
  });
  app.use(problems(logger));
  return app;
}

/** `GET …/media/{id}` or `POST …/download {id}`: the file itself, with its content type and name. */
async function download({ gestures }: Control, request: Request): Promise<Download> {
  const id = request.params['id'] ?? bodyOf(request)['id'];
  return new Download(await gestures.media(phoneOf(request), String(id)));
}

const UNKNOWN_FILE = 'application/octet-stream';

class Download {
  readonly #file: MediaFile;

  constructor(file: MediaFile) {
    this.#file = file;
  }

  send(response: Response): void {
    const { bytes, mimetype, fileName } = this.#file;
    if (fileName !== null) response.attachment(fileName);
    // whatever somebody called it, a browser is not to run it
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-type', /^[\w.+-]+\/[\w.+-]+(; ?[\w=.+-]+)*$/.test(mimetype) ? mimetype : UNKNOWN_FILE);
    response.status(200).end(bytes);
  }
}

function problems(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    if (error instanceof SandboxError) return refuse(response, error);
    const status = statusOf(error);
    if (status !== undefined) {
      return refuse(
        response,
        new SandboxError(status, 'bad-request', `The request cannot be read: ${messageOf(error)}`),
      );
    }
    logger.error({ err: error }, 'the control API has stumbled');
    refuse(response, new SandboxError(500, 'internal', 'The sandbox has made a mistake; its log says more.'));
  };
}

/** Express marks what the caller did wrong (unreadable JSON, too large, bad escapes in the path) with a 4xx status. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const status = Number(error.status);
  return status >= 400 && status < 500 ? status : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function refuse(response: Response, problem: SandboxError): void {
  response.status(problem.status).json({ error: problem.code, message: problem.message });
}

const phoneOf = (request: Request): string => String(request.params['phone']);
const jidOf = (request: Request): string => String(request.params['jid']);

const labelOf = (request: Request): string => String(request.params['label']);
const named = (request: Request): string => String(request.params['contact']);

/** The body, whatever it is: the methods check what they are given. */
function bodyOf(request: Request): Record<string, never> {
  const body: unknown = request.body;
  return typeof body === 'object' && body !== null ? (body as Record<string, never>) : {};
}

function faultId(request: Request): number {
  const id = Number(request.params['id']);
  if (Number.isInteger(id)) return id;
  throw new SandboxError(404, 'unknown-fault', 'Faults are numbered; GET /sandbox/faults lists them.');
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === 'localhost' || address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

/** Whether a Host header names this machine: a foreign name that resolves to it is a web page's trick. */
export function speaksOfLoopback(host: string | undefined): boolean {
  return isLoopback(host?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));
}
