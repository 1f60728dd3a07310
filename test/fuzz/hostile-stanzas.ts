import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { proto, encodeBinaryNode, type BinaryNode } from '@whiskeysockets/baileys';

/** A stanza as the sandbox writes it down. */
export interface Written {
  tag: string;
  attrs: Record<string, string>;
  content?: string | { base64: string } | Written[];
}

/** What a device is sent: a stanza, a frame that need not be one, or a plaintext that a phone encrypts. */
export type Hostile = { node: Written } | { frame: Uint8Array } | { plaintext: Uint8Array; in: 'chat' | 'group' };

/** People and places of the stage, so that hostile stanzas are about somebody who is there. */
export interface Cast {
  own: string;
  ownLid: string;
  friend: string;
  friendLid: string;
  group: string;
  /** Ids of messages that there are. */
  ids: string[];
}

/** What ends a login by design, or says who the account is: the server's word, whatever it says. */
const FATAL = new Set(['stream:error', 'failure', 'xmlstreamend', 'success']);
const isFatal = ({ tag, content }: Written): boolean =>
  FATAL.has(tag) || (Array.isArray(content) && content.some((child) => child.tag === 'downgrade_webclient'));

const HUGE = 'x'.repeat(100_000);
const NASTY = ['', ' ', '0', '-1', 'NaN', '1e309', '99999999999999999999', 'null', '__proto__', 'constructor'];
const TEXTS = ['\u0000', '\ud800', '‮abc', '<script>', "'; DROP TABLE messages; --", '${x}', '../../etc/passwd', HUGE];

const valueOf = (cast: Cast) =>
  fc.oneof(
    fc.constantFrom(...NASTY, ...TEXTS.slice(0, -1)),
    fc.constantFrom(`${cast.friend}@s.whatsapp.net`, cast.friendLid, `${cast.own}@s.whatsapp.net`, cast.ownLid),
    fc.constantFrom(cast.group, '120363999999999999@g.us', 'status@broadcast', '1@newsletter', '@s.whatsapp.net'),
    fc.constantFrom('@', '@lid', 'a@b@c', ':1@lid', `${cast.friend}:99999@s.whatsapp.net`, '99@bot', '5@broadcast'),
    { weight: 9, arbitrary: fc.constantFrom(...cast.ids) },
    { weight: 9, arbitrary: fc.string({ maxLength: 30 }) },
    { weight: 9, arbitrary: fc.constantFrom(...NASTY) },
    { weight: 1, arbitrary: fc.constant(HUGE) },
  );

const TAGS = ['message', 'receipt', 'notification', 'ack', 'call', 'ib', 'iq', 'presence', 'chatstate', 'nonsense'];
const ATTRS = [
  'from',
  'id',
  'type',
  't',
  'participant',
  'participant_lid',
  'participant_pn',
  'sender_lid',
  'sender_pn',
];
const MORE_ATTRS = ['recipient', 'class', 'error', 'offline', 'notify', 'category', 'addressing_mode', 'edit', 'to'];
const RARE_ATTRS = ['peer_recipient_pn', 'server_id', 'is_sender', 'count', 'call-id', 'xmlns', 'code', 'jid', 'lid'];
const CHILDREN = ['enc', 'plaintext', 'unavailable', 'retry', 'list', 'item', 'offer', 'terminate', 'set', 'delete'];
const MORE_CHILDREN = ['add', 'remove', 'create', 'group', 'participant', 'subject', 'description', 'modify', 'dirty'];
const RARE_CHILDREN = ['update', 'identity', 'devices', 'device', 'count', 'collection', 'error', 'meta', 'reactions'];
const TYPES = ['w:gp2', 'picture', 'status', 'encrypt', 'devices', 'mex', 'newsletter', 'account_sync', 'mediaretry'];
const MORE_TYPES = ['server_sync', 'privacy_token', 'retry', 'read', 'played', 'result', 'error', 'text', 'media'];

const attrsOf = (cast: Cast) =>
  fc.dictionary(fc.constantFrom(...ATTRS, ...MORE_ATTRS, ...RARE_ATTRS), valueOf(cast), { maxKeys: 8 }).chain((attrs) =>
    fc.option(fc.constantFrom(...TYPES, ...MORE_TYPES), { nil: undefined }).map((type) => ({
      ...attrs,
      ...(type !== undefined && { type }),
    })),
  );

