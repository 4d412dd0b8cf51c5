/** The style of the project as a test: rooms, import cycles, sizes, names, and English. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NAMES, NOT_IN_FAST_TESTS, setsOf } from './sets.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Imported files as paths from the root, and packages by name. */
  readonly imports: readonly string[];
  /** The imports that are loaded with the file, without imports of types. */
  readonly loads: readonly string[];
}

function load(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const targetsOf = (statements: Iterable<RegExpExecArray>): string[] =>
        [...statements].map(([, from]) =>
          (from as string).startsWith('.')
            ? normalize(join(dirname(path), from as string))
            : (from as string),
        );
      const effects = targetsOf(text.matchAll(/^import '([^']+)';/gm));
      // A package of which a file is read, not imported.
      const resolved = targetsOf(text.matchAll(/createRequire\([^)]*\)\.resolve\('([^']+)'\)/g));
      return {
        path,
        text,
        lines: text.split('\n'),
        imports: [
          ...targetsOf(text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';/gms)),
          ...effects,
          ...resolved,
        ],
        loads: [
          ...targetsOf(text.matchAll(/^(?:import|export)\b(?! type)[^;]*?from '([^']+)';/gms)),
          ...effects,
        ],
      };
    });
}

/** The code of a file, without comments and without the contents of strings. */
const codeOf = ({ text }: SourceFile): string =>
  text.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, '').replaceAll(/'(?:[^'\n\\]|\\.)*'/g, "''");

/** Fails with the first match instead of the whole text. */
function assertNone(pattern: RegExp, text: string, path: string): void {
  assert.equal(pattern.exec(text)?.[0], undefined, path);
}

const source = load('src');
const everything = [...source, ...load('bin'), ...load('test'), ...load('examples')];

/**
 * The rooms that each room may import from, besides itself. `index.ts` is the package for programs
 * that embed a node.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  core: ['base'],
  client: ['base', 'core'],
  adapters: ['base', 'core', 'client', 'config'],
  storage: ['base', 'core'],
  transport: ['base', 'core'],
  cluster: ['base', 'core', 'storage', 'transport'],
  config: ['base', 'core', 'cluster'],
  http: ['base', 'core', 'cluster'],
  ui: ['base', 'client', 'http'],
  sim: ['base', 'core', 'storage', 'transport', 'cluster', 'http'],
  embed: ['base', 'core', 'storage', 'transport', 'cluster', 'config', 'http', 'ui'],
  cli: [
    'base',
    'core',
    'client',
    'adapters',
    'storage',
    'cluster',
    'config',
    'sim',
    'http',
    'ui',
    'embed',
  ],
  'index.ts': ['base', 'cluster', 'embed'],
};

/**
 * The same for the rooms of `cluster`, which may also use some of its files. A coordinator asks
 * holders.
 */
const CLUSTER_ROOMS: Readonly<Record<string, readonly string[]>> = {
  partitions: ['base', 'core', 'transport', 'limits.ts'],
  membership: [
    'base',
    'core',
    'storage',
    'transport',
    'partitions',
    'config.ts',
    'limits.ts',
    'wall-time.ts',
  ],
  holders: [
    'base',
    'core',
    'storage',
    'transport',
    'partitions',
    'membership',
    'limits.ts',
    'policies.ts',
    'wall-time.ts',
  ],
  coordinator: [
    'base',
    'core',
    'partitions',
    'holders',
    'limits.ts',
    'policies.ts',
    'wall-time.ts',
  ],
  insight: [
    'base',
    'core',
    'coordinator',
    'holders',
    'storage',
    'transport',
    'membership',
    'sync',
    'config.ts',
    'limits.ts',
    'policies.ts',
    'wall-time.ts',
  ],
  sync: [
    'base',
    'core',
    'storage',
    'transport',
    'partitions',
    'membership',
    'limits.ts',
    'status.ts',
  ],
};

/**
 * The page runs in a browser. It has only what its server sends: its own files, and what
 * `outside.ts` lets in.
 */
const PAGE = 'src/ui/page/';

