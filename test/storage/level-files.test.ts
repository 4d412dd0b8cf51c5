import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { maskedCrc32c } from '../../src/storage/level-files/crc32c.ts';
import { examine } from '../../src/storage/level-files/examine.ts';
import { salvageStore } from '../../src/storage/level-files/salvage.ts';
import { unpackSnappy } from '../../src/storage/level-files/snappy.ts';
import { openRecord, sealRecord } from '../../src/storage/records.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

type Rows = Map<string, number>;

const OPTIONS = { keyEncoding: 'utf8', valueEncoding: 'view', writeBufferSize: 64 << 10 } as const;
const all = { gt: '', lt: '\u{10ffff}' };

const rowName = (n: number): string =>
  `o00${(n % 8).toString(16)}0key ${String(n).padStart(5, '0')} ${'x'.repeat(n % 40)}`;

/** Makes a store with rows in tables and in its log, as a killed process leaves it. */
async function makeStore(t: TestContext): Promise<{ root: string; rows: Rows }> {
  const root = await mkdtemp(join(tmpdir(), 'mec-files-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const db = new ClassicLevel<string, Uint8Array>(join(root, 'live'), OPTIONS);
  const rows: Rows = new Map();
  const put = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 20) {
      const batch = Array.from({ length: 20 }, (_, i) => n + i);
      for (const i of batch) rows.set(rowName(i), i);
      await db.batch(
        batch.map((i) => ({
          type: 'put',
          key: rowName(i),
          value: sealRecord([i, 'y'.repeat(i % 300)], rowName(i)),
        })),
        { sync: true },
      );
    }
  };
  await put(0, 2000);
  await db.compactRange(all.gt, all.lt);
  // These rows do not fill the write buffer, so no file changes while it is copied.
  await put(2000, 2200);
  await cp(join(root, 'live'), join(root, 'leveldb'), { recursive: true });
  await db.close();
  return { root, rows };
}

/** Opens a store after mending. Returns the place of each row. */
async function salvage(
  root: string,
  isThorough = true,
): Promise<{ kept: Rows; strays: Rows; lost: readonly string[] }> {
  const mended = await salvageStore({
    root,
    isThorough,
    repair: (directory) => ClassicLevel.repair(directory),
    onRemark: () => {},
  });
  const valueOf = (value: Uint8Array, row: string): number | undefined => {
    try {
      return (openRecord(value, row) as [number])[0];
    } catch {
      return undefined;
    }
  };
  const kept: Rows = new Map();
  const db = new ClassicLevel<string, Uint8Array>(join(root, 'leveldb'), OPTIONS);
  await db.open();
  for await (const [row, value] of db.iterator(all)) {
    const n = valueOf(value, row);
    assert.notEqual(n, undefined, `each row that LevelDB reads is sound: ${row}`);
    kept.set(row, n as number);
  }
  // LevelDB reads every block now, and no assertion ends the process.
  await db.compactRange(all.gt, all.lt);
  for (const [row, n] of kept) assert.equal(valueOf(db.getSync(row) as Uint8Array, row), n);
  await db.close();
  const strays: Rows = new Map();
  for await (const [row, value] of mended?.recoveredRows() ?? []) {
    const n = valueOf(value, row);
    if (n !== undefined) strays.set(row, n);
  }
  await mended?.end();
  const lost = (mended?.lost ?? []).map(
    ({ first, last }) => `${first.slice(0, 5)}…${last?.slice(0, 5) ?? ''}`,
  );
  return { kept, strays, lost };
}

/** Returns the lost rows, and asserts that the others have their values. */
function missing(rows: Rows, { kept, strays }: { kept: Rows; strays: Rows }): string[] {
  for (const found of [kept, strays])
    for (const [row, n] of found) assert.equal(n, rows.get(row), row);
  return [...rows.keys()].filter((row) => !kept.has(row) && !strays.has(row));
}

test('checksums and Snappy match files of LevelDB', () => {
  assert.equal(
    maskedCrc32c(Buffer.from('123456789')),
    ((((0xe3069283 >>> 15) | (0xe3069283 << 17)) >>> 0) + 0xa282ead8) % 2 ** 32,
  );
  // 'abc' as a literal, a copy of 6 from 3 back, and a literal 'd'.
  assert.equal(
    Buffer.from(unpackSnappy(Uint8Array.of(10, 8, 97, 98, 99, 9, 3, 0, 100))).toString(),
    'abcabcabcd',
  );
  assert.equal(unpackSnappy(Uint8Array.of(255, 255, 255, 255, 255, 255)).length, 0);
});

test('a store without damage is not changed', async (t) => {
  const { root, rows } = await makeStore(t);
  const found = await salvage(root);
  assert.deepEqual(missing(rows, found), []);
  assert.deepEqual(found.lost, []);
  assert.equal(found.strays.size, 0);
  assert.deepEqual((await readdir(root)).sort(), ['leveldb', 'live']);
});

