import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { StartError } from '../../src/base/errors.ts';
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

test('a damaged manifest is one clear error, and nothing is deleted', async (t) => {
  const root = await makeRoot(t);
  await (await openLevelEngine(root)).close();
  const current = join(root, 'leveldb', 'CURRENT');
  await writeFile(current, 'garbage\n');
  await assert.rejects(
    openLevelEngine(root),
    (error) => error instanceof StartError && error.message.includes('cannot be opened'),
  );
  assert.equal(await readFile(current, 'utf8'), 'garbage\n');
});
