/** Requests of peers at one node: the part that each reaches, and its reply. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { dispatcher, type DispatchParts } from '../../src/cluster/dispatch.ts';
import { ForwardedWrites } from '../../src/cluster/holders/forwarded-writes.ts';
import { MAX_REMEMBERED_WRITES } from '../../src/cluster/limits.ts';
import type { PutRequest, PutResult } from '../../src/cluster/holders/write-request.ts';
import { MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../../src/core/limits.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { ForwardRequest, Reply, Request, StoreRequest } from '../../src/transport/message.ts';
import { ManualClock, memoryLog } from '../fixtures/fake-env.ts';
import { FakeOwn, objectOf, outcomeOf, stateOf, storedBy } from '../fixtures/fake-holders.ts';

const KEY = 'k';
const partition = partitionOf(KEY);
const A = { actor: 'n2~one', counter: 1 };
const PROCESS = 'this process';
const RESULT: PutResult = {
  dot: A,
  token: objectOf([A]).context,
  versions: [A],
  found: true,
  isRepeated: false,
};

const STORE: StoreRequest = {
  kind: 'store',
  key: KEY,
  object: objectOf([A]),
  dots: [A],
  grant: 'n1/1',
  memory: { ...A, key: KEY, idempotencyKey: 'once', digest: 'd', madeMicros: 1 },
  ownersHash: 5,
  caller: 'alice',
};

const FORWARD: ForwardRequest = {
  kind: 'forward',
  id: 'write 1',
  process: PROCESS,
  notAfterMs: 100,
  key: KEY,
  token: undefined,
  body: undefined,
  r: 'quorum',
  w: 2,
  timeoutMs: 500,
  pr: undefined,
  pw: 'all',
  condition: undefined,
  caller: 'alice',
  replace: true,
  isUnsigned: true,
};

/** A node with an own holder that answers when the test says so. */
class Bench {
  readonly own = new FakeOwn('n1');
  readonly clock = new ManualClock();
  readonly log = memoryLog();
  readonly forwardedWrites = new ForwardedWrites('n1~one');
  /** The writes that this node coordinates for others, and their result. */
  readonly put: PutRequest[] = [];
  result: PutResult | MecError | Promise<PutResult> = RESULT;
  readonly replies: Reply[] = [];
  readonly #handle;

  constructor() {
    const pong = { kind: 'pong', process: PROCESS, nowMs: 0 } as const;
    const parts = {
      env: { clock: this.clock, log: this.log },
      membership: { process: PROCESS, pong: () => pong },
      own: this.own,
      forwardedWrites: this.forwardedWrites,
      putHere: async (request: PutRequest) => {
        this.put.push(request);
        if (this.result instanceof MecError) throw this.result;
        return this.result;
      },
    };
    this.#handle = dispatcher(parts as unknown as DispatchParts);
  }

  ask(request: Request): void {
    this.#handle(request, (reply) => this.replies.push(reply));
  }

  /** The only reply, as its error or its kind. */
  async reply(): Promise<string> {
    await outcomeOf(Promise.resolve());
    assert.equal(this.replies.length, 1);
    const [reply] = this.replies;
    return reply?.kind === 'failed' ? reply.code : String(reply?.kind);
  }
}

test('a store reaches the holder with all that it brings, in the name of the client', async () => {
  const node = new Bench();
  node.ask(STORE);
  const [store = assert.fail('nothing was stored')] = node.own.stores;
  const { kind: _, grant, ...item } = STORE;
  assert.deepEqual(store.request, { ...item, partition });
  assert.equal(store.terms?.grant, grant);
  const stored = storedBy('n1', { owners: { owners: ['n1'], nextOwners: ['n2'] } });
  store.answer(stored);
  assert.deepEqual(node.replies, [{ kind: 'stored', ...stored }]);
});

test('a read, a grant, a release and a listing reach the holder in the name of the client', async () => {
  const node = new Bench();
  const releases: unknown[] = [];
  node.own.release = (asked) =>
    void releases.push([asked.ballot, 'caller' in asked && asked.caller]);
  node.own.found = { keys: [], tags: [], until: undefined, incomplete: [], otherOwners: [] };
  const caller = 'alice';
  const ballot = { ballot: 'b', key: KEY, caller };
  node.ask({
    kind: 'grant',
    ...ballot,
    view: 'v',
    have: [],
    idempotencyKey: undefined,
    floors: undefined,
  });
  node.ask({ kind: 'release', ...ballot });
  node.ask({ kind: 'read', key: KEY, have: [], floors: undefined, ownersHash: 5, caller });
  const partitions = [{ partition: 7, ownersHash: 1 }];
  node.ask({ kind: 'list', partitions, prefix: '', after: undefined, limit: 9, caller });
  assert.deepEqual(
    [node.own.grants[0]?.request.caller, node.own.grants[0]?.request.partition],
    ['alice', partition],
  );
  assert.deepEqual([releases, node.own.lists[0]?.caller], [[['b', 'alice']], 'alice']);
  const { request } = node.own.reads[0] ?? assert.fail('nothing was read');
  assert.deepEqual([request.caller, request.ownersHash, request.partition], [caller, 5, partition]);
});

