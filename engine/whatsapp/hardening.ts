import { createRequire } from 'node:module';

interface Curve {
  verifySignature(publicKey: Buffer, message: Buffer, signature: Buffer, isInit?: boolean): boolean;
}

const fromHere = createRequire(import.meta.url);
// The very copy that Baileys will import: resolved as seen from Baileys, not from here.
const fromBaileys = createRequire(fromHere.resolve('@whiskeysockets/baileys'));
const curve = fromBaileys('libsignal/src/curve.js') as Curve;

/**
 * libsignal answers `false` for a bad signature where Baileys waits for a throw, so that Baileys accepts every server
 * certificate and every device identity. Throwing is what both of libsignal's own callers expect too.
 */
const answers = curve.verifySignature;
curve.verifySignature = (publicKey, message, signature, isInit) => {
  if (answers(publicKey, message, signature, isInit)) return true;
  throw new Error('Invalid signature');
};

/** libsignal prints whole session records, private keys included, with `console`; those lines go nowhere. */
for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const print = console[method].bind(console);
  console[method] = (...args: unknown[]) => {
    if (!calledByLibsignal()) print(...args);
  };
}

function calledByLibsignal(): boolean {
  return /[\\/]node_modules[\\/]libsignal[\\/]/.test(new Error().stack ?? '');
}
