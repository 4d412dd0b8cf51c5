/** A peer as a holder: the requests that it gets, and what the node learns from its replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnerSets } from '../../../src/core/quorum/joint-tally.ts';
import { MecError } from '../../../src/base/errors.ts';
import type {
  KeyGrantRequest,
  KeyGrant,
  KeyReadRequest,
  KeyState,
  OnAnswer,
  StoreResult,
  StoreItem,
} from '../../../src/cluster/holders/holder.ts';
import { RemoteHolder } from '../../../src/cluster/holders/remote.ts';
import { StorePacker } from '../../../src/cluster/holders/store-packer.ts';
import type { Partitions } from '../../../src/cluster/partitions/partition-view.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import type { FailedReply, Reply, Request } from '../../../src/transport/message.ts';
import { codeOf, objectOf } from '../../fixtures/fake-holders.ts';
import { LIFE, PlayedNode } from '../../fixtures/played-peers.ts';

const KEY = 'k';
const PARTITION = partitionOf(KEY);
const TIMEOUT_MS = 1_000;
const A: Dot = { actor: 'n2~one', counter: 1 };
const B: Dot = { actor: 'n3~one', counter: 1 };

interface Bench {
  readonly node: PlayedNode;
  readonly partitions: Partitions;
  readonly packer: StorePacker;
  /** The peers that have missed a store. */
  readonly missed: string[];
  readonly holder: RemoteHolder;
}

function bench(): Bench {
  const node = new PlayedNode();
  const { env, floors, peers } = node;
  const partitions = node.partitions();
  const packer = new StorePacker(floors);
  const missed: string[] = [];
  node.heard('n2');
  const holder = new RemoteHolder(
    { env, partitions, peers, packer, onMissed: ({ id }) => missed.push(id) },
    node.peer('n2'),
  );
  return { node, partitions, packer, missed, holder };
}

/** The answer that a call gets, once the peer has replied. */
async function answerOf<Answer>(
  { node }: Pick<Bench, 'node'>,
  call: (onAnswer: OnAnswer<Answer>) => void,
  reply: Reply,
): Promise<{ readonly answer: Answer | MecError; readonly request: Request }> {
  let answer: Answer | MecError | undefined;
  call((given) => (answer = given));
  const { to, request, ...received } = await node.receivedOne();
  assert.equal(to, 'n2');
  received.reply(reply);
  return { answer: answer ?? assert.fail('not answered'), request };
}

const failed = (code: FailedReply['code'], more: Partial<FailedReply> = {}): FailedReply => ({
  kind: 'failed',
  code,
  detail: 'why',
  have: 0,
  need: 0,
  ...more,
});

const PONG: Reply = { kind: 'pong', process: LIFE, nowMs: 0 };
/** The owners as the peer knows them. */
const owners: OwnerSets = { owners: ['n1', 'n2'], nextOwners: ['n2', 'n3'] };
const asStored = (actor: string): Reply => ({
  kind: 'stored',
  actor,
  life: actor.slice(3),
  replica: 2,
  fences: [],
  owners,
});

const reads: KeyReadRequest = {
  partition: PARTITION,
  key: KEY,
  have: [],
  timeoutMs: TIMEOUT_MS,
  ownersHash: 5,
  caller: 'alice',
};
const item: StoreItem = {
  partition: PARTITION,
  key: KEY,
  object: objectOf([A], [B]),
  dots: [A],
  ownersHash: 5,
  caller: 'alice',
};
const grants: KeyGrantRequest = {
  ...reads,
  ballot: 'ballot 1',
  view: 'the owners',
  idempotencyKey: 'once',
};

const objectReply = (
  { versions, context } = objectOf([A]),
  isComplete = true,
): Extract<Reply, { kind: 'object' }> => ({
  kind: 'object',
  actor: 'n2~one',
  isComplete,
  context,
  versions,
  owners,
});

/** Whether the actor `n2~one` is known to be over, since the peer has named a later one. */
const knowsLater = ({ partitions }: Bench): boolean => partitions.of(PARTITION).isDead('n2~one');

test('a read names the key and the versions that are here, and has the object of the peer', async () => {
  const peer = bench();
  const have = objectOf([B]).versions;
  const { answer, request } = await answerOf<KeyState>(
    peer,
    (done) => peer.holder.read({ ...reads, have }, done),
    objectReply(objectOf([A]), false),
  );
  assert.deepEqual(request, {
    kind: 'read',
    key: KEY,
    have: [B],
    floors: undefined,
    ownersHash: 5,
    caller: 'alice',
  });
  const { object, ...rest } = answer as KeyState;
  assert.deepEqual(rest, { actor: 'n2~one', isComplete: false, owners });
  assert.deepEqual([object.versions.length, String(object.context)], [1, '{n2~one:1}']);
  assert.deepEqual(object.versions[0], objectOf([A]).versions[0]);
});

