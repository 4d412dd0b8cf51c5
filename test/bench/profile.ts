/**
 * Reads a `.cpuprofile` (`node --cpu-prof`, `npm run bench -- --profile DIR`) and sums the time by
 * place, file and function. A place is a package, a part of Node, or a folder of this project. It
 * also sums the time of causality.
 *
 * A profile samples the JavaScript thread. Native code called from JavaScript has no file of its
 * own, and counts for its caller. Threads of LevelDB, ZeroMQ and libuv are invisible.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `Usage: node dist/test/bench/profile.js [--skip SECONDS] [--top N] FILE|DIR...

Sums the self time of CPU profiles by package or folder, by own file and by function.
  --skip SECONDS  leave out the beginning, in which the process starts (default 0)
  --top N         how many files and functions are printed (default 40)`;

/**
 * The files that do the work of causality: contexts, dots, tokens, the rules of replacement, and
 * the clock and log of a replica.
 */
export const CAUSALITY_FILES = [
  'src/core/causality/actor.ts',
  'src/core/causality/causal-context.ts',
  'src/core/causality/dot.ts',
  'src/core/value/etag.ts',
  'src/core/causality/object.ts',
  'src/core/causality/ranges.ts',
  'src/core/causality/token.ts',
  'src/core/value/visible.ts',
  'src/storage/replica/replica.ts',
  'src/storage/replica/replica-clock.ts',
  'src/storage/replica/replica-log.ts',
] as const;

/**
 * Each package is used through one file, and its native code counts for that file. So the two are
 * one place.
 */
export const BORDERS: Readonly<Record<string, string>> = {
  'src/base/msgpack.ts': '@msgpack/msgpack',
  'src/base/hash.ts': 'xxhash-wasm',
  'src/http/app.ts': 'koa',
  'src/storage/level-database.ts': 'classic-level',
  'src/transport/zeromq.ts': 'zeromq',
};

/** Packages that come with another one, and work only for it. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^(abstract-level|level-transcoder|maybe-combine-errors|module-error)$/, 'classic-level'],
  [
    /^(koa-.*|@koa\/.*|on-finished|ee-first|statuses|content-type|content-disposition|cookies|accepts|mime-types)$/,
    'koa',
  ],
  [
    /^(delegates|destroy|encodeurl|escape-html|fresh|http-errors|parseurl|type-is|vary|path-to-regexp)$/,
    'koa',
  ],
];

const IDLE = '(idle)';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** The parts of a profile that are read here. Times are in µs. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The time of some profiles, all in ms of self time, without idle time. */
export interface ProfileSums {
  busyMs: number;
  idleMs: number;
  /** Self time of `CAUSALITY_FILES`. */
  causalityMs: number;
  /**
   * The same, with the calls of these files into packages, Node and `src/base`: the time that would
   * be saved without them.
   */
  causalityWithCalleesMs: number;
  readonly places: Map<string, number>;
  /** Only files of this project. */
  readonly files: Map<string, number>;
  readonly functions: Map<string, number>;
}

/** Matches in any build folder, and in any parent folder. */
const OWN_FILE =
  /.*\/((?:src\/(?:base|core|storage|transport|cluster|client|http|sim|embed|cli)|bin|test)\/.+)\.js$/;

/**
 * The source file of a frame, as a path from the root of the project; undefined if it is not of the
 * project.
 */
function fileOf(url: string): string | undefined {
  if (url.includes('/node_modules/')) return undefined;
  return OWN_FILE.exec(url)?.[1]?.concat('.ts');
}

/**
 * The package, the part of Node or the folder of a frame; undefined for native code without a name.
 */
export function placeOf({ functionName, url }: ProfileNode['callFrame']): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'V8 and libuv';
  if (url.startsWith('node:')) return 'node internals';
  const packageName = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (packageName !== undefined)
    return FAMILIES.find(([pattern]) => pattern.test(packageName))?.[1] ?? packageName;
  const file = fileOf(url);
  if (file === undefined) return undefined;
  return BORDERS[file] ?? /^(src\/[^/]+|[^/]+)\//.exec(file)?.[1];
}

/** The properties of all samples with the same stack. */
interface Attribution {
  readonly isIdle: boolean;
  readonly place: string;
  readonly file: string | undefined;
  readonly functionName: string;
  readonly isCausality: boolean;
  readonly isForCausality: boolean;
}

const isCausal = (file: string | undefined): boolean =>
  (CAUSALITY_FILES as readonly (string | undefined)[]).includes(file);

