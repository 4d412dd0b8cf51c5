import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { packContent } from '../../src/core/value/content.ts';
import { Floor } from '../../src/core/causality/floor.ts';
import { packMessage, unpackMessage } from '../../src/transport/codec.ts';
import { packFrame, unpackFrame } from '../../src/transport/frame.ts';
import { PROTOCOL } from '../../src/transport/protocol.ts';
import { noFloor, WireError } from '../../src/transport/field.ts';
import type { Message } from '../../src/transport/message.ts';

const context = CausalContext.ofDots([
  { actor: 'n1~a', counter: 1 },
  { actor: 'n1~a', counter: 3 },
  { actor: 'n2~b', counter: 2 ** 40 },
]);
const dot = { actor: 'n1~a', counter: 3 };
const plain = { value: Uint8Array.of(1), contentType: 'a/b', timestampMicros: 1 };
const content = packContent(plain);
const identity = {
  name: 'n1',
  process: 'p',
  host: 'h',
  port: 7000,
  partitions: 256,
  n: 3,
  cluster: ['life1', 'life2'],
  isMember: true,
  clusterName: undefined,
  oldest: 3,
  newest: 4,
};
const member = {
  name: 'n2',
  host: 'h',
  port: 7010,
  httpport: 3001,
  weight: 0.5,
  generation: 2,
  life: 'abc',
  version: 4,
  settled: 0xffff_ffff,
} as const;
const gossip = {
  hash: 0xffff_ffff,
  records: [
    { ...member, zone: undefined, state: 'joining' },
    { ...member, zone: 'rack 1', state: 'gone' },
  ],
  isInformed: true,
  suspects: [{ name: 'n3', version: 9 }],
} as const;

const said = {
  replica: 'r',
  actor: 'n2~b',
  isOwner: true,
  isComplete: false,
  isWhole: true,
  clock: context,
  lost: context,
  aside: new CausalContext(),
} as const;
const statement = { ...said, life: 'l' };

const MESSAGES: readonly Message[] = [
  { kind: 'ping' },
  { kind: 'pong', process: 'p', nowMs: 12.5 },
  { kind: 'probe', from: identity, wantsAll: true, ...gossip },
  {
    kind: 'probed',
    from: identity,
    nowMs: 1,
    wallMicros: 1_800_000_000_000_000,
    refusal: 'why',
    ...gossip,
  },
  { kind: 'probe-for', name: 'n2' },
  { kind: 'read', key: 'ключ/\0', have: [dot] },
  { kind: 'read', key: 'k', have: [], floors: ['f'] },
  {
    kind: 'store',
    key: 'k',
    object: { context, versions: [{ ...dot, body: content }] },
    dots: [dot],
  },
  { kind: 'store', key: 'k2', object: { context, versions: [] }, dots: [] },
  {
    kind: 'forward',
    id: 'n1/1',
    process: 'p',
    notAfterMs: 1.5,
    key: 'k',
    token: context,
    body: content,
    r: 'quorum',
    w: 2,
    pr: 1,
    pw: 'all',
    condition: { ifMatch: ['"a"'], ifNoneMatch: '*', idempotencyKey: 'i' },
    timeoutMs: 500,
  },
  {
    kind: 'forward',
    id: 'n1/1',
    process: '',
    notAfterMs: 0,
    key: 'k',
    token: undefined,
    body: undefined,
    r: 1,
    w: 'all',
    pr: undefined,
    pw: undefined,
    condition: undefined,
    timeoutMs: 0,
  },
  {
    kind: 'object',
    actor: 'n1~a',
    isComplete: true,
    context,
    versions: [{ ...dot, body: undefined }],
  },
  { kind: 'stored', actor: 'n1~a', life: 'a', replica: 1, fences: [] },
  {
    kind: 'stored',
    actor: 'n1~a',
    life: 'a',
    replica: 1,
    fences: [{ member: 'n2', replica: 2, life: 'k', later: undefined }],
  },
  { kind: 'written', dot, token: context, versions: [dot], found: true, isRepeated: false },
  { kind: 'store', key: 'k', object: { context, versions: [] }, dots: [], grant: 'ab/2' },
  {
    kind: 'grant',
    ballot: 'n1/2',
    key: 'k',
    view: 'n1 > n1',
    have: [dot],
    idempotencyKey: undefined,
  },
  { kind: 'release', ballot: 'n1/2', key: 'k' },
  {
    kind: 'granted',
    actor: 'n1~a',
    number: 'ab/2',
    context,
    versions: [{ ...dot, body: Uint8Array.of(1) }],
    remembered: { ...dot, digest: 'ff' },
  },
  {
    kind: 'compare',
    from: 'n1',
    digests: [{ partition: 255, hash: 7 }],
    floors: [{ partition: 3, name: 'f' }],
  },
  { kind: 'compared', differing: [0], incomplete: [9] },
  { kind: 'pull', from: 'n1', partition: 3, statement, floors: ['f'] },
  { kind: 'unknown-floor' },
  {
    kind: 'state',
    life: 'l1',
    from: 'n1',
    partitions: [0, 255],
    filling: ['r', ''],
    floors: ['f', 'g'],
  },
  { kind: 'stated', life: 'l', members: 7, replicas: [{ ...said, partition: 9 }] },
  {
    kind: 'page',
    statement,
    items: [{ key: 'k', object: { context, versions: [] }, dots: [dot] }],
    rest: 'more',
  },
  {
    kind: 'snapshot',
    from: 'n1',
    partition: 0,
    id: undefined,
    after: undefined,
    isComplete: false,
  },
  { kind: 'snapshot', from: 'n1', partition: 0, id: 'i', after: 'k', isComplete: true },
  {
    kind: 'scrub',
    from: 'n1',
    partition: 1,
    after: undefined,
    until: 'k',
    clockHash: 1,
    rows: 2,
    digest: 3,
  },
  { kind: 'snapshot-page', id: 'i', opening: { statement, cut: context }, items: [], next: 'k' },
  { kind: 'snapshot-page', id: 'i', opening: undefined, items: [], next: undefined },
  {
    kind: 'list',
    partitions: [{ partition: 255, ownersHash: 0xffff_ffff }],
    prefix: 'p',
    after: undefined,
    limit: 10,
    sizes: true,
  },
  {
    kind: 'keys',
    keys: ['a', 'b'],
    tags: [1, 0xffff_ffff],
    until: 'b',
    incomplete: [3],
    otherOwners: [4],
    values: [1, 2],
    bytes: [0, 7],
  },
  { kind: 'failed', code: 'disk-full', detail: 'why', have: 1, need: 2 },
  { kind: 'failed', code: 'stopping', detail: '', have: 0, need: 0, mayTakeEffect: false },
];