test('a body that the peer has left out is that of the version here', async () => {
  const peer = bench();
  const have = objectOf([A]).versions;
  const { context } = objectOf([A]);
  const reply = objectReply({ versions: [{ ...A, body: undefined }], context } as never);
  const read = (done: OnAnswer<KeyState>): void => peer.holder.read({ ...reads, have }, done);
  const { answer } = await answerOf(peer, read, reply);
  assert.deepEqual((answer as KeyState).object.versions, have);
});

test('a body that is neither here nor in the reply makes the answer `internal`', async () => {
  const peer = bench();
  const { context } = objectOf([A]);
  const reply = objectReply({ versions: [{ ...A, body: undefined }], context } as never);
  const { answer } = await answerOf<KeyState>(peer, (done) => peer.holder.read(reads, done), reply);
  assert.equal(codeOf(answer), 'internal');
});

test('the time of a reply to a read counts for the time after which another is asked', async () => {
  const { node, holder } = bench();
  holder.read(reads, () => {});
  const { reply } = await node.receivedOne();
  node.clock.advance(30);
  reply(objectReply());
  assert.equal(node.peers.hedgeMs, 60);
});

test('an error of the peer is the answer, with its numbers', async () => {
  const peer = bench();
  const { answer } = await answerOf<KeyState>(
    peer,
    (done) => peer.holder.read(reads, done),
    failed('quorum-not-met', { have: 1, need: 2 }),
  );
  assert.equal(codeOf(answer), 'quorum-not-met');
  assert.deepEqual((answer as MecError).details, {
    detail: 'why',
    have: 1,
    need: 2,
    retryAfter: 1,
  });
});

/** The requests with an answer, as each asks the peer. */
const CALLS: Readonly<Record<string, (bench: Bench, done: OnAnswer<unknown>) => void>> = {
  read: ({ holder }, done) => holder.read(reads, done),
  store: ({ holder }, done) => holder.store(item, { timeoutMs: TIMEOUT_MS }, done),
  grant: ({ holder }, done) => holder.grant(grants, done),
  list: ({ holder }, done) => {
    const partitions = [{ partition: PARTITION, ownersHash: 1 }];
    const asked = { partitions, prefix: '', after: undefined, limit: 9 };
    holder.list({ ...asked, timeoutMs: TIMEOUT_MS }).then(done, (error) => done(error as MecError));
  },
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`a ${name} that the peer refuses is answered with its error`, async () => {
    const peer = bench();
    let answer: unknown;
    call(peer, (given) => (answer = given));
    (await peer.node.receivedOne()).reply(failed('overloaded'));
    await peer.node.received();
    assert.equal(codeOf(answer), 'overloaded');
  });

  test(`a reply of another kind to a ${name} makes the answer \`internal\``, async () => {
    const peer = bench();
    let answer: unknown;
    call(peer, (given) => (answer = given));
    (await peer.node.receivedOne()).reply(PONG);
    await peer.node.received();
    assert.equal(codeOf(answer), 'internal');
  });
}

/** The replies in which a peer names a later actor of its replica. */
const OBSERVED: readonly (readonly [string, Reply])[] = [
  ['read', { ...objectReply(), actor: 'n2~one.2' }],
  ['store', { ...asStored('n2~one'), actor: 'n2~one.2' } as Reply],
  [
    'grant',
    {
      kind: 'granted',
      actor: 'n2~one.2',
      number: 'n2/1',
      ...objectOf([]),
      remembered: undefined,
    },
  ],
];

for (const [name, reply] of OBSERVED) {
  test(`the actor in the reply to a ${name} ends the peer's earlier ones`, async () => {
    const peer = bench();
    assert.equal(knowsLater(peer), false);
    await answerOf<unknown>(peer, (done) => CALLS[name]?.(peer, done), reply);
    assert.equal(knowsLater(peer), true);
  });
}

test('a store brings the item, and is answered with the word of the peer', async () => {
  const peer = bench();
  const { answer, request } = await answerOf<StoreResult>(
    peer,
    (done) => peer.holder.store(item, { timeoutMs: TIMEOUT_MS }, done),
    asStored('n2~one'),
  );
  const { object, ...rest } = request as Extract<Request, { kind: 'store' }>;
  assert.deepEqual(rest, {
    kind: 'store',
    key: KEY,
    dots: [A],
    grant: undefined,
    memory: undefined,
    ownersHash: 5,
    caller: 'alice',
  });
  assert.deepEqual(object.versions, item.object.versions);
  assert.equal(String(object.context), String(item.object.context));
  const { actor, life, replica, fences } = answer as StoreResult;
  assert.deepEqual([actor, life, replica, fences], ['n2~one', 'one', 2, []]);
  assert.deepEqual((answer as StoreResult).owners, owners);
  assert.deepEqual(peer.missed, []);
});

