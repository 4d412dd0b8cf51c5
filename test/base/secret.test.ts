/** A secret cannot be printed by accident. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from '../../src/base/secret.ts';

test('a secret shows itself in no way but one', () => {
  const secret = new Secret('hunter2');
  assert.equal(secret.reveal(), 'hunter2');
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret, { showHidden: true, depth: 9 }),
    inspect({ deep: [secret] }, { depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
    new Error(String(secret)).message,
  ];
  for (const text of shown) assert.ok(!text.includes('hunter2'), text);
});
