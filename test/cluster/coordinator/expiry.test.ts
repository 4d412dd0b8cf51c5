/** The removal of hidden versions, on fake holders: the versions, their moment, and failures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { Expiry } from '../../../src/cluster/coordinator/expiry.ts';
import type { GetResult } from '../../../src/cluster/coordinator/get.ts';
import type { ExpiringVersions } from '../../../src/cluster/holders/holder.ts';
import { EXPIRY_PAGE_KEYS, EXPIRY_TURN_MS, MAX_TRIMS } from '../../../src/cluster/limits.ts';
import { Policies } from '../../../src/cluster/policies.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import type { ObjectVersion } from '../../../src/core/causality/object.ts';
import { PARTITIONS } from '../../../src/core/limits.ts';
import { packContent } from '../../../src/core/value/content.ts';
import { memoryLog } from '../../fixtures/fake-env.ts';
import { objectOf, outcomeOf, placeOf } from '../../fixtures/fake-holders.ts';

/** The time that a majority of the owners' clocks has passed, µs. */
const NOW_MICROS = 100_000_000;
const OTHERS = ['n2', 'n3', 'n4'];

/** A version that expires at a time; `undefined` is never. */
function version(counter: number, expiresMicros?: number): ObjectVersion<Uint8Array> {
  const text = { value: Buffer.from('v'), contentType: 'text/plain', timestampMicros: counter };
  return { actor: 'n1~one', counter, body: packContent({ ...text, expiresMicros }) };
}

const EXPIRED = version(1, NOW_MICROS);
const LIVING = version(2, NOW_MICROS + 1);

/** The versions of one partition: all keys are due from `NOW_MICROS` on. */
class FakeExpiring implements ExpiringVersions {
  readonly asked: (readonly [number, number])[] = [];
  postponed = 0;
  readonly #versions: Readonly<Record<string, readonly ObjectVersion<Uint8Array>[]>>;

  constructor(versions: Readonly<Record<string, readonly ObjectVersion<Uint8Array>[]>>) {
    this.#versions = versions;
  }

  isDue(nowMicros: number): boolean {
    return nowMicros >= NOW_MICROS;
  }

  async due(nowMicros: number, limit: number): Promise<readonly { readonly key: string }[]> {
    this.asked.push([nowMicros, limit]);
    return Object.keys(this.#versions).map((key) => ({ key }));
  }

  versionsOf(key: string): readonly ObjectVersion<Uint8Array>[] {
    return this.#versions[key] ?? assert.fail(`no key ${key}`);
  }

  postpone(): void {
    this.postponed += 1;
  }
}

/** A node `n1`, and its removals. */
class FakeNode {
  readonly log = memoryLog();
  /** The owners of each partition; all others belong to other nodes. */
  readonly owners = new Map<number, readonly string[]>();
  readonly expiring = new Map<number, FakeExpiring>();
  /** The owners of the key that is read. */
  place = placeOf(['n1', 'n2']);
  nowMicros = NOW_MICROS;
  /** The removals so far, as key and counters. */
  readonly removed: (readonly [string, readonly number[]])[] = [];
  /** The keys whose versions cannot be removed. */
  readonly stuck = new Set<string>();
  /** The removals that wait. */
  readonly waiting: (() => void)[] = [];
  doWait = false;

  readonly expiry = new Expiry({
    env: { log: this.log },
    holders: {
      own: { id: 'n1', expiring: (partition) => this.expiring.get(partition) },
      viewOf: (partition) => placeOf(this.owners.get(partition) ?? OTHERS).view,
      placeOf: () => this.place,
    },
    policies: new Policies({ policies: [] }),
    time: { passedMicros: () => this.nowMicros },
    remove: (key, dots) => this.#remove(key, dots),
  });

