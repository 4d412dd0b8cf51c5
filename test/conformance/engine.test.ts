/** The rules of `Engine`, tested on every implementation. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareUtf8 } from '../../src/base/bytes.ts';
import { StartError } from '../../src/base/errors.ts';
import type { Engine, OpenEngine, RowReader } from '../../src/storage/engine.ts';
import { DataKeys } from '../../src/storage/at-rest/data-keys.ts';
import { SealedEngine, Sealer } from '../../src/storage/at-rest/sealed-engine.ts';
import { Dice, Life, World } from '../../src/sim/world.ts';
import { SimDisk } from '../../src/sim/disk.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';

const ENGINES: Record<string, (t: TestContext) => Promise<OpenEngine>> = {
  memory: async () => new MemoryDisk().open,
  leveldb: async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'mec-engine-'));
    t.after(() => rm(root, { recursive: true, force: true }));
    return () => openLevelEngine(root);
  },
  simulated: async () => {
    const world = new World(1);
    const disk = new SimDisk();
    return async () => {
      const engine = disk.open(world, new Life(world, 'n1'));
      const commit = engine.commit.bind(engine);
      engine.commit = async (changes, sync) => {
        const done = commit(changes, sync);
        await world.run(world.nowMs + 10 * disk.delayMs);
        return done;
      };
      return engine;
    };
  },
};

/** The same engine, below one that encrypts. */
const encrypted =
  (make: (t: TestContext) => Promise<OpenEngine>) =>
  async (t: TestContext): Promise<OpenEngine> => {
    const open = await make(t);
    const random = new Dice(7);
    const keys = DataKeys.draw(random);
    return async () =>
      new SealedEngine(await open(), new Sealer(keys, random, { hasContent: () => true }));
  };
for (const [name, make] of Object.entries(ENGINES)) ENGINES[`${name}, encrypted`] = encrypted(make);

const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
const put = (key: string, ...value: number[]): { key: string; value: Uint8Array } => ({
  key,
  value: bytes(...value),
});
const all = { from: '', to: '\u{10ffff}', limit: 1000 };

