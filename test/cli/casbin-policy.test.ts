/** `mec security import`: policies of Casbin that rights can express, and all others refused. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCasbinPolicy } from '../../src/cli/casbin-policy.ts';
import { VERBS } from '../../src/core/security/verb.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { SecuredNode } from '../fixtures/secured.ts';

test('rules on one key are grants on that key, apart from those on its prefix', () => {
  const text = 'p, ann, shop, read\np, ann, shop*, list\np, ann, shop, write\np, bob, shop, *\n';
  assert.deepEqual(parseCasbinPolicy('policy.csv', text), [
    { identity: 'ann', key: 'shop', verbs: ['read', 'write'] },
    { identity: 'ann', prefix: 'shop', verbs: ['list'] },
    { identity: 'bob', key: 'shop', verbs: ['read', 'write', 'delete', 'monitor'] },
  ]);
});

test('rules on prefixes are grants, and those of one prefix are one', () => {
  const text = '# a shop\np, ann, shop/*, read\r\n\np,ann,shop/*,write, allow\np, root, *, *\n';
  assert.deepEqual(parseCasbinPolicy('policy.csv', text), [
    { identity: 'ann', prefix: 'shop/', verbs: ['read', 'write'] },
    { identity: 'root', prefix: '', verbs: [...VERBS] },
  ]);
});

/** Rules that rights cannot express, and the reasons. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'p, ann, shop/cart, list': /expected read, .* or \*, got "list"$/,
  'p, ann, shop/cart, admin': /got "admin"$/,
  'p, ann, , read': /is a pattern/,
  'p, ann, shop/*, fly': /expected read, .* or \*, got "fly"$/,
  'p, ann, shop/*, read, deny': /no other one than allow$/,
  'p, ann, shop/*, read, allow, more': /no more than an effect/,
  'p, ann, *.txt, read': /is a pattern/,
  'p, ann, a*b*, read': /is a pattern/,
  'p, ann, /users/:id/*, read': /is a pattern/,
  'p, ann, ^shop.*, read': /is a pattern/,
  'p, ../ann, shop/*, read': /is no name of an identity$/,
  'p, ann, shop/*': /got ""$/,
  'g, ann, admin': /there are no roles$/,
  'p2, ann, shop/*, read': /expected "p, /,
};

for (const [rule, reason] of Object.entries(REFUSED))
  test(`the rule "${rule}" is refused with its line`, () => {
    const text = `p, bob, a/*, read\n${rule}\n`;
    assert.throws(() => parseCasbinPolicy('policy.csv', text), {
      message: new RegExp(`^policy\\.csv:2: .*${reason.source}`),
    });
  });

test('mec security import grants the rights of a file, or nothing of it', async (t) => {
  const secured = await SecuredNode.start(t);
  const file = join(secured.directory, 'policy.csv');
  const remote = ['--client', secured.made.clientFile];
  await writeFile(file, 'p, ann, shop/*, read\np, ann, shop/:id, read\n');
  const refused = await runMec(['security', 'import', file, ...remote]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /policy\.csv:2: "shop\/:id" is a pattern/);
  const { text } = await secured.send('/cluster/security', { token: secured.admin });
  assert.ok(!text.includes('user/ann'), 'nothing of a file with a mistake');
  await writeFile(file, 'p, ann, shop/*, read\np, ann, shop/*, list\np, ann, shop/x, write\n');
  const done = await runMec(['security', 'import', file, ...remote]);
  assert.equal(done.code, 0, done.err);
  const made = await secured.change('tokens', { identity: 'ann' });
  const { token } = JSON.parse(made.text) as { token: string };
  assert.equal((await secured.send('/mec/shop/x', { token })).status, 404);
  assert.equal((await secured.send('/mec?prefix=shop/', { token })).status, 200);
  assert.equal((await secured.send('/mec/shop', { token })).status, 403);
  const put = { method: 'PUT', body: 'v', token };
  assert.equal((await secured.send('/mec/shop/x', put)).status, 200);
  assert.equal((await secured.send('/mec/shop/xy', put)).status, 403);
  const told = await runMec(['security', 'status', ...remote]);
  assert.match(told.out, /^user\/ann {2}"shop\/": read list {2}only "shop\/x": write$/m);
  const exact = ['security', 'grant', 'bob', 'shop/x', 'read', '--exact'];
  assert.equal((await runMec([...exact, ...remote])).code, 0);
  assert.match(
    (await runMec(['security', 'status', ...remote])).out,
    /^user\/bob {2}only "shop\/x": read$/m,
  );
});
