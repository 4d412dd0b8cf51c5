/** The bounds of the versions of one key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { MAX_OBJECT_BYTES } from '../../src/base/limits.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import { assertObjectSize } from '../../src/storage/replica/object-size.ts';

/** `count` versions with this many bytes each. */
const versions = (count: number, bytes: number): Parameters<typeof assertObjectSize>[0] => {
  const body = new Uint8Array(bytes);
  return Array.from({ length: count }, (_, i) => ({ actor: 'a', counter: i + 1, body }));
};

const isRefused = (error: unknown): boolean =>
  error instanceof MecError && error.code === 'too-many-siblings';

test('a key has at most 100 versions', () => {
  assertObjectSize(versions(MAX_SIBLINGS, 1));
  assert.throws(() => assertObjectSize(versions(MAX_SIBLINGS + 1, 1)), isRefused);
});

test('the versions of a key have at most 32 MiB together', () => {
  assertObjectSize(versions(2, MAX_OBJECT_BYTES / 2));
  assert.throws(() => assertObjectSize(versions(2, MAX_OBJECT_BYTES / 2 + 1)), isRefused);
});
