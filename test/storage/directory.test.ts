import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectory } from '../../src/storage/directory.ts';

test('a directory is made with its parents, and may exist already', async (t) => {
  const base = await mkdtemp(join(tmpdir(), 'mec-directory-'));
  t.after(() => rm(base, { recursive: true, force: true }));
  const path = join(base, 'a', 'b', 'c');
  for (let i = 0; i < 2; i++) await makeDirectory(path);
  assert.ok((await stat(path)).isDirectory());
  await makeDirectory(join(base, 'd/'));
  await writeFile(join(base, 'file'), '');
  await assert.rejects(makeDirectory(join(base, 'file')), { code: 'EEXIST' });
  await assert.rejects(makeDirectory(join(base, 'file', 'below')), { code: 'ENOTDIR' });
});

test('a directory that cannot be made is refused', { timeout: 5_000 }, async () => {
  await assert.rejects(makeDirectory('/proc/mec/db'));
});
