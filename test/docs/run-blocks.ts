/** Runs the blocks of a page on a real cluster, each language in its own way. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseConfig } from '../../src/config/read.ts';
import { freePorts, LAUNCHER } from '../fixtures/cluster.ts';
import { type Block, isShown } from './page.ts';

const run = promisify(execFile);
const ROOT = new URL('../../../', import.meta.url);
/** How long one block may take on a busy machine. */
const BLOCK_MS = 120_000;
/** The compiler's flags, as the page about TypeScript has them. */
const FLAGS = '--strict --target es2022 --module nodenext --types node';

/** How readers compile and run a program. `runProgram` does the same in this project. */
export const COMPILE = [
  'npm pkg set type=module',
  'npm install --save-dev typescript @types/node',
  `npx tsc ${FLAGS} page.ts`,
  'node page.js',
  '',
].join('\n');

/** The cluster that blocks run on: the URLs of the nodes that pages call 3000, 3001 and so on. */
export interface Playground {
  readonly urls: readonly string[];
}

/** The packages that the TypeScript of a page imports, other than this one. */
export const packagesIn = (blocks: readonly Block[]): string[] =>
  blocks.flatMap(({ language, code }) =>
    language === 'ts'
      ? [...code.matchAll(/from '((?!node:|\.|mec-db)[^']+)'/g)].map(([, name]) => name as string)
      : [],
  );

/** Runs the blocks of a page in their order; the TypeScript of a page is one program. */
export async function runBlocks(
  t: TestContext,
  blocks: readonly Block[],
  playground: Playground,
): Promise<void> {
  const ofLanguage = (name: string): Block[] => blocks.filter(({ language }) => language === name);
  const known = ['sh', 'toml', 'ts'];
  assert.deepEqual(
    [...new Set(blocks.map(({ language }) => language))].filter((name) => !known.includes(name)),
    [],
  );
  for (const { code } of ofLanguage('toml')) assert.ok(parseConfig('page.toml', code));
  for (const block of ofLanguage('sh')) await runCommands(block, playground);
  const program = ofLanguage('ts');
  if (program.length > 0) await runProgram(t, program, playground);
}

const atCluster = (code: string, { urls }: Playground): string =>
  code.replaceAll(
    /http:\/\/127\.0\.0\.1:300(\d)/g,
    (_, at) => urls[Number(at)] ?? 'there is no such node',
  );

/** Whether a block makes a cluster of its own. */
const hasOwnCluster = (code: string): boolean => /mec (?:security init|dev) /.test(code);

/**
 * A block that makes a cluster of its own: in an empty directory, and on free ports. The directory
 * is inside of the project, so that the name of the package leads to the package itself.
 */
async function ofOwnCluster(code: string): Promise<string> {
  if (!hasOwnCluster(code)) return code;
  const directory = await mkdtemp(fileURLToPath(new URL('dist/walk-', ROOT)));
  const port = await freePorts(40);
  return (
    `trap 'kill $PIDS; rm -rf ${directory}' EXIT; cd ${directory}; ` +
    code
      .replace(
        /mec (security init|dev) /,
        (_, command) => `mec ${command} --port ${port} --httpport ${port + 30} `,
      )
      .replace('--port 7030 --httpport 3003', `--port ${port + 35} --httpport ${port + 33}`)
      .replace('port = 7000\\nhttpport = 3000', `port = ${port}\\nhttpport = ${port + 30}`)
      .replaceAll(/(https?):\/\/127\.0\.0\.1:300(\d)/g, (_, scheme, at) => {
        return `${scheme}://127.0.0.1:${port + 30 + Number(at)}`;
      })
  );
}

async function runCommands({ code, output }: Block, playground: Playground): Promise<void> {
  const commands = atCluster(await ofOwnCluster(code), playground)
    .replaceAll('curl ', 'curl -s ')
    .replaceAll('npx mec', `"${process.execPath}" "${LAUNCHER}"`);
  const hasOwn = hasOwnCluster(code);
  const env = { ...process.env, ...(!hasOwn && { MEC_URL: playground.urls.join(',') }) };
  const { stdout } = await run('sh', ['-c', `{ ${commands} } 2>&1`], { env, timeout: BLOCK_MS });
  // A block that shows no output prints none: an error would be one.
  assert.ok(isShown(stdout, output ?? ''), `${code}printed:\n${stdout}`);
}

async function runProgram(
  t: TestContext,
  program: readonly Block[],
  playground: Playground,
): Promise<void> {
  // Inside of the project, so that the name of the package leads to the package itself.
  const directory = await mkdtemp(fileURLToPath(new URL('dist/page-', ROOT)));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const source = atCluster(program.map(({ code }) => code).join('\n'), playground);
  await writeFile(`${directory}/page.mts`, source);
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT));
  // Declarations of other packages may have errors, such as imports of what is not installed.
  const libraries = packagesIn(program).length > 0 ? ['--skipLibCheck'] : [];
  const compile = run(
    process.execPath,
    [compiler, '--ignoreConfig', ...FLAGS.split(' '), ...libraries, 'page.mts'],
    {
      cwd: directory,
    },
  );
  const compiled = await compile.catch((error: { stdout: string }) => error);
  assert.equal(compiled.stdout, '');
  const { stdout, stderr } = await run(process.execPath, [`${directory}/page.mjs`], {
    timeout: BLOCK_MS,
  });
  assert.equal(stderr, '');
  const shown = program.map(({ output }) => output ?? '').join('');
  assert.ok(isShown(stdout, shown), `printed:\n${stdout}\nshown:\n${shown}`);
}
