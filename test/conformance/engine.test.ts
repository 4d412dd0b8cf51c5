/** The rules of `Engine`, held against every implementation. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareUtf8 } from '../../src/base/bytes.ts';
import { StartError } from '../../src/base/errors.ts';
import type { Engine, OpenEngine } from '../../src/storage/engine.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';

const ENGINES: Readonly<Record<string, (t: TestContext) => Promise<OpenEngine>>> = {
  memory: async () => new MemoryDisk().open,
  leveldb: async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'mec-engine-'));
    t.after(() => rm(root, { recursive: true, force: true }));
    return () => openLevelEngine(root);
  },
};

const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
const put = (key: string, ...value: number[]): { key: string; value: Uint8Array } => ({ key, value: bytes(...value) });
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
        await engine.close('');
      }
    });
  };

  withEngine('a row that was never written is undefined', async (engine) => {
    assert.equal(engine.get('nothing'), undefined);
  });

  withEngine('rows come back byte for byte, empty values and odd keys included', async (engine) => {
    const keys = ['a', 'a\0b', 'é', '\u{1f980}', ' ', 'l00ffn1~x\0' + '0'.repeat(14)];
    await engine.commit(
      keys.map((key, i) => put(key, ...Array.from({ length: i }, (_, n) => 255 - n))),
      true,
    );
    for (const [i, key] of keys.entries()) assert.equal(engine.get(key)?.length, i, key);
    assert.deepEqual([...(engine.get('a\0b') ?? [])], [255]);
  });

  withEngine(
    'a commit writes its own rows and none of an earlier one, also at the same time, also after a large one',
    async (engine) => {
      await engine.commit([put('a', 1), put('b', 1)], true);
      await engine.commit([put('b', 2)], true);
      assert.deepEqual([...(engine.get('a') ?? [])], [1]);
      await engine.commit([{ key: 'a', value: undefined }], true);
      await engine.commit([put('c', 3)], true);
      assert.equal(engine.get('a'), undefined);
      await engine.commit([{ key: 'large', value: new Uint8Array(2 ** 21) }], true);
      await engine.commit([{ key: 'large', value: undefined }], true);
      await engine.commit([put('d', 4)], true);
      assert.equal(engine.get('large'), undefined);
      const many = Array.from({ length: 50 }, (_, n) => n);
      await Promise.all(many.map((n) => engine.commit([put(`m${n}`, n), put(`n${n}`, n)], n % 2 === 0)));
      for (const n of many) assert.deepEqual([...(engine.get(`m${n}`) ?? []), ...(engine.get(`n${n}`) ?? [])], [n, n]);
    },
  );

  withEngine('a commit writes and deletes together, the last word on a key wins', async (engine) => {
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
  });

  withEngine('deleting what is not there is no error', async (engine) => {
    await engine.commit([{ key: 'nothing', value: undefined }], true);
  });

  withEngine('a value is not shared with the writer or between readers', async (engine) => {
    const value = bytes(1, 2, 3);
    await engine.commit([{ key: 'a', value }], true);
    value[0] = 9;
    engine.get('a')?.fill(0);
    assert.deepEqual([...(engine.get('a') ?? [])], [1, 2, 3]);
  });

  withEngine('a scan is bounded below inclusively, above exclusively, and by its limit', async (engine) => {
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
  });

  withEngine('scans go in the order of UTF-8 bytes', async (engine) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), { minLength: 1 }),
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

  engineTest('what was synced is there after an abandoned engine', async (open) => {
    const first = await open();
    await first.commit([put('a', 1)], true);
    await first.abandon();
    const second = await open();
    assert.deepEqual([...(second.get('a') ?? [])], [1]);
    await second.close('');
  });

  engineTest('a mark is found after a clean close, once, and not after a crash', async (open) => {
    const first = await open();
    assert.equal(first.mark, undefined, 'a new store continues nothing');
    await first.close('one');
    const second = await open();
    assert.equal(second.mark, 'one');
    await second.abandon();
    const third = await open();
    assert.equal(third.mark, undefined);
    await third.close('three');
    await third.close('again');
    const fourth = await open();
    assert.equal(fourth.mark, 'three');
    await fourth.abandon();
  });

  engineTest('a store that is set aside is out of the way, and the next is new', async (open) => {
    const first = await open();
    await first.commit([put('a', 1)], true);
    await first.setAside();
    const second = await open();
    assert.equal(second.get('a'), undefined);
    await second.close('');
  });

  engineTest('a store is open once at a time', async (open) => {
    const engine = await open();
    await assert.rejects(open(), (error) => error instanceof StartError && /in use/.test(error.message));
    await engine.close('');
  });
}
