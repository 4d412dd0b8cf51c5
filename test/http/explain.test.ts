/** The routes `/cluster/explain`, `/cluster/top` and `/cluster/slow` on a real cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KeyExplanation } from '../../src/cluster/insight/key-explanation.ts';
import type { SlowOfAll } from '../../src/cluster/insight/sight.ts';
import type { TopOfAll } from '../../src/cluster/insight/top.ts';
import { type EmbeddedCluster, startCluster } from '../../src/embed/start-cluster.ts';
import { eventually } from '../fixtures/cluster.ts';
import { seededRandom } from '../fixtures/fake-env.ts';
import { type Response, send, tokenOf } from '../fixtures/http.ts';

let cluster: EmbeddedCluster;
const at = (node: number): string => cluster.urls[node] ?? assert.fail(`no node ${node}`);

const put = (key: string, token?: string, node = 0): Promise<Response> =>
  send(`${at(node)}/mec/${key}?w=all`, {
    method: 'PUT',
    body: 'value',
    headers: {
      'X-Mec-Client-ID': 'web-3',
      ...(token === undefined ? {} : { 'X-Mec-Vclock': token }),
    },
  });

async function ask<T>(path: string, node = 0): Promise<T> {
  const { status, text } = await send(at(node) + path);
  assert.equal(status, 200, text);
  return JSON.parse(text) as T;
}

const explain = (key: string, token?: string, node = 0): Promise<KeyExplanation> =>
  ask(
    `/cluster/explain/${key}${token === undefined ? '' : `?token=${encodeURIComponent(token)}`}`,
    node,
  );

const currentOf = ({ versions }: KeyExplanation): string[] =>
  versions.flatMap(({ dot, isCurrent }) => (isCurrent ? [dot] : [])).sort();

describe('explaining a cluster', () => {
  before(async () => {
    cluster = await startCluster({ policy: [{ prefix: 'last:', siblings: 'last-write-wins' }] });
  });
  after(() => cluster.close());

  test('a key has its versions, their holders, and the reason for its siblings', async () => {
    const first = await put('lunch');
    const second = await put('lunch', undefined, 1);
    const explained = await explain('lunch', undefined, 2);
    const [a = '', b = ''] = [first, second].map(({ headers }) => String(headers['x-mec-dot']));
    const dots = [a, b].sort();
    assert.deepEqual(currentOf(explained), dots);
    assert.deepEqual(
      explained.holders.map(({ node, role, isComplete }) => `${node} ${role} ${isComplete}`).sort(),
      ['n1', 'n2', 'n3'].map((node) => `${node} owner true`),
    );
    for (const { holders, clientId, bytes, takenBy, dot } of explained.versions) {
      assert.deepEqual(Object.values(holders), ['has', 'has', 'has']);
      assert.deepEqual([clientId, bytes, dot.startsWith(takenBy)], ['web-3', 5, true]);
    }
    const why = `${b} was written by client web-3 without a token; it had not seen ${a}`;
    assert.deepEqual(explained.pairs, [{ dots, why }]);
    assert.deepEqual(explained.ifYouWrite?.replaces, []);
    const token = tokenOf(await send(`${at(0)}/mec/lunch`));
    assert.deepEqual((await explain('lunch', token)).ifYouWrite?.leaves, []);
  });

  test('a replica that is behind is late, and looking repairs nothing', async () => {
    cluster.partition([0, 1], [2]);
    const written = await send(`${at(0)}/mec/behind`, { method: 'PUT', body: 'x' });
    assert.equal(written.status, 200);
    // Sync of the cut node cannot help, and it answers when the cut has ended.
    const dot = String(written.headers['x-mec-dot']);
    const cut = await explain('behind');
    const { holders = {} } = cut.versions[0] ?? {};
    assert.deepEqual([holders['n1'], holders['n2']], ['has', 'has']);
    cluster.heal();
    await eventually('it has caught up', async () => {
      const { versions } = await explain('behind', undefined, 2);
      return versions[0]?.dot === dot && versions[0].holders['n3'] === 'has';
    });
  });

  test('explain predicts 200 random writes right', async () => {
    const random = seededRandom(18);
    const keys = ['p1', 'p2', 'last:p3', 'p4'];
    const tokens = new Map<string, string[]>(keys.map((key) => [key, []]));
    let replacing = 0;
    let leaving = 0;
    for (let i = 0; i < 200; i++) {
      const key = keys[random.uint32() % keys.length] ?? '';
      const known = tokens.get(key) ?? [];
      // None, the latest, or an older one.
      const token = known[random.uint32() % (known.length + 1)];
      const node = random.uint32() % 3;
      const { versions, ifYouWrite } = await explain(key, token, node);
      const answer = await put(key, token, node);
      assert.equal(ifYouWrite?.refused, undefined);
      assert.equal(answer.status, 200, answer.text);
      const dot = String(answer.headers['x-mec-dot']);
      const after = currentOf(await explain(key, undefined, (node + 1) % 3));
      assert.ok(ifYouWrite !== undefined && dot.startsWith(`${ifYouWrite.coordinator}~`));
      assert.deepEqual([...ifYouWrite.leaves, dot].sort(), after, `write ${i} of ${key}`);
      const before = versions.flatMap((one) => (one.isCurrent ? [one.dot] : []));
      assert.deepEqual([...ifYouWrite.replaces, ...ifYouWrite.leaves].sort(), before.sort());
      replacing += Number(ifYouWrite.replaces.length > 0);
      leaving += Number(ifYouWrite.leaves.length > 0);
      known.push(tokenOf(answer), tokenOf(await send(`${at(node)}/mec/${key}`)));
    }
    assert.ok(replacing > 30 && leaving > 30, `${replacing} replaced, ${leaving} left versions`);
  });

  test('a token of another key, or none at all, is refused, and so are other parameters', async () => {
    const token = encodeURIComponent(tokenOf(await put('mine')));
    for (const [path, status] of [
      [`/cluster/explain/other?token=${token}`, 400],
      ['/cluster/explain/k?token=!', 400],
      ['/cluster/explain/k?key=1', 400],
      ['/cluster/explain/k?token=&token=', 400],
      ['/cluster/explain/%zz', 400],
      ['/cluster/top?by=names', 400],
      ['/cluster/slow?limit=1', 400],
    ] as const)
      assert.equal((await send(at(0) + path)).status, status, path);
  });

  test('the key with 50 siblings, the largest key and the hot keys are at the top', async () => {
    for (let i = 0; i < 50; i++) await put('many', undefined, i % 3);
    await send(`${at(0)}/mec/large`, { method: 'PUT', body: 'x'.repeat(100_000) });
    for (let i = 0; i < 400; i++) await send(`${at(i % 2)}/mec/many`);
    const top = (by: string): Promise<TopOfAll> => ask(`/cluster/top?by=${by}`, 1);
    const siblings = await top('siblings');
    assert.deepEqual(siblings.keys[0], { key: 'many', value: 50 });
    assert.deepEqual(siblings.silent, []);
    const bytes = await top('bytes');
    assert.equal(bytes.keys[0]?.key, 'large');
    assert.ok((bytes.keys[0]?.value ?? 0) > 100_000);
    const reads = await top('reads');
    assert.equal(reads.keys[0]?.key, 'many');
    assert.ok((reads.keys[0]?.value ?? 0) > 200, JSON.stringify(reads.keys[0]));
    assert.equal(reads.halvedEveryMs, 60_000);
    assert.equal((await top('writes')).by, 'writes');
    assert.equal((await explain('many')).versions.length, 50);
  });

  test('slow requests of all nodes are told, and a member without an answer is named', async () => {
    cluster.partition([0, 1], [2]);
    // Two answers come at once, and the third never: the write fails after its timeout.
    const failed = await send(`${at(0)}/mec/slow?w=all&timeout=400`, { method: 'PUT', body: 'x' });
    assert.ok([503, 504].includes(failed.status), failed.text);
    const { operations, silent } = await ask<SlowOfAll>('/cluster/slow', 1);
    const [slow] = operations;
    assert.equal(slow?.node, 'n1');
    assert.equal(slow.operation, 'write');
    assert.ok(slow.tookMs >= 250 && slow.key === undefined && 'n2' in slow.peers);
    assert.deepEqual(silent, ['n3']);
    cluster.heal();
    await cluster.whole();
  });
});
