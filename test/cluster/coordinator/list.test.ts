/** A listing on fake holders: how far it reaches, which keys it reads, and when it fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import type { GetRequest } from '../../../src/cluster/coordinator/get.ts';
import {
  type ListPage,
  Listings,
  type ListRequest,
} from '../../../src/cluster/coordinator/list.ts';
import type { KeysFound } from '../../../src/cluster/holders/holder.ts';
import {
  LIST_CONCURRENT_READS,
  LIST_PEER_SHARE,
  MAX_LISTINGS,
  OWNER_CHANGE_RETRY_MS,
} from '../../../src/cluster/limits.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { codeOf, FakeCluster, objectOf, outcomeOf } from '../../fixtures/fake-holders.ts';

/** All keys with this prefix lie in one partition. */
const PREFIX = '{t}';
const PARTITION = partitionOf(PREFIX);

/** An answer: keys, each with a tag that names its versions. */
const found = (
  tags: Readonly<Record<string, number>>,
  more: Partial<KeysFound> = {},
): KeysFound => {
  const keys = Object.keys(tags).map((name) => PREFIX + name);
  return {
    keys,
    tags: Object.values(tags),
    until: undefined,
    incomplete: [],
    otherOwners: [],
    ...more,
  };
};

/** A node that lists by reading the keys that `living` names. */
function listings(
  cluster: FakeCluster,
  living: readonly string[] = [],
): { list: Listings; read: string[] } {
  const read: string[] = [];
  const get = async ({
    key,
  }: GetRequest): Promise<Pick<ReturnType<typeof objectOf>, 'versions'>> => {
    read.push(key);
    return objectOf(living.includes(key) ? [{ actor: 'n1~one', counter: 1 }] : []);
  };
  return { list: new Listings({ env: cluster.env, holders: cluster.holders, get }), read };
}

const request: ListRequest = {
  prefix: PREFIX,
  after: undefined,
  limit: 10,
  r: 2,
  timeoutMs: 1_000,
};

const keysOf = (page: ListPage): string[] => page.keys.map((key) => key.slice(PREFIX.length));

test('keys on whose versions R owners agree are listed without a read', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.found = found({ a: 1, b: 2 });
  const { list, read } = listings(cluster);
  const page = await list.list(request);
  assert.deepEqual([keysOf(page), page.next, read], [['a', 'b'], undefined, []]);
  const asked = [{ partition: PARTITION, ownersHash: cluster.ownersHash }];
  assert.deepEqual(cluster.n2.lists[0]?.partitions, asked);
  assert.equal(cluster.n3.lists.length, 0);
});

test('sizes come with the keys, and from a read if the owners disagree or tell none', async () => {
  const cluster = new FakeCluster();
  const sizes = { values: [2, 1, 1], bytes: [30, 5, 5] };
  cluster.own.found = found({ a: 1, b: 2, c: 3 }, sizes);
  cluster.n2.found = found({ a: 1, b: 7, c: 3 }, sizes);
  const asked = { ...request, sizes: true };
  const { list, read } = listings(cluster, [`${PREFIX}b`]);
  const page = await list.list({ ...asked, limit: 2 });
  // The value of the read is the dot of its version, `n1~one:1`.
  assert.deepEqual(page.sizes, [
    { values: 2, bytes: 30 },
    { values: 1, bytes: 8 },
  ]);
  assert.deepEqual([cluster.n2.lists[0]?.sizes, read], [true, [`${PREFIX}b`]]);
  // Members of an older release tell no sizes.
  for (const holder of [cluster.own, cluster.n2]) holder.found = found({ a: 1 });
  const older = listings(cluster, [`${PREFIX}a`]);
  assert.deepEqual((await older.list.list(asked)).sizes, [{ values: 1, bytes: 8 }]);
  assert.deepEqual((await older.list.list(request)).sizes, undefined);
  assert.deepEqual(older.read, [`${PREFIX}a`]);
});

test('a key on which the owners disagree is read, and omitted if the read finds nothing', async () => {
  const cluster = new FakeCluster();
  cluster.own.found = found({ a: 1, b: 2, c: 3 });
  cluster.n2.found = found({ a: 1, b: 7 });
  const { list, read } = listings(cluster, [`${PREFIX}b`]);
  assert.deepEqual(keysOf(await list.list(request)), ['a', 'b']);
  assert.deepEqual(read.sort(), [`${PREFIX}b`, `${PREFIX}c`]);
});

test('a step ends with the shortest answer, and the next step begins there', async () => {
  const cluster = new FakeCluster();
  const [until, least] = [`${PREFIX}c`, `${PREFIX}b`];
  cluster.own.list = async ({ after }) =>
    after === undefined ? found({ a: 1, b: 2, c: 3 }, { until }) : found({ c: 3 });
  cluster.n2.list = async (asked) => {
    cluster.n2.lists.push(asked);
    return asked.after === undefined ? found({ a: 1, b: 2 }, { until: least }) : found({ c: 3 });
  };
  const { list, read } = listings(cluster);
  assert.deepEqual(keysOf(await list.list(request)), ['a', 'b', 'c']);
  assert.deepEqual([cluster.n2.lists[1]?.after, read], [least, []]);
});

