/** The holders of a key: the members that are asked for it, in their order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalHolder } from '../../../src/cluster/holders/local.ts';
import { Holders, type KeyPlace } from '../../../src/cluster/holders/select.ts';
import { StorePacker } from '../../../src/cluster/holders/store-packer.ts';
import type { MemberRecord } from '../../../src/core/placement/member-list.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { FakeOwn } from '../../fixtures/fake-holders.ts';
import { memberIn, PlayedNode, SELF } from '../../fixtures/played-peers.ts';

const PEERS = ['n2', 'n3', 'n4', 'n5'];

interface Bench {
  readonly node: PlayedNode;
  readonly holders: Holders;
  readonly own: LocalHolder;
}

/** The holders as this node chooses them. */
function bench(kept?: readonly MemberRecord[]): Bench {
  const node = new PlayedNode(kept);
  const { env, members, peers, floors } = node;
  const partitions = node.partitions();
  const own = new FakeOwn(SELF) as unknown as LocalHolder;
  const packer = new StorePacker(floors);
  const holders = new Holders({
    env,
    members,
    peers,
    partitions,
    own,
    packer,
    onMissed: () => {},
    nextWriteId: () => 'w',
  });
  return { node, holders, own };
}

interface Placed extends Bench {
  readonly place: KeyPlace;
  /** The owners that are peers, best first. */
  readonly owners: readonly string[];
  /** The members that are no holders, in the order in which they stand in for an owner. */
  readonly fallbacks: readonly string[];
}

/** The same with a key that this node owns, or does not own. All peers answer. */
function placed({ isOwner }: { isOwner: boolean }): Placed {
  const { node, holders, own } = bench();
  node.heard(...PEERS);
  const key = node.keyWith((owners) => owners.includes(SELF) === isOwner);
  const place = holders.placeOf(key);
  const owners = place.owners.filter((name) => name !== SELF);
  const fallbacks = node.members.fallbacks(place.partition).filter((name) => name !== SELF);
  return { node, holders, own, place, owners, fallbacks };
}

const idsOf = (holders: readonly { readonly id: string }[]): string[] =>
  holders.map(({ id }) => id);

/** One of eight members is joining, and will own some partitions. */
const JOINING = [
  ...['n1', ...PEERS, 'n6', 'n7'].map((name) => memberIn('up', name)),
  memberIn('joining', 'n8'),
];

/** A key that `n8` will own. The peers have told what became of it, and it answers itself. */
function pending(): Pick<Placed, 'node' | 'holders' | 'place'> {
  const { node, holders } = bench(JOINING);
  node.heard('n8');
  node.members.noteList('n2', { hash: node.members.hash, isInformed: true });
  const key = node.keyWith((_, partition) => node.members.pendingOwners(partition).includes('n8'));
  return { node, holders, place: holders.placeOf(key) };
}

test('the view of a partition has the owners and the next owners', () => {
  const { node, holders, place } = pending();
  assert.equal(holders.viewOf(place.partition), node.members.view(place.partition));
  assert.ok(holders.viewOf(place.partition).nextOwners.includes('n8'));
});

test('the place of a key has its partition, its owners, and whether this node is one', () => {
  for (const isOwner of [true, false]) {
    const { node, holders } = bench();
    const key = node.keyWith((owners) => owners.includes(SELF) === isOwner);
    const partition = partitionOf(key);
    const owners = node.members.owners(partition);
    const view = node.members.view(partition);
    assert.equal(owners.length, 3);
    assert.deepEqual(holders.placeOf(key), { partition, owners, view, isOwner });
  }
});

test('a node that has found no cluster has no place for a key', () => {
  const { holders } = bench([]);
  assert.throws(() => holders.placeOf('k'), {
    code: 'not-ready',
    message: 'This node has not found its cluster yet.',
  });
});

test('a cluster without a member that is up has no place for a key', () => {
  const { node, holders } = bench([memberIn('joining', SELF), memberIn('joining', 'n2')]);
  node.members.noteList('n2', { hash: node.members.hash, isInformed: true });
  assert.equal(node.members.isInformed, true);
  assert.throws(() => holders.placeOf('k'), {
    code: 'not-ready',
    message: 'No member of the cluster is up yet.',
  });
});

test('a node that may have missed a change of the owners names the members to hear of', () => {
  const { node, holders } = bench(JOINING);
  assert.throws(() => holders.placeOf('k'), { code: 'not-ready', message: /\bn8\b/ });
  node.members.noteList('n2', { hash: node.members.hash, isInformed: true });
  assert.equal(holders.placeOf('k').owners.length, 3);
});

test('a holder is found by the name of its member', () => {
  const { holders, own } = bench();
  assert.equal(holders.of(SELF), own);
  assert.equal(holders.of('n3')?.id, 'n3');
  assert.equal(holders.of('n9'), undefined);
});

test('the other owners are asked if all of them can be reached, and no fallback', () => {
  for (const isOwner of [true, false]) {
    const { holders, place, owners } = placed({ isOwner });
    assert.deepEqual(idsOf(holders.others(place, { wanted: 3, wantedOwners: 3 })), owners);
  }
});

test('a fallback stands in for each owner that cannot be reached, and for no more', () => {
  const { node, holders, place, owners, fallbacks } = placed({ isOwner: true });
  const [first = '', second = ''] = owners;
  node.lost(first);
  assert.deepEqual(idsOf(holders.others(place, { wanted: 1 })), [second, fallbacks[0]]);
  node.lost(second);
  assert.deepEqual(idsOf(holders.others(place, { wanted: 1 })), fallbacks);
});

