import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MecError, StartError } from '../../src/base/errors.ts';
import { openLevelEngine } from '../../src/storage/level.ts';

async function makeRoot(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'mec-level-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'root');
}

test('what was committed does not stay in memory', async (t) => {
  const engine = await openLevelEngine(await makeRoot(t));
  const value = new Uint8Array(500_000);
  const rssMib = (): number => process.memoryUsage.rss() / 2 ** 20;
  const before = rssMib();
  for (let i = 0; i < 600; i++) await engine.commit([{ key: 'same', value }], false);
  const grownMib = rssMib() - before;
  await engine.close();
  // Two tables in memory of 16 MiB each and their likes; 300 MB have gone through.
  assert.ok(grownMib < 150, `${Math.round(grownMib)} MiB`);
});

test('an unwritable directory is one clear error', async (t) => {
  const root = await makeRoot(t);
  await writeFile(root, 'a file where the directory should be');
  await assert.rejects(
    openLevelEngine(root),
    (error) => error instanceof StartError && error.message.includes('cannot be written'),
  );
  if (process.getuid?.() === 0) return; // Nothing is unwritable for root.
  await rm(root);
  await mkdir(root);
  await chmod(root, 0o500);
  await assert.rejects(openLevelEngine(root), StartError);
});

test('a store whose CURRENT is damaged is mended, and its files are kept as they were', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  await first.commit([{ key: 'a', value: Uint8Array.of(1) }], true);
  await first.close();
  await writeFile(join(root, 'leveldb', 'CURRENT'), 'garbage\n');
  const second = await openLevelEngine(root);
  assert.deepEqual([...(second.get('a') ?? [])], [1]);
  assert.deepEqual(second.salvage?.lost, [], 'CURRENT only names the manifest');
  assert.match(second.salvage?.report ?? '', /CURRENT/);
  await second.salvage?.end();
  await second.close();
  assert.equal(await readFile(join(root, 'leveldb-damaged-1', 'CURRENT'), 'utf8'), 'garbage\n');
});

test('a store that is in use is left alone, whatever its files look like meanwhile', async (t) => {
  const root = await makeRoot(t);
  const engine = await openLevelEngine(root);
  await writeFile(join(root, 'leveldb', 'CURRENT'), 'garbage\n');
  await assert.rejects(openLevelEngine(root), (error) => error instanceof StartError && /in use/.test(error.message));
  assert.equal(await readFile(join(root, 'leveldb', 'CURRENT'), 'utf8'), 'garbage\n');
  await engine.close();
});

test('after three starts that did not last, all blocks are looked at before LevelDB reads them', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  const rows = Array.from({ length: 400 }, (_, n) => ({
    key: `o00a${n % 10}${n}`,
    value: new Uint8Array(300).fill(n),
  }));
  await first.commit(rows, true);
  await first.abandon();
  // What the log holds goes into a table when it is opened.
  await (await openLevelEngine(root)).close();
  const name = (await readdir(join(root, 'leveldb'))).find((entry) => entry.endsWith('.ldb')) as string;
  const bytes = await readFile(join(root, 'leveldb', name));
  bytes.fill(255, 1000, 1003);
  await writeFile(join(root, 'leveldb', name), bytes);
  for (let start = 1; start <= 3; start++) {
    const engine = await openLevelEngine(root);
    assert.equal(engine.salvage, undefined, `start ${start}`);
    await engine.abandon();
  }
  const engine = await openLevelEngine(root);
  assert.equal(engine.salvage?.lost.length, 1);
  await engine.salvage?.end();
  await engine.close();
  const next = await openLevelEngine(root);
  assert.equal(next.salvage, undefined);
  await next.close();
});

test('a damaged block is found in the background, and mended when the store is opened again', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  const rows = Array.from({ length: 400 }, (_, n) => ({
    key: `o00a${n % 10}${n}`,
    value: new Uint8Array(300).fill(n),
  }));
  await first.commit(rows, true);
  await first.abandon();
  await (await openLevelEngine(root)).close();
  const engine = await openLevelEngine(root);
  for (let step = 0; step < 20; step++) await engine.verify(10_000);
  const name = (await readdir(join(root, 'leveldb'))).find((entry) => entry.endsWith('.ldb')) as string;
  const bytes = await readFile(join(root, 'leveldb', name));
  bytes[2000] = (bytes[2000] as number) ^ 4;
  await writeFile(join(root, 'leveldb', name), bytes);
  await assert.rejects(
    async () => {
      for (let step = 0; step < 100; step++) await engine.verify(10_000);
    },
    (error) => error instanceof MecError && error.code === 'damaged',
  );
  await engine.suspect();
  const next = await openLevelEngine(root);
  assert.match(next.salvage?.report ?? '', /flip bits/);
  assert.deepEqual([...(next.get('o00a77') ?? [])], [...(rows[7]?.value ?? [])]);
  await next.salvage?.end();
  await next.close();
});
