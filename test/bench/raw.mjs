/**
 * Baileys as its README has people use it, in a process of its own, any number of accounts by name: with
 * `useMultiFileAuthState`, or with everything in memory (which forgets its login, and is what Baileys can do at best).
 * Arguments: `files` or `memory`, the folder for the files, the sandbox's WebSocket.
 */
import { join } from 'node:path';
import { initAuthCreds, makeWASocket, useMultiFileAuthState } from '@whiskeysockets/baileys';
import { pino } from 'pino';
import { offer } from './child.mjs';
import { deferred } from './promises.mjs';
import { textOf } from './texts.mjs';

// libsignal prints its sessions, keys included.
for (const level of ['log', 'info', 'warn', 'error']) console[level] = () => {};

const [kind, folder, socketUrl] = process.argv.slice(2);
const RESTART_REQUIRED = 515;
const logger = pino({ level: 'silent' });
const accounts = new Map();

function memoryAuthState() {
  const kept = new Map();
  const entries = (data) =>
    Object.entries(data).flatMap(([type, values]) => Object.entries(values).map(([id, v]) => [`${type} ${id}`, v]));
  const keys = {
    get: async (type, ids) =>
      Object.fromEntries(ids.flatMap((id) => (kept.has(`${type} ${id}`) ? [[id, kept.get(`${type} ${id}`)]] : []))),
    set: async (data) => {
      for (const [name, value] of entries(data)) {
        if (value === null) kept.delete(name);
        else kept.set(name, value);
      }
    },
  };
  return { state: { creds: initAuthCreds(), keys }, saveCreds: async () => {} };
}

async function accountNamed(name) {
  let account = accounts.get(name);
  if (!account) {
    const auth = kind === 'memory' ? memoryAuthState() : await useMultiFileAuthState(join(folder, name));
    account = { ...auth, sock: undefined, postTo: undefined, paired: false, qr: deferred(), opened: deferred() };
    accounts.set(name, account);
  }
  return account;
}

function connect(account) {
  const sock = makeWASocket({ auth: account.state, logger, waWebSocketUrl: socketUrl });
  account.sock = sock;
  sock.ev.on('creds.update', account.saveCreds);
  sock.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
    if (qr) account.qr.resolve(qr);
    // Its files are written without being waited for, and not in one piece: a kill can cost the login.
    if (qr && account.paired) account.opened.reject(new Error('the login was lost'));
    if (connection === 'open') account.opened.resolve();
    if (connection !== 'close' || account.sock !== sock) return;
    const code = lastDisconnect?.error?.output?.statusCode;
    if (code === RESTART_REQUIRED) connect(account);
    else account.opened.reject(new Error(`the connection was closed with ${code}`));
  });
  sock.ev.on('messages.upsert', ({ messages }) => {
    if (account.postTo) for (const message of messages) if (!message.key.fromMe) post(account.postTo, message);
  });
}

/** Fire and forget: a webhook as people write it around Baileys, with the body that Warbler posts. */
function post(url, { key, messageTimestamp, pushName, message }) {
  const messageBody = message?.conversation ?? message?.extendedTextMessage?.text;
  const data = { messages: { key, messageTimestamp, pushName, messageBody, message } };
  const body = JSON.stringify({ event: 'messages.received', sessionId: '1', timestamp: Date.now(), data });
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => {});
}

/** Sends one text after the other; answers the ms until the server has acknowledged the last of them. */
async function sends({ sock }, to, count) {
  // Nothing else is sent meanwhile, so that counting is enough; a set, because a server may say a thing twice.
  const acknowledged = new Set();
  const done = deferred();
  const onAck = ({ attrs }) => {
    acknowledged.add(attrs.id);
    if (acknowledged.size === count) done.resolve();
  };
  sock.ws.on('CB:ack,class:message', onAck);
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) {
    await sock.sendMessage(to, { text: textOf(index, count) });
    // With its store in memory Baileys never lets go of the thread by itself, and reads nothing.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done.promise;
  sock.ws.off('CB:ack,class:message', onAck);
  return performance.now() - startedAt;
}

offer({
  /** Starts to pair; answers the QR code. */
  pair: async (name) => {
    const account = await accountNamed(name);
    connect(account);
    return account.qr.promise;
  },
  /** Connects an account that is paired. */
  connect: async (name) => {
    const account = await accountNamed(name);
    account.paired = true;
    account.opened = deferred();
    account.opened.promise.catch(() => {});
    connect(account);
  },
  opened: async (name) => (await accountNamed(name)).opened.promise,
  disconnect: async (name) => {
    const account = await accountNamed(name);
    const { sock } = account;
    account.sock = undefined;
    await sock.end(undefined);
  },
  postTo: async (name, url) => void ((await accountNamed(name)).postTo = url),
  sends: async (name, to, count) => sends(await accountNamed(name), to, count),
});