/** Noise: nodes under every known tag. */
function invented(cast: Cast): fc.Arbitrary<Written> {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((some) => ({ base64: Buffer.from(some).toString('base64') }));
  const leaf = fc.oneof(fc.constant(undefined), fc.string({ maxLength: 20 }), bytes);
  const child = fc.constantFrom(...CHILDREN, ...MORE_CHILDREN, ...RARE_CHILDREN);
  const { node } = fc.letrec<{ node: Written }>((tie) => ({
    node: fc
      .record({
        tag: child,
        attrs: attrsOf(cast),
        content: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('node'), { maxLength: 3 })),
      })
      .map(written),
  }));
  return fc
    .record({
      tag: fc.constantFrom(...TAGS),
      attrs: attrsOf(cast),
      content: fc.oneof(leaf, fc.array(node, { maxLength: 4 })),
    })
    .map(written);
}

const written = ({ tag, attrs, content }: { tag: string; attrs: Record<string, string>; content?: unknown }) =>
  (content === undefined ? { tag, attrs } : { tag, attrs, content }) as Written;

/** A place in a stanza, and what is done to it. */
const mutationOf = (cast: Cast) =>
  fc.record({
    where: fc.nat({ max: 30 }),
    what: fc.nat({ max: 11 }),
    attr: fc.constantFrom(...ATTRS, ...MORE_ATTRS, ...RARE_ATTRS),
    n: fc.nat({ max: 200 }),
    value: valueOf(cast),
  });

/** Real stanzas, changed in a few places. */
function mutated(recorded: Written[], cast: Cast): fc.Arbitrary<Written> {
  return fc
    .tuple(fc.constantFrom(...recorded), fc.array(mutationOf(cast), { minLength: 1, maxLength: 4 }))
    .map(([stanza, mutations]) => {
      const copy = structuredClone(stanza);
      for (const mutation of mutations) mutate(copy, mutation);
      return copy;
    });
}

function mutate(
  root: Written,
  { where, what, attr, n, value }: { where: number; what: number; attr: string; n: number; value: string },
): void {
  const nodes = all(root);
  const node = nodes[where % nodes.length]!;
  const names = Object.keys(node.attrs);
  const name = names[n % Math.max(1, names.length)];
  const inside = Array.isArray(node.content) ? node.content : undefined;
  switch (what) {
    case 0:
    case 1:
      if (name) node.attrs[name] = value;
      return;
    case 2:
      if (name) delete node.attrs[name];
      return;
    case 3:
      node.attrs[attr] = value;
      return;
    case 4:
      delete node.content;
      return;
    case 5:
      node.content = value;
      return;
    case 6:
      node.content = { base64: Buffer.from(value.slice(0, 1000)).toString('base64') };
      return;
    case 7:
      if (inside?.length) node.content = Array.from({ length: n }, () => structuredClone(inside[0]!));
      return;
    case 8:
      if (inside?.length) node.content = [...inside, ...structuredClone(inside)];
      return;
    case 9:
      node.tag = value.slice(0, 20) || 'x';
      return;
    case 10: {
      const id = root.attrs['id'];
      if (id) root.attrs['id'] = `${id}${n}`;
      return;
    }
    case 11: {
      let nested: Written = structuredClone(node);
      for (let depth = 0; depth < n; depth++) nested = { tag: node.tag, attrs: {}, content: [nested] };
      node.content = [nested];
    }
  }
}

const all = (node: Written): Written[] => [node, ...(Array.isArray(node.content) ? node.content.flatMap(all) : [])];

export function asNode({ tag, attrs, content }: Written): BinaryNode {
  if (content === undefined) return { tag, attrs };
  if (typeof content === 'string') return { tag, attrs, content };
  if (Array.isArray(content)) return { tag, attrs, content: content.map(asNode) };
  return { tag, attrs, content: Buffer.from(content.base64, 'base64') };
}

/** Frames that are no stanzas: cut off, with bytes changed, packed or said to be packed, or nothing but noise. */
function frames(recorded: Written[]): fc.Arbitrary<Uint8Array> {
  const encoded = fc.constantFrom(...recorded).map((stanza) => Buffer.from(encodeBinaryNode(asNode(stanza))));
  const packed = (plain: Buffer) => Buffer.concat([Buffer.of(2), deflateSync(plain.subarray(1))]);
  return fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(encoded, fc.nat()).map(([bytes, n]) => bytes.subarray(0, n % bytes.length)),
    fc.tuple(encoded, fc.nat(), fc.nat({ max: 255 })).map(([bytes, n, byte]) => {
      const copy = Buffer.from(bytes);
      // Not the first ones: they would name another tag, and that one might end the session by design.
      if (copy.length > 8) copy[8 + (n % (copy.length - 8))] = byte;
      return copy;
    }),
    fc.tuple(encoded, fc.nat()).map(([bytes, n]) => {
      const whole = packed(bytes);
      return whole.subarray(0, n % whole.length);
    }),
    fc.uint8Array({ maxLength: 100 }).map((noise) => Buffer.concat([Buffer.of(2), noise])),
    fc.nat({ max: 20_000 }).map((depth) => Buffer.concat([Buffer.of(0), Buffer.alloc(depth, Buffer.of(248, 2, 3))])),
  );
}

