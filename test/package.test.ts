/** The package as published: packed, installed into an empty project, and used there. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  installed,
  pack,
  PROGRAMS,
  ROOT,
  run,
  stage,
  temporaryDirectory,
  WITHOUT_COMMENTS,
} from './fixtures/packed.ts';

/** The limits of the tarball, so that the package stays small. */
const MAX_TARBALL_BYTES = 600_000;

/** The files of the package. */
const PACKED = [
  /^(?:package\.json|README\.md|LICENSE)$/,
  /^dist\/(?:bin|src)\/.*\.(?:js|d\.ts)$/,
  /^dist\/src\/ui\/page\/(?:style\.css|icon\.svg)$/,
  /^docs\/.*\.(?:md|svg|yml|json)$/,
  /^examples\/.*\.(?:ts|sh|html)$/,
];

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

test(
  'packed and installed into an empty project, it runs, is typed, and has its command',
  { timeout: 300_000 },
  async (t) => {
    const directory = await temporaryDirectory(t);
    const { file, bytes, paths } = await pack(directory);
    assert.ok(bytes < MAX_TARBALL_BYTES, `${bytes} bytes`);
    assert.deepEqual(
      paths.filter((path) => !PACKED.some((packed) => packed.test(path))),
      [],
    );
    await run('tar', ['-xzf', file], directory);
    assert.deepEqual(await deadLinks(join(directory, 'package')), []);

    const startMs = performance.now();
    const project = await installed(t, 'module', [file]);
    if (project === undefined) return;
    const seconds = Math.round((performance.now() - startMs) / 100) / 10;
    t.diagnostic(
      `${Math.round(bytes / 1000)} kB packed, installed with all it needs in ${seconds} s`,
    );

    for (const [name, text] of Object.entries(PROGRAMS)) {
      await writeFile(join(project, name), text);
      assert.equal(await run(process.execPath, [name], project), '1\n', name);
    }
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

test('the package says what npm and bundlers ask for, and names no page that is not there', async () => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  for (const field of ['description', 'license', 'author', 'keywords', 'engines', 'sideEffects'])
    assert.ok(field in manifest, field);
  assert.match(
    await readFile(join(ROOT, 'LICENSE'), 'utf8'),
    new RegExp(String(manifest['author'])),
  );
  // The project has no address yet. A page under a guessed one would belong to other people.
  for (const field of ['repository', 'homepage', 'bugs']) assert.ok(!(field in manifest), field);
  // The files that bundlers must keep, although nothing is imported from them: programs.
  const { bin, sideEffects } = manifest as { bin: { mec: string }; sideEffects: string[] };
  assert.deepEqual(sideEffects, [`./${bin.mec.replace(/[^/]+$/, '*.js')}`]);
});

test('npm pack changes the pages only until it has packed them', async (t) => {
  const directory = await temporaryDirectory(t);
  const before = await pagesOf(ROOT);
  const staged = await stage(directory);
  assert.match((await pagesOf(staged)).get('docs/operations.md') ?? '', /\(`test\/|: `test\//);
  // A link that the package can follow stays one.
  assert.match((await pagesOf(staged)).get('README.md') ?? '', /\]\(examples\/hello\.ts\)/);
  const again = run(process.execPath, ['dist/bin/pack-pages.js'], staged);
  await assert.rejects(again, /npm run postpack/);
  await run(process.execPath, ['dist/bin/pack-pages.js', '--restore'], staged);
  assert.deepEqual(await pagesOf(staged), before);
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const steps = (scripts['prepack'] ?? '').split(' && ').slice(1);
  assert.deepEqual(steps, [
    'npm run -s build',
    WITHOUT_COMMENTS,
    'node dist/bin/pack-declarations.js',
    'node dist/bin/pack-pages.js',
  ]);
  assert.equal(scripts['postpack'], 'node dist/bin/pack-pages.js --restore');
});
