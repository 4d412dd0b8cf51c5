/** The second witness of a snapshot: the owners that are asked, and the answers that confirm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYNC_LIMITS } from '../../../src/cluster/limits.ts';
import type { PullContext } from '../../../src/cluster/sync/pull.ts';
import type { Answers, Questions } from '../../../src/cluster/sync/questions.ts';
import type { SnapshotOpening, Removal } from '../../../src/cluster/sync/snapshot.ts';
import { createWitness } from '../../../src/cluster/sync/witness.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import type { Statement } from '../../../src/core/causality/evidence.ts';
import type { MemberRecord } from '../../../src/core/placement/member-list.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import type { Reply } from '../../../src/transport/message.ts';
import { objectOf, outcomeOf } from '../../fixtures/fake-holders.ts';
import { FIVE, memberIn, PlayedNode, SELF } from '../../fixtures/played-peers.ts';

const PEERS = ['n2', 'n3', 'n4', 'n5'];
/** The dot of the version that the snapshot would remove. */
const GONE = { actor: 'n9~x', counter: 3 };
const NONE = new CausalContext();

const statementOf = (more: Partial<Statement> = {}): Statement => ({
  life: 'one',
  replica: '1.x',
  actor: 'n2~one',
  isOwner: true,
  isComplete: true,
  isWhole: true,
  clock: NONE,
  lost: NONE,
  aside: NONE,
  ...more,
});

/** The sender has cut the log of its whole clock. */
const CLOCK = CausalContext.ofBase('n9~x', 5);
const OPENING: SnapshotOpening = { statement: statementOf({ clock: CLOCK }), cut: CLOCK };
/** An owner that has seen all that the sender has needs no snapshot. */
const UP_TO_DATE = statementOf({ clock: CLOCK });

interface Bench {
  readonly node: PlayedNode;
  /** The other owner of the key that is not the sender. */
  readonly other: string;
  readonly asked: (readonly string[])[];
  /** Asks for the confirmation of one removal. */
  readonly confirm: () => Promise<boolean>;
}

/** The circumstances of a snapshot. */
interface Circumstances {
  /** The statement of the other owner. */
  readonly said?: Statement;
  /** The statement of the node that takes the snapshot. */
  readonly own?: Statement;
  /** Whether the other owner makes a statement. */
  readonly isWhole?: boolean;
  /** The sender, if it is no owner. */
  readonly stranger?: MemberRecord;
}

/** A node that takes a snapshot. By default it needs one, and the other owner does not. */
function bench({
  said = UP_TO_DATE,
  own = statementOf(),
  isWhole = true,
  stranger,
}: Circumstances = {}): Bench {
  const node = new PlayedNode([...FIVE, ...(stranger === undefined ? [] : [stranger])]);
  const { env, members, peers, floors } = node;
  node.heard(...PEERS);
  const key = node.keyWith((owners) => owners.includes(SELF));
  const partition = partitionOf(key);
  const owners = members.owners(partition).filter((name) => name !== SELF);
  const [other = '', owner = ''] = owners;
  const sender = stranger?.name ?? owner;
  const asked: (readonly string[])[] = [];
  const questions: Pick<Questions, 'ask'> = {
    ask: async (_, names): Promise<Answers> => {
      asked.push(names);
      const round = new Map(isWhole ? names.map((name) => [name, said]) : []);
      return { rounds: new Map([[partition, round]]), isWhole };
    },
  };
  const parts = { env, members, peers, floors, limits: SYNC_LIMITS };
  const makeStatement = (): Statement => own;
  const replica = { partition } as PullContext['replica'];
  const pair = { replica, peer: node.peer(sender), makeStatement };
  const witness = createWitness({ ...parts, questions: questions as Questions }, pair);
  const removals: Removal[] = [{ key, versions: objectOf([GONE]).versions }];
  return { node, other, asked, confirm: () => witness(OPENING, removals) };
}

/** The answer of the other owner to a read of the key. */
const hasSeen = (isComplete = true): Reply => ({
  kind: 'object',
  actor: 'n2~one',
  isComplete,
  ...objectOf([], [GONE]),
  owners: undefined,
});