const roomOf = (path: string): string => path.split('/')[1] as string;

/** The room of `cluster`, or its file, that a path lies in; undefined if it lies elsewhere. */
const clusterRoomOf = (path: string): string | undefined =>
  path.startsWith('src/cluster/') ? path.split('/')[2] : undefined;

/** The imports that the table of rooms does not allow. */
function wallsBroken(files: readonly Pick<SourceFile, 'path' | 'imports'>[]): string[] {
  return files.flatMap(({ path, imports }) => {
    const room = roomOf(path);
    const inner = clusterRoomOf(path) ?? '';
    const isOpenInside = (target: string): boolean => {
      const other = clusterRoomOf(target) ?? roomOf(target);
      return other === inner || CLUSTER_ROOMS[inner]?.includes(other) !== false;
    };
    const isOpen = (target: string): boolean =>
      (roomOf(target) === room || ROOMS[room]?.includes(roomOf(target)) === true) &&
      isOpenInside(target);
    const broken = imports.filter((target) => target.startsWith('src/') && !isOpen(target));
    return broken.map((target) => `${path} imports ${target}`);
  });
}

test('a room imports only from the rooms that the table names', () => {
  assert.deepEqual(
    [...new Set(source.map(({ path }) => roomOf(path)))].sort(),
    Object.keys(ROOMS).sort(),
  );
  const inner = source
    .map(({ path }) => clusterRoomOf(path) ?? '.ts')
    .filter((name) => !name.endsWith('.ts'));
  assert.deepEqual([...new Set(inner)].sort(), Object.keys(CLUSTER_ROOMS).sort());
  assert.deepEqual(wallsBroken(source), []);
});

test('wallsBroken finds a planted import of the simulator or the command line', () => {
  for (const target of ['src/sim/scene.ts', 'src/cli/exit-codes.ts']) {
    const planted = { path: 'src/client/codec.ts', imports: ['src/base/bytes.ts', target] };
    assert.deepEqual(wallsBroken([planted]), [`src/client/codec.ts imports ${target}`]);
  }
});

test('wallsBroken finds a coordinator that imports the storage, the transport or a peer', () => {
  for (const target of [
    'src/storage/store.ts',
    'src/transport/rpc.ts',
    'src/cluster/membership/peers.ts',
  ]) {
    const planted = {
      path: 'src/cluster/coordinator/get.ts',
      imports: ['src/cluster/holders/holder.ts', target],
    };
    assert.deepEqual(wallsBroken([planted]), [`src/cluster/coordinator/get.ts imports ${target}`]);
  }
});

test('the page imports nothing from outside but in one file, and nothing of Node', () => {
  const page = source.filter(({ path }) => path.startsWith(PAGE));
  assert.ok(page.length > 0);
  const outside = page.flatMap(({ path, imports }) =>
    imports.filter((target) => !target.startsWith(PAGE)).map((target) => ({ path, target })),
  );
  assert.deepEqual([...new Set(outside.map(({ path }) => path))], [`${PAGE}outside.ts`]);
  assert.deepEqual(
    outside.map(({ target }) => target),
    ['preact', 'preact/hooks', 'src/client/multipart.ts'],
  );
});

test('the page makes no markup from text, and its files have no style or script inline', () => {
  const sinks =
    /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|eval)\b/;
  for (const file of source.filter(({ path }) => path.startsWith('src/ui/')))
    assertNone(new RegExp(`${sinks.source}|document\\.write|new Function`), file.text, file.path);
});

test('there is no import cycle', () => {
  const importsByPath = new Map(source.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `cycle: ${[...trail, path].join(' → ')}`);
    if (done.has(path)) return;
    for (const target of importsByPath.get(path) ?? [])
      if (importsByPath.has(target)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of source) visit(path, []);
});

