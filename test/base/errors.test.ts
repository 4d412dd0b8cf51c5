/** Tests of the table of errors, and of the details in the source. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_KINDS, type ErrorCode, isErrorCode } from '../../src/base/errors.ts';
import { isRetriable } from '../../src/client/error-codes.ts';
import { isRepeated } from '../fixtures/problem.ts';

/** The codes and details that the source names in one place. */
function namedDetails(): [ErrorCode, string][] {
  const root = new URL('../../../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const source = readFileSync(new URL(file, root), 'utf8');
      const found = source.matchAll(/MecError\('([\w-]+)', \{[^}]*?detail:\s*['`](.*)['`]/g);
      return [...found].map(([, code, detail = '']): [ErrorCode, string] => {
        assert.ok(isErrorCode(code), code);
        return [code, detail.replaceAll(/\$\{.*?\}/g, '0')];
      });
    });
}

test('the usual detail of each error says more than its title', () => {
  const repeated = Object.entries(ERROR_KINDS).filter(([, { title, detail }]) =>
    isRepeated(title, detail),
  );
  assert.deepEqual(repeated, []);
});

test('the detail of an error in the source says more than its title', () => {
  const details = namedDetails();
  assert.ok(details.length > 15, `${details.length} found`);
  const repeated = details.filter(([code, detail]) => isRepeated(ERROR_KINDS[code].title, detail));
  assert.deepEqual(repeated, []);
});

test('a detail that repeats the title is found', () => {
  assert.ok(isRepeated('The node is overloaded', 'The node is overloaded.'));
  assert.ok(isRepeated('The value is larger than the limit', 'The value is larger than 5 bytes'));
  assert.ok(!isRepeated('The node is overloaded', 'The queue to a peer is full'));
});

test('the client repeats what the table says may be repeated', () => {
  for (const [code, { status, retriable }] of Object.entries(ERROR_KINDS))
    assert.equal(isRetriable(status, code), retriable, code);
});
