/** This node's replicas as a holder: reads, writes, stores and repairs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MecError } from '../../../src/base/errors.ts';
import type { StoreResult } from '../../../src/cluster/holders/holder.ts';
import { Policies } from '../../../src/cluster/policies.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { packContent, unpackContent } from '../../../src/core/value/content.ts';
import { nextTurn } from '../../fixtures/fake-env.ts';
import { codeOf, objectOf } from '../../fixtures/fake-holders.ts';
import {
  ACTOR,
  answerTo,
  askedOf,
  completeReplicas,
  damagedReplicas,
  FAILED,
  GIVEN,
  itemOf,
  numberOf,
  numberOfReplica,
  openReplicas,
  type OwnReplicas,
  ownWrite,
  REPLACED,
  textsOf,
  valueOf,
  write,
} from '../../fixtures/own-replicas.ts';
import { LIFE, memberIn, SELF } from '../../fixtures/played-peers.ts';

const LAST_WINS = new Policies({
  policies: [
    {
      prefix: '',
      siblings: 'last-write-wins',
      ttlMs: undefined,
      r: undefined,
      w: undefined,
      maxValueBytes: undefined,
    },
  ],
});

/** The answer for a write that the replica of a node has stored. */
function storedIn(node: OwnReplicas): StoreResult {
  const replica = numberOfReplica(node);
  return { actor: ACTOR, life: LIFE, replica, fences: [], owners: undefined };
}

test('a read has the object of the replica, its actor, and whether it is complete', async () => {
  const node = await openReplicas();
  const { dot } = await write(node);
  const read = (): Promise<unknown> => valueOf((done) => node.holder.read(node, done));
  const object = node.replica().read(node.key);
  assert.deepEqual(await read(), { object, actor: ACTOR, isComplete: false, owners: undefined });
  assert.deepEqual(object.versions[0]?.counter, dot.counter);
  node.replica().markComplete(true);
  assert.deepEqual(await read(), { object, actor: ACTOR, isComplete: true, owners: undefined });
});

test('a read of a replica that was complete before a start waits until it is confirmed', async () => {
  const { platter, store } = await completeReplicas();
  await store.close();
  const node = await openReplicas({ platter });
  const { now } = answerTo((done) => node.holder.read(node, done));
  assert.equal(now(), undefined);
  node.partitions.of(node.partition).confirm();
  assert.equal((now() as { isComplete: boolean }).isComplete, true);
});

test('a read while the disk has failed answers `disk-failed`', async () => {
  const node = await openReplicas();
  await node.platter.release(FAILED);
  await write(node);
  const { now } = answerTo((done) => node.holder.read(node, done));
  assert.equal(codeOf(now()), 'disk-failed');
});

test('a read of a key with a damaged record answers `damaged`', async () => {
  const node = await damagedReplicas();
  const { now } = answerTo((done) => node.holder.read(node, done));
  assert.equal(codeOf(now()), 'damaged');
});

test('a replica is not complete before it has caught up', async () => {
  const { holder, partition, replica } = await openReplicas();
  assert.equal(holder.isComplete(partition), false);
  replica().markComplete(true);
  assert.equal(holder.isComplete(partition), true);
});

/** The calls in which the own replica names its actor. */
const OBSERVED: Readonly<Record<string, (bench: OwnReplicas) => unknown>> = {
  read: (bench) => bench.holder.read(bench, () => {}),
  write: (bench) => bench.holder.write(ownWrite(bench), () => {}),
  grant: (bench) => {
    bench.replica().markComplete(true);
    bench.holder.grant(askedOf(bench), () => {});
  },
};

for (const [name, call] of Object.entries(OBSERVED)) {
  test(`after a ${name}, the actor of the replica before this one is dead`, async () => {
    const node = await openReplicas();
    await write(node);
    assert.equal(await node.store.drop(node.partition), true);
    const view = node.partitions.of(node.partition);
    assert.equal(view.isDead(ACTOR), false);
    call(node);
    assert.equal(view.isDead(ACTOR), true);
    assert.equal(view.isDead(`${ACTOR}.2`), false);
  });
}

test('a write is in the replica at once, and is answered when the disk has it', async () => {
  const node = await openReplicas();
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.write(ownWrite(node), done));
  await nextTurn();
  assert.deepEqual([textsOf(node), now()], [['v'], undefined]);
  await node.platter.release();
  assert.deepEqual(now(), storedIn(node));
});

test('a write that the disk refuses is answered with the error', async () => {
  const node = await openReplicas();
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.write(ownWrite(node), done));
  await node.platter.release(FAILED);
  assert.equal(codeOf(now()), 'disk-failed');
});