test('a page ends at the limit, and names the key before the next page', async () => {
  const cluster = new FakeCluster();
  for (const holder of [cluster.own, cluster.n2]) holder.found = found({ a: 1, b: 2, c: 3 });
  const page = await listings(cluster).list.list({ ...request, limit: 2 });
  assert.deepEqual([keysOf(page), page.next], [['a', 'b'], `${PREFIX}b`]);
});

test('the next owner is asked if one fails or is incomplete', async () => {
  const cluster = new FakeCluster();
  cluster.own.found = found({ a: 1 });
  cluster.n3.found = found({ a: 1 });
  for (const answer of [new MecError('timeout'), found({}, { incomplete: [PARTITION] })]) {
    cluster.n2.found = answer;
    assert.deepEqual(keysOf(await listings(cluster).list.list(request)), ['a']);
  }
});

test('a member that knows other owners does not count, and is asked again', async () => {
  const cluster = new FakeCluster();
  cluster.own.found = found({ a: 1 });
  cluster.n2.found = found({}, { otherOwners: [PARTITION] });
  const listing = listings(cluster).list.list(request);
  assert.equal(await outcomeOf(listing), 'waiting');
  cluster.n2.found = found({ a: 1 });
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.deepEqual(keysOf(await listing), ['a']);
  assert.equal(cluster.n2.lists.length, 2);
  const hashes = cluster.n2.lists.map(({ partitions }) => partitions[0]?.ownersHash);
  assert.deepEqual(hashes, [cluster.ownersHash, cluster.ownersHash]);
});

test('a listing ends in time if its members never know the same owners', async () => {
  const cluster = new FakeCluster();
  for (const holder of cluster.members) holder.found = found({}, { otherOwners: [PARTITION] });
  const listing = listings(cluster).list.list(request).catch(codeOf);
  for (let ms = 0; ms < request.timeoutMs; ms += OWNER_CHANGE_RETRY_MS) {
    cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
    await outcomeOf(new Promise(() => {}));
  }
  assert.equal(await listing, 'timeout');
});

test('an answer for owners that are not the present ones any more does not count', async () => {
  const cluster = new FakeCluster();
  const answers: ((keys: KeysFound) => void)[] = [];
  cluster.own.found = found({});
  cluster.n2.list = () => new Promise((resolve) => answers.push(resolve));
  const listing = listings(cluster, [`${PREFIX}a`]).list.list(request);
  assert.equal(await outcomeOf(listing), 'waiting');
  cluster.ownersHash += 1;
  cluster.own.found = found({ a: 1 });
  answers[0]?.(found({}));
  assert.equal(await outcomeOf(listing), 'waiting');
  answers[1]?.(found({ a: 1 }));
  assert.deepEqual(keysOf(await listing), ['a']);
});

/** A node `n1` with the owners `n1` to `n3`. The pending owner `n4` will take the place of `n3`. */
function changing(): FakeCluster {
  const cluster = new FakeCluster();
  cluster.nextOwners = ['n1', 'n2', 'n4'];
  cluster.pending = [cluster.n4];
  return cluster;
}

const INCOMPLETE = found({}, { incomplete: [PARTITION] });

test('a listing needs answers of the next owners too, if the owners change', async () => {
  const cluster = changing();
  // A quorum of the owners, with one of the next owners only.
  cluster.own.found = found({ a: 1 });
  cluster.n3.found = found({ a: 1 });
  cluster.n2.found = new MecError('timeout');
  cluster.n4.found = new MecError('timeout');
  assert.equal(codeOf(await outcomeOf(listings(cluster).list.list(request))), 'quorum-not-met');
  cluster.n4.found = found({ a: 1, b: 2 });
  assert.deepEqual(keysOf(await listings(cluster, [`${PREFIX}b`]).list.list(request)), ['a', 'b']);
});

test('owners that stay count for both sets, and a pending owner is not asked then', async () => {
  const cluster = changing();
  for (const holder of [cluster.own, cluster.n2]) holder.found = found({ a: 1 });
  assert.deepEqual(keysOf(await listings(cluster).list.list(request)), ['a']);
  assert.deepEqual([cluster.n3.lists.length, cluster.n4.lists.length], [0, 0]);
});

test('a pending owner counts for the next owners only', async () => {
  const cluster = changing();
  cluster.own.found = found({ a: 1 });
  for (const holder of [cluster.n2, cluster.n3]) holder.found = new MecError('timeout');
  for (const answer of [found({ a: 1 }), INCOMPLETE]) {
    cluster.n4.found = answer;
    const outcome = await outcomeOf(listings(cluster).list.list(request));
    assert.equal(codeOf(outcome), 'quorum-not-met');
  }
});

