/** The entry points of the package, as compilers and linters of packages resolve them. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { installed, pack, ROOT, run, temporaryDirectory } from '../fixtures/packed.ts';

const SAMPLE = `
import { type EmbeddedNode, startNode } from 'mec-db';
import { MecClient, QuorumError, text } from 'mec-db/client';
import { mapOf, plusMinusCounter } from 'mec-db/merge';
import { KeyvStore } from 'mec-db/keyv';
import { clientFile } from 'mec-db/secured';
import { sessionStore } from 'mec-db/session';
import { mecDriver } from 'mec-db/unstorage';
export async function use(): Promise<string> {
  const node: EmbeddedNode = await startNode({ quorum: { n: 1 } });
  const read = await new MecClient(node.url, { codec: text }).get('k');
  return read.kind === 'value' ? read.value : '';
}
export const isShort = (error: unknown): boolean =>
  error instanceof QuorumError && (error.have ?? 0) < (error.need ?? 0);
export const carts = mapOf(plusMinusCounter);
export const { urls, world } = clientFile('client.toml');
class Store {}
export const stores = (url: string): object[] =>
  [new KeyvStore(url), sessionStore({ Store }, url), mecDriver({ cluster: url })];
`;

const COMPILERS = {
  '5.0': 'node_modules/typescript-5.0/bin/tsc',
  '5.9': 'node_modules/typescript-5.9/bin/tsc',
  '7': join(ROOT, 'node_modules/typescript/bin/tsc'),
} as const;

/** Ways to resolve, with the compilers that have them, and the kinds of module. */
const WAYS: readonly {
  readonly flags: readonly string[];
  readonly file: 'sample.mts' | 'sample.cts';
  readonly compilers: readonly (keyof typeof COMPILERS)[];
}[] = [
  {
    flags: ['--module', 'commonjs', '--moduleResolution', 'node10'],
    file: 'sample.cts',
    compilers: ['5.0', '5.9'],
  },
  { flags: ['--module', 'node16'], file: 'sample.mts', compilers: ['5.0', '5.9', '7'] },
  { flags: ['--module', 'nodenext'], file: 'sample.mts', compilers: ['5.0', '5.9', '7'] },
  // An earlier compiler does not let CommonJS load an ES module.
  { flags: ['--module', 'nodenext'], file: 'sample.cts', compilers: ['5.9', '7'] },
  {
    flags: ['--module', 'esnext', '--moduleResolution', 'bundler'],
    file: 'sample.mts',
    compilers: ['5.0', '5.9', '7'],
  },
];

const STRICT = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom'];

test('every way of TypeScript resolves each entry point, without skipLibCheck', async (t) => {
  const { file } = await pack(await temporaryDirectory(t));
  const compilers = ['typescript-5.0@npm:typescript@5.0.4', 'typescript-5.9@npm:typescript@5.9.3'];
  const project = await installed(t, 'commonjs', [file, ...compilers]);
  if (project === undefined) return;
  for (const name of ['sample.mts', 'sample.cts']) await writeFile(join(project, name), SAMPLE);
  for (const { flags, file: sample, compilers: names } of WAYS) {
    for (const name of names) {
      const args: string[] = [resolve(project, COMPILERS[name]), ...STRICT, ...flags, sample];
      const printed: string = await run(process.execPath, args, project).catch(
        (error: { stdout: string }) => error.stdout,
      );
      assert.equal(printed, '', `TypeScript ${name} ${flags.join(' ')} ${sample}`);
    }
  }
});

test('publint and attw find no fault in the package', async (t) => {
  const directory = await temporaryDirectory(t);
  const { file } = await pack(directory);
  // Too large for a dependency of every clone: it brings a compiler of its own.
  const project = await installed(t, 'commonjs', ['@arethetypeswrong/cli@0.18.5']);
  if (project === undefined) return;
  await run('tar', ['-xzf', file], directory);
  const bin = (root: string, name: string): string => join(root, 'node_modules/.bin', name);
  const packed = join(directory, 'package');
  const linted = await run(bin(ROOT, 'publint'), [packed, '--strict'], project);
  assert.match(linted, /All good!/);
  // `require` loads an ES module on all versions of Node in "engines".
  const typed = await run(
    bin(project, 'attw'),
    [file, '--ignore-rules', 'cjs-resolves-to-esm'],
    project,
  );
  assert.match(typed, /No problems found/);
});
