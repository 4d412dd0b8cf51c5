/** The keys of tokens, and the signatures that they make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SECRET_BYTES } from '../../src/base/mac.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { decodeToken, encodeToken } from '../../src/core/causality/token.ts';
import { type NamedKey, type TokenKey, TokenKeys } from '../../src/core/causality/token-keys.ts';
import { SIGNATURE_BYTES, verdictOn } from '../../src/core/causality/token-signature.ts';
import { MAX_TOKEN_KEYS, TOKEN_KEY_MICROS } from '../../src/core/limits.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

const NOW = 1_800_000_000_000_000;
const EVERYWHERE = (): boolean => true;

const key: fc.Arbitrary<TokenKey> = fc.record({
  secret: fc.nat(20).map((n) => new Uint8Array(SECRET_BYTES).fill(n)),
  generation: fc.integer({ min: 1, max: 3 }),
  settledMicros: fc.constantFrom(0, NOW, NOW + 1),
});
/** Of one secret there is only one generation: it was drawn with it. */
const keys = fc.uniqueArray(key, { maxLength: 12, selector: ({ secret }) => secret[0] });

function drawn(seed = 1): { keys: TokenKeys; signing: NamedKey } {
  const set = new TokenKeys();
  set.draw(seededRandom(seed));
  set.settle(EVERYWHERE, NOW);
  return { keys: set, signing: set.signing ?? assert.fail('no key signs') };
}

test('sets of keys merge to the same set, in whatever order', () => {
  const property = fc.property(keys, keys, (one, two) => {
    const generations = new Map([...one, ...two].map((k) => [k.secret[0], k.generation]));
    const same = (list: readonly TokenKey[]): TokenKey[] =>
      list.map((k) => ({ ...k, generation: generations.get(k.secret[0]) as number }));
    const merged = (...lists: readonly (readonly TokenKey[])[]): TokenKeys => {
      const set = new TokenKeys();
      for (const list of lists) set.merge(same(list));
      return set;
    };
    const all = merged(one, two).all;
    assert.deepEqual(merged(two, one, one).all, all);
    assert.ok(all.length <= MAX_TOKEN_KEYS);
    for (const { generation } of all) assert.ok(generation <= (all[0] as NamedKey).generation);
  });
  fc.assert(property, { numRuns: 300 });
});

test('the first key signs at once', () => {
  const set = new TokenKeys();
  assert.equal(new TokenKeys().signing, undefined);
  set.draw(seededRandom(1));
  assert.equal(set.signing?.settledMicros, 0);
  set.forgetOld(NOW);
  assert.equal(set.all.length, 1);
});

test('a later key signs when all members have it, and not before', () => {
  const { keys: set, signing: first } = drawn();
  assert.ok(!set.isDue(NOW + TOKEN_KEY_MICROS - 1));
  assert.ok(set.isDue(NOW + TOKEN_KEY_MICROS));
  set.draw(seededRandom(2));
  assert.ok(!set.isDue(NOW + TOKEN_KEY_MICROS), 'one key at a time is on its way');
  set.settle((id) => id === first.id, NOW + TOKEN_KEY_MICROS);
  assert.equal(set.signing?.id, first.id);
  set.settle(EVERYWHERE, NOW + TOKEN_KEY_MICROS);
  assert.equal(set.signing?.generation, 2);
  assert.equal(set.all.length, 2);
});

test('a key is forgotten when a later one has signed for as long as a key signs', () => {
  const { keys: set, signing: first } = drawn();
  const second = NOW + TOKEN_KEY_MICROS;
  set.draw(seededRandom(2));
  set.forgetOld(second + 2 * TOKEN_KEY_MICROS);
  assert.equal(set.all.length, 2, 'a key that does not sign replaces none');
  set.settle(EVERYWHERE, second);
  set.forgetOld(second + TOKEN_KEY_MICROS - 1);
  assert.equal(set.all.length, 2);
  set.forgetOld(second + TOKEN_KEY_MICROS);
  assert.deepEqual([set.all.length, set.all[0]?.generation], [1, 2]);
  set.merge([first]);
  set.forgetOld(second + TOKEN_KEY_MICROS);
  assert.equal(set.all.length, 1, 'a node whose clock is late cannot bring it back for long');
});

test('an id says nothing about its secret but its identity', () => {
  const { signing } = drawn();
  assert.equal(drawn().signing.id, signing.id);
  assert.notEqual(drawn(2).signing.id, signing.id);
  const view = new DataView(signing.secret.buffer);
  for (let at = 0; at <= SECRET_BYTES - 4; at++) assert.notEqual(view.getUint32(at), signing.id);
});

const context = CausalContext.ofDots([
  { actor: 'n1~a', counter: 1 },
  { actor: 'n1~a', counter: 4 },
  { actor: 'n2~b', counter: 1 },
]);

/** The verdict on a token in base64; undefined if it cannot be read. */
function verdict(text: string, set: TokenKeys, name = 'k'): string | undefined {
  try {
    const { bytes, signature } = decodeToken(text, name);
    return verdictOn(bytes, name, { signature, keys: set.all });
  } catch {
    return undefined;
  }
}

test('a token is signed for its key, and by a key of its cluster', () => {
  const { keys: set, signing } = drawn();
  const text = encodeToken(context, 'k', { signer: signing });
  assert.ok(decodeToken(text, 'k').context.equals(context));
  assert.equal(verdict(text, set), 'signed');
  assert.equal(verdict(text, drawn(2).keys), 'unknown-key');
  assert.equal(verdict(encodeToken(context, 'k'), set), 'unsigned');
  // The hash of the key in the token finds accidents. The signature has the whole key.
  const { bytes, signature } = decodeToken(text, 'k');
  assert.equal(verdictOn(bytes, 'other', { signature, keys: set.all }), 'forged');
  set.draw(seededRandom(3));
  set.settle(EVERYWHERE, NOW + 1);
  assert.equal(verdict(text, set), 'signed', 'the key before the newest one still counts');
});

test('no token with any bit changed, and none that was cut, is signed', () => {
  const { keys: set, signing } = drawn();
  const token = Buffer.from(encodeToken(context, 'k', { signer: signing }), 'base64');
  const seen = new Set<string | undefined>();
  for (let bit = 0; bit < 8 * token.length; bit++) {
    const changed = Buffer.from(token);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    const found = verdict(changed.toString('base64'), set);
    assert.notEqual(found, 'signed', `bit ${bit}`);
    seen.add(found);
  }
  assert.deepEqual(seen, new Set([undefined, 'forged', 'unknown-key', 'unsigned']));
  // A shorter code has fewer values to try.
  const at = token.length - SIGNATURE_BYTES - 1;
  assert.equal(token[at], SIGNATURE_BYTES);
  for (const length of [0, 4, SIGNATURE_BYTES - 1]) {
    const cut = Buffer.from(token.subarray(0, at + 1 + length));
    cut[at] = length;
    assert.equal(verdict(cut.toString('base64'), set), 'forged', `${length} bytes`);
  }
});
