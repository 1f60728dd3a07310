import fc from 'fast-check';
import { TOKEN } from './requests-world.ts';

/** Bytes on a connection, and whether the connection is cut after them instead of being ended. */
export interface Garbage {
  pieces: (string | Buffer)[];
  cut: boolean;
}

const HEAD = `Host: engine\r\nAuthorization: Bearer ${TOKEN}\r\nX-Warbler-Session: 1\r\n`;
const JSON_HEAD = `${HEAD}Content-Type: application/json\r\n`;
const post = (more: string, ...body: string[]) => [
  `POST /api/send-message HTTP/1.1\r\n${JSON_HEAD}${more}\r\n`,
  ...body,
];
const upload = (more: string, ...body: string[]) => [
  `POST /api/upload HTTP/1.1\r\n${HEAD}Content-Type: image/png\r\n${more}\r\n`,
  ...body,
];

/** What is no HTTP, or breaks off, or lies about its length. */
const TRICKS: (string | Buffer)[][] = [
  [''],
  ['\r\n\r\n\r\n'],
  ['GET'],
  ['GET /healthz'],
  ['GET /healthz HTTP/1.1\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\n'],
  ['GET /healthz HTTP/1.1\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['GET /healthz HTTP/9.9\r\nHost: engine\r\n\r\n'],
  ['GET /healthz HTTP/0.9\r\n\r\n'],
  ['GET /healthz\r\n\r\n'],
  ['GET  /healthz HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['GET /a b HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['GET /\0 HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['GET /\xff\xfe HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['get /healthz HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['NONSENSE /healthz HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: engine\r\n\r\n'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: engine\r\n\r\n`],
  [`GET /healthz HTTP/1.1\r\nHost: engine\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`],
  [`GET /healthz HTTP/1.1\r\nHost: engine\r\n${'X: 1\r\n'.repeat(10_000)}\r\n`],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\nX : 1\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\nX: a\0b\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\nX: 1\r\n folded\r\n\r\n'],
  ['GET /healthz HTTP/1.1\nHost: engine\n\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\nExpect: nonsense\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nHost: engine\r\n\r\n'.repeat(200)],
  [`GET /api/groups HTTP/1.1\r\n${HEAD}Content-Length: 5\r\n\r\nhello`],
  [`GET /api/groups HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
  post('Content-Length: 100\r\n', '{"to":'),
  post('Content-Length: 0\r\n', '{"to":"1"}'),
  post('Content-Length: 2\r\n', '{"to":"1"}GET / HTTP/1.1\r\n\r\n'),
  post('Content-Length: -1\r\n', '{}'),
  post('Content-Length: 1e3\r\n', '{}'),
  post('Content-Length: 99999999999999999999\r\n', '{}'),
  post('Content-Length: 2\r\nContent-Length: 3\r\n', '{}x'),
  post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  post('Transfer-Encoding: chunked\r\n', '5\r\n{"to"'),
  post('Transfer-Encoding: chunked\r\n', 'zz\r\n{"to"\r\n0\r\n\r\n'),
  post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\nx'),
  post('Transfer-Encoding: chunked\r\n', '2;ext=1\r\n{}\r\n0\r\nTrailer: 1\r\n\r\n'),
  post('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'),
  post('Transfer-Encoding: xchunked\r\n', '2\r\n{}\r\n0\r\n\r\n'),
  post('Transfer-Encoding: chunked\r\n', ...Array.from({ length: 300 }, () => '1\r\n{\r\n'), '0\r\n\r\n'),
  post('Expect: 100-continue\r\nContent-Length: 2\r\n', '{}'),
  upload('Content-Length: 1000000\r\n', '\x89PNG\r\n\x1a\n'),
  upload('Transfer-Encoding: chunked\r\n', '8\r\n\x89PNG\r\n\x1a\n\r\n'),
  upload('Transfer-Encoding: chunked\r\n', '8\r\n\x89PNG\r\n\x1a\n\r\n', 'nonsense\r\n'),
  upload('Content-Length: 999999999\r\n', 'x'.repeat(70_000)),
  [
    `POST /api/upload HTTP/1.1\r\n${HEAD}Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: 5000\r\n\r\n`,
    '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nhalf a file',
  ],
  [
    `POST /mcp HTTP/1.1\r\n${JSON_HEAD}Accept: application/json, text/event-stream\r\nContent-Length: 500\r\n\r\n`,
    '{"jsonrpc":"2.0",',
  ],
  [
    `POST /mcp HTTP/1.1\r\n${JSON_HEAD}Accept: application/json, text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n`,
    '5\r\n{"jso\r\nxx',
  ],
  [`POST /sandbox/phones HTTP/1.1\r\n${JSON_HEAD}Content-Length: 500\r\n\r\n`, '{"phone":'],
  [Buffer.from('16030100f5010000f10303', 'hex'), Buffer.alloc(250, 7)],
  [Buffer.from('0500', 'hex')],
  ['SSH-2.0-OpenSSH_9.9\r\n'],
  ['*1\r\n$4\r\nPING\r\n'],
  ['EHLO engine\r\n'],
];

export const TRICK_COUNT = TRICKS.length;

const trick: fc.Arbitrary<(string | Buffer)[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TRICKS) },
  // A good request with one byte of it changed, or its end missing.
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...TRICKS.filter(([first]) => typeof first === 'string' && first.length < 2000)),
        fc.nat(),
        fc.nat(255),
      )
      .map(([pieces, at, byte]) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1');
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return [bytes];
      }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => [Buffer.from(bytes)]) },
);

export const garbage: fc.Arbitrary<Garbage> = fc.record({
  pieces: trick,
  cut: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** Each of the tricks as it is. */
export const tricks = (): Garbage[] => TRICKS.map((pieces) => ({ pieces, cut: false }));