  async #remove(key: string, dots: readonly Dot[]): Promise<void> {
    if (this.stuck.has(key)) throw new MecError('timeout');
    this.removed.push([key, dots.map(({ counter }) => counter)]);
    if (this.doWait) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Gives the node a partition in which these versions are. */
  own(
    partition: number,
    versions: Readonly<Record<string, readonly ObjectVersion<Uint8Array>[]>>,
    owners: readonly string[] = ['n1', 'n2', 'n3'],
  ): FakeExpiring {
    const expiring = new FakeExpiring(versions);
    this.owners.set(partition, owners);
    this.expiring.set(partition, expiring);
    return expiring;
  }
}

/** The result of a read: the versions that it has found, and those that the reader sees. */
function readOf(
  versions: readonly ObjectVersion<Uint8Array>[],
  visible: readonly ObjectVersion<Uint8Array>[],
): GetResult {
  const { context } = objectOf([]);
  return { object: { versions, context }, versions: visible, token: context };
}

test('a sweep removes exactly the expired versions of the keys that are due', async () => {
  const node = new FakeNode();
  const expiring = node.own(0, { a: [EXPIRED, LIVING], b: [LIVING], c: [EXPIRED] });
  await node.expiry.sweep();
  assert.deepEqual(node.removed, [
    ['a', [1]],
    ['c', [1]],
  ]);
  assert.deepEqual(expiring.asked, [[NOW_MICROS, EXPIRY_PAGE_KEYS]]);
});

test('a sweep looks at every partition that this node owns, and at no other', async () => {
  const node = new FakeNode();
  node.own(0, { first: [EXPIRED] });
  node.own(5, { foreign: [EXPIRED] }, OTHERS);
  node.own(PARTITIONS - 1, { last: [EXPIRED] });
  await node.expiry.sweep();
  assert.deepEqual(
    node.removed.map(([key]) => key),
    ['first', 'last'],
  );
});

test('a sweep reads nothing of a partition before its time', async () => {
  const node = new FakeNode();
  const expiring = node.own(0, { a: [EXPIRED] });
  node.nowMicros = NOW_MICROS - 1;
  await node.expiry.sweep();
  assert.deepEqual([node.removed, expiring.asked], [[], []]);
});

test('a sweep passes over replicas whose disk has failed', async () => {
  const node = new FakeNode();
  node.owners.set(0, ['n1']);
  node.own(1, { a: [EXPIRED] });
  await node.expiry.sweep();
  assert.equal(node.removed.length, 1);
});

test('the third owner waits twice as long as the second, in case that they cannot', async () => {
  const node = new FakeNode();
  node.own(0, { a: [EXPIRED] }, ['n2', 'n3', 'n1']);
  const turnsMicros = 2 * EXPIRY_TURN_MS * 1000;
  node.nowMicros = NOW_MICROS + turnsMicros - 1;
  await node.expiry.sweep();
  assert.deepEqual(node.removed, []);
  node.nowMicros += 1;
  await node.expiry.sweep();
  assert.deepEqual(node.removed, [['a', [1]]]);
});

test('versions that could not be removed are due again, and the sweep goes on', async () => {
  const node = new FakeNode();
  const failing = node.own(0, { stuck: [EXPIRED] });
  const next = node.own(1, { a: [EXPIRED] });
  node.stuck.add('stuck');
  await node.expiry.sweep();
  assert.deepEqual([failing.postponed, next.postponed], [1, 0]);
  assert.deepEqual(node.removed, [['a', [1]]]);
  assert.deepEqual(node.log.lines, ['debug expired versions not removed']);
});

test('a read that has hidden a version next to others has it removed', async () => {
  const node = new FakeNode();
  node.expiry.trim('k', readOf([EXPIRED, LIVING], [LIVING]));
  await outcomeOf(Promise.resolve());
  assert.deepEqual(node.removed, [['k', [1]]]);
});

test('a version that a reader did not see is not removed before a majority has passed its time', () => {
  const node = new FakeNode();
  node.nowMicros = NOW_MICROS - 1;
  node.expiry.trim('k', readOf([EXPIRED, LIVING], [LIVING]));
  assert.deepEqual(node.removed, []);
});

test('a read that has hidden nothing, or the only version, removes nothing', () => {
  const node = new FakeNode();
  const later = version(3);
  node.expiry.trim('all', readOf([EXPIRED, LIVING, later], [EXPIRED, LIVING, later]));
  node.expiry.trim('one', readOf([EXPIRED], []));
  node.expiry.trim('none', readOf([], []));
  assert.deepEqual(node.removed, []);
});

test('a node that does not own the key removes nothing after a read', () => {
  const node = new FakeNode();
  node.place = { ...node.place, isOwner: false };
  node.expiry.trim('k', readOf([EXPIRED, LIVING], [LIVING]));
  assert.deepEqual(node.removed, []);
});

test('reads of one key have its versions removed once at a time', async () => {
  const node = new FakeNode();
  node.doWait = true;
  const trim = (): void => node.expiry.trim('k', readOf([EXPIRED, LIVING], [LIVING]));
  trim();
  trim();
  assert.equal(node.removed.length, 1);
  node.waiting[0]?.();
  await outcomeOf(Promise.resolve());
  trim();
  assert.equal(node.removed.length, 2);
});

test('no more keys are trimmed at once than the limit, until one is done', async () => {
  const node = new FakeNode();
  node.doWait = true;
  const trim = (key: string): void => node.expiry.trim(key, readOf([EXPIRED, LIVING], [LIVING]));
  for (let i = 0; i <= MAX_TRIMS; i++) trim(`k${i}`);
  assert.equal(node.removed.length, MAX_TRIMS);
  node.waiting[0]?.();
  await outcomeOf(Promise.resolve());
  trim('next');
  assert.equal(node.removed.length, MAX_TRIMS + 1);
});

test('a trim that fails is only logged, and the next read tries again', async () => {
  const node = new FakeNode();
  node.stuck.add('k');
  const trim = (): void => node.expiry.trim('k', readOf([EXPIRED, LIVING], [LIVING]));
  trim();
  await outcomeOf(Promise.resolve());
  assert.deepEqual(node.log.lines, ['debug hidden versions not removed']);
  node.stuck.clear();
  trim();
  assert.equal(node.removed.length, 1);
});
