/**
 * The model's registers represent the product's objects: merging and writing give the same results.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merge, write } from '../../src/core/causality/object.ts';
import { Decisions, type Kind, toObject, toRegister } from './registers.ts';

const KINDS: readonly Kind[] = ['create', 'swap', 'once', 'lock'];
const REGISTERS = Array.from({ length: 256 }, (_, r) => r).filter(
  (r) => ((r >> 4) & ~r & 15) === 0,
);

test('the merge of two registers is the merge of their objects', () => {
  for (const a of REGISTERS) {
    assert.equal(toRegister(toObject(a, KINDS)), a);
    for (const b of REGISTERS)
      assert.equal(toRegister(merge(toObject(a, KINDS), toObject(b, KINDS))), a | b);
  }
});

test('a decided write replaces exactly the versions in its token', () => {
  const decisions = new Decisions(KINDS);
  let writes = 0;
  for (const [writer, actor] of ['a', 'b', 'c', 'd'].entries()) {
    for (const register of REGISTERS.filter((r) => !((r >> writer) & 1))) {
      const outcome = decisions.of({
        writer,
        matched: register & 15 & ~(register >> 4),
        register,
        remembered: 0,
      });
      if (outcome.kind !== 'write') continue;
      writes += 1;
      const token = toObject(outcome.seen, KINDS).context;
      const { object } = write(toObject(register, KINDS), {
        token,
        dot: { actor, counter: 1 },
        body: Uint8Array.of(1),
      });
      assert.equal(
        toRegister(object),
        register | (1 << writer) | outcome.seen | (outcome.seen << 4),
      );
    }
  }
  assert.ok(writes > 0);
});