test('each outside package is imported by one file, and is in package.json', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const importers = new Map<string, string[]>();
  // The build puts the packages of the page next to it. No program that installs this needs them.
  const isOfPage = ({ path }: SourceFile): boolean => path.startsWith(PAGE);
  const built = source.filter(isOfPage).flatMap(({ imports }) => imports);
  for (const name of built.filter((from) => !from.startsWith('src/')))
    assert.ok((name.split('/')[0] as string) in manifest.devDependencies, name);
  for (const { path, imports } of source.filter((file) => !isOfPage(file))) {
    for (const name of imports.filter(
      (from) => !from.startsWith('src/') && !from.startsWith('node:'),
    )) {
      importers.set(name, [...(importers.get(name) ?? []), path]);
    }
  }
  for (const [name, paths] of importers)
    assert.equal(paths.length, 1, `${name}: ${paths.join(', ')}`);
  assert.deepEqual([...importers.keys()].sort(), Object.keys(manifest.dependencies).sort());
});

test('each package that a program may lack is asked for by one file', () => {
  const { peerDependenciesMeta } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    peerDependenciesMeta: Record<string, { optional: boolean }>;
  };
  const asked = source.flatMap(({ path, text }) =>
    [...text.matchAll(/\bawait import\('([^'.][^']*)'\)/g)].map(([, name = '']) => ({
      name,
      path,
    })),
  );
  assert.deepEqual(asked, [{ name: '@opentelemetry/api', path: 'src/embed/opentelemetry.ts' }]);
  for (const { name } of asked) assert.equal(peerDependenciesMeta[name]?.optional, true, name);
});

test('core has no asynchronous code and imports no module of Node', () => {
  for (const { path, text, imports } of source.filter((file) =>
    file.path.startsWith('src/core/'),
  )) {
    assert.ok(!/\basync\b|\bawait\b|\bPromise\b/.test(text), `${path} is not synchronous`);
    assert.deepEqual(
      imports.filter((name) => name.startsWith('node:')),
      [],
      path,
    );
  }
});

/** The files that may use clocks and timers: one in a node, and one in a browser. */
const CLOCKS: readonly string[] = ['src/base/system.ts', `${PAGE}clock.ts`];

test('only base/system.ts uses clocks, timers and random numbers', () => {
  const forbidden =
    /\bDate\b(?!:)|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bperformance\b|\brandom(?:Bytes|UUID|Fill)/;
  for (const file of source) {
    if (CLOCKS.includes(file.path)) continue;
    // `instanceof Date` only checks a TOML value.
    assertNone(forbidden, codeOf(file).replaceAll('instanceof Date', ''), file.path);
  }
});

test('only cli/terminal.ts writes to the streams of the command line', () => {
  for (const file of source.filter(({ path }) => path.startsWith('src/cli/'))) {
    if (file.path === 'src/cli/terminal.ts') continue;
    assertNone(/std(?:out|err)\.(?:write|end)\b|\bconsole\./, codeOf(file), file.path);
  }
});