test('a read leaves out the bodies of versions that the asker has', () => {
  const node = new Bench();
  const B = { actor: 'n3~one', counter: 1 };
  node.own.state = stateOf(objectOf([A, B]));
  node.ask({ kind: 'read', key: KEY, have: [A], floors: undefined, caller: undefined });
  const [reply] = node.replies;
  assert.ok(reply?.kind === 'object');
  assert.deepEqual(
    reply.versions.map(({ body }) => body === undefined),
    [true, false],
  );
});

test('a listing has no more keys than one page and the next key', () => {
  const node = new Bench();
  node.own.found = { keys: [], tags: [], until: undefined, incomplete: [], otherOwners: [] };
  const partitions = [{ partition: 7, ownersHash: 1 }];
  const list = { kind: 'list', partitions, prefix: '', after: undefined } as const;
  for (const limit of [9, 1_000_000]) node.ask({ ...list, limit, caller: undefined });
  assert.deepEqual(
    node.own.lists.map(({ limit }) => limit),
    [9, MAX_LIST_KEYS + 1],
  );
});

test('an error of the holder is the reply, and is not logged here', async () => {
  const node = new Bench();
  node.ask(STORE);
  node.own.stores[0]?.answer(new MecError('disk-full'));
  assert.equal(await node.reply(), 'disk-full');
  assert.deepEqual(node.log.lines, []);
});

test('an error that no peer can cause is logged here', async () => {
  const node = new Bench();
  node.own.store = () => {
    throw new TypeError('a bug');
  };
  node.ask(STORE);
  assert.equal(await node.reply(), 'internal');
  assert.deepEqual(node.log.lines, ['error request of a peer failed']);
});

test('a forwarded write is coordinated here as its client asked for it', async () => {
  const node = new Bench();
  node.ask(FORWARD);
  assert.equal(await node.reply(), 'written');
  const { kind, id, process, notAfterMs, ...request } = FORWARD;
  assert.deepEqual([kind, id, process, notAfterMs], ['forward', 'write 1', PROCESS, 100]);
  assert.deepEqual(node.put, [request]);
});

test('a forwarded write that comes twice is carried out and answered once', async () => {
  const node = new Bench();
  for (let i = 0; i < 2; i++) node.ask(FORWARD);
  assert.equal(await node.reply(), 'written');
  assert.equal(node.put.length, 1);
});

test('a forwarded write for another process, or after its time, is dropped without an answer', async () => {
  const node = new Bench();
  node.ask({ ...FORWARD, process: 'the one before' });
  node.clock.advance(101);
  node.ask(FORWARD);
  await outcomeOf(Promise.resolve());
  assert.deepEqual([node.put, node.replies], [[], []]);
});

test('a forwarded write waits no longer than any request may', async () => {
  const node = new Bench();
  node.ask({ ...FORWARD, timeoutMs: 2 * MAX_TIMEOUT_MS });
  await node.reply();
  assert.equal(node.put[0]?.timeoutMs, MAX_TIMEOUT_MS);
});

test('a forwarded write without a quorum is refused', async () => {
  for (const name of ['r', 'w', 'pr', 'pw']) {
    const node = new Bench();
    node.ask({ ...FORWARD, [name]: 'none' });
    assert.equal(await node.reply(), 'bad-parameter', name);
    assert.equal(node.put.length, 0);
  }
});

test('a forwarded write that is refused is not remembered', async () => {
  const node = new Bench();
  for (const flaw of [{ w: 'none' }, { r: 'bogus' }, { notAfterMs: 1e15 }]) {
    for (let i = 0; i <= MAX_REMEMBERED_WRITES; i++)
      node.ask({ ...FORWARD, ...flaw, id: `${Object.keys(flaw).join()} ${i}` });
  }
  const codes = new Set(node.replies.map((reply) => reply.kind === 'failed' && reply.code));
  assert.deepEqual([...codes], ['bad-parameter']);
  node.replies.length = 0;
  node.ask(FORWARD);
  assert.equal(await node.reply(), 'written');
});

test('a forwarded write is remembered for the longest timeout', async () => {
  const node = new Bench();
  node.ask({ ...FORWARD, notAfterMs: MAX_TIMEOUT_MS });
  assert.equal(await node.reply(), 'written');
});

test('a forwarded write that fails is answered with its error', async () => {
  const node = new Bench();
  node.result = new MecError('quorum-not-met');
  node.ask(FORWARD);
  assert.equal(await node.reply(), 'quorum-not-met');
});

test('a node that is stopping waits for the writes that it has taken', async () => {
  const node = new Bench();
  let finish: (result: PutResult) => void = () => {};
  node.result = new Promise((resolve) => (finish = resolve));
  node.ask(FORWARD);
  const ending = node.forwardedWrites.end();
  assert.equal(await outcomeOf(ending), 'waiting');
  finish(RESULT);
  assert.equal(await node.reply(), 'written');
  assert.equal(await outcomeOf(ending), undefined);
});

for (const request of [{ kind: 'ping' }, FORWARD] as const) {
  test(`a node that is stopping refuses a ${request.kind}`, async () => {
    const node = new Bench();
    void node.forwardedWrites.end();
    node.ask(request);
    assert.equal(await node.reply(), 'stopping');
    assert.equal(node.put.length, 0);
  });
}
