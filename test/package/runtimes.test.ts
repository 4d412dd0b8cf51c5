/**
 * The package on other runtimes: the versions of Node.js in `engines`, and the client on Deno and
 * Bun. The registry of packages has each of them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCluster } from '../../src/embed/start-cluster.ts';
import { installed, pack, PROGRAMS, ROOT, run, temporaryDirectory } from '../fixtures/packed.ts';

const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  engines: { node: string };
};
/** The lowest versions in `engines`, and a later one. */
const NODE_VERSIONS = [...(engines.node.match(/\d+\.\d+\.\d+/g) ?? []), '24.21.0'];
const NODE = `node-${process.platform}-${process.arch}`;

for (const version of NODE_VERSIONS) {
  test(`import and require load the package on Node.js ${version}`, async (t) => {
    const { file } = await pack(await temporaryDirectory(t));
    const project = await installed(t, 'commonjs', [file, `${NODE}@${version}`]);
    if (project === undefined) return;
    const node = join(project, 'node_modules', NODE, 'bin/node');
    assert.equal(await run(node, ['--version'], project), `v${version}\n`);
    for (const [name, text] of Object.entries(PROGRAMS)) {
      await writeFile(join(project, name), text);
      assert.equal(await run(node, [name], project), '1\n', name);
    }
  });
}

const KEYV_PROGRAM = `
import { Keyv } from 'keyv';
import { startNode } from 'mec-db';
import { KeyvStore } from 'mec-db/keyv';
const node = await startNode();
const keyv = new Keyv({ store: new KeyvStore(node.url), namespace: 'n', throwOnErrors: true });
await keyv.set('a', 1);
await keyv.set('a', { two: 2 }, 60_000);
await keyv.set('late', 1, 1);
await keyv.setMany([{ key: 'b', value: 3 }]);
await new Promise((resolve) => setTimeout(resolve, 20));
console.log(JSON.stringify(await keyv.get(['a', 'b', 'late', 'none'])), await keyv.has('a'));
console.log(await keyv.delete('a'), await keyv.delete('a'));
await keyv.clear();
console.log(await keyv.has('b'));
await node.close();
`;

test('the store for Keyv also serves Keyv 6, which needs Node.js 22', async (t) => {
  const { file } = await pack(await temporaryDirectory(t));
  const project = await installed(t, 'module', [file, 'keyv@6.1.0', `${NODE}@22.23.3`]);
  if (project === undefined) return;
  await writeFile(join(project, 'keyv.mjs'), KEYV_PROGRAM);
  const node = join(project, 'node_modules', NODE, 'bin/node');
  const printed = await run(node, ['keyv.mjs'], project);
  assert.equal(printed, '[{"two":2},3,null,null] true\ntrue false\nfalse\n');
});

const CLIENT_PROGRAM = `
import { MecClient, text } from 'mec-db/client';
import { growOnlyCounter as counter } from 'mec-db/merge';
const [url, prefix] = process.argv.slice(2);
const client = new MecClient(url, { codec: text });
const { token } = await client.put(prefix + '/a', 'one');
await client.put(prefix + '/a', 'two', { token, ttlSeconds: 60, meta: { by: 'ann' } });
const read = await client.get(prefix + '/a');
console.log(read.kind, read.value, read.meta.by);
const counts = new MecClient(url);
const options = { merge: counter.merge };
for (let i = 0; i < 3; i++)
  await counts.update(prefix + '/n', (count, by) => counter.add(count, by), options);
const count = await counts.get(prefix + '/n');
console.log(counter.value(count.value));
for await (const key of client.list({ prefix })) console.log(key.slice(prefix.length));
console.log((await client.delete(prefix + '/a')).found);
const late = new MecClient('http://127.0.0.1:1');
await late.get('k', { deadlineMs: 300 }).catch((error) => console.log(error.code));
`;
const PRINTED = 'value two ann\n3\n/a\n/n\ntrue\nunreachable\n';

const RUNTIMES = [
  ['deno', '2.9.6', ['run', '--allow-all', '--node-modules-dir=manual', '--no-remote']],
  ['bun', '1.4.5', []],
] as const;

for (const [name, version, flags] of RUNTIMES) {
  test(`the client runs on ${name}`, async (t) => {
    const { file } = await pack(await temporaryDirectory(t));
    const project = await installed(t, 'module', [file, `${name}@${version}`]);
    if (project === undefined) return;
    const runtime = join(project, 'node_modules/.bin', name);
    const isThere = await access(runtime).then(
      () => true,
      () => false,
    );
    if (!isThere) return t.skip(`the registry has no ${name} for this machine`);
    const cluster = await startCluster();
    t.after(() => cluster.close());
    await writeFile(join(project, 'client.mjs'), CLIENT_PROGRAM);
    const args = [...flags, 'client.mjs', cluster.urls[0] ?? '', name];
    assert.equal(await run(runtime, args, project), PRINTED);
  });
}
