/** The package in bundles: small in a browser, and outside of the bundle of a server. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { installed, pack, PROGRAMS, run, temporaryDirectory } from '../fixtures/packed.ts';

/** A page should get its client in the first round trip, next to other things. */
const MAX_BYTES = { KeyClient: 7_800, MecClient: 9_000 } as const;

test('the client is small in a bundle, and a server runs with the package outside', async (t) => {
  const { file } = await pack(await temporaryDirectory(t));
  const project = await installed(t, 'module', [file, 'esbuild@0.27.0']);
  if (project === undefined) return;
  const bundle = (...args: readonly string[]): Promise<string> =>
    run(join(project, 'node_modules/.bin/esbuild'), ['--bundle', ...args], project);

  for (const [name, most] of Object.entries(MAX_BYTES)) {
    await writeFile(join(project, 'page.js'), `export { ${name} } from 'mec-db/client';\n`);
    await bundle('page.js', '--minify', '--format=esm', '--outfile=page.min.js');
    const bytes = gzipSync(await readFile(join(project, 'page.min.js'))).length;
    t.diagnostic(`${name} has ${bytes} bytes, minified and compressed`);
    assert.ok(bytes <= most, `${name}: ${bytes} bytes`);
  }

  await writeFile(join(project, 'server.js'), PROGRAMS['program.mjs'] ?? '');
  const node = ['--platform=node', '--format=esm', '--packages=external'];
  await bundle('server.js', ...node, '--outfile=server.mjs');
  assert.equal(await run(process.execPath, ['server.mjs'], project), '1\n');
});
