/**
 * What the README and the examples show, run: commands as printed, output as printed (but for what
 * differs from run to run).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LAUNCHER, TestCluster } from './fixtures/cluster.ts';

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

/** Takes out what differs from run to run, and the headers that the README leaves out. */
function normalize(output: string): string {
  return output
    .replaceAll('\r', '')
    .replaceAll(/^(Date|Connection|Keep-Alive): .*\n/gm, '')
    .replaceAll(/^X-Mec-Vclock: .*$/gm, 'X-Mec-Vclock: token')
    .replaceAll(/^X-Mec-Dot: n\d~[0-9a-z]{10}:\d+$/gm, 'X-Mec-Dot: dot')
    .replaceAll(/^ETag: "[0-9a-f]{16}"$/gm, 'ETag: tag')
    .replaceAll(/^Last-Modified: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/gm, 'Last-Modified: date')
    .replaceAll(/^X-Mec-Timestamp: \d{19}$/gm, 'X-Mec-Timestamp: time')
    .replaceAll(/mec-[0-9a-z]{20}/g, 'boundary')
    .replaceAll(/"etag":"[^,]*"/g, '"etag":"tag"')
    .replaceAll(/"dot":"[^,]*"/g, '"dot":"dot"')
    .replaceAll(/"timestamp":"\d{19}"/g, '"timestamp":"time"')
    .trim();
}

/** What a section of the README shows: each block of commands with the output that follows it. */
function sessionOf(readme: string, title: string): { commands: string; output: string }[] {
  const section = new RegExp(`^## ${title}$([^]*?)^## `, 'm').exec(readme)?.[1] ?? '';
  const blocks = [...section.matchAll(/```sh\n([^]*?)```\s+```text\n([^]*?)```/g)];
  return blocks.map(([, commands, output]) => ({ commands: commands as string, output: output as string }));
}

for (const [title, blocks] of [
  ['A session', 5],
  ['HTTP', 6],
] as const) {
  test(`what the README shows under "${title}" is what happens`, { skip }, async (t) => {
    const cluster = await TestCluster.start(t);
    const session = sessionOf(await readFile(new URL('README.md', root), 'utf8'), title);
    assert.equal(session.length, blocks);
    for (const { commands, output } of session) {
      const here = commands
        .replaceAll(/http:\/\/127\.0\.0\.1:300(\d)/g, (_, at) => cluster.node(Number(at)).url)
        .replaceAll('curl ', 'curl -s ');
      const { stdout } = await run('sh', ['-c', here]);
      assert.equal(normalize(stdout), normalize(output), commands);
    }
  });
}

const scripts = (await readdir(new URL('examples', root))).filter(
  (name) => name.endsWith('.sh') && name !== 'rolling-restart.sh',
);

for (const name of scripts) {
  test(`examples/${name} prints what its head says`, { skip }, async (t) => {
    const cluster = await TestCluster.start(t);
    const script = new URL(`examples/${name}`, root);
    const head = /^# Prints:\n((?:# {3}.*\n)+)/m.exec(await readFile(script, 'utf8'))?.[1] ?? '';
    const { stdout } = await run('sh', [script.pathname, cluster.node(0).url, cluster.node(2).url]);
    assert.equal(stdout, head.replaceAll(/^# {3}/gm, ''));
    assert.ok(head.length > 0);
  });
}

/** A section of the README, without its heading. */
async function section(heading: string): Promise<string> {
  const readme = await readFile(new URL('README.md', root), 'utf8');
  const start = readme.indexOf(`## ${heading}\n`);
  assert.ok(start >= 0, heading);
  return readme.slice(start, readme.indexOf('\n## ', start + 1) + 1);
}

const blocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, block]) => block as string);

test('the TypeScript of the README compiles, and prints what the README says', async (t) => {
  const markdown = (await section('From TypeScript')) + (await section('Inside of your process'));
  const program = blocks(markdown, 'ts');
  assert.ok(program.length >= 6);
  const cluster = await TestCluster.start(t);
  const here = program.join('\n').replaceAll(/http:\/\/127\.0\.0\.1:300(\d)/g, (_, at) => cluster.node(Number(at)).url);
  // Inside of the project, so that the name of the package leads to the package itself.
  const directory = await mkdtemp(fileURLToPath(new URL('dist/readme-', root)));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(`${directory}/readme.mts`, here);
  const flags = [
    '--ignoreConfig',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--skipLibCheck',
  ];
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
  const compiled = await run(process.execPath, [compiler, ...flags, `${directory}/readme.mts`], {
    cwd: directory,
  }).catch((error: { stdout: string }) => error);
  assert.equal(compiled.stdout, '');
  const { stdout, stderr } = await run(process.execPath, [`${directory}/readme.mjs`], { timeout: 60_000 });
  assert.equal(stderr, '');
  assert.equal(stdout, blocks(markdown, 'text').join(''));
});

test('the shell of the README prints what the README says', async (t) => {
  const markdown = await section('From a shell');
  const cluster = await TestCluster.start(t);
  const commands = blocks(markdown, 'sh').join('').replaceAll('npx mec', `"${process.execPath}" "${LAUNCHER}"`);
  const env = { ...process.env, MEC_URL: cluster.nodes.map(({ url }) => url).join(',') };
  const { stdout } = await run('sh', ['-c', `{ ${commands} } 2>&1`], { env });
  const plain = (text: string): string =>
    text
      .replaceAll(/n\d~[0-9a-z]{10}:\d/g, 'n0~0000000000:0')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]{12}Z/g, '0000-00-00T00:00:00.000Z')
      .trim();
  assert.equal(plain(stdout), plain(blocks(markdown, 'text').join('')));
});

/** What the head of an example says that it prints. */
function promised(source: string): string {
  return (/^ \* Prints:\n((?: \* {3}.*\n)+)/m.exec(source)?.[1] ?? '').replaceAll(/^ \* {3}/gm, '');
}

const examples = (await readdir(new URL('examples', root))).filter(
  (name) => name.endsWith('.ts') && name !== 'two-tabs.ts',
);

test('there are examples, and one can read each of them at once', async () => {
  assert.ok(examples.length >= 5);
  for (const name of await readdir(new URL('examples', root))) {
    const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
    assert.ok(source.split('\n').length <= 60, `${name} is long`);
  }
  for (const name of examples) {
    const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
    assert.ok(promised(source).length > 0, `${name} does not say what it prints`);
  }
});

for (const name of examples) {
  test(`examples/${name} prints what its head says`, async () => {
    const source = await readFile(new URL(`examples/${name}`, root), 'utf8');
    const program = fileURLToPath(new URL(`dist/examples/${name.replace(/ts$/, 'js')}`, root));
    const { stdout, stderr } = await run(process.execPath, [program], { timeout: 60_000 });
    assert.equal(stderr, '');
    assert.equal(stdout, promised(source));
  });
}