const frameOf = (messages: readonly Message[]): Uint8Array =>
  packFrame(messages.map((message, id) => ({ id, message: packMessage(message) })));

test('unpackFrame restores every message of a frame', () => {
  const { items, garbage } = unpackFrame(frameOf(MESSAGES));
  assert.equal(garbage, 0);
  assert.deepEqual(
    items.map(({ id }) => id),
    MESSAGES.map((_, id) => id),
  );
  for (const [i, { message }] of items.entries()) {
    assert.deepEqual(JSON.parse(JSON.stringify(message)), JSON.parse(JSON.stringify(MESSAGES[i])));
    if ('context' in message) assert.ok(message.context.equals(context));
  }
});

const settled = Floor.NONE.with(new Map([['n1~a', 1]]));
/**
 * Every message with a context that covers the floor: it is packed in another way for who knows
 * that.
 */
const LAYERED = MESSAGES.filter(
  (message) =>
    Buffer.compare(packMessage(message), packMessage(message, { floors: [settled] })) !== 0,
);

/** A message with its contexts as texts. */
const textOf = (message: Message): unknown =>
  JSON.parse(
    JSON.stringify(message, (_, field: unknown) =>
      field instanceof CausalContext ? String(field) : field,
    ),
  );

test('every message with a context can be packed on a floor', () => {
  const kinds = new Set(LAYERED.map(({ kind }) => kind));
  assert.deepEqual([...kinds].sort(), [
    'granted',
    'object',
    'page',
    'pull',
    'snapshot-page',
    'stated',
    'store',
  ]);
  const frame = packFrame(
    LAYERED.map((message, id) => ({ id, message: packMessage(message, { floors: [settled] }) })),
  );
  const { items, unknown, garbage } = unpackFrame(frame, {
    findFloor: (name) => (name === settled.hash ? settled : undefined),
  });
  assert.deepEqual([unknown, garbage], [[], 0]);
  for (const [i, { message }] of items.entries()) {
    assert.deepEqual(textOf(message), textOf(LAYERED[i] as Message));
  }
});

test('a message on an unknown floor cannot be read, and is no garbage', () => {
  const frame = packFrame(
    LAYERED.map((message, id) => ({ id, message: packMessage(message, { floors: [settled] }) })),
  );
  const { items, unknown, garbage } = unpackFrame(frame);
  assert.deepEqual([items, garbage], [[], 0]);
  assert.deepEqual(
    unknown,
    LAYERED.map((_, id) => id),
  );
});