/** Follows the call tree from the root, so that each node knows its callers. */
function attribute(profile: CpuProfile): ReadonlyMap<number, Attribution> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const attributions = new Map<number, Attribution>();
  const visit = (id: number, caller: Attribution | undefined): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    const { functionName, url, lineNumber } = node.callFrame;
    const named = placeOf(node.callFrame);
    const file = named === undefined ? caller?.file : fileOf(url);
    // Shared code works for its callers, and so do packages.
    const isOnBehalf = file === undefined || file.startsWith('src/base/');
    const where =
      url === '' ? (caller?.place ?? '') : (file ?? url.replace(/^.*\/node_modules\//, ''));
    const attribution = {
      isIdle: functionName === IDLE,
      place: named ?? caller?.place ?? 'other',
      file,
      functionName: `${functionName || '(anonymous)'}  ${where}${url === '' ? '' : `:${lineNumber + 1}`}`,
      isCausality: isCausal(file),
      isForCausality: isOnBehalf ? (caller?.isForCausality ?? false) : isCausal(file),
    };
    attributions.set(id, attribution);
    for (const child of node.children ?? []) visit(child, attribution);
  };
  const called = new Set(profile.nodes.flatMap(({ children }) => children ?? []));
  for (const { id } of profile.nodes) if (!called.has(id)) visit(id, undefined);
  return attributions;
}

const increase = (sums: Map<string, number>, key: string, ms: number): unknown =>
  sums.set(key, (sums.get(key) ?? 0) + ms);

/** Sums the self time of profiles, each without its first `skipMs`. */
export function sumProfiles(profiles: readonly CpuProfile[], skipMs = 0): ProfileSums {
  const sums: ProfileSums = {
    busyMs: 0,
    idleMs: 0,
    causalityMs: 0,
    causalityWithCalleesMs: 0,
    places: new Map(),
    files: new Map(),
    functions: new Map(),
  };
  for (const profile of profiles) {
    const attributions = attribute(profile);
    let atMs = 0;
    for (const [index, id] of profile.samples.entries()) {
      // The time until the next sample belongs to this one.
      const ms = (profile.timeDeltas[index + 1] ?? 0) / 1000;
      atMs += (profile.timeDeltas[index] ?? 0) / 1000;
      const attribution = attributions.get(id);
      if (attribution !== undefined && atMs >= skipMs) addSample(sums, attribution, ms);
    }
  }
  return sums;
}

function addSample(sums: ProfileSums, attribution: Attribution, ms: number): void {
  if (attribution.isIdle) {
    sums.idleMs += ms;
    return;
  }
  sums.busyMs += ms;
  if (attribution.isCausality) sums.causalityMs += ms;
  if (attribution.isForCausality) sums.causalityWithCalleesMs += ms;
  increase(sums.places, attribution.place, ms);
  increase(sums.functions, attribution.functionName, ms);
  if (attribution.file !== undefined) increase(sums.files, attribution.file, ms);
}

/** Reads profiles: files, or folders of `.cpuprofile` files. */
export function readProfiles(paths: readonly string[]): CpuProfile[] {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith('.cpuprofile'))
          .map((name) => join(path, name))
      : [path],
  );
  if (files.length === 0) throw new Error(`No .cpuprofile in ${paths.join(', ')}`);
  return files.map((file) => {
    const profile = JSON.parse(readFileSync(file, 'utf8')) as Partial<CpuProfile>;
    const { nodes, samples, timeDeltas } = profile;
    if (!nodes || !samples || !timeDeltas) throw new Error(`${file} is not a CPU profile`);
    return { nodes, samples, timeDeltas };
  });
}

/** The largest sums, as lines of ms, share and name. */
function formatTop(
  title: string,
  sums: ReadonlyMap<string, number>,
  { busyMs, top }: { busyMs: number; top: number },
): string[] {
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, top);
  return ['', title, ...sorted.map(([name, ms]) => formatShare(name, ms, busyMs))];
}

const formatShare = (name: string, ms: number, busyMs: number): string =>
  `${ms.toFixed(0).padStart(8)} ms ${((100 * ms) / busyMs).toFixed(1).padStart(5)} %  ${name}`;

/** The printed summary of some sums. */
export function formatProfile(sums: ProfileSums, top: number): string[] {
  const { busyMs, idleMs } = sums;
  return [
    `${busyMs.toFixed(0)} ms busy, ${idleMs.toFixed(0)} ms idle; shares are of the busy time, each by self time`,
    ...formatTop(
      'By place (native code counts for its caller, a package with the one file that uses it)',
      sums.places,
      {
        busyMs,
        top: Infinity,
      },
    ),
    ...formatTop('By own file', sums.files, { busyMs, top }),
    ...formatTop('By function', sums.functions, { busyMs, top }),
    '',
    `Causality: ${CAUSALITY_FILES.join(', ')}`,
    formatShare('self time of these files', sums.causalityMs, busyMs),
    formatShare(
      'with what they call in packages, Node and src/base',
      sums.causalityWithCalleesMs,
      busyMs,
    ),
  ];
}

function main(): void {
  const options = {
    skip: { type: 'string', default: '0' },
    top: { type: 'string', default: '40' },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [skipSeconds, top] = [Number(values.skip), Number(values.top)];
  if (positionals.length === 0 || !(skipSeconds >= 0) || !(top > 0)) throw new Error(USAGE);
  for (const line of formatProfile(sumProfiles(readProfiles(positionals), skipSeconds * 1000), top))
    console.log(line);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
