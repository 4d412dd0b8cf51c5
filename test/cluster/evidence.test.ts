/**
 * Evidence: the statements of other members that a node keeps, and how long each of them counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Members } from '../../src/cluster/membership/members.ts';
import { Evidence } from '../../src/cluster/sync/evidence.ts';
import { CurrentActors } from '../../src/core/causality/actor.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { RememberedWrite } from '../../src/core/quorum/decision.ts';
import type { Statement } from '../../src/core/causality/evidence.ts';
import type { MemberRecord } from '../../src/core/placement/member-list.ts';
import type { Replica } from '../../src/storage/replica/replica.ts';
import type { Store } from '../../src/storage/store.ts';

const place = { host: 'h', port: 7000, httpport: 3000, zone: undefined, weight: 1 };
const quorum = { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 1_000 } as const;
const recordOf = (name: string, life: string, version = 1): MemberRecord => {
  return { name, ...place, state: 'up', generation: 1, life, version, settled: 0 };
};

const statement: Statement = {
  life: 'one',
  replica: 'theirs',
  actor: 'b~one.2',
  isOwner: true,
  isComplete: true,
  isWhole: true,
  clock: CausalContext.ofBase('a~x', 3),
  lost: new CausalContext(),
  aside: new CausalContext(),
};

const NONE: Pick<Store, 'find'> = { find: () => undefined };

function heard(store: Pick<Store, 'find'> = NONE): {
  evidence: Evidence;
  members: Members;
  currentActors: CurrentActors;
} {
  const members = new Members({ name: 'a', ...place, quorum }, [recordOf('b', 'one')], 'own');
  const currentActors = new CurrentActors((name) => members.lifeOf(name));
  const evidence = new Evidence({ members, partitions: { of: () => currentActors }, store });
  evidence.note({ partition: 3, id: 'mine' }, 'b', statement);
  return { evidence, members, currentActors };
}

test('a statement counts for the replica that asked, and not for its successor', () => {
  const { evidence } = heard();
  assert.equal(evidence.statement({ partition: 3, id: 'mine' }, 'b'), statement);
  assert.equal(evidence.statement({ partition: 3, id: 'successor' }, 'b'), undefined);
  assert.equal(evidence.statement({ partition: 4, id: 'mine' }, 'b'), undefined);
});

test('memories in a statement reach the replica that asked, and not its successor', () => {
  const memory: RememberedWrite = {
    key: 'k',
    idempotencyKey: 'i',
    actor: 'b~one',
    counter: 1,
    digest: 'f',
    madeMicros: 1,
  };
  for (const [id, count] of [
    ['mine', 1],
    ['successor', 0],
  ] as const) {
    const learnt: RememberedWrite[] = [];
    const replica = {
      id,
      learn: (memories: readonly RememberedWrite[]) => void learnt.push(...memories),
    } as Replica;
    const { evidence } = heard({ find: () => replica });
    evidence.note({ partition: 3, id: 'mine' }, 'b', { ...statement, memories: [memory] });
    assert.equal(learnt.length, count, id);
  }
});

test('a statement counts until its node begins another life', () => {
  const { evidence, members } = heard();
  members.merge(recordOf('b', 'two', 2));
  assert.equal(evidence.statement({ partition: 3, id: 'mine' }, 'b'), undefined);
  assert.equal(evidence.clocks(3, ['b'])?.length, 1, 'a log may still be cut by it');
});

test('a clock without a statement counts for no replica, but shows its actor', () => {
  const { evidence, currentActors } = heard();
  evidence.noteClock(5, 'b', { clock: statement.clock });
  assert.equal(evidence.statement({ partition: 5, id: 'mine' }, 'b'), undefined);
  assert.deepEqual([currentActors.isDead('b~one'), currentActors.isDead('b~one.2')], [true, false]);
  assert.equal(evidence.clocks(5, ['b', 'c']), undefined, 'c was never heard of');
  evidence.forget();
  assert.equal(evidence.clocks(5, ['b']), undefined);
});
