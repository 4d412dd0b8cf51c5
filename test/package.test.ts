/** The package as published: packed, installed into an empty project, and used there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The limits of the tarball, so that the package stays small. */
const MAX_TARBALL_BYTES = 500_000;
const INSTALL_MS = 150_000;

const PROGRAM = `
import { startNode } from 'mec-db';
import { MecClient } from 'mec-db/client';
import { growOnlyCounter as counter } from 'mec-db/merge';
const node = await startNode();
const client = new MecClient(node.url);
const updated = await client.update('visits', (count, by) => counter.add(count, by), { merge: counter.merge });
console.log(counter.value(updated.value));
await node.close();
`;

const TYPED = `
import { type EmbeddedNode, startCluster, startNode } from 'mec-db';
import { MecClient, QuorumError, text } from 'mec-db/client';
import { mapOf, plusMinusCounter, register } from 'mec-db/merge';
export const node: EmbeddedNode = await startNode({ quorum: { n: 1 } });
export const cluster = await startCluster({ nodes: 3 });
export const read = await new MecClient(node.url, { codec: text }).get('k');
export const value: string = read.kind === 'value' ? read.value : '';
export const isShort = (error: unknown): boolean =>
  error instanceof QuorumError && (error.have ?? 0) < (error.need ?? 0);
export const carts = mapOf(plusMinusCounter);
export const latest = register.merge<string>;
`;

/** A copy of the files that are packed, with its pages prepared as by `npm pack`. */
async function stage(directory: string): Promise<string> {
  const staged = join(directory, 'staged');
  for (const path of ['package.json', 'README.md', 'LICENSE', 'docs', 'dist/bin', 'dist/src'])
    await cp(join(ROOT, path), join(staged, path), { recursive: true });
  await run(process.execPath, ['dist/bin/pack-pages.js'], staged);
  return staged;
}

/** The pages of a folder, by path. */
async function pagesOf(folder: string): Promise<Map<string, string>> {
  const names = [
    'README.md',
    ...(await readdir(join(folder, 'docs'))).map((name) => `docs/${name}`),
  ];
  const pages = names
    .filter((name) => name.endsWith('.md'))
    .map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const);
  return new Map(await Promise.all(pages));
}

/** The links of pages to files that their folder does not have. */
async function deadLinks(folder: string): Promise<string[]> {
  const dead: string[] = [];
  for (const [page, text] of await pagesOf(folder)) {
    for (const [link, target = ''] of text.matchAll(/\]\((?![a-z]+:|#)([^)#]+)[^)]*\)/g)) {
      const isThere = await stat(join(folder, dirname(page), target)).catch(() => undefined);
      if (isThere === undefined) dead.push(`${page}: ${link}`);
    }
  }
  return dead;
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  timeoutMs = 60_000,
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd, timeout: timeoutMs });
  return stdout;
}

test(
  'packed and installed into an empty project, it runs, is typed, and has its command',
  { timeout: 300_000 },
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'mec-package-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    // Packs the build of the tests. The package's own script would build again while other tests
    // use the build.
    const [packed] = JSON.parse(
      await run(
        'npm',
        ['pack', '--ignore-scripts', '--json', '--pack-destination', directory],
        await stage(directory),
      ),
    ) as {
      filename: string;
      size: number;
      files: { path: string }[];
    }[];
    assert.ok(packed !== undefined);
    assert.ok(packed.size < MAX_TARBALL_BYTES, `${packed.size} bytes`);
    const strays = packed.files.filter(
      ({ path }) =>
        !/^(?:dist\/(?:bin|src)\/.*\.(?:js|d\.ts)|docs\/.*\.(?:md|svg)|package\.json|README\.md|LICENSE)$/.test(
          path,
        ),
    );
    assert.deepEqual(strays, []);
    await run('tar', ['-xzf', packed.filename], directory);
    assert.deepEqual(await deadLinks(join(directory, 'package')), []);

    const project = join(directory, 'project');
    await mkdir(project);
    await writeFile(
      join(project, 'package.json'),
      JSON.stringify({ name: 'empty', private: true, type: 'module' }),
    );
    const startMs = performance.now();
    const install = [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      join(directory, packed.filename),
    ];
    const failure = await run('npm', install, project, INSTALL_MS).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (
      failure !== undefined &&
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(failure)
    ) {
      return t.skip('the registry of packages cannot be reached');
    }
    assert.equal(failure, undefined);
    const seconds = Math.round((performance.now() - startMs) / 100) / 10;
    t.diagnostic(
      `${Math.round(packed.size / 1000)} kB packed, installed with all it needs in ${seconds} s`,
    );

    await writeFile(join(project, 'program.js'), PROGRAM);
    assert.equal(await run(process.execPath, ['program.js'], project), '1\n');
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    assert.equal(
      (await run(join(project, 'node_modules/.bin/mec'), ['--version'], project)).trim(),
      version,
    );
    assert.ok((await stat(join(project, 'node_modules/mec-db/LICENSE'))).isFile());

    await writeFile(join(project, 'typed.ts'), TYPED);
    const flags = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--lib',
      'es2023,dom',
      '--types',
      '',
    ];
    const printed = await run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, 'typed.ts'],
      project,
    ).catch((error: { stdout: string }) => error.stdout);
    assert.equal(printed, '', 'its types stand on their own');
  },
);

test('npm pack changes the pages only until it has packed them', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mec-pages-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const before = await pagesOf(ROOT);
  const staged = await stage(directory);
  assert.match((await pagesOf(staged)).get('docs/operations.md') ?? '', /\(`test\/|: `test\//);
  const again = run(process.execPath, ['dist/bin/pack-pages.js'], staged);
  await assert.rejects(again, /npm run postpack/);
  await run(process.execPath, ['dist/bin/pack-pages.js', '--restore'], staged);
  assert.deepEqual(await pagesOf(staged), before);
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  assert.match(scripts['prepack'] ?? '', / && node dist\/bin\/pack-pages\.js$/);
  assert.equal(scripts['postpack'], 'node dist/bin/pack-pages.js --restore');
});
