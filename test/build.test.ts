/**
 * The build, in a copy of the project with three files. Deleted sources must leave no outputs, and
 * the launcher must run by its name.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUILD_MS = 120_000;

test('a build makes the launcher executable, and removes exactly the outputs of deleted sources', async (t) => {
  const project = await mkdtemp(join(tmpdir(), 'mec-build-'));
  t.after(() => rm(project, { recursive: true, force: true }));
  for (const name of ['package.json', 'tsconfig.json', 'bin/prune-build.ts']) {
    await cp(join(ROOT, name), join(project, name));
  }
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  for (const folder of ['src', 'test/gone'])
    await mkdir(join(project, folder), { recursive: true });
  await writeFile(join(project, 'bin/mec.ts'), '#!/usr/bin/env node\nexport {};\n');
  await writeFile(join(project, 'src/stays.ts'), 'export const stays = 1;\n');
  await writeFile(join(project, 'test/gone/deleted.test.ts'), "throw new Error('still run');\n");

  const build = async (): Promise<string[]> => {
    await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: project, timeout: BUILD_MS });
    const paths = await readdir(join(project, 'dist'), { recursive: true });
    return paths.filter((path) => !path.startsWith('bin')).sort();
  };
  const src = ['.js', '.js.map', '.d.ts'].map((ending) => `src/stays${ending}`);
  const gone = ['.js', '.js.map', '.d.ts'].map((ending) => `test/gone/deleted.test${ending}`);
  const always = ['.tsbuildinfo', 'src', ...src];
  assert.deepEqual(await build(), [...always, 'test', 'test/gone', ...gone].sort());
  const { mode } = await stat(join(project, 'dist/bin/mec.js'));
  assert.equal(mode & 0o111, 0o111);

  await rm(join(project, 'test'), { recursive: true });
  await mkdir(join(project, 'dist/notes'));
  await writeFile(join(project, 'dist/notes/kept.txt'), 'no output of the compiler');
  assert.deepEqual(await build(), [...always, 'notes', 'notes/kept.txt'].sort());
});