test('the answer to a write names the fences of its partition, and the present replica', async () => {
  const node = await openReplicas();
  const { fences } = node.partitions.of(node.partition);
  fences.makeFence('n2', { isComplete: false, life: LIFE, replica: '3.x' });
  await write(node);
  assert.equal(await node.store.drop(node.partition), true);
  const stored = await valueOf((done) => node.holder.write(ownWrite(node), done));
  const replica = numberOfReplica(node);
  const fence = { member: 'n2', replica: 3, life: LIFE, later: undefined };
  const word = { actor: `${ACTOR}.2`, life: LIFE, replica, fences: [fence], owners: undefined };
  assert.deepEqual(stored, word);
});

test('every answer names the owners that this node knows, if the asker knows others', async () => {
  const node = await openReplicas();
  await write(node);
  const view = node.node.members.view(node.partition);
  for (const [ownersHash, owners] of [
    [view.hash, undefined],
    [view.hash + 1, view],
    [undefined, undefined],
  ] as const) {
    const asked = { ...node, ownersHash };
    const answers = [
      await valueOf((done) => node.holder.read(asked, done)),
      await valueOf((done) => node.holder.write({ ...ownWrite(node), ownersHash }, done)),
      await valueOf((done) => node.holder.store({ ...itemOf(node), ownersHash }, {}, done)),
    ];
    for (const answer of answers)
      assert.equal((answer as { owners?: unknown }).owners, owners, String(ownersHash));
  }
});

test('a write under last-write-wins replaces the known versions, and has a later time', async () => {
  const node = await openReplicas({ policies: LAST_WINS });
  const at = (timestampMicros: number): Uint8Array =>
    packContent({ value: Buffer.from('v'), contentType: 'text/plain', timestampMicros });
  await write(node, { body: at(50) });
  const { object } = await write(node, { body: at(20) });
  assert.deepEqual(
    object.versions.map(({ body }) => unpackContent(body).timestampMicros),
    [51],
  );
});

test('a delete under last-write-wins removes only what its token includes', async () => {
  const node = await openReplicas({ policies: LAST_WINS });
  await write(node);
  assert.equal((await write(node, { body: undefined })).object.versions.length, 1);
});

test('a write without that policy leaves the versions that its token does not include', async () => {
  const node = await openReplicas();
  await write(node);
  assert.equal((await write(node)).object.versions.length, 2);
});

test('a store is merged, and answered when the disk has it', async () => {
  const node = await openReplicas();
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  await nextTurn();
  assert.deepEqual([textsOf(node), now()], [['n2~one:2'], undefined]);
  await node.platter.release();
  assert.deepEqual(now(), storedIn(node));
  assert.equal(String(node.replica().clock), '{n2~one:1-2}');
});

test('a store at a node that may have missed a change of the owners answers `not-ready`', async () => {
  const kept = [memberIn('up', SELF), memberIn('up', 'n2'), memberIn('joining', 'n8')];
  const node = await openReplicas({ kept });
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  assert.equal(codeOf(now()), 'not-ready');
  const { message, details } = now() as MecError;
  assert.match(message, /\bn8\b/);
  assert.equal(details.mayTakeEffect, false);
  assert.deepEqual(textsOf(node), []);
});

test('a store while the disk has failed answers `disk-failed`', async () => {
  const node = await openReplicas();
  await node.platter.release(FAILED);
  await write(node);
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  assert.equal(codeOf(now()), 'disk-failed');
});

test('a node that is gone refuses a store', async () => {
  const node = await openReplicas();
  node.node.members.enterState('leaving');
  await valueOf((done) => node.holder.store(itemOf(node), {}, done));
  node.node.members.enterState('gone');
  const other = { ...itemOf(node), object: objectOf([{ ...GIVEN, counter: 3 }]) };
  const { now } = answerTo((done) => node.holder.store(other, {}, done));
  assert.equal(codeOf(now()), 'stopping');
  assert.deepEqual(textsOf(node), ['n2~one:2']);
});

test('a store of a member that is gone changes nothing', async () => {
  const node = await openReplicas();
  node.node.members.remove('n2');
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  assert.equal(codeOf(now()), 'incomplete');
  assert.deepEqual([textsOf(node), node.replica().isBlank], [[], true]);
});

test('a store of a life that is over changes nothing, one of an unknown life is merged', async () => {
  const node = await openReplicas();
  const { members } = node.node;
  const late = itemOf(node);
  const early = { ...late, dots: [{ actor: 'n2~two', counter: 1 }] };
  await valueOf((done) => node.holder.store(early, {}, done));
  members.merge({ ...memberIn('up', 'n2'), life: 'two', version: 2 });
  const { now } = answerTo((done) => node.holder.store(late, {}, done));
  assert.equal(codeOf(now()), 'incomplete');
  assert.equal(String(node.replica().clock), '{n2~one:2 n2~two:1}');
});

