/**
 * An owner fills a newcomer before its disk has the list with the newcomer, and is killed. After
 * its start it takes the former owners for the present ones. The newcomer became an owner although
 * only one of the former owners of the key can be reached.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { beforeJoin, ownersAmong, textOf } from '../fixtures/lab.ts';

const COUNT = 6;

for (const how of ['slow disk, killed', 'disk lost', 'disk lost after the join'] as const)
  test(`an owner that has filled a newcomer forgets it: ${how}`, async () => {
    const isSlow = how === 'slow disk, killed';
    const { lab, members, newcomer: p, by } = await beforeJoin(COUNT);
    const { nodes } = lab.cluster;
    const names = members.map(({ name }) => name);
    const [before, after] = [ownersAmong(names), ownersAmong([...names, p.name])];
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);
    const key = keys.find((one) => after[partitionOf(one)]?.includes(p.name)) ?? assert.fail();
    const [old, next] = [before[partitionOf(key)] as string[], after[partitionOf(key)] as string[]];
    const b = by(old.find((name) => next.includes(name)));
    const [a, c] = old.filter((name) => name !== b.name).map(by) as [SimNode, SimNode];
    const isolate = (node: SimNode): void => {
      for (const other of nodes) if (other !== node) lab.cut(node, other);
    };
    isolate(a);
    await lab.wait(6_000);
    // A write takes at least half of that.
    if (isSlow) c.disk.delayMs = 40_000;
    p.start();
    const isFilled = (): boolean => {
      const { done = 0, all = 0 } = p.node?.status().handoff ?? {};
      return all > 0 && done === all;
    };
    await (isSlow ? lab.wait(15_000) : lab.until(isFilled, 15_000));
    assert.ok(!isSlow || p.node?.state === 'joining', p.node?.state);
    if (how === 'disk lost after the join') {
      await lab.until(() => p.node?.state === 'up', 30_000);
      await lab.wait(3_000);
    }
    c.crash();
    c.disk.delayMs = 1;
    if (!isSlow) c.disk.replace(new Map());
    for (const other of nodes) if (other !== c && other !== a) lab.cut(c, other);
    for (const pair of [`${a.name}>${c.name}`, `${c.name}>${a.name}`])
      lab.network.cuts.delete(pair);
    c.start();
    await lab.wait(36_000);
    // An owner whose disk does not have the list does not fill it, so it stays `joining`.
    assert.equal(p.node?.state, isSlow ? 'joining' : 'up');
    if (isSlow) {
      const lock = { headers: { 'if-none-match': '*' } };
      const one = await lab.ask(a, 'PUT', key, { value: 'first', ...lock });
      const two = await lab.ask(b, 'PUT', key, { value: 'second', ...lock });
      assert.ok(one.status !== 200 || two.status !== 200, 'two 200s for If-None-Match: *');
      return;
    }
    const write = await lab.ask(a, 'PUT', key, { value: 'v', query: 'pw=quorum' });
    if (write.status === 503) return;
    assert.equal(write.status, 200, textOf(write));
    const read = await lab.ask(b, 'GET', key, { query: 'r=quorum&pr=quorum' });
    assert.ok(read.status === 503 || textOf(read) === 'v', `acknowledged, then ${read.status}`);
  });