test('a store that a later life of the peer acknowledges does not count, and the next one does', async () => {
  const peer = bench();
  const store = (done: OnAnswer<StoreResult>): void =>
    peer.holder.store(item, { timeoutMs: TIMEOUT_MS }, done);
  const { answer } = await answerOf(peer, store, asStored('n2~two'));
  assert.equal(codeOf(answer), 'incomplete');
  const { answer: next } = await answerOf(peer, store, asStored('n2~two'));
  assert.equal((next as StoreResult).life, 'two');
});

test('a store that brings a grant counts in whatever life: the number is of that very life', async () => {
  const peer = bench();
  const { answer, request } = await answerOf<StoreResult>(
    peer,
    (done) => peer.holder.store(item, { timeoutMs: TIMEOUT_MS, grant: 'n2/1' }, done),
    asStored('n2~two'),
  );
  assert.equal((answer as StoreResult).life, 'two');
  assert.equal((request as { grant?: string }).grant, 'n2/1');
});

test('a peer that has not acknowledged a store has missed it', async () => {
  for (const reply of [failed('disk-full'), PONG]) {
    const peer = bench();
    const store = (done: OnAnswer<StoreResult>): void =>
      peer.holder.store(item, { timeoutMs: TIMEOUT_MS }, done);
    await answerOf(peer, store, reply);
    assert.deepEqual(peer.missed, ['n2']);
  }
});

test('an item is packed once for all peers, and for itself if it brings a grant', () => {
  const { packer } = bench();
  const packed = packer.pack(item);
  assert.equal(packer.pack(item), packed);
  assert.notEqual(packer.pack(item, 'n2/1'), packer.pack(item, 'n2/1'));
  assert.equal(packer.pack(item), packed, 'the grant is not shared');
  assert.notEqual(packer.pack({ ...item }), packed);
});

test('a repair is sent like a store, and its failure is no missed store', async () => {
  const { node, holder, missed } = bench();
  holder.repair(item, TIMEOUT_MS);
  const { request, reply } = await node.receivedOne();
  assert.equal(request.kind, 'store');
  reply(failed('overloaded'));
  assert.deepEqual(missed, []);
});

test('a grant is asked for by ballot and view, and brings the state of the key', async () => {
  const peer = bench();
  const have = objectOf([A]).versions;
  const remembered = { ...B, digest: 'd' };
  const { context } = objectOf([A]);
  const { answer, request } = await answerOf<KeyGrant>(
    peer,
    (done) => peer.holder.grant({ ...grants, have }, done),
    {
      kind: 'granted',
      actor: 'n2~one',
      number: 'n2/1',
      context,
      versions: [{ ...A, body: undefined }],
      remembered,
    },
  );
  assert.deepEqual(request, {
    kind: 'grant',
    ballot: 'ballot 1',
    key: KEY,
    view: 'the owners',
    have: [A],
    idempotencyKey: 'once',
    floors: undefined,
    caller: 'alice',
  });
  const { object, ...rest } = answer as KeyGrant;
  assert.deepEqual(rest, { number: 'n2/1', actor: 'n2~one', remembered });
  assert.deepEqual(object.versions, have);
});

test('a grant whose versions cannot be filled makes the answer `internal`', async () => {
  const peer = bench();
  const { context } = objectOf([A]);
  const versions = [{ ...A, body: undefined }];
  const head = { kind: 'granted', actor: 'n2~one', number: 'n2/1' } as const;
  const { answer } = await answerOf<KeyGrant>(peer, (done) => peer.holder.grant(grants, done), {
    ...head,
    context,
    versions,
    remembered: undefined,
  });
  assert.equal(codeOf(answer), 'internal');
});

test('a release names the ballot', async () => {
  const { node, holder } = bench();
  holder.release(grants);
  const { request } = await node.receivedOne();
  assert.deepEqual(request, { kind: 'release', ballot: 'ballot 1', key: KEY, caller: 'alice' });
});

test('a listing asks for all partitions at once, and has the keys of the peer', async () => {
  const { node, holder } = bench();
  const partitions = [7, 8, 9].map((partition) => ({ partition, ownersHash: partition + 1 }));
  const terms = { prefix: 'p', after: 'pa', limit: 9, caller: 'alice', sizes: true };
  const asked = { partitions, ...terms };
  const listing = holder.list({ ...asked, timeoutMs: TIMEOUT_MS });
  const { request, reply } = await node.receivedOne();
  assert.deepEqual(request, { kind: 'list', ...asked });
  const sizes = { values: [2], bytes: [30] };
  const page = { keys: ['pb'], tags: [5], until: 'pb', ...sizes };
  reply({ kind: 'keys', ...page, incomplete: [8], otherOwners: [9] });
  const { keys, tags, until, ...others } = await listing;
  assert.deepEqual([keys, tags, until], [['pb'], [5], 'pb']);
  assert.deepEqual([others.incomplete, others.otherOwners], [[8], [9]]);
  assert.deepEqual([others.values, others.bytes], [[2], [30]]);
});
