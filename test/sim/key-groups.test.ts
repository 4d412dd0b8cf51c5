/** Tests of keys with a hash tag, which share a partition, and of reserved keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packContent } from '../../src/core/value/content.ts';
import { listKeys } from '../../src/sim/http.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const CONTENT = packContent({
  value: Uint8Array.of(1),
  contentType: 'text/plain',
  timestampMicros: 1,
});

test('a listing of one hash tag needs only the owners of one partition', async () => {
  const lab = new Lab(6);
  await lab.born();
  const keys = ['{ann}/cart', '{ann}/orders/1', '{ann}/orders/2'];
  const [owner, second, third, ...others] = lab.order('{ann}') as [
    SimNode,
    SimNode,
    SimNode,
    ...SimNode[],
  ];
  for (const key of [...keys, 'elsewhere']) {
    const written = await lab.ask(owner, 'PUT', key, { value: 'v' });
    assert.equal(written.status, 200, textOf(written));
  }
  for (const key of keys) {
    assert.deepEqual(lab.order(key).slice(0, 3), [owner, second, third], `the owners of ${key}`);
  }
  for (const other of others) other.crash();
  await lab.wait(5_000);
  const list = (prefix: string): Promise<unknown> => {
    const answer = listKeys(owner, `prefix=${encodeURIComponent(prefix)}`).then(
      (page) => page.keys,
      (error: unknown) => (error as Error).message,
    );
    let result: unknown;
    void answer.then((value) => (result = value));
    return lab.until(() => result !== undefined).then(() => result);
  };
  assert.deepEqual(await list('{ann}/'), keys);
  assert.deepEqual(await list('{ann}/orders'), keys.slice(1));
  assert.match(
    String(await list('{ann')),
    /quorum-not-met/,
    'a prefix without a whole tag may be anywhere',
  );
});

test('reserved keys are neither listed nor served', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [node] = lab.cluster.nodes as [SimNode];
  for (const key of ['\0a', '\0z', '\u0001', 'user']) {
    let isOver = false;
    void node.node?.put(key, CONTENT, {}).then(() => (isOver = true));
    await lab.until(() => isOver);
  }
  let keys: readonly string[] | undefined;
  void listKeys(node, '').then((page) => (keys = page.keys));
  await lab.until(() => keys !== undefined);
  assert.deepEqual(keys, ['\u0001', 'user']);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const answer = await lab.ask(node, method, '%00a', { value: 'v' });
    assert.equal(answer.status, 400, method);
    assert.match(textOf(answer), /U\+0000/);
  }
  let refused = '';
  listKeys(node, 'prefix=%00').catch((error: unknown) => (refused = (error as Error).message));
  await lab.until(() => refused !== '');
  assert.match(refused, /bad-/);
});