test('a file has at most 400 lines and a function fewer than 60', () => {
  for (const { path, lines } of source)
    assert.ok(lines.length <= 400, `${path} has ${lines.length} lines`);
  for (const { path, lines } of source) {
    for (const [start, line] of lines.entries()) {
      const indent =
        /^( {0,2})(?:export )?(?:async )?(?:function \w+|(?:static |async |get |#)*\w+\([^)]*\).*)\b.*\{$/.exec(
          line,
        )?.[1];
      if (indent === undefined) continue;
      const end = lines.findIndex((other, i) => i > start && other === `${indent}}`);
      assert.ok(end < 0 || end - start < 60, `${path}:${start + 1}: ${end - start} lines`);
    }
  }
  const sizes = source.map(({ lines }) => lines.length).sort((a, b) => a - b);
  assert.ok((sizes[Math.floor(sizes.length / 2)] as number) <= 130, 'the median file has grown');
});

test('every file begins with its purpose, and every export has a sentence', () => {
  for (const { path, lines, text } of source) {
    assert.match(text, /^\/\*\*/, `${path} does not say what it is`);
    for (const [i, line] of lines.entries()) {
      if (!/^export (?:async )?(?:function|class|interface|type|const) /.test(line)) continue;
      const before = lines[i - 1] ?? '';
      const isOneLiner = /^export const \w+ = \(.*=>|^export const \w+ = [\d_* A-Z]+;/.test(line);
      assert.ok(
        isOneLiner || before.endsWith('*/') || before.startsWith('export '),
        `${path}:${i + 1} has no sentence`,
      );
    }
  }
});

/**
 * The files that a text names in code spans and that do not exist, compared by the end of their
 * paths.
 */
const filesMissing = (text: string, paths: readonly string[]): string[] =>
  [...text.matchAll(/`([\w./-]+\.(?:tsx?|txt))`/g)]
    .map(([, name]) => name as string)
    .filter((name) => !paths.some((path) => `/${path}`.endsWith(`/${name}`)));

test('the files that the tour of the source names are there', () => {
  const paths = ['test/seeds.txt', ...everything.map(({ path }) => path)];
  assert.deepEqual(filesMissing(readFileSync(join(ROOT, 'src/README.md'), 'utf8'), paths), []);
  assert.deepEqual(filesMissing('See `sync/tidy.ts` and `scrub.ts`.', paths), ['sync/tidy.ts']);
});

test('the glossary names each file by its whole path under src', () => {
  const glossary = readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8');
  const named = [...glossary.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path]) => `src/${path}`);
  const paths = new Set(source.map(({ path }) => path));
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((path) => !paths.has(path)),
    [],
  );
});

/** The names of types that more than one file declares. */
function namesTwice(files: readonly Pick<SourceFile, 'path' | 'text'>[]): string[] {
  const pathsByName = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    const declared =
      /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class) ([A-Z]\w*)\b/gm;
    for (const [, name] of text.matchAll(declared)) {
      pathsByName.set(name as string, (pathsByName.get(name as string) ?? new Set()).add(path));
    }
  }
  const twice = [...pathsByName].filter(([, paths]) => paths.size > 1);
  return twice.map(([name, paths]) => `${name}: ${[...paths].join(', ')}`);
}

test('no two files declare a type of one name', () => {
  assert.deepEqual(namesTwice(source), []);
});

test('a type name that a second file declares is found', () => {
  const planted = { path: 'src/http/app.ts', text: '/** A test. */\ninterface ObjectCache {}\n' };
  assert.deepEqual(namesTwice([...source, planted]), [
    'ObjectCache: src/storage/object-cache.ts, src/http/app.ts',
  ]);
});

