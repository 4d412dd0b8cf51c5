/**
 * An explanation predicts writes right, whatever has happened before: nodes that were cut off or
 * had crashed, replicas that are behind, deletes, old tokens, and hidden versions.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyExplanation } from '../../src/cluster/insight/key-explanation.ts';
import type { Policy } from '../../src/cluster/policies.ts';
import { decodeToken } from '../../src/core/causality/token.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import { Lab, settled, textOf } from '../fixtures/lab.ts';
import { isLongRun } from '../sets.ts';

const KEYS = ['a', 'b', 'last:c', 'd'];
const WRITES = 200;
/** Longer than it takes to notice that a node is away, or back. */
const NOTICED_MS = 8_000;
/** Of as many steps, one is a change of the network or a node, and one a delete. */
const STEPS = 10;

const LAST: Policy = {
  prefix: 'last:',
  siblings: 'last-write-wins',
  ttlMs: undefined,
  r: undefined,
  w: undefined,
  maxValueBytes: undefined,
};

/** A random history of one cluster. */
class History {
  readonly lab: Lab;
  /** Writes that were predicted, by their effect. */
  readonly counts = { replacing: 0, leaving: 0, refused: 0 };
  readonly #tokens = new Map<string, string[]>(KEYS.map((key) => [key, []]));

  constructor(seed: number) {
    this.lab = new Lab(5, { seed, config: { policies: [LAST] } });
  }

  async run(): Promise<void> {
    await this.lab.born();
    for (let writes = 0; writes < WRITES;) {
      const draw = this.#below(STEPS);
      if (draw === 0) await this.#change();
      else if (draw === 1) await this.#delete();
      else {
        await this.#write();
        writes += 1;
      }
    }
  }

  #below(limit: number): number {
    return this.lab.world.dice.uint32() % limit;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  get #alive(): SimNode[] {
    return this.lab.cluster.nodes.filter(({ node }) => node !== undefined);
  }

  /** Cuts the cluster into two, heals it, or crashes or starts a node. */
  async #change(): Promise<void> {
    const { lab } = this;
    const { nodes } = lab.cluster;
    lab.heal();
    const sides = this.#below(32);
    if (this.#below(3) > 0) {
      for (const [i, one] of nodes.entries())
        for (const [j, other] of nodes.entries())
          if (((sides >> i) & 1) !== ((sides >> j) & 1)) lab.cut(one, other);
    }
    const node = this.#pick(nodes);
    if (node.node === undefined) node.start();
    else if (this.#alive.length > 3 && this.#below(4) === 0) node.crash();
    await lab.wait(NOTICED_MS);
  }

  /** The token of an earlier answer about a key, or none. */
  #token(key: string): string | undefined {
    const known = this.#tokens.get(key) ?? [];
    return known[this.#below(known.length + 1)];
  }

  async #delete(): Promise<void> {
    const key = this.#pick(KEYS);
    const token = this.#token(key);
    const headers = token === undefined ? {} : { 'x-mec-vclock': token };
    await this.lab.ask(this.#pick(this.#alive), 'DELETE', key, { headers });
  }

  async #write(): Promise<void> {
    const { lab } = this;
    const key = this.#pick(KEYS);
    const token = this.#token(key);
    const node = this.#pick(this.#alive);
    const before = await this.#explain(node, key, token);
    const headers = token === undefined ? {} : { 'x-mec-vclock': token };
    const answer = await lab.ask(node, 'PUT', key, { value: 'x', headers });
    const { ifYouWrite } = before;
    const what = `write at ${node.name} of ${key}, predicted ${JSON.stringify(ifYouWrite)}`;
    assert.ok(ifYouWrite !== undefined, what);
    const { refused, leaves, replaces } = ifYouWrite;
    assert.equal(refused, codeOf(answer), what);
    if (refused !== undefined) {
      this.counts.refused += 1;
      return;
    }
    const dot = String(answer.headers['X-Mec-Dot']);
    const after = await this.#explain(node, key);
    assert.deepEqual([...leaves, dot].sort(), currentOf(after), what);
    assert.deepEqual([...leaves, ...replaces].sort(), currentOf(before), what);
    this.counts.replacing += Number(replaces.length > 0);
    this.counts.leaving += Number(leaves.length > 0);
    this.#tokens.get(key)?.push(String(answer.headers['X-Mec-Vclock']));
  }

  #explain({ node }: SimNode, key: string, token?: string): Promise<KeyExplanation> {
    assert.ok(node !== undefined);
    const seen = token === undefined ? undefined : decodeToken(token, key).context;
    return settled(this.lab, node.sight.explain(key, seen));
  }
}

/** The code of an answer that is an error. */
const codeOf = (answer: HttpAnswer): string | undefined =>
  answer.status === 200 ? undefined : (JSON.parse(textOf(answer)) as { code: string }).code;

const currentOf = ({ versions }: KeyExplanation): string[] =>
  versions.flatMap(({ dot, isCurrent }) => (isCurrent ? [dot] : [])).sort();

for (const seed of isLongRun() ? [1, 2, 3, 4, 5] : [1])
  test(`explain predicts ${WRITES} random writes right, seed ${seed}`, async () => {
    const history = new History(seed);
    await history.run();
    const { replacing, leaving, refused } = history.counts;
    assert.ok(replacing > 50 && leaving > 50 && refused > 0, JSON.stringify(history.counts));
  });

test('explain predicts that a write to a full key is refused, and that a token helps', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [n1] = lab.cluster.nodes as [SimNode];
  const refusedWith = async (token?: string): Promise<string | undefined> => {
    const seen = token === undefined ? undefined : decodeToken(token, 'k').context;
    const explained = await settled(lab, n1.node?.sight.explain('k', seen) ?? assert.fail());
    return explained.ifYouWrite?.refused;
  };
  for (let i = 0; i < MAX_SIBLINGS; i++) {
    assert.equal(await refusedWith(), undefined);
    assert.equal((await lab.ask(n1, 'PUT', 'k', { value: 'x' })).status, 200);
  }
  assert.equal(await refusedWith(), 'too-many-siblings');
  assert.equal(codeOf(await lab.ask(n1, 'PUT', 'k', { value: 'x' })), 'too-many-siblings');
  const token = String((await lab.ask(n1, 'GET', 'k')).headers['X-Mec-Vclock']);
  assert.equal(await refusedWith(token), undefined);
  const headers = { 'x-mec-vclock': token };
  assert.equal((await lab.ask(n1, 'PUT', 'k', { value: 'x', headers })).status, 200);
});
