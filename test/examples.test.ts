/** Runs the examples. Each must print the output in its head. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCluster } from '../src/embed/start-cluster.ts';
import { serveTwoTabs } from './fixtures/two-tabs.ts';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url);

async function whyNoCurl(): Promise<string | undefined> {
  const version = await run('curl', ['--version']).then(
    ({ stdout }) => /^curl (\d+)\.(\d+)/.exec(stdout),
    () => null,
  );
  if (version === null) return 'curl is not installed';
  const [, major, minor] = version.map(Number) as [number, number, number];
  return major > 7 || (major === 7 && minor >= 84) ? undefined : 'curl is older than 7.84';
}

const skip = (await whyNoCurl()) ?? false;

const scripts = (await readdir(new URL('examples', root))).filter(
  (name) => name.endsWith('.sh') && name !== 'rolling-restart.sh',
);

for (const name of scripts) {
  test(`examples/${name} prints the output in its head`, { skip }, async (t) => {
    const cluster = await startCluster();
    t.after(() => cluster.close());
    const [first, , third] = cluster.urls as [string, string, string];
    const script = new URL(`examples/${name}`, root);
    const head = /^# Prints:\n((?:# {3}.*\n)+)/m.exec(await readFile(script, 'utf8'))?.[1] ?? '';
    const { stdout } = await run('sh', [script.pathname, first, third]);
    assert.equal(stdout, head.replaceAll(/^# {3}/gm, ''));
    assert.ok(head.length > 0);
  });
}

/** The output that the head of an example shows. */
function promised(source: string): string {
  return (/^ \* Prints:\n((?: \* {3}.*\n)+)/m.exec(source)?.[1] ?? '').replaceAll(/^ \* {3}/gm, '');
}

const examples = (await readdir(new URL('examples', root))).filter(
  (name) => name.endsWith('.ts') && name !== 'two-tabs.ts',
);

test('each example is short and names its output', async () => {
  assert.ok(examples.length >= 5);
  for (const name of await readdir(new URL('examples', root))) {
    const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
    assert.ok(source.split('\n').length <= 64, `${name} is long`);
  }
  for (const name of examples) {
    const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
    assert.ok(promised(source).length > 0, `${name} does not say what it prints`);
  }
});

// Programs wait more than they compute: two take little longer than one.
describe('the programs', { concurrency: 2 }, () => {
  for (const name of examples) {
    test(`examples/${name} prints the output in its head`, async () => {
      const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
      const program = fileURLToPath(new URL(`dist/examples/${name.replace(/ts$/, 'js')}`, root));
      const { stdout, stderr } = await run(process.execPath, [program], { timeout: 60_000 });
      assert.equal(stderr, '');
      assert.equal(stdout, promised(source));
    });
  }
});

const IMPORT = /^\s*(?:import|export)\s+(?:(?:\{[^}]*\}|\*|\w+)\s+from\s+)?['"]([^'"]+)['"]/gm;

/** The targets of the imports in a module, as they are written. */
const importsOf = (source: string): string[] =>
  [...source.matchAll(IMPORT)].map(([, target = '']) => target);

test('examples/two-tabs serves every module that its page imports', async (t) => {
  const url = await serveTwoTabs(t);
  const page = await (await fetch(url)).text();
  const map = /<script type="importmap">([^]*?)<\/script>/.exec(page)?.[1] ?? '';
  const { imports } = JSON.parse(map) as { imports: Record<string, string> };
  const toUrl = (target: string, base: string): string => {
    if (/^\.{0,2}\//.test(target)) return new URL(target, base).href;
    return new URL(imports[target] ?? assert.fail(`no browser knows ${target}`), url).href;
  };
  const script = /<script type="module">([^]*?)<\/script>/.exec(page)?.[1] ?? '';
  const modules = new Set(importsOf(script).map((target) => toUrl(target, url)));
  for (const module of modules) {
    const response = await fetch(module);
    assert.equal(response.status, 200, module);
    assert.equal(response.headers.get('content-type'), 'text/javascript', module);
    for (const target of importsOf(await response.text())) modules.add(toUrl(target, module));
  }
  assert.ok(modules.size > 10, `only ${modules.size} modules`);
});