/** The outcome once the other owners have answered a read. */
async function answered({ node, other, confirm }: Bench, reply: Reply): Promise<unknown> {
  const confirming = confirm();
  await outcomeOf(confirming);
  const received = await node.receivedOne();
  assert.deepEqual([received.to, received.request.kind], [other, 'read']);
  received.reply(reply);
  await outcomeOf(confirming);
  for (const again of await node.received()) again.reply(reply);
  return outcomeOf(confirming);
}

const HELD_BACK = 'warn snapshot held back: no other owner confirms its removals';

test('an owner that has seen a version and has it no more confirms its removal', async () => {
  const all = bench();
  assert.equal(await answered(all, hasSeen()), true);
  assert.deepEqual(all.node.log.lines, []);
});

test('neither this node nor the sender is its own witness', async () => {
  const all = bench();
  await answered(all, hasSeen());
  assert.deepEqual(all.asked, [[all.other]]);
});

test('an owner that has the version confirms nothing', async () => {
  const all = bench();
  const reply = { ...hasSeen(), ...objectOf([GONE]) };
  assert.equal(await answered(all, reply), false);
  assert.deepEqual(all.node.log.lines, [HELD_BACK]);
});

test('an owner that has not seen the version confirms nothing', async () => {
  assert.equal(await answered(bench(), { ...hasSeen(), ...objectOf([]) }), false);
});

test('an owner that has become incomplete confirms nothing', async () => {
  assert.equal(await answered(bench(), hasSeen(false)), false);
});

test('an owner that fails confirms nothing', async () => {
  const failed: Reply = { kind: 'failed', code: 'damaged', detail: '', have: 0, need: 0 };
  assert.equal(await answered(bench(), failed), false);
});

for (const [name, more] of [
  ['is not complete', { isComplete: false }],
  ['is no owner by its own list', { isOwner: false }],
] as const) {
  test(`a member that ${name} is not asked for the key`, async () => {
    const { node, confirm } = bench({ said: statementOf({ clock: CLOCK, ...more }) });
    await outcomeOf(confirm());
    assert.deepEqual(await node.received(), []);
  });
}

test('an owner that cannot be reached confirms nothing', async () => {
  const { node, other, confirm } = bench();
  node.lost(other);
  assert.equal(await confirm(), false);
  assert.deepEqual(await node.received(), []);
});

test('a snapshot is held back if an owner makes no statement', async () => {
  const { node, confirm } = bench({ isWhole: false });
  assert.equal(await confirm(), false);
  assert.deepEqual(node.log.lines, [HELD_BACK]);
});

test('the word of the sender suffices if every other owner needs a snapshot, too', async () => {
  const all = bench({ said: statementOf() });
  assert.equal(await answered(all, { ...hasSeen(), ...objectOf([]) }), true);
  assert.deepEqual(all.node.log.lines, []);
});

test('the word of the sender suffices if no other owner is complete', async () => {
  const { confirm } = bench({ said: statementOf({ clock: CLOCK, isComplete: false }) });
  assert.equal(await confirm(), true);
});

test('an owner whose missing dots are closed needs no snapshot', async () => {
  const all = bench({ said: statementOf({ lost: CLOCK }) });
  assert.equal(await answered(all, { ...hasSeen(), ...objectOf([]) }), false);
});

test('the word of the sender does not suffice if this node needs no snapshot', async () => {
  const all = bench({ said: statementOf(), own: UP_TO_DATE });
  assert.equal(await answered(all, { ...hasSeen(), ...objectOf([]) }), false);
  assert.deepEqual(all.node.log.lines, [HELD_BACK]);
});

test('the own replica does not count if it is not complete', async () => {
  const own = statementOf({ clock: CLOCK, isComplete: false });
  const all = bench({ said: statementOf(), own });
  assert.equal(await answered(all, { ...hasSeen(), ...objectOf([]) }), true);
});

for (const [state, isEnough] of [
  ['up', true],
  ['leaving', true],
  ['joining', false],
] as const) {
  // A small weight gives it no partition.
  const stranger = { ...memberIn(state, 'n6'), weight: 0.01 };
  const verb = isEnough ? 'suffices' : 'does not suffice';
  test(`the word of a sender that is ${state} and no owner ${verb} if all owners need a snapshot`, async () => {
    const all = bench({ said: statementOf(), stranger });
    assert.equal(await answered(all, { ...hasSeen(), ...objectOf([]) }), isEnough);
    assert.deepEqual(all.node.log.lines, isEnough ? [] : [HELD_BACK]);
  });
}
