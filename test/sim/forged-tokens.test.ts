/** Tokens with dots that no node gave: they neither cost a node its actor nor make clocks grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours, textOf } from '../fixtures/lab.ts';
import { madeUpToken } from '../fixtures/made-up-token.ts';

const TRIES = 5;
/** Actors that are no nodes, in each token. */
const PHONES = 8;
/** Longer than a node waits before it closes gaps, twice. */
const GAPS_MS = 200_000;

interface Forging {
  readonly lab: Lab;
  readonly keys: readonly string[];
  /** The owners of the keys. */
  readonly owners: readonly [SimNode, SimNode, SimNode];
}

async function forging(nodes = 3): Promise<Forging> {
  const lab = new Lab(nodes);
  await lab.born();
  await lab.until(() => lab.cluster.nodes.every(({ node }) => node?.status().tokens.isSigned));
  const keys = neighbours(2);
  const [a, b, c] = lab.order(keys[0] as string) as [SimNode, SimNode, SimNode];
  return { lab, keys, owners: [a, b, c] };
}

/** Writes at a node, and returns the actor under which its replica writes. */
async function actorOf({ lab, keys }: Forging, node: SimNode): Promise<string> {
  const key = keys[1] as string;
  const { headers } = await lab.ask(node, 'PUT', key, { value: 'honest', query: 'replace=true' });
  const [actor] = /^[^:]+/.exec(headers['X-Mec-Dot'] ?? '') ?? assert.fail('no dot');
  return actor;
}

/** The names in the clock of a node's replica of a key. */
function namesAt({ node }: SimNode, key: string): string[] {
  return [...(node?.peek(key).context.actors() ?? [])];
}

test('a token with dots that no node ever gave is refused, whichever owner gets it', async () => {
  const all = await forging();
  const { lab, keys, owners } = all;
  const key = keys[0] as string;
  for (const at of owners) {
    for (const author of owners) {
      const actor = await actorOf(all, author);
      for (const name of [actor, `${actor}.7`]) {
        const headers = madeUpToken({ [name]: 1_000 });
        const answer = await lab.ask(at, 'PUT', key, { value: 'forged', headers });
        assert.equal(answer.status, 400, `${name} at ${at.name}`);
        const { code, mayTakeEffect } = JSON.parse(textOf(answer)) as Record<string, unknown>;
        assert.deepEqual([code, mayTakeEffect], ['bad-vclock', false]);
        for (const [method, more] of [
          ['DELETE', {}],
          ['PUT', { 'if-none-match': '*' }],
        ] as const) {
          const asked = { headers: { ...headers, ...more } };
          assert.equal((await lab.ask(at, method, key, asked)).status, 400, `${method} ${name}`);
        }
      }
    }
  }
  assert.equal((await lab.ask(owners[0], 'GET', key)).status, 404);
  for (const node of owners) assert.deepEqual(lab.logged(node, /actor given up/), [], node.name);
});

test('clocks do not grow by tokens with lives that never were', async () => {
  const all = await forging();
  const { lab, keys, owners } = all;
  const [a] = owners;
  const key = keys[0] as string;
  for (const node of owners) await actorOf(all, node);
  for (let i = 0; i < TRIES; i++) {
    const headers = madeUpToken(
      Object.fromEntries(owners.map(({ name }) => [`${name}~aaaaaaaaa${i}`, 3])),
    );
    const answer = await lab.ask(a, 'PUT', key, { value: String(i), headers });
    assert.equal(answer.status, 200, 'an honest client may know writes whose only disk was lost');
  }
  await lab.wait(GAPS_MS);
  for (const node of owners) {
    const names = namesAt(node, key);
    assert.equal(names.length, owners.length, `${node.name} knows ${names.join(' ')}`);
  }
});