test('no file has a TODO, a suppressed error, an `any` or an `export *`', () => {
  const self = relative(ROOT, fileURLToPath(import.meta.url))
    .replace(/^dist\//, '')
    .replace(/\.js$/, '.ts');
  for (const file of everything) {
    if (file.path === self) continue;
    assertNone(
      /\bTODO\b|\bFIXME\b|\bXXX\b|@ts-(?:ignore|nocheck|expect-error)/,
      file.text,
      file.path,
    );
    assertNone(/(?::|<|as) any\b|^export \* from/m, codeOf(file), file.path);
  }
  for (const { path } of source) assertNone(/utils|helpers|common/, path, path);
});

test('file names are kebab-case nouns', () => {
  for (const { path } of everything)
    assert.match(path, /^[a-z]+(?:\/[a-z0-9]+(?:-[a-z0-9]+)*)*(?:\.test)?\.tsx?$/, path);
});

/** The first import, direct or not, that starts processes or opens ports. */
function realPart(
  path: string,
  files: readonly Pick<SourceFile, 'path' | 'loads'>[],
): string | undefined {
  const loadsByPath = new Map(files.map((file) => [file.path, file.loads]));
  const seen = new Set<string>([path]);
  for (const at of seen) {
    for (const target of loadsByPath.get(at) ?? []) {
      if (NOT_IN_FAST_TESTS.test(target)) return `${at} loads ${target}`;
      seen.add(target);
    }
  }
  return undefined;
}

/** The entry points of the package, whose exports are for other programs. */
const ENTRIES = [
  'src/index.ts',
  'src/client/index.ts',
  'src/client/merge/index.ts',
  'src/adapters/keyv.ts',
  'src/adapters/secured.ts',
  'src/adapters/session.ts',
  'src/adapters/unstorage.ts',
];

/** Exports of `src` that only tests import, each with its reason. */
const ONLY_FOR_TESTS: Readonly<Record<string, string>> = {
  'src/core/causality/evidence.ts: heldDots': 'a rule of its own, with a table of cases',
  'src/core/placement/member-list.ts: supersedes': 'an order, with the laws of one',
  'src/sim/scenario.ts: runScenario': 'runs test/scenarios',
};

const escaped = (text: string): string => text.replaceAll(/[$.]/g, '\\$&');

/** The names that a file imports from another: singly, by a namespace, or by `import()`. */
function namesImported({ path, text }: Pick<SourceFile, 'path' | 'text'>): string[] {
  const names: string[] = [];
  for (const [, clause, from] of text.matchAll(
    /^(?:import|export)\b([^;]*?) from '(\.[^']+)';/gms,
  )) {
    const target = normalize(join(dirname(path), from as string));
    const space = /\* as (\w+)/.exec(clause as string)?.[1];
    const found =
      space === undefined
        ? (clause as string).matchAll(/(?:[{,]\s*(?:type )?)(\w+)/g)
        : text.matchAll(new RegExp(`\\b${space}\\.(\\w+)`, 'g'));
    for (const [, name] of found) names.push(`${target}: ${name}`);
  }
  for (const [, from, name] of text.matchAll(/\(await import\('(\.[^']+)'\)\)\.(\w+)/g)) {
    names.push(`${normalize(join(dirname(path), from as string))}: ${name}`);
  }
  return names;
}

/**
 * Exports that no file imports. A type that its own file uses belongs to the exports of that file,
 * and may have a name.
 */
function unusedExports(
  exporters: readonly SourceFile[],
  importers: readonly SourceFile[],
): string[] {
  const used = new Set(importers.flatMap(namesImported));
  return exporters
    .filter(({ path }) => !ENTRIES.includes(path))
    .flatMap((file) => {
      const code = codeOf(file);
      const declared = code.matchAll(
        /^export (?:async )?(function|class|const|interface|type)\*? ([\w$]+)/gm,
      );
      return [...declared].flatMap(([, kind, name]) => {
        const isType = kind === 'interface' || kind === 'type';
        const isUsedHere =
          isType &&
          [...code.matchAll(new RegExp(`\\b${escaped(name as string)}\\b`, 'g'))].length > 1;
        return isUsedHere || used.has(`${file.path}: ${name}`) ? [] : [`${file.path}: ${name}`];
      });
    });
}

test('every export is imported by another file, and not by tests alone', () => {
  assert.deepEqual(unusedExports(source, everything), []);
  const users = everything.filter(({ path }) => !path.startsWith('test/'));
  assert.deepEqual(unusedExports(source, users).sort(), Object.keys(ONLY_FOR_TESTS).sort());
});

const tests = everything.map(({ path }) => path).filter((path) => path.endsWith('.test.ts'));

test('a fast test starts no process and opens no port', () => {
  for (const path of tests.filter((test) => setsOf(test.slice('test/'.length)).includes('fast'))) {
    assert.equal(realPart(path, everything), undefined, `${path} belongs into test/sets.ts`);
  }
  const planted = [
    { path: 'test/core/a.test.ts', loads: ['test/fixtures/b.ts', 'src/core/c.ts'] },
    { path: 'test/fixtures/b.ts', loads: ['src/core/c.ts', 'node:child_process'] },
  ];
  assert.equal(
    realPart('test/core/a.test.ts', planted),
    'test/fixtures/b.ts loads node:child_process',
  );
});

test('every entry in the table of slow tests exists, and every test in its folders is slow', () => {
  const names = tests.map((path) => path.slice('test/'.length));
  for (const name of NAMES)
    assert.ok(
      names.some((path) => path.startsWith(name)),
      `test/sets.ts: ${name} is gone`,
    );
  for (const name of names.filter(
    (path) => !setsOf(path).includes('fast') && !NAMES.includes(path),
  )) {
    assert.notEqual(realPart(`test/${name}`, everything), undefined, `test/${name} could be fast`);
  }
});

/** The Markdown documents of the project. */
const documents = ['.', 'docs', 'src', 'test', 'examples']
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: folder !== '.', encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  )
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