test('a frame of another protocol version, or none at all, is refused', () => {
  const whole = frameOf(MESSAGES);
  const other = whole.slice();
  other[0] = PROTOCOL.newest + 1;
  for (const frame of [
    new Uint8Array(),
    other,
    whole.subarray(0, 4),
    whole.subarray(0, 9),
    whole.subarray(0, -1),
  ]) {
    assert.throws(() => unpackFrame(frame), WireError);
  }
});

test('an invalid message is counted, and the others of its frame are read', () => {
  const good = packMessage({ kind: 'stored', actor: 'a', life: '', replica: 1, fences: [] });
  const bad: unknown[] = [
    null,
    5,
    {},
    [],
    [999],
    ['67', 'a'],
    [67],
    [67, 5],
    [2, 'k', ['a']],
    [2, 'k', ['a', 0]],
    [
      3,
      'k',
      [
        ['a', [1, 1]],
        ['a', 1, null],
      ],
      [],
    ], // a stored version without a body
    [3, 'k', [[], ['a', 1, Uint8Array.of(1)]], []], // a version that its own context does not know
    [3, 'k', [[], []], ['a', 1]], // a dot that the context does not know
    [66, 'a', true, ['a', [2, 1]], []], // a range that ends before it begins
    [9, ['n1', 'p', 'h', 7000, 256, 3, 4, 3], false, 1, true, [], []], // no version at all
    [9, ['n1', 'p', 'h', 7000, 256, 3, 3, 256], false, 1, true, [], []], // not a byte
    [8, [256], '', null, 1], // a partition that is none
    [73, ['a'], [], null, []], // a key without a tag
  ];
  const messages = [
    ...bad.map((fields) => encode(fields)),
    new Uint8Array(),
    Uint8Array.of(0xc1),
    good,
  ];
  const frame = packFrame(messages.map((message, id) => ({ id, message })));
  const { items, garbage } = unpackFrame(frame);
  assert.equal(garbage, messages.length - 1);
  assert.deepEqual(items, [
    {
      id: messages.length - 1,
      message: {
        kind: 'stored',
        actor: 'a',
        life: '',
        replica: 1,
        fences: [],
        owners: undefined,
      },
    },
  ]);
});

/** The message with each of its texts and lists in turn replaced by one that is far too long. */
function* swollen(field: unknown): Generator {
  if (typeof field === 'string') yield 'x'.repeat(70_000);
  if (!Array.isArray(field)) return;
  for (const [i, part] of field.entries()) {
    for (const swollenPart of swollen(part)) yield field.with(i, swollenPart);
  }
  const row: unknown[] = field.length === 0 ? [0] : field;
  const rows = Math.ceil(140_000 / row.length);
  yield Array.from({ length: rows }, () => row).flat();
}

test('every text and every list of every message has a bound', () => {
  const byKind = new Map(MESSAGES.map((message) => [message.kind, message]));
  for (const message of byKind.values()) {
    const fields = decode(packMessage(message)) as unknown[];
    for (const [i, field] of fields.entries()) {
      for (const tooLong of i === 0 ? [] : swollen(field)) {
        const bytes = encode(fields.with(i, tooLong));
        if (bytes.length < 70_000) continue;
        assert.equal(unpackMessage(bytes, noFloor), undefined, `${message.kind}, field ${i}`);
      }
    }
  }
});

/** The messages as a receiver reads them; undefined for each that it does not take. */
const readAll = (messages: readonly unknown[]): unknown[] =>
  messages.map((message) => unpackMessage(packMessage(message as Message), noFloor));

const kept = <Kind extends Message['kind']>(kind: Kind): Extract<Message, { kind: Kind }> =>
  MESSAGES.find((message) => message.kind === kind) as Extract<Message, { kind: Kind }>;

test('a key has a grammar in each message', () => {
  const withKey = MESSAGES.filter((message) => 'key' in message);
  assert.deepEqual([...new Set(withKey.map(({ kind }) => kind))].sort(), [
    'forward',
    'grant',
    'read',
    'release',
    'store',
  ]);
  for (const message of withKey) {
    const bad = ['', 'k'.repeat(2049), 'ж'.repeat(1025)];
    for (const key of bad) assert.deepEqual(readAll([{ ...message, key }]), [undefined], key);
  }
  // An encoder of another language may write a lone surrogate.
  const surrogate = Uint8Array.of(0x93, 2, 0xa3, 0xed, 0xa0, 0x80, 0x90);
  assert.equal(unpackMessage(surrogate, noFloor), undefined);
});

