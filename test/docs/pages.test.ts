/** The blocks of README and of the pages of `docs`: each runs, and prints the output under it. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startCluster } from '../../src/embed/start-cluster.ts';
import { eventually, freePorts, TestCluster } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { isLongRun } from '../sets.ts';
import { type Block, blocksOf, isShown, readPages } from './page.ts';
import { COMPILE, packagesIn, runBlocks } from './run-blocks.ts';

async function whyNoCurl(): Promise<string | undefined> {
  const version = await promisify(execFile)('curl', ['--version']).then(
    ({ stdout }) => /^curl (\d+)\.(\d+)/.exec(stdout),
    () => null,
  );
  if (version === null) return 'curl is not installed';
  const [, major, minor] = version.map(Number) as [number, number, number];
  return major > 7 || (major === 7 && minor >= 84) ? undefined : 'curl is older than 7.84';
}

const skip = (await whyNoCurl()) ?? false;

const ROOT = new URL('../../../', import.meta.url);
/** The pages that newcomers read first. All others run with the long tests. */
const PAGES: readonly string[] = ['README.md', 'docs/http.md', 'docs/client.md'];
/**
 * Two blocks of README that are not run as they stand. `startAsReadmeSays` runs the first one on
 * other ports, and `.ci/run` runs the second. The third such block is `COMPILE`.
 */
const START = 'npm ci && npm start\n';
const TEST = 'npm ci && npm test\n';

/**
 * Nodes with the URLs that pages call 3000, 3001 and 3002. They are processes of their own only for
 * pages on which a node ends, because processes cost more.
 */
async function startedNodes(
  t: TestContext,
  path: string,
  blocks: readonly Block[],
): Promise<readonly string[]> {
  if (path === 'README.md') return startAsReadmeSays(t);
  if (blocks.some(({ code }) => code.includes('mec leave')))
    return (await TestCluster.start(t)).nodes.map(({ url }) => url);
  const cluster = await startCluster();
  t.after(() => cluster.close());
  return cluster.urls;
}

/** The packages that a page imports and that are not installed. */
function packagesMissing(blocks: readonly Block[]): string[] {
  const require = createRequire(import.meta.url);
  return packagesIn(blocks).filter((name) => {
    try {
      return require.resolve(name) === '';
    } catch {
      return true;
    }
  });
}

/** Runs the script that `npm start` runs, on other ports. */
async function startAsReadmeSays(t: TestContext): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8')) as {
    scripts: { readonly prestart: string; readonly start: string };
  };
  assert.equal(scripts.prestart, 'npm run -s build');
  const [exec, node, ...args] = scripts.start.split(' ');
  assert.deepEqual([exec, node], ['exec', 'node']);
  const data = await mkdtemp(join(tmpdir(), 'mec-readme-'));
  const port = await freePorts(30);
  const options = ['--port', port, '--httpport', port + 25, '--data', data, '--fresh'].map(String);
  const child = spawn(process.execPath, [...args, ...options], { cwd: ROOT, stdio: 'ignore' });
  t.after(async () => {
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  });
  const urls = [25, 26, 27].map((at) => `http://127.0.0.1:${port + at}`);
  for (const url of urls) {
    await eventually(`${url} is ready`, async () => (await send(`${url}/ready`)).status === 200);
  }
  return urls;
}

// Nodes wait more than they compute while they start: two pages take little longer than one.
describe('the pages', { concurrency: 2 }, () => {
  for (const page of readPages().filter(({ path }) => isLongRun() || PAGES.includes(path))) {
    const blocks = blocksOf(page).filter(({ code }) => ![START, TEST, COMPILE].includes(code));
    if (blocks.length === 0) continue;
    test(
      `every block of ${page.path} runs, and prints what the page shows`,
      { skip },
      async (t) => {
        const missing = packagesMissing(blocks);
        if (missing.length > 0) return t.skip(`run npm ci to install ${missing.join(', ')}`);
        const needsNodes = blocks.some(({ language }) => language !== 'toml');
        await runBlocks(t, blocks, {
          urls: needsNodes ? await startedNodes(t, page.path, blocks) : [],
        });
      },
    );
  }
});

test('README shows the two lines that start a cluster and run the tests', async () => {
  const [readme] = readPages();
  const codes = readme === undefined ? [] : blocksOf(readme).map(({ code }) => code);
  assert.deepEqual(codes.slice(0, 2), [START, TEST]);
  const lines = (await readFile(new URL('.ci/run', ROOT), 'utf8')).split('\n');
  for (const command of TEST.trim().split(' && ')) assert.ok(lines.includes(command), command);
});

test('an output that the page does not show is found, unless its values may vary', () => {
  assert.ok(isShown('ETag: "0123456789abcdef"\n', 'ETag: "fedcba9876543210"'));
  assert.ok(isShown('3 keys in 12 ms\n', '3 keys in … ms\n'));
  assert.ok(!isShown('ETag: "0123456789abcdef"\n', 'ETag: "1"'));
  assert.ok(!isShown('3 keys in 12 ms\nand more', '3 keys in … ms'));
  assert.ok(!isShown('an error', ''));
});

test('an output without a command above it is found', () => {
  const text = 'See:\n\n```text\n42\n```\n';
  assert.throws(
    () => blocksOf({ path: 'planted.md', text }),
    /planted\.md: no command is directly above/,
  );
});

test('a block that would not be run is found', () => {
  for (const text of ['- One:\n\n  ```sh\n  ls\n  ```\n', '```sh\nls\n']) {
    assert.throws(
      () => blocksOf({ path: 'planted.md', text }),
      /planted\.md: a block does not begin or end/,
    );
  }
});