test('every file and script that a document names is there', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const texts = [
    ...documents,
    ...everything,
    { path: '.ci/run', text: readFileSync(join(ROOT, '.ci/run'), 'utf8') },
  ];
  for (const { path, text } of texts) {
    for (const [, name] of text.matchAll(/\bnpm run (?:-s )?([a-z][a-z:-]*[a-z])/g)) {
      assert.ok((name as string) in manifest.scripts, `${path}: npm run ${name}`);
    }
  }
});

type Document = Pick<SourceFile, 'path' | 'text'>;

/** The anchors of a document's headings, in GitHub's form. */
const anchorsOf = (text: string): string[] =>
  [...text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** The links of a document to missing files, or to headings that their documents do not have. */
function brokenLinks({ path, text }: Document, all: readonly Document[]): string[] {
  const links = text
    .replaceAll(/^```[^]*?^```/gm, '')
    .matchAll(/\]\((?![a-z]+:)([^)#]*)(?:#([^)]*))?\)/g);
  const broken = [...links].filter(([, target, anchor]) => {
    const file = target === '' ? path : join(dirname(path), target as string);
    if (target !== '' && !existsSync(join(ROOT, file))) return true;
    const document = all.find((other) => other.path === normalize(file));
    return anchor !== undefined && !anchorsOf(document?.text ?? '').includes(anchor);
  });
  return broken.map(([link]) => `${path}: ${link}`);
}

test('every file and every heading that a document links to is there', () => {
  for (const document of documents) assert.deepEqual(brokenLinks(document, documents), []);
});

test('a link to no file and a link to no heading are found', () => {
  const text = '[a](http.md#errors) [b](nothing.md) [c](http.md#nothing) [d](#here)\n\n## Here\n';
  const planted = { path: 'docs/planted.md', text };
  assert.deepEqual(brokenLinks(planted, [...documents, planted]), [
    'docs/planted.md: ](nothing.md)',
    'docs/planted.md: ](http.md#nothing)',
  ]);
});

/**
 * The paragraphs of a file's comments, the titles of its tests, or the paragraphs of Markdown, each
 * as one line, without code and quotations.
 */
function proseOf({ path, text }: { path: string; text: string }): string[] {
  const blocks = path.endsWith('.md')
    ? [text.replaceAll(/^```[^]*?^```/gm, '')]
    : [...text.matchAll(/\/\*[^]*?\*\/|(?:^ *\/\/.*\n)+|\s\/\/ .*$/gm)]
        .map(([block]) => block.replaceAll(/^\s*(?:\/\*\*?|\*\/|\*|\/\/) ?|\s*\*\/$/gm, ''))
        .concat(
          [...text.matchAll(/\btest\(\s*(['"`])(.+?)\1,/g)].map(([, , title]) => title as string),
        );
  return blocks
    .flatMap((block) => block.split(/\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.) )/))
    .map((paragraph) =>
      paragraph
        .replaceAll(/`[^`]*`|"[^"]*"/g, 'X')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    );
}

/** Breaches of the rules of English in CONTRIBUTING.md, as far as a pattern can see them. */
const ENGLISH: readonly {
  readonly rule: string;
  readonly breaches: readonly RegExp[];
  /** A sentence that must be found. */
  readonly planted: string;
}[] = [
  {
    rule: '1: the subject is a thing with a name, no "who" and no "what"',
    breaches: [
      /(?:^|[.:;!] )(?:who|what)(?:ever)?\b(?![^.]*\?)/gi,
      /\b(?:whoever|(?:those|one|nobody|everybody) who)\b/gi,
    ],
    planted: 'Whoever owns the key gets the write.',
  },
  {
    rule: '2: "where" is a place, no condition',
    breaches: [
      /(?:^|[.:;!] |\b(?:undefined|only|nothing|none|false|true) )where\b/gi,
      /\bwhere (?:there|it|they|this|that|one|not?|nothing|possible|needed|both|all)\b/gi,
    ],
    planted: 'Returns undefined where there is none.',
  },
  {
    rule: '4: "must", "will" or "should", and not "is to"',
    breaches: [/\b(?:is|are|was|were) (?:not )?to [a-z]/gi],
    planted: 'The node is to stop.',
  },
  {
    rule: '4: short modern words',
    breaches: [/\b(?:bears?|beside|anew|so many|thereof|whereof|hence)\b/gi],
    planted: 'The answer bears a token.',
  },
  {
    rule: '6: a node is not "somebody"',
    breaches: [/\b(?:nobody|somebody|everybody)\b/gi],
    planted: 'The write fails if nobody answers.',
  },
];

/** The passages of a text that breach a rule of English. */
const breachesOf = (text: string, patterns: readonly RegExp[]): string[] =>
  patterns
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(({ index }) => text.slice(Math.max(0, index - 20), index + 50));

for (const { rule, breaches, planted } of ENGLISH) {
  test(`English, rule ${rule}`, () => {
    assert.notDeepEqual(breachesOf(planted, breaches), []);
    const found = [...everything, ...documents].flatMap((file) =>
      proseOf(file).flatMap((paragraph) =>
        breachesOf(paragraph, breaches).map((passage) => `${file.path}: …${passage}`),
      ),
    );
    assert.deepEqual(found, []);
  });
}

const MAX_WORDS = 25;

/** The sentences of a paragraph with more words. A colon or a semicolon ends a sentence, too. */
const longSentences = (paragraph: string): string[] =>
  paragraph
    .replaceAll(/\]\([^)]*\)|\*/g, '')
    .split(/(?<=[.!?:;])\s+/)
    .filter((sentence) => sentence.split(' ').filter((word) => /\w/.test(word)).length > MAX_WORDS);

test('English, rule 7: a sentence has at most 25 words', () => {
  const words = (count: number): string => Array(count).fill('word').join(' ');
  assert.deepEqual(longSentences(`${words(25)}. ${words(26)}.`), [`${words(26)}.`]);
  const found = [...everything, ...documents].flatMap((file) =>
    proseOf(file)
      .filter((paragraph) => !paragraph.startsWith('|'))
      .flatMap((paragraph) => longSentences(paragraph).map((long) => `${file.path}: ${long}`)),
  );
  assert.deepEqual(found, []);
});

const MAX_COLUMNS = 120;
/** Comments and Markdown wrap here; code is laid out by the formatter. */
const PROSE_COLUMNS = 100;

/** A text without what a document shows as output: a program decides how long those lines are. */
const withoutOutput = (path: string, text: string): string =>
  path.endsWith('.md')
    ? text.replaceAll(/^```text\n[^]*?^```$/gm, (block) => block.replaceAll(/.+/g, ''))
    : text;

test('no line exceeds 120 columns, and prose wraps at 100', () => {
  const isTable = (line: string): boolean => /^\s*(?:\* )?\||^\[[\w-]+\]: /.test(line);
  const isProse = (path: string, line: string): boolean =>
    path.endsWith('.md') || /^\s*(?:\/?\*|\/\/)/.test(line);
  const wide = [...everything, ...documents].flatMap(({ path, text }) =>
    withoutOutput(path, text)
      .split('\n')
      .map((line, i) => ({ line, at: `${path}:${i + 1}`, isProse: isProse(path, line) }))
      .filter(({ line }) => line.length > PROSE_COLUMNS && !isTable(line)),
  );
  assert.deepEqual(
    wide.filter(({ line }) => line.length > MAX_COLUMNS).map(({ at }) => at),
    [],
  );
  assert.deepEqual(
    wide.filter((line) => line.isProse).map(({ at }) => at),
    [],
  );
});