for (const [name, make] of Object.entries(ENGINES)) {
  const engineTest = (title: string, body: (open: OpenEngine) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => body(await make(t)));
  };
  const withEngine = (title: string, body: (engine: Engine) => Promise<void>): void => {
    engineTest(title, async (open) => {
      const engine = await open();
      try {
        await body(engine);
      } finally {
        await engine.close();
      }
    });
  };

  withEngine('a row that was never written is undefined', async (engine) => {
    assert.equal(engine.get('nothing'), undefined);
  });

  withEngine('rows come back byte for byte, with empty values and odd keys', async (engine) => {
    const keys = ['a', 'a\0b', 'é', '\u{1f980}', ' ', 'l00ffn1~x\0' + '0'.repeat(14)];
    await engine.commit(
      keys.map((key, i) => put(key, ...Array.from({ length: i }, (_, n) => 255 - n))),
      true,
    );
    for (const [i, key] of keys.entries()) assert.equal(engine.get(key)?.length, i, key);
    assert.deepEqual([...(engine.get('a\0b') ?? [])], [255]);
  });

  withEngine('a commit writes its own rows and none of an earlier one', async (engine) => {
    await engine.commit([put('a', 1), put('b', 1)], true);
    await engine.commit([put('b', 2)], true);
    assert.deepEqual([...(engine.get('a') ?? [])], [1]);
    await engine.commit([{ key: 'a', value: undefined }], true);
    await engine.commit([put('c', 3)], true);
    assert.equal(engine.get('a'), undefined);
  });

  withEngine('a commit after a large one writes its own rows only', async (engine) => {
    await engine.commit([{ key: 'large', value: new Uint8Array(2 ** 21) }], true);
    await engine.commit([{ key: 'large', value: undefined }], true);
    await engine.commit([put('d', 4)], true);
    assert.equal(engine.get('large'), undefined);
    assert.deepEqual([...(engine.get('d') ?? [])], [4]);
  });

  withEngine('commits at the same time write their own rows each', async (engine) => {
    const many = Array.from({ length: 50 }, (_, n) => n);
    await Promise.all(
      many.map((n) => engine.commit([put(`m${n}`, n), put(`n${n}`, n)], n % 2 === 0)),
    );
    for (const n of many)
      assert.deepEqual([...(engine.get(`m${n}`) ?? []), ...(engine.get(`n${n}`) ?? [])], [n, n]);
  });

  withEngine(
    'a commit writes and deletes together, and the last change of a key wins',
    async (engine) => {
      await engine.commit([put('a', 1), put('b', 1)], true);
      await engine.commit([{ key: 'a', value: undefined }, put('b', 2), put('c', 3)], false);
      assert.deepEqual(
        (await engine.scan(all)).map(([key, value]) => [key, ...value]),
        [
          ['b', 2],
          ['c', 3],
        ],
      );
      await engine.commit([put('d', 1), { key: 'd', value: undefined }], true);
      assert.equal(engine.get('d'), undefined);
    },
  );

  withEngine('deleting an absent row is no error', async (engine) => {
    await engine.commit([{ key: 'nothing', value: undefined }], true);
  });

  withEngine('a value is not shared with the writer or between readers', async (engine) => {
    const value = bytes(1, 2, 3);
    await engine.commit([{ key: 'a', value }], true);
    value[0] = 9;
    engine.get('a')?.fill(0);
    assert.deepEqual([...(engine.get('a') ?? [])], [1, 2, 3]);
  });

  withEngine(
    'a scan is bounded below inclusively, above exclusively, and by its limit',
    async (engine) => {
      await engine.commit(
        ['a', 'b', 'c', 'd'].map((key) => put(key, 1)),
        true,
      );
      const keys = async (from: string, to: string, limit: number): Promise<string[]> =>
        (await engine.scan({ from, to, limit })).map(([key]) => key);
      assert.deepEqual(await keys('b', 'd', 10), ['b', 'c']);
      assert.deepEqual(await keys('a', 'z', 2), ['a', 'b']);
      assert.deepEqual(await keys('a\0', 'c', 10), ['b']);
      assert.deepEqual(await keys('x', 'z', 10), []);
    },
  );

  withEngine('scans go in the order of UTF-8 bytes', async (engine) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), {
          minLength: 1,
        }),
        async (keys) => {
          await engine.commit(
            (await engine.scan(all)).map(([key]) => ({ key, value: undefined })),
            false,
          );
          await engine.commit(
            keys.map((key) => put(key, 1)),
            false,
          );
          const scanned = (await engine.scan(all)).map(([key]) => key);
          assert.deepEqual(scanned, [...keys].sort(compareUtf8));
          assert.deepEqual(
            scanned,
            [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  const texts = async (reader: RowReader, range = all): Promise<string[]> =>
    (await reader.scan(range)).map(([key, value]) => `${key}${value.join()}`);

  withEngine('a snapshot does not show commits made after it was opened', async (engine) => {
    await engine.commit([put('b', 1), put('c', 1), put('d', 1), put('f', 1)], true);
    const before = engine.snapshot();
    await engine.commit([put('a', 2), { key: 'b', value: undefined }, put('c', 2)], true);
    const between = engine.snapshot();
    await engine.commit(
      [{ key: 'a', value: undefined }, put('c', 3), put('e', 3), put('g', 3)],
      true,
    );
    assert.deepEqual(await texts(before), ['b1', 'c1', 'd1', 'f1']);
    assert.deepEqual(await texts(before, { from: 'a', to: 'f', limit: 2 }), ['b1', 'c1']);
    assert.deepEqual(await before.keys({ from: 'c', to: 'f', limit: 9 }), ['c', 'd']);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((key) => before.get(key)?.[0]),
      [undefined, 1, 1, 1, undefined],
    );
    assert.deepEqual(await texts(between), ['a2', 'c2', 'd1', 'f1']);
    assert.deepEqual(await texts(engine), ['c3', 'd1', 'e3', 'f1', 'g3']);
    await before.close();
    await between.close();
  });

  withEngine(
    'the pages of a snapshot are those of the moment when it was opened',
    async (engine) => {
      const change = fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        value: fc.option(fc.nat(255)),
      });
      const batches = fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(
          batches,
          batches,
          fc.integer({ min: 1, max: 9 }),
          async (earlier, later, limit) => {
            const write = async (list: typeof earlier): Promise<void> => {
              for (const batch of list) {
                const changes = batch.map(({ key, value }) => ({
                  key,
                  value: value === null ? undefined : bytes(value),
                }));
                await engine.commit(changes, false);
              }
            };
            await write(earlier);
            const then = await texts(engine);
            const view = engine.snapshot();
            await write(later);
            const found: string[] = [];
            for (
              let from = '', page = [''];
              page.length > 0;
              from = `${found.at(-1)?.[0] ?? ''}\0`
            ) {
              page = await texts(view, { ...all, from, limit });
              found.push(...page);
            }
            await view.close();
            assert.deepEqual(found, then);
          },
        ),
        { numRuns: 50 },
      );
    },
  );

  withEngine('a snapshot has all rows of a commit or none', async (engine) => {
    for (let n = 0; n < 20; n++) {
      const written = engine.commit([put('a', n), put('b', n), put('c', n)], true);
      const view = engine.snapshot();
      await written;
      const values = (await view.scan(all)).map(([, value]) => value[0]);
      assert.equal(new Set(values).size, values.length === 0 ? 0 : 1, String(values));
      assert.equal([0, 3].includes(values.length), true);
      await view.close();
    }
  });

  withEngine('a closed snapshot cannot be read', async (engine) => {
    await engine.commit([put('a', 1)], true);
    const closed = engine.snapshot();
    await closed.close();
    assert.throws(() => closed.get('a'));
    await assert.rejects(closed.scan(all));
    await assert.rejects(closed.keys(all));
  });

  withEngine('a snapshot may be closed twice', async (engine) => {
    const view = engine.snapshot();
    await view.close();
    await view.close();
  });

  withEngine('closing a snapshot leaves another one open', async (engine) => {
    await engine.commit([put('a', 1)], true);
    const [one, other] = [engine.snapshot(), engine.snapshot()];
    await engine.commit([put('a', 2)], true);
    await one.close();
    assert.deepEqual(await texts(other), ['a1']);
    await other.close();
  });

  engineTest('closing the engine closes its snapshots', async (open) => {
    const engine = await open();
    await engine.commit([put('a', 1)], true);
    const left = engine.snapshot();
    await engine.close();
    await left.close();
    assert.throws(() => left.get('a'));
    await assert.rejects(left.scan(all));
    assert.throws(() => engine.snapshot());
    const next = await open();
    assert.deepEqual(await texts(next), ['a1']);
    await next.close();
  });

  engineTest('a synced commit survives an abandoned engine', async (open) => {
    const first = await open();
    await first.commit([put('a', 1)], true);
    await first.abandon();
    const second = await open();
    assert.deepEqual([...(second.get('a') ?? [])], [1]);
    await second.close();
  });

  engineTest('a store that is suspected of damage and has none is not changed', async (open) => {
    const first = await open();
    await first.commit([put('a', 1)], true);
    await first.verify(1000);
    await first.suspect();
    const second = await open();
    assert.deepEqual([...(second.get('a') ?? [])], [1]);
    assert.equal(second.salvage, undefined);
    await second.close();
  });

  // The simulated machine itself runs one process at a time.
  if (!name.startsWith('simulated'))
    engineTest('a store that is open cannot be opened again', async (open) => {
      const engine = await open();
      await assert.rejects(
        open(),
        (error) => error instanceof StartError && /in use/.test(error.message),
      );
      await engine.close();
    });
}
