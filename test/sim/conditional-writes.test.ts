/** Conditional writes step by step: what a slow link, a rival, a damaged disk and a repeat must not make of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import type { PlainAnswer } from '../../src/sim/front.ts';
import { Lab, type LabRequest } from '../fixtures/lab.ts';

const CREATE = { 'if-none-match': '*' };

interface Outcome {
  answer?: PlainAnswer;
}

/** A PUT whose answer is not waited for. */
function begin(node: SimNode, key: string, { value = '', headers = {}, query = '' }: LabRequest): Outcome {
  const outcome: Outcome = {};
  const request = { method: 'PUT', path: `/mec/${key}`, query, headers, body: async () => Buffer.from(value) };
  node.send(request).then(
    (answer) => (outcome.answer = answer),
    () => {},
  );
  return outcome;
}

async function born(key: string): Promise<{ lab: Lab; a: SimNode; b: SimNode; c: SimNode }> {
  const lab = new Lab(3);
  await lab.born();
  const [a, b, c] = lab.order(key) as [SimNode, SimNode, SimNode];
  return { lab, a, b, c };
}

const statuses = (...answers: (PlainAnswer | undefined)[]): (number | undefined)[] =>
  answers.map((answer) => answer?.status);

test('messages that are late, but in order, do not make two winners', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  // Claim and store of A to C are late; B grants, and A decides on {A, B} and writes.
  const toC = lab.network.stall(`${a.name}>${c.name}`);
  const mine = begin(a, key, { value: 'mine', headers: CREATE });
  await lab.until(() => lab.held(a, key).length > 0, 100);
  assert.deepEqual(lab.held(a, key), ['mine']);
  // Now the store to B is late as well, for longer than B keeps the key.
  const toB = lab.network.stall(`${a.name}>${b.name}`);
  await lab.wait(2_300);
  const yours = await lab.ask(b, 'PUT', key, { value: 'yours', headers: CREATE });
  toC();
  toB();
  await lab.until(() => mine.answer !== undefined);
  assert.deepEqual(statuses(yours, mine.answer), [200, 503]);
  await lab.rest();
  assert.deepEqual(lab.held(c, key).sort(), ['mine', 'yours'], 'told that it is unknown, it may still be there');
});

test('a conditional write needs as many owners as its request asks for', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  lab.cut(c, a);
  lab.cut(c, b);
  for (const query of ['pw=all', 'pr=all', 'w=all', 'r=all']) {
    const all = await lab.ask(a, 'PUT', key, { value: 'v', headers: CREATE, query });
    assert.ok(all.status >= 500, `${query}: ${all.status}`);
  }
  const two = await lab.ask(a, 'PUT', key, { value: 'v', headers: CREATE, query: 'pw=2' });
  assert.equal(two.status, 200);
});
