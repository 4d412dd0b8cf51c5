/** The blocks of README and of the pages of `docs`: each runs, and prints the output under it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { TestCluster } from '../fixtures/cluster.ts';
import { blocksOf, isShown, readPages } from './page.ts';
import { runBlocks } from './run-blocks.ts';

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

/** Blocks that other tests run: `npm start` below, and the rest by `.ci/run` on each push. */
const RUN_ELSEWHERE = ['npm ci && npm start\n', 'npm ci && npm test\n'];

for (const page of readPages()) {
  const blocks = blocksOf(page).filter(({ code }) => !RUN_ELSEWHERE.includes(code));
  if (blocks.length === 0) continue;
  test(`every block of ${page.path} runs, and prints what the page shows`, { skip }, async (t: TestContext) => {
    const needsNodes = blocks.some(({ language }) => language !== 'toml');
    const urls = needsNodes ? (await TestCluster.start(t)).nodes.map(({ url }) => url) : [];
    await runBlocks(t, blocks, { urls });
  });
}

test('an output that is not shown is found, and one that varies is not', () => {
  assert.ok(isShown('ETag: "0123456789abcdef"\n', 'ETag: "fedcba9876543210"'));
  assert.ok(isShown('3 keys in 12 ms\n', '3 keys in … ms\n'));
  assert.ok(!isShown('ETag: "0123456789abcdef"\n', 'ETag: "1"'));
  assert.ok(!isShown('3 keys in 12 ms\nand more', '3 keys in … ms'));
  assert.ok(!isShown('an error', ''));
});

test('an output without a command above it is found', () => {
  const text = 'See:\n\n```text\n42\n```\n';
  assert.throws(() => blocksOf({ path: 'planted.md', text }), /planted\.md: no command is directly above/);
});