const { Message } = proto;
const { Type } = Message.ProtocolMessage;
const LONGS = [-1, 0, 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 1e15];
type Content = proto.IMessage;

/** Messages that are well-formed and absurd. */
function contents(cast: Cast): fc.Arbitrary<Content> {
  const long = fc.constantFrom(...LONGS);
  const text = fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...TEXTS.slice(0, -1), '') },
    { weight: 60, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constantFrom(HUGE, 'x'.repeat(1_000_000)) },
  );
  const bytes = fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 100 }));
  const key = fc.record(
    {
      remoteJid: valueOf(cast),
      fromMe: fc.boolean(),
      id: fc.oneof(fc.constantFrom(...cast.ids, ''), fc.string()),
      participant: valueOf(cast),
    },
    { requiredKeys: [] },
  );
  const file = fc.record(
    {
      url: text,
      directPath: text,
      mimetype: text,
      mediaKey: bytes,
      fileSha256: bytes,
      fileEncSha256: bytes,
      fileLength: long,
      jpegThumbnail: bytes,
      caption: text,
      mediaKeyTimestamp: long,
    },
    { requiredKeys: [] },
  );
  const context = fc.record(
    {
      stanzaId: text,
      participant: valueOf(cast),
      mentionedJid: fc.array(valueOf(cast)),
      expiration: fc.constantFrom(0, 4_294_967_295),
    },
    { requiredKeys: [] },
  );
  const simple = fc.oneof(
    text.map((conversation): Content => ({ conversation })),
    fc.record({ text, contextInfo: context }).map((extendedTextMessage): Content => ({ extendedTextMessage })),
    file.map((imageMessage): Content => ({ imageMessage })),
    file.map((videoMessage): Content => ({ videoMessage })),
    file.map((audioMessage): Content => ({ audioMessage })),
    file.map((documentMessage): Content => ({ documentMessage })),
    file.map((stickerMessage): Content => ({ stickerMessage })),
    fc.constant<Content>({}),
    fc.record({ displayName: text, vcard: text }).map((contactMessage): Content => ({ contactMessage })),
    fc.array(text, { maxLength: 5 }).map((all): Content => ({
      contactsArrayMessage: { contacts: all.map((vcard) => ({ vcard: `BEGIN:VCARD\nTEL;waid=../..:${vcard}` })) },
    })),
    fc
      .record({ degreesLatitude: fc.double(), degreesLongitude: fc.double(), name: text, jpegThumbnail: bytes })
      .map((locationMessage): Content => ({ locationMessage })),
    fc
      .record({
        name: text,
        options: fc.array(fc.record({ optionName: text }), { maxLength: 3 }),
        selectableOptionsCount: fc.nat(),
      })
      .map((pollCreationMessage): Content => ({ pollCreationMessage })),
    fc
      .record(
        { pollCreationMessageKey: key, vote: fc.record({ encPayload: bytes, encIv: bytes }), senderTimestampMs: long },
        { requiredKeys: [] },
      )
      .map((pollUpdateMessage): Content => ({ pollUpdateMessage })),
    fc
      .record({ key, text, senderTimestampMs: long }, { requiredKeys: [] })
      .map((reactionMessage): Content => ({ reactionMessage })),
    fc
      .record({ targetMessageKey: key, encPayload: bytes, encIv: bytes }, { requiredKeys: [] })
      .map((encReactionMessage): Content => ({ encReactionMessage })),
    fc
      .record({ eventCreationMessageKey: key, encPayload: bytes, encIv: bytes }, { requiredKeys: [] })
      .map((encEventResponseMessage): Content => ({ encEventResponseMessage })),
    fc
      .record({ name: text, startTime: long, description: text }, { requiredKeys: [] })
      .map((eventMessage): Content => ({ eventMessage })),
    fc
      .record({ key, type: fc.constantFrom(0, 1, 2), senderTimestampMs: long }, { requiredKeys: [] })
      .map((pinInChatMessage): Content => ({ pinInChatMessage })),
    fc
      .record({ key, keepType: fc.constantFrom(0, 1, 2) }, { requiredKeys: [] })
      .map((keepInChatMessage): Content => ({ keepInChatMessage })),
    fc
      .record({ groupId: text, axolotlSenderKeyDistributionMessage: bytes }, { requiredKeys: [] })
      .map((senderKeyDistributionMessage): Content => ({ senderKeyDistributionMessage })),
    fc
      .record(
        { groupJid: valueOf(cast), inviteCode: text, inviteExpiration: long, groupName: text, jpegThumbnail: bytes },
        { requiredKeys: [] },
      )
      .map((groupInviteMessage): Content => ({ groupInviteMessage })),
  );
  const protocol = fc
    .record(
      {
        key,
        type: fc.constantFrom(...Object.values(Type).filter((one) => typeof one === 'number'), 9999),
        ephemeralExpiration: fc.constantFrom(0, 1, 4_294_967_295),
        timestampMs: long,
        editedMessage: simple,
        historySyncNotification: fc.record(
          { directPath: text, mediaKey: bytes, syncType: fc.nat({ max: 8 }), initialHistBootstrapInlinePayload: bytes },
          { requiredKeys: [] },
        ),
        appStateSyncKeyShare: fc.record({
          keys: fc.array(
            fc.record(
              { keyId: fc.record({ keyId: bytes }), keyData: fc.record({ keyData: bytes, timestamp: long }) },
              { requiredKeys: [] },
            ),
            { maxLength: 2 },
          ),
        }),
        peerDataOperationRequestResponseMessage: fc.record(
          {
            stanzaId: text,
            peerDataOperationResult: fc.array(
              fc.record({ placeholderMessageResendResponse: fc.record({ webMessageInfoBytes: bytes }) }),
              { maxLength: 2 },
            ),
          },
          { requiredKeys: [] },
        ),
        lidMigrationMappingSyncMessage: fc.record({ encodedMappingPayload: bytes }),
        memberLabel: fc.record({ label: text, labelTimestamp: long }),
      },
      { requiredKeys: [] },
    )
    .map((protocolMessage): Content => ({ protocolMessage }));
  const inner = fc.oneof({ weight: 3, arbitrary: simple }, { weight: 1, arbitrary: protocol });
  const wrapped = fc
    .tuple(inner, fc.constantFrom(...WRAPPERS), fc.constantFrom(1, 2, 6, 1000))
    .map(([message, name, depth]) => {
      let content: Content = message;
      for (let n = 0; n < depth; n++) content = { [name]: { message: content } };
      return content;
    });
  const own = fc
    .tuple(inner, valueOf(cast))
    .map(([message, destinationJid]): Content => ({ deviceSentMessage: { destinationJid, message } }));
  return fc.oneof({ weight: 5, arbitrary: inner }, { weight: 2, arbitrary: wrapped }, { weight: 1, arbitrary: own });
}