test('a pending owner without its data counts, and makes no key look absent', async () => {
  const cluster = changing();
  cluster.own.found = found({ a: 1, b: 2 });
  cluster.n3.found = found({ a: 1, b: 2 });
  cluster.n2.found = new MecError('timeout');
  cluster.n4.found = INCOMPLETE;
  const { list, read } = listings(cluster);
  assert.deepEqual([keysOf(await list.list(request)), read], [['a', 'b'], []]);
});

test('a next owner that is an owner already does not count without its data', async () => {
  const cluster = changing();
  for (const holder of [cluster.own, cluster.n3]) holder.found = found({ a: 1 });
  cluster.n2.found = INCOMPLETE;
  cluster.n4.found = new MecError('timeout');
  assert.equal(codeOf(await outcomeOf(listings(cluster).list.list(request))), 'quorum-not-met');
});

test('a pending owner that knows other owners does not count, and is asked again', async () => {
  const cluster = changing();
  for (const holder of [cluster.own, cluster.n3]) holder.found = found({ a: 1 });
  cluster.n2.found = new MecError('timeout');
  cluster.n4.found = found({}, { otherOwners: [PARTITION] });
  const listing = listings(cluster).list.list(request);
  assert.equal(await outcomeOf(listing), 'waiting');
  cluster.n4.found = INCOMPLETE;
  cluster.clock.advance(OWNER_CHANGE_RETRY_MS);
  assert.deepEqual(keysOf(await listing), ['a']);
});

test('a pending owner that cannot be reached stops no listing of a single owner', async () => {
  const cluster = new FakeCluster();
  [cluster.owners, cluster.nextOwners] = [['n1'], ['n1', 'n2']];
  cluster.own.found = found({ a: 1 });
  cluster.n2.found = new MecError('unreachable');
  const single = { ...request, r: 'quorum' as const };
  assert.equal(codeOf(await outcomeOf(listings(cluster).list.list(single))), 'quorum-not-met');
  cluster.away.add('n2');
  assert.deepEqual(keysOf(await listings(cluster).list.list(single)), ['a']);
});

test('pending owners are not excused if the answers miss a majority of the next owners', async () => {
  const cluster = changing();
  for (const holder of [cluster.own, cluster.n3]) holder.found = found({ a: 1 });
  // The two could have acknowledged a write, if they know that the change is over.
  cluster.away.add('n2').add('n4');
  assert.equal(codeOf(await outcomeOf(listings(cluster).list.list(request))), 'quorum-not-met');
});

test('a listing fails if too few owners of a partition answer', async () => {
  const cluster = new FakeCluster();
  cluster.own.found = found({ a: 1 });
  for (const holder of cluster.reached) holder.found = new MecError('timeout');
  const outcome = await outcomeOf(listings(cluster).list.list(request));
  assert.equal(codeOf(outcome), 'quorum-not-met');
});

test('a node at its limit of listings refuses another until one is over', async () => {
  const cluster = new FakeCluster();
  const answers: (() => void)[] = [];
  cluster.own.list = () => new Promise((resolve) => answers.push(() => resolve(found({ a: 1 }))));
  cluster.n2.found = found({ a: 1 });
  const { list } = listings(cluster);
  const running = Array.from({ length: MAX_LISTINGS }, () => list.list(request));
  assert.equal(codeOf(await outcomeOf(list.list(request))), 'overloaded');
  for (const answer of answers.splice(0)) answer();
  await Promise.all(running);
  const next = list.list(request);
  await outcomeOf(next);
  for (const answer of answers) answer();
  assert.deepEqual(keysOf(await next), ['a']);
});

test('the next owner is asked if the disk of this node is late', async () => {
  const cluster = new FakeCluster();
  cluster.own.list = () => new Promise(() => {});
  for (const holder of [cluster.n2, cluster.n3]) holder.found = found({ a: 1 });
  const listing = listings(cluster).list.list(request);
  assert.equal(await outcomeOf(listing), 'waiting');
  cluster.clock.advance(request.timeoutMs * LIST_PEER_SHARE);
  assert.deepEqual(keysOf(await listing), ['a']);
});

test('all reads of a listing together have the time that the listing has left', async () => {
  const cluster = new FakeCluster();
  const names = Array.from({ length: 3 * LIST_CONCURRENT_READS }, (_, i) => [`k${i}`, i] as const);
  cluster.own.found = found(Object.fromEntries(names));
  cluster.n2.found = found({});
  const timeouts = new Set<number>();
  const get = async ({ timeoutMs }: GetRequest): Promise<{ versions: [] }> => {
    timeouts.add(timeoutMs);
    await outcomeOf(new Promise(() => {}));
    if (timeouts.size * 600 > cluster.clock.monotonicMs()) cluster.clock.advance(600);
    return { versions: [] };
  };
  const list = new Listings({ env: cluster.env, holders: cluster.holders, get });
  const outcome = await list.list({ ...request, limit: 100 }).catch(codeOf);
  assert.deepEqual([outcome, [...timeouts]], ['timeout', [1_000, 400]]);
});