test('a token from a node that is cut off now still replaces what its writer saw there', async () => {
  const all = await forging();
  const { lab, keys, owners } = all;
  const [a, b, c] = owners;
  const key = keys[0] as string;
  await actorOf(all, c);
  lab.cut(a, c);
  lab.cut(b, c);
  const seen = await lab.ask(c, 'PUT', key, { value: 'seen', query: 'w=1' });
  assert.equal(seen.status, 200);
  await lab.wait(10_000);
  const headers = { 'x-mec-vclock': seen.headers['X-Mec-Vclock'] ?? '' };
  assert.equal((await lab.ask(a, 'PUT', key, { value: 'later', headers })).status, 200);
  lab.heal();
  await lab.rest();
  for (const node of owners) assert.deepEqual(lab.held(node, key), ['later'], node.name);
});

test('a token of what its node has lost, while the node was cut off, loses no write of it', async () => {
  const all = await forging();
  const { lab, keys, owners } = all;
  const [a, b, c] = owners;
  const key = keys[0] as string;
  const actor = await actorOf(all, c);
  await lab.rest();
  lab.cut(a, c);
  lab.cut(b, c);
  await lab.wait(10_000);
  // The cluster has signed such a token if the process of the node was put back since.
  const context = CausalContext.ofBase(actor, 1_000);
  const headers = { 'x-mec-vclock': a.node?.tokens.encode(context, key, {}) ?? '' };
  assert.equal((await lab.ask(a, 'PUT', key, { value: 'forged', headers })).status, 200);
  lab.heal();
  await lab.wait(10_000);
  // The owners have the dots of the token. Under its old actor, this write would be lost.
  const blind = await lab.ask(c, 'PUT', key, { value: 'mine' });
  assert.equal(blind.status, 200);
  await lab.wait(10_000);
  for (const node of owners)
    assert.deepEqual(lab.held(node, key).sort(), ['forged', 'mine'], node.name);
  assert.equal(lab.logged(c, /actor given up/).length, 1);
  assert.equal(c.node?.sight.recorder.actorsGivenUp, 1);
});

test('while a member is away, made-up tokens neither fill clocks nor cost it its actor', async () => {
  const all = await forging(4);
  const { lab, keys, owners } = all;
  const [a, b, c] = owners;
  const [key = '', other = ''] = keys;
  const actor = await actorOf(all, c);
  for (const node of [a, b]) await actorOf(all, node);
  await lab.rest();
  const outsider = lab.cluster.nodes.find((node) => !owners.includes(node)) ?? assert.fail();
  for (const node of [a, b, outsider]) lab.cut(node, c);
  await lab.wait(10_000);
  for (let i = 0; i < TRIES; i++) {
    const phones = Array.from({ length: PHONES }, (_, j) => [`phone${i}${j}`, 1]);
    const lives = Array.from({ length: 20 }, (_, j) => [`${c.name}~aaaaaaaa${i}${j % 10}${j}`, 3]);
    const token = Object.fromEntries([...phones, ...lives, [actor, 1_000]]) as Record<
      string,
      number
    >;
    // The last one forwards its writes.
    for (const at of [a, b, outsider]) {
      const asked = { value: 'forged', headers: madeUpToken(token) };
      assert.equal((await lab.ask(at, 'PUT', key, asked)).status, 200);
    }
  }
  lab.heal();
  await lab.wait(GAPS_MS);
  for (const node of owners) {
    assert.equal(namesAt(node, key).length, owners.length, 'no phone stays with the key');
    assert.equal(namesAt(node, other).length, owners.length, 'no phone is in the clock');
  }
  assert.equal(await actorOf(all, c), actor);
  assert.equal(c.node?.sight.recorder.actorsGivenUp, 0);
});

test('a token with dots that a message has not brought yet is taken', async () => {
  const all = await forging();
  const { lab, keys, owners } = all;
  const [a, b, c] = owners;
  const key = keys[0] as string;
  lab.cut(a, c);
  const seen = await lab.ask(c, 'PUT', key, { value: 'seen' });
  lab.mend(a, c);
  assert.equal(seen.status, 200);
  assert.deepEqual([lab.held(a, key), lab.held(b, key)], [[], ['seen']]);
  const headers = { 'x-mec-vclock': seen.headers['X-Mec-Vclock'] ?? '' };
  const answer = await lab.ask(a, 'PUT', key, { value: 'later', headers });
  assert.equal(answer.status, 200, textOf(answer));
  await lab.rest();
  for (const node of owners) assert.deepEqual(lab.held(node, key), ['later'], node.name);
});