test('a flipped bit of any file is flipped back', async (t) => {
  const { root, rows } = await makeStore(t);
  const random = seededRandom(7);
  const runs: Record<string, number> = {};
  for (let run = 0; run < 24; run++) {
    await rm(join(root, 'leveldb'), { recursive: true, force: true });
    await cp(join(root, 'live'), join(root, 'leveldb'), { recursive: true });
    const files = (await readdir(join(root, 'leveldb'))).filter((name) =>
      /\.(?:ldb|log)$|^MANIFEST|^CURRENT/.test(name),
    );
    const kind = [/\.ldb$/, /\.log$/, /^MANIFEST/, /^CURRENT/][
      Math.min(3, (run % 8) >> 1)
    ] as RegExp;
    const file = files.filter((name) => kind.test(name))[0] as string;
    const bytes = await readFile(join(root, 'leveldb', file));
    const at = random.uint32() % bytes.length;
    bytes[at] = (bytes[at] as number) ^ (1 << (random.uint32() % 8));
    await writeFile(join(root, 'leveldb', file), bytes);
    const found = await salvage(root);
    const where = `${file} at ${at} of ${bytes.length}`;
    assert.deepEqual([missing(rows, found).length, found.lost], [0, []], where);
    runs[kind.source] = (runs[kind.source] ?? 0) + 1;
  }
  t.diagnostic(JSON.stringify(runs));
});

test('a lost sector costs its own rows only, and the report covers them', async (t) => {
  const { root, rows } = await makeStore(t);
  const random = seededRandom(11);
  const counts = { gone: 0, strays: 0, lost: 0 };
  for (let run = 0; run < 12; run++) {
    await rm(join(root, 'leveldb'), { recursive: true, force: true });
    await cp(join(root, 'live'), join(root, 'leveldb'), { recursive: true });
    const kind = run % 2 === 0 ? '.ldb' : '.log';
    const file = (await readdir(join(root, 'leveldb'))).find((name) =>
      name.endsWith(kind),
    ) as string;
    const bytes = await readFile(join(root, 'leveldb', file));
    const at = random.uint32() % (bytes.length - 512);
    bytes.fill(0, at, at + 512);
    await writeFile(join(root, 'leveldb', file), bytes);
    const found = await salvage(root);
    const gone = missing(rows, found);
    const where = `${file} at ${at} of ${bytes.length}: ${gone.length} are gone`;
    if (kind === '.ldb')
      assert.deepEqual(
        gone.filter((row) => !isLost(found.lost, row)),
        [],
        where,
      );
    assert.ok(gone.length < 100, where);
    counts.gone += gone.length;
    counts.strays += found.strays.size;
    counts.lost += found.lost.length;
  }
  assert.ok(
    counts.gone > 0 && counts.strays > counts.gone && counts.lost > 0,
    JSON.stringify(counts),
  );
});

const isLost = (lost: readonly string[], row: string): boolean =>
  lost.some(
    (range) => range === '…' || (range.slice(0, 5) <= row && row.slice(0, 5) <= range.slice(6)),
  );

const CUTS: Record<string, { file: RegExp; share?: number; mayLose: boolean }> = {
  'a MANIFEST cut to half': { file: /^MANIFEST/, share: 0.5, mayLose: false },
  'an empty MANIFEST': { file: /^MANIFEST/, share: 0, mayLose: false },
  'a removed MANIFEST': { file: /^MANIFEST/, mayLose: false },
  'a removed CURRENT': { file: /^CURRENT/, mayLose: false },
  'an empty CURRENT': { file: /^CURRENT/, share: 0, mayLose: false },
  'a removed table': { file: /\.ldb$/, mayLose: true },
  'a table cut to 60 %': { file: /\.ldb$/, share: 0.6, mayLose: true },
};

for (const [title, { file, share, mayLose }] of Object.entries(CUTS)) {
  test(`${title} is noticed before LevelDB opens the store`, async (t) => {
    const { root, rows } = await makeStore(t);
    const name = (await readdir(join(root, 'leveldb'))).find((entry) => file.test(entry)) as string;
    const path = join(root, 'leveldb', name);
    if (share === undefined) await rm(path);
    else await truncate(path, Math.floor((await readFile(path)).length * share));
    assert.notDeepEqual((await examine(join(root, 'leveldb'), false)).repairs, []);
    const found = await salvage(root, false);
    const gone = missing(rows, found);
    if (mayLose)
      assert.ok(
        gone.length > 0 && gone.length < rows.size,
        `${gone.length} of ${rows.size} rows are gone`,
      );
    else assert.deepEqual(gone, []);
    assert.deepEqual(
      gone.filter((row) => !isLost(found.lost, row)),
      [],
      'the report has all lost rows',
    );
    assert.ok((await readdir(root)).includes('leveldb-damaged-1'));
    assert.deepEqual(
      await readdir(root).then((names) => names.filter((entry) => entry === 'salvaging')),
      [],
    );
  });
}

test('an interrupted salvage begins again from the kept files', async (t) => {
  const { root, rows } = await makeStore(t);
  const name = (await readdir(join(root, 'leveldb'))).find((entry) =>
    entry.endsWith('.ldb'),
  ) as string;
  const bytes = await readFile(join(root, 'leveldb', name));
  bytes.fill(0, 5000, 5003);
  await writeFile(join(root, 'leveldb', name), bytes);
  const mend = (): ReturnType<typeof salvageStore> =>
    salvageStore({
      root,
      isThorough: true,
      repair: (directory) => ClassicLevel.repair(directory),
      onRemark: () => {},
    });
  const first = await mend();
  assert.equal(first?.lost.length, 1);
  // The process ends here, with half of the store lost.
  await rm(join(root, 'leveldb', name));
  const found = await salvage(root, false);
  assert.ok(missing(rows, found).length <= 1);
  assert.deepEqual(
    found.lost,
    first?.lost.map(({ first: from, last }) => `${from.slice(0, 5)}…${last?.slice(0, 5)}`),
  );
  assert.equal(await mend(), undefined, 'then it is over');
});