test('a fallback that is suspect is passed over', () => {
  const { node, holders, place, owners, fallbacks } = placed({ isOwner: true });
  const [first = '', second = ''] = owners;
  node.lost(first);
  node.suspect(fallbacks[0] ?? '');
  assert.deepEqual(idsOf(holders.others(place, { wanted: 1 })), [second, fallbacks[1]]);
  node.suspect(fallbacks[1] ?? '');
  assert.deepEqual(idsOf(holders.others(place, { wanted: 1 })), [second]);
});

test('suspect owners are asked last, if the others are fewer than wanted', () => {
  const { node, holders, place, owners, fallbacks } = placed({ isOwner: true });
  const [first = '', second = ''] = owners;
  node.lost(fallbacks[0] ?? '');
  node.suspect(first, second);
  const [, fallback] = fallbacks;
  assert.deepEqual(idsOf(holders.others(place, { wanted: 2 })), [fallback]);
  assert.deepEqual(idsOf(holders.others(place, { wanted: 3 })), [fallback, first, second]);
});

test('suspect owners are asked last, if the others have fewer owners than wanted', () => {
  const { node, holders, place, owners, fallbacks } = placed({ isOwner: false });
  const [first = '', second = '', third = ''] = owners;
  node.suspect(second);
  const found = [first, third, fallbacks[0]];
  assert.deepEqual(idsOf(holders.others(place, { wanted: 2, wantedOwners: 2 })), found);
  const wanted = { wanted: 2, wantedOwners: 3 };
  assert.deepEqual(idsOf(holders.others(place, wanted)), [...found, second]);
});

test('this node counts among the wanted owners if it is one', () => {
  const { node, holders, place, owners, fallbacks } = placed({ isOwner: true });
  const [first = '', second = ''] = owners;
  node.suspect(second);
  const wanted = { wanted: 3, wantedOwners: 2 };
  assert.deepEqual(idsOf(holders.others(place, wanted)), [first, fallbacks[0]]);
});

test('a pending owner is asked as such as long as it can be reached', () => {
  const { node, holders, place } = pending();
  assert.deepEqual(idsOf(holders.pendingOf(place)), ['n8']);
  node.suspect('n8');
  assert.deepEqual(holders.pendingOf(place), []);
});

test('an answer counts for a read if its owner is complete, or if a fallback gives it', () => {
  const { holders, place, own } = placed({ isOwner: true });
  assert.equal(holders.counts(place, own, true), true);
  assert.equal(holders.counts(place, own, false), false);
  const other = placed({ isOwner: false });
  assert.equal(other.holders.counts(other.place, other.own, false), true);
});

test('an answer of a pending owner counts for no read, even if it is complete', () => {
  const { holders, place } = pending();
  const [holder = assert.fail('no pending owner')] = holders.pendingOf(place);
  assert.equal(holders.counts(place, holder, true), false);
});

test('the roles of a key name its owners, pending owners, and a fallback for each owner', () => {
  const { node, holders, place } = pending();
  const fallbacks = node.members.fallbacks(place.partition);
  assert.equal(fallbacks.length, 4);
  assert.deepEqual(holders.rolesOf(place), [
    ['owner', place.owners],
    ['pending owner', ['n8']],
    ['fallback', fallbacks.slice(0, 3)],
  ]);
});

test('the reach of a member is that of its last answers, and this node is `itself`', () => {
  const { node, holders } = bench();
  node.heard('n2', 'n3', 'n4');
  node.lost('n3');
  node.suspect('n4');
  assert.deepEqual(
    ['n1', 'n2', 'n3', 'n4', 'n5'].map((name) => holders.reachOf(name)),
    ['itself', 'reachable', 'unreachable', 'suspect', 'unreachable'],
  );
});

test('the names of members that can be asked begin with this node, if it is one of them', () => {
  const mine = placed({ isOwner: true });
  const names = [...mine.owners, SELF];
  assert.deepEqual(mine.holders.reachableNames(names, 3), [SELF, ...mine.owners]);
  const other = placed({ isOwner: false });
  assert.deepEqual(other.holders.reachableNames(other.owners, 3), other.owners);
});

test('the names of members that can be asked include suspects only if the others are too few', () => {
  const { node, holders, owners } = placed({ isOwner: false });
  const [first = '', second = '', third = ''] = owners;
  node.suspect(first);
  assert.deepEqual(holders.reachableNames(owners, 2), [second, third]);
  assert.deepEqual(holders.reachableNames(owners, 3), [second, third, first]);
});

test('a write can be passed on to the owners that answer, and to suspects if none does', async () => {
  const { node, holders, place, owners } = placed({ isOwner: true });
  const [first = '', second = ''] = owners;
  const asked = async (): Promise<string[]> => {
    for (const coordinator of holders.coordinators(place)) coordinator.ping(1, () => {});
    return (await node.received()).map(({ to }) => to);
  };
  assert.deepEqual(await asked(), [first, second]);
  node.suspect(first);
  assert.deepEqual(await asked(), [second]);
  node.suspect(second);
  assert.deepEqual(await asked(), [first, second]);
  node.lost(second);
  assert.deepEqual(await asked(), []);
});

test('a write can be passed on to one member only if it answers', () => {
  const { node, holders } = bench();
  node.heard('n2', 'n3');
  node.suspect('n3');
  assert.equal(holders.coordinatorAt('n2')?.isKnown, true);
  assert.equal(holders.coordinatorAt('n3'), undefined);
  assert.equal(holders.coordinatorAt('n4'), undefined);
});
