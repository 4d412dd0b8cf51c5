/**
 * The build, in a copy of the project with three files and the page. Deleted sources must leave no
 * outputs, the launcher must run by its name, and a browser must find all modules of the page.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUILD_MS = 120_000;

/** A browser finds every module that a module of the page imports, and the style and picture. */
async function assertPage(folder: string, some: readonly string[]): Promise<void> {
  const names = await readdir(folder);
  for (const name of [...some, 'preact.js', 'style.css', 'icon.svg'])
    assert.ok(names.includes(name), name);
  for (const name of names.filter((other) => other.endsWith('.js'))) {
    const text = await readFile(join(folder, name), 'utf8');
    const imports = [...text.matchAll(/^import\b[^;]*?from ?["']([^"']+)["']/gm)].map(
      ([, from]) => from,
    );
    assert.deepEqual(
      imports.filter((from) => !names.some((other) => from === `./${other}`)),
      [],
      name,
    );
  }
  assert.match(await readFile(join(folder, 'preact.js'), 'utf8'), /^\/\*![^]*Permission is hereby/);
}

test('a build makes the launcher executable, and removes exactly the outputs of deleted sources', async (t) => {
  const project = await mkdtemp(join(tmpdir(), 'mec-build-'));
  t.after(() => rm(project, { recursive: true, force: true }));
  const kept = ['package.json', 'tsconfig.json', 'bin/prune-build.ts', 'bin/build-page.ts'];
  for (const name of [...kept, 'src/client/multipart.ts', 'src/ui/page'])
    await cp(join(ROOT, name), join(project, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  for (const folder of ['src', 'test/gone'])
    await mkdir(join(project, folder), { recursive: true });
  await writeFile(join(project, 'bin/mec.ts'), '#!/usr/bin/env node\nexport {};\n');
  await writeFile(join(project, 'src/ui/page/gone.tsx'), 'export {};\n');
  await writeFile(join(project, 'src/stays.ts'), 'export const stays = 1;\n');
  await writeFile(join(project, 'test/gone/deleted.test.ts'), "throw new Error('still run');\n");

  const build = async (): Promise<string[]> => {
    await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: project, timeout: BUILD_MS });
    const paths = await readdir(join(project, 'dist'), { recursive: true });
    return paths.filter((path) => !/^(?:bin|src\/client|src\/ui)/.test(path)).sort();
  };
  const src = ['.js', '.js.map', '.d.ts'].map((ending) => `src/stays${ending}`);
  const gone = ['.js', '.js.map', '.d.ts'].map((ending) => `test/gone/deleted.test${ending}`);
  const always = ['.tsbuildinfo', 'src', ...src];
  assert.deepEqual(await build(), [...always, 'test', 'test/gone', ...gone].sort());
  const { mode } = await stat(join(project, 'dist/bin/mec.js'));
  assert.equal(mode & 0o111, 0o111);
  await assertPage(join(project, 'dist/src/ui/page'), ['main.js', 'gone.js']);

  await rm(join(project, 'test'), { recursive: true });
  await rm(join(project, 'src/ui/page/gone.tsx'));
  await mkdir(join(project, 'dist/notes'));
  await writeFile(join(project, 'dist/notes/kept.txt'), 'no output of the compiler');
  assert.deepEqual(await build(), [...always, 'notes', 'notes/kept.txt'].sort());
  const page = await readdir(join(project, 'dist/src/ui/page'));
  assert.deepEqual([page.includes('main.js'), page.includes('gone.js')], [true, false]);
});
