/** Stores that arrive after the life of their coordinator has ended, as the other members know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SyncLimits } from '../../src/cluster/limits.ts';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours } from '../fixtures/lab.ts';

/** A write that the first owner of a key coordinates, and that the second one gets late. */
interface Stage {
  readonly lab: Lab;
  readonly key: string;
  /** The owners of the key, best first. */
  readonly owners: readonly [SimNode, SimNode, SimNode];
  /** The answer to the late write, if it has one. */
  readonly outcome: () => string | undefined;
}

/**
 * A cluster of five, in which the first owner of a key overwrites it. The third owner misses this
 * write and gets the next one, so it has a gap. `hold` makes the write late at the second owner.
 * Then the first owner is cut off and declared gone.
 */
async function lateWrite(
  limits: Partial<SyncLimits>,
  hold: (lab: Lab, first: SimNode, second: SimNode) => void,
): Promise<Stage> {
  const lab = new Lab(5, { seed: 5, limits });
  await lab.born();
  const [key, other] = neighbours(2) as [string, string];
  const [first, second, third, ...rest] = lab.order(key) as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(first, 'PUT', key, { value: 'before' })).status, 200);
  await lab.rest();
  const token = (await lab.ask(first, 'GET', key)).headers['X-Mec-Vclock'] ?? '';
  hold(lab, first, second);
  lab.network.cuts.add(`${first.name}>${third.name}`);
  let outcome: string | undefined;
  const request = { method: 'PUT', path: `/mec/${key}`, query: 'timeout=60000' };
  const headers = { 'x-mec-vclock': token };
  first.send({ ...request, headers, ...bodyInMemory(Buffer.from('late')) }).then(
    ({ status }) => (outcome = String(status)),
    (error: unknown) => (outcome = String(error)),
  );
  await lab.wait(5);
  lab.network.cuts.clear();
  assert.equal((await lab.ask(first, 'PUT', other, { value: 'next' })).status, 200);
  for (const node of [third, ...rest]) lab.cut(first, node);
  lab.network.cuts.add(`${second.name}>${first.name}`);
  const isAway = (): boolean =>
    third.node?.status().peers.find(({ node }) => node === first.name)?.reach === 'unreachable';
  await lab.until(isAway, 10_000);
  third.node?.remove(first.name);
  assert.equal(outcome, undefined);
  return { lab, key, owners: [first, second, third], outcome: () => outcome };
}

const hasClosed = ({ lab, owners }: Stage): boolean =>
  owners.some((node) => lab.logged(node, /gap closed/).length > 0);

/** Lets the second owner answer the first one, and waits for the end of the write. */
async function end({ lab, owners: [first, second], outcome }: Stage): Promise<void> {
  lab.network.cuts.delete(`${second.name}>${first.name}`);
  await lab.until(() => outcome() !== undefined, 70_000);
}

test('a store that arrives after its gap was closed changes nothing', async () => {
  let release = (): void => {};
  const stage = await lateWrite({ lostAfterMs: 15_000 }, (lab, first, second) => {
    release = lab.network.stall(`${first.name}>${second.name}`);
  });
  const { lab, key, owners, outcome } = stage;
  await lab.until(() => hasClosed(stage), 45_000);
  assert.equal(hasClosed(stage), true);
  assert.equal(outcome(), undefined, 'the write still waits');
  release();
  await lab.wait(50);
  assert.deepEqual(
    owners.slice(1).map((node) => lab.held(node, key)),
    [['before'], ['before']],
  );
  await end(stage);
  assert.notEqual(outcome(), '200');
});

test('a gap is not closed as long as its write may wait for stores', async () => {
  let release = (): void => {};
  const stage = await lateWrite({}, (lab, first, second) => {
    release = lab.network.stall(`${first.name}>${second.name}`);
  });
  const { lab, outcome } = stage;
  await lab.until(() => outcome() !== undefined, 70_000);
  assert.equal(outcome(), '504', 'the write has ended');
  assert.equal(hasClosed(stage), false);
  await lab.until(() => hasClosed(stage), 40_000);
  assert.equal(hasClosed(stage), true);
  release();
});

test('a gap is not closed while its write waits for a disk', async () => {
  const stage = await lateWrite({ lostAfterMs: 2_000 }, (_lab, _first, second) => {
    second.disk.delayMs = 25_000;
  });
  const { lab, key, owners, outcome } = stage;
  await end(stage);
  assert.equal(outcome(), '200');
  assert.deepEqual(lab.held(owners[1], key), ['late']);
  owners[1].disk.delayMs = 1;
  await lab.wait(60_000);
  assert.equal(hasClosed(stage), false);
  assert.deepEqual(lab.held(owners[2], key), ['late']);
});
