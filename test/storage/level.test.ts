import assert from 'node:assert/strict';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MecError, StartError } from '../../src/base/errors.ts';
import type { Engine } from '../../src/storage/engine.ts';
import { openLevelEngine } from '../../src/storage/level.ts';

async function makeRoot(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'mec-level-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'root');
}

test('committed rows do not stay in memory', async (t) => {
  const engine = await openLevelEngine(await makeRoot(t));
  const value = new Uint8Array(500_000);
  const rssMib = (): number => process.memoryUsage.rss() / 2 ** 20;
  const before = rssMib();
  for (let i = 0; i < 600; i++) await engine.commit([{ key: 'same', value }], false);
  const grownMib = rssMib() - before;
  await engine.close();
  // LevelDB has two write buffers of 16 MiB and some caches; 300 MB were written.
  assert.ok(grownMib < 150, `${Math.round(grownMib)} MiB`);
});

test('a directory that cannot be written is refused with its path', async (t) => {
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

test('a store with a damaged CURRENT is mended, and its files are kept', async (t) => {
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

test('a store that another process has open is not examined', async (t) => {
  const root = await makeRoot(t);
  const engine = await openLevelEngine(root);
  await writeFile(join(root, 'leveldb', 'CURRENT'), 'garbage\n');
  await assert.rejects(
    openLevelEngine(root),
    (error) => error instanceof StartError && /in use/.test(error.message),
  );
  assert.equal(await readFile(join(root, 'leveldb', 'CURRENT'), 'utf8'), 'garbage\n');
  await engine.close();
});

test('after three starts that did not last, every block is examined before LevelDB reads it', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  const rows = Array.from({ length: 400 }, (_, n) => ({
    key: `o00a${n % 10}${n}`,
    value: new Uint8Array(300).fill(n),
  }));
  await first.commit(rows, true);
  await first.abandon();
  // An opening moves the rows of the log into a table.
  await (await openLevelEngine(root)).close();
  const name = (await readdir(join(root, 'leveldb'))).find((entry) =>
    entry.endsWith('.ldb'),
  ) as string;
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

test('verification finds a damaged block, and the next opening mends it', async (t) => {
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
  const name = (await readdir(join(root, 'leveldb'))).find((entry) =>
    entry.endsWith('.ldb'),
  ) as string;
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

test('verification finds a table without its end, but none that LevelDB is writing', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  await first.commit([{ key: 'o00a', value: new Uint8Array(50_000) }], true);
  await first.abandon();
  await (await openLevelEngine(root)).close();
  const engine = await openLevelEngine(root);
  const directory = join(root, 'leveldb');
  const [name = ''] = (await readdir(directory)).filter((entry) => entry.endsWith('.ldb'));
  // A compaction that the disk holds up: LevelDB has written a part of the table, and named none.
  await writeFile(join(directory, '000999.ldb'), new Uint8Array(20_000).fill(7));
  const verify = async (): Promise<void> => {
    for (let step = 0; step < 100; step++) await engine.verify(10_000);
  };
  await verify();
  await truncate(join(directory, name), 30_000);
  await assert.rejects(verify, (error) => error instanceof MecError && error.code === 'damaged');
  await engine.abandon();
});

test('a page of rows that would skip a damaged block fails', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  const value = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 37) & 255));
  const names = Array.from({ length: 3_000 }, (_, i) => `o${String(i).padStart(5, '0')}`);
  await first.commit(
    names.map((key) => ({ key, value })),
    true,
  );
  await first.abandon();
  await (await openLevelEngine(root)).close();
  const [table = ''] = (await readdir(join(root, 'leveldb'))).filter((entry) =>
    entry.endsWith('.ldb'),
  );
  const bytes = await readFile(join(root, 'leveldb', table));
  for (const at of [1_000, 6_000, 11_000, 16_000]) {
    // After some openings in a row, the store is examined and mended before it is read.
    const copy = `${root}-${at}`;
    await cp(root, copy, { recursive: true });
    await writeFile(join(copy, 'leveldb', table), Buffer.from(bytes).fill(0xff, at, at + 40));
    const engine = await openLevelEngine(copy);
    for (const limit of [100, 1_000]) {
      const seen = await pages(engine, limit).catch((error: unknown) => error);
      // Damaged rows that can still be read have their own checksums.
      const isTold =
        seen instanceof MecError
          ? seen.code === 'damaged'
          : Array.isArray(seen) && seen.length === 3_000;
      assert.ok(isTold, `byte ${at}, pages of ${limit}`);
    }
    await engine.abandon();
  }
});

test('an opening finds a damaged block with rows of a log', async (t) => {
  const root = await makeRoot(t);
  const first = await openLevelEngine(root);
  const value = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 37) & 255));
  const changes = Array.from({ length: 3_000 }, (_, i) => ({
    key: `l${String(i).padStart(5, '0')}`,
    value,
  }));
  await first.commit(changes, true);
  await first.abandon();
  await (await openLevelEngine(root)).close();
  const [table = ''] = (await readdir(join(root, 'leveldb'))).filter((entry) =>
    entry.endsWith('.ldb'),
  );
  const path = join(root, 'leveldb', table);
  const bytes = await readFile(path);
  bytes[10_000] = (bytes[10_000] as number) ^ 4;
  await writeFile(path, bytes);
  const engine = await openLevelEngine(root);
  assert.match(engine.salvage?.report ?? '', /flip bits/);
  const rows = await engine.scan({ from: 'l', to: 'm', limit: 5_000 });
  assert.equal(rows.length, changes.length);
  await engine.salvage?.end();
  await engine.close();
});

/** Reads the names of all rows in pages, with their values and without. */
async function pages(engine: Engine, limit: number): Promise<string[]> {
  const seen: string[] = [];
  for (let from = 'o'; ;) {
    const range = { from, to: 'p', limit };
    const rows = (await engine.scan(range)).map(([name]) => name);
    assert.deepEqual(await engine.keys(range), rows);
    seen.push(...rows);
    if (rows.length < limit) return seen;
    from = `${rows.at(-1)}\0`;
  }
}