test('a store of a life that is over is merged if it has a current grant', async () => {
  const node = await completeReplicas();
  node.node.members.remove('n2');
  const grant = await numberOf(node);
  assert.deepEqual(
    await valueOf((done) => node.holder.store(itemOf(node), { grant }, done)),
    storedIn(node),
  );
});

const closedDots = (): CausalContext => CausalContext.ofDots([REPLACED, GIVEN]);

test('a store whose dot is closed changes nothing', async () => {
  const node = await openReplicas();
  const { dot } = await write(node);
  await node.replica().closedDots.close(closedDots());
  const item = { ...itemOf(node), object: objectOf([GIVEN], [dot]) };
  const { now } = answerTo((done) => node.holder.store(item, {}, done));
  assert.equal(codeOf(now()), 'incomplete');
  assert.deepEqual(textsOf(node), ['v']);
});

test('a store whose dot is closed before it is durable is not acknowledged', async () => {
  const node = await openReplicas();
  const closed = node.replica().closedDots.close(closedDots());
  // The replica looks for keys that name these dots, and meanwhile the store arrives.
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  await nextTurn();
  assert.equal(now(), undefined);
  await node.platter.release();
  await closed;
  assert.equal(codeOf(now()), 'incomplete');
  assert.deepEqual(textsOf(node), []);
});

test('an own write whose dot is closed before it is durable is not acknowledged', async () => {
  const node = await openReplicas();
  const closed = node
    .replica()
    .closedDots.close(CausalContext.ofDots([{ actor: ACTOR, counter: 1 }]));
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.write(ownWrite(node), done));
  await nextTurn();
  await node.platter.release();
  await closed;
  assert.equal(codeOf(now()), 'incomplete');
});

test('a repair is merged', async () => {
  const node = await openReplicas();
  node.holder.repair(itemOf(node));
  assert.deepEqual(textsOf(node), ['n2~one:2']);
});

test('a repair that fails is only logged', async () => {
  const node = await openReplicas();
  await node.platter.release(FAILED);
  await write(node);
  node.holder.repair(itemOf(node));
  assert.ok(node.node.log.lines.includes('warn own replica not repaired'));
});

test('the versions that expire are found at their time, and again after a sweep that failed', async () => {
  const node = await openReplicas();
  const text = { value: Buffer.from('v'), contentType: 'text/plain', timestampMicros: 1 };
  await write(node, { body: packContent({ ...text, expiresMicros: 50 }) });
  const expiring = node.holder.expiring(node.partition) ?? assert.fail('the disk works');
  assert.deepEqual([expiring.isDue(49), expiring.isDue(50)], [false, true]);
  const due = await expiring.due(50, 10);
  assert.deepEqual(
    due.map(({ key }) => key),
    [node.key],
  );
  assert.equal(expiring.versionsOf(node.key).length, 1);
  assert.equal(expiring.isDue(50), false);
  expiring.postpone();
  assert.equal(expiring.isDue(50), true);
});

test('no version is known to expire while the disk has failed', async () => {
  const node = await openReplicas();
  await node.platter.release(FAILED);
  await write(node);
  assert.equal(node.holder.expiring(node.partition), undefined);
});

test('a node that is gone takes no write, even one that began before', async () => {
  const node = await openReplicas();
  const { members } = node.node;
  for (const state of ['up', 'leaving'] as const) {
    members.enterState(state);
    assert.doesNotThrow(() => node.holder.assertTakes(node.partition));
  }
  members.enterState('gone');
  assert.throws(() => node.holder.assertTakes(node.partition), { code: 'stopping' });
  await assert.rejects(write(node), { code: 'stopping' });
  assert.equal(node.replica().isBlank, true);
});

test('a node that joins takes writes as a pending owner, and none as a fallback', async () => {
  const others = ['n2', 'n3', 'n4', 'n5', 'n6'].map((name) => memberIn('up', name));
  const node = await openReplicas({ kept: [memberIn('joining', SELF), ...others] });
  const { members } = node.node;
  members.noteList('n2', { hash: members.hash, isInformed: true });
  const key = node.node.keyWith((_, at) => !members.holds(at));
  const other = { ...node, key, partition: partitionOf(key) };
  const { now } = answerTo((done) => node.holder.store(itemOf(other), {}, done));
  assert.equal(codeOf(now()), 'not-ready');
  await assert.rejects(write(other), { code: 'not-ready' });
  assert.equal(node.store.of(other.partition).isBlank, true);
  await write(node);
  assert.deepEqual(textsOf(node), ['v']);
});
