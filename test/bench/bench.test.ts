/** The benchmark itself, as users start it: small, but against real clusters. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../fixtures/cluster.ts';

const BENCH = fileURLToPath(new URL('bench.js', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly output: string;
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mec-bench-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs the benchmark with its temporary files in a folder. `onOutput` gets all output so far. */
async function bench(
  directory: string,
  args: string[],
  onOutput: (output: string, pid: number) => void = () => {},
): Promise<Run> {
  const child = spawn(process.execPath, [BENCH, ...args], {
    env: { ...process.env, TMPDIR: directory },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      onOutput(output, child.pid ?? 0);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** The running child processes of a process. */
function childrenOf(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.filter(([, parent]) => parent === pid).map(([child]) => child as number);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a row measured at the skeleton and at MecDB is printed, judged, saved and drawn', async (t) => {
  const directory = await folder(t);
  const json = join(directory, 'result.json');
  const args = [
    '--seconds',
    '0.2',
    '--only',
    'put-100b-1c',
    '--clusters',
    'skeleton,mecdb',
    '--json',
    json,
  ];
  const { code, output } = await bench(directory, args);
  assert.equal(code, 0, output);
  assert.match(output, /^put-100b-1c +skeleton +\d+ .* 100 %$/m);
  assert.match(output, /^ +MecDB +\d+ .* \d+ %$/m);
  assert.match(output, /PUT p50, one connection.* (?:met|NOT MET)$/m);
  const { rows, targets } = JSON.parse(await readFile(json, 'utf8')) as {
    rows: { figures: Record<string, { operations: number; p50Ms: number; errors: number }> }[];
    targets: { isMet?: boolean }[];
  };
  for (const name of ['skeleton', 'MecDB']) {
    const { operations = 0, p50Ms = 0, errors } = rows[0]?.figures[name] ?? {};
    assert.ok(operations > 0 && p50Ms > 0, name);
    assert.equal(errors, 0);
  }
  assert.equal(targets.filter(({ isMet }) => isMet !== undefined).length, 1);
  assert.match(await readFile(join(directory, 'result.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s);
  assert.deepEqual(
    (await readdir(directory)).sort(),
    ['result.json', 'result.svg'],
    'nothing else is left',
  );
});

test('an interrupt ends all processes and removes their data', async (t) => {
  const directory = await folder(t);
  let started: number[] = [];
  const args = ['--seconds', '0.5', '--only', 'put-100b-1c,get-100b-1c', '--clusters', 'mecdb'];
  const { code } = await bench(directory, args, (output, pid) => {
    if (started.length > 0 || !/^put-100b-1c/m.test(output)) return;
    // The first row is measured, and the second has begun.
    started = childrenOf(pid);
    process.kill(pid, 'SIGINT');
  });
  assert.equal(code, 130);
  assert.equal(started.length, 3);
  await eventually('the nodes have ended', async () => !started.some(isRunning));
  assert.deepEqual(await readdir(directory), []);
});

test('an invalid option is refused with the usage', async (t) => {
  const directory = await folder(t);
  for (const [args, reason] of [
    [['--only', 'nonsense'], /There is no nonsense/],
    [['--seconds', '0'], /--seconds must be a number above 0/],
    [['--clusters', 'riak'], /There is no cluster riak/],
    [['--wrong'], /--wrong/],
  ] as const) {
    const { code, output } = await bench(directory, [...args]);
    assert.equal(code, 2, output);
    assert.match(output, reason);
    assert.match(output, /Usage: npm run bench/);
  }
});
