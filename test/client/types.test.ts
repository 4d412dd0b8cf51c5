/** The types of the client: a program that forgets a case does not compile. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** The output of the compiler for a program that uses the compiled client as published. */
async function compile(lines: readonly string[]): Promise<string> {
  // Inside the project, so that the name of the package resolves to it.
  const directory = await mkdtemp(join(ROOT, 'dist', 'compile-'));
  try {
    const file = join(directory, 'program.mts');
    const head = [
      "import { MecClient, json, type Read } from 'mec-db/client';",
      "const client = new MecClient(['http://127.0.0.1:3000'], { codec: json<string>() });",
    ];
    await writeFile(file, `${[...head, ...lines].join('\n')}\n`);
    const flags = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--skipLibCheck',
      '--types',
      '',
      '--lib',
      'es2023,dom',
    ];
    return await run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '--ignoreConfig', ...flags, file],
      { cwd: directory },
    ).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout: string }).stdout,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('a program that handles all three outcomes of a read compiles', async () => {
  const printed = await compile([
    "const read = await client.get('k');",
    "const several = read.kind === 'siblings' ? read.siblings.map(({ value }) => value).join() : '';",
    "export const text: string = read.kind === 'missing' ? '' : read.kind === 'value' ? read.value : several;",
    "await client.put('k', 'v', { token: read.token });",
    "await client.update('k', (text = '') => `${text}!`, { merge: (a, b) => (a > b ? a : b) });",
  ]);
  assert.equal(printed, '');
});

const WRONG: readonly { what: string; lines: readonly string[]; says: RegExp }[] = [
  {
    what: 'takes the value of whatever was read',
    lines: ["const read = await client.get('k');", 'export const text: string = read.value;'],
    says: /Property 'value' does not exist on type '(?:Read|Missing|Siblings)/,
  },
  {
    what: 'thinks of a missing key, and not of siblings',
    lines: [
      "const read = await client.get('k');",
      "export const text: string = read.kind === 'missing' ? '' : read.value;",
    ],
    says: /Property 'value' does not exist on type 'Siblings/,
  },
  {
    what: 'has a function that misses a case',
    lines: [
      'export function show(read: Read<string>): string {',
      "  switch (read.kind) { case 'missing': return ''; case 'value': return read.value; }",
      '}',
    ],
    says: /Function lacks ending return statement/,
  },
  {
    what: 'updates without a merge',
    lines: ["await client.update('k', () => 'v', {});"],
    says: /Property 'merge' is missing/,
  },
  {
    what: 'makes up a token',
    lines: ["await client.put('k', 'v', { token: 'mine' });"],
    says: /not assignable to type 'Token/,
  },
  {
    what: 'writes another type',
    lines: ["await client.put('k', 7);"],
    says: /'number' is not assignable to parameter of type 'string'/,
  },
];

for (const { what, lines, says } of WRONG) {
  test(`a program that ${what} does not compile`, async () => {
    assert.match(await compile(lines), says);
  });
}