const WRAPPERS = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'documentWithCaptionMessage',
  'editedMessage',
] as const;

function plaintexts(cast: Cast): fc.Arbitrary<Uint8Array> {
  const padded = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(1)]);
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(padded) },
    // A text that is no UTF-8.
    {
      weight: 1,
      arbitrary: fc
        .uint8Array({ minLength: 1, maxLength: 100 })
        .map((bytes) => padded(Buffer.concat([Buffer.of(10, bytes.length), bytes]))),
    },
    { weight: 6, arbitrary: contents(cast).map((content) => padded(Message.encode(Message.create(content)).finish())) },
    // So deep that nothing recursive gets to its end.
    { weight: 1, arbitrary: fc.constantFrom(3000, 30_000).map((depth) => padded(deep(depth))) },
  );
}

/** `ephemeralMessage` (field 40) in `ephemeralMessage`, written by hand: an encoder would not survive it either. */
function deep(depth: number): Buffer {
  let bytes = Buffer.from(Message.encode({ conversation: 'at the bottom' }).finish());
  const parts: Buffer[] = [bytes];
  let length = bytes.length;
  const wrap = (field: number) => {
    const head = Buffer.concat([varint((field << 3) | 2), varint(length)]);
    parts.push(head);
    length += head.length;
  };
  for (let n = 0; n < depth; n++) {
    wrap(1);
    wrap(40);
  }
  bytes = Buffer.concat(parts.reverse());
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

/** So many hostile things of every kind, the same ones for the same seed. */
export function hostile(recorded: Written[], cast: Cast, { seed, runs }: { seed: number; runs: number }): Hostile[] {
  const real = recorded.filter((stanza) => !isFatal(stanza));
  const node = (of: fc.Arbitrary<Written>) => of.filter((one) => !isFatal(one)).map((one): Hostile => ({ node: one }));
  const everything = fc.oneof(
    { weight: 5, arbitrary: node(mutated(real, cast)) },
    { weight: 3, arbitrary: node(invented(cast)) },
    { weight: 1, arbitrary: frames(real).map((frame): Hostile => ({ frame })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(plaintexts(cast), fc.constantFrom('chat' as const, 'chat' as const, 'group' as const))
        .map(([plaintext, place]): Hostile => ({ plaintext, in: place })),
    },
  );
  return fc.sample(everything, { seed, numRuns: runs });
}