test('a client writes no reserved key through another node, and no longer one than through HTTP', () => {
  const forward = kept('forward');
  for (const key of ['\0queue', 'k'.repeat(1025)])
    assert.deepEqual(readAll([{ ...forward, key }]), [undefined]);
});

/** Bodies that no client can have written, or that no client could be given. */
const UNREADABLE: readonly Uint8Array[] = [
  new Uint8Array(),
  Uint8Array.of(1, 2, 3),
  packContent({ ...plain, contentType: 'text/plain\r\nSet-Cookie: a=b' }),
  packContent({ ...plain, contentEncoding: 'gzip\n' }),
  packContent({ ...plain, clientId: 'ключ' }),
  packContent({ ...plain, meta: [['a b', 'c']] }),
  packContent({ ...plain, meta: [['a', 'b\n']] }),
  packContent({ ...plain, timestampMicros: NaN }),
  packContent({ ...plain, timestampMicros: 1e300 }),
  packContent({ ...plain, expiresMicros: -1 }),
];

test('a write has a content that a client can be given', () => {
  const other = { actor: 'n1~a', counter: 1, body: content };
  for (const body of UNREADABLE) {
    const forward = { ...kept('forward'), body };
    const object = { context, versions: [other, { ...dot, body }] };
    assert.deepEqual(readAll([forward, { ...kept('store'), object }]), [undefined, undefined]);
    // A sibling that a replica has taken in before must not keep new writes from it.
    const sibling = {
      context,
      versions: [
        { ...other, body },
        { ...dot, body: content },
      ],
    };
    const [read] = readAll([{ ...kept('store'), object: sibling }]);
    assert.notEqual(read, undefined);
  }
});

test('a record of a member that breaks the grammar leaves the rest of its message readable', () => {
  const [record] = gossip.records;
  const probe = kept('probe');
  for (const flaw of [
    { host: '*;;;!!', port: 70_000_000 },
    { weight: -1 },
    { version: 2 ** 53 - 1 },
    { generation: 0 },
    { name: '' },
  ]) {
    const [read] = readAll([{ ...probe, records: [{ ...record, ...flaw }, record] }]);
    assert.equal((read as typeof probe | undefined)?.records.length, 2);
  }
});

test('a node tells a valid address of itself', () => {
  for (const flaw of [{ host: '*' }, { port: 0 }, { port: 65_535 }, { port: 70_000_000 }]) {
    const from = { ...identity, ...flaw };
    assert.deepEqual(
      readAll([
        { ...kept('probe'), from },
        { ...kept('probed'), from },
      ]),
      [undefined, undefined],
    );
  }
});

test('a node tells 1 to 16 marks of its cluster, and a name of it that a node may have', () => {
  const mark = 'h5qk3w7zsm2v';
  const read = (said: object): boolean =>
    readAll([{ ...kept('probe'), from: { ...identity, ...said } }])[0] !== undefined;
  const marks = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);
  for (const cluster of [[], [''], ['a b'], [mark, 'm'.repeat(65)], marks(17)])
    assert.ok(!read({ cluster }), String(cluster));
  for (const clusterName of ['', 'a b', 'c'.repeat(65)]) assert.ok(!read({ clusterName }));
  assert.ok(read({ cluster: marks(16), clusterName: 'shop-1' }));
  assert.ok(read({ cluster: ['0'], clusterName: undefined }));
});

test('an idempotency key is visible ASCII of 255 characters at most', () => {
  for (const idempotencyKey of ['', 'a b', 'ж', 'i'.repeat(256)]) {
    const condition = { ifMatch: undefined, ifNoneMatch: undefined, idempotencyKey };
    const memory = { ...dot, digest: 'd', key: 'k', idempotencyKey, madeMicros: 1 };
    const messages = [
      { ...kept('forward'), condition },
      { ...kept('store'), memory },
      { ...kept('grant'), idempotencyKey },
    ];
    assert.deepEqual(readAll(messages), [undefined, undefined, undefined], idempotencyKey);
  }
});

test('random and mutilated frames do no harm', () => {
  const survive = (frame: Uint8Array): void => {
    try {
      unpackFrame(frame);
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      survive(Buffer.concat([Uint8Array.of(PROTOCOL.newest), bytes])),
    ),
    { numRuns: 2_000 },
  );
  const whole = frameOf(MESSAGES);
  fc.assert(
    fc.property(
      fc.nat({ max: whole.length - 1 }),
      fc.nat({ max: 255 }),
      fc.boolean(),
      (at, byte, isCut) => {
        const frame = whole.slice(0, isCut ? at : whole.length);
        if (!isCut) frame[at] = byte;
        survive(frame);
      },
    ),
    { numRuns: 2_000 },
  );
});
