/**
 * The lines that the fast tests run: `npm run coverage [-- --files]`. It prints the share of lines
 * for each room, and with `--files` for each file. It counts compiled code, without types, comments
 * and blank lines. A file that no test loads counts as not run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../src/', import.meta.url));
const RUN = fileURLToPath(new URL('run.js', import.meta.url));
/** The rooms that the fast tests must cover together, and the share of lines. */
const ROOMS = ['base', 'core', 'storage', 'transport', 'cluster'];
const MIN_PERCENT = 90;

/** The coverage of one process (`Profiler.takePreciseCoverage` of the inspector's protocol). */
interface Profile {
  readonly result: readonly Script[];
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** One compiled file. */
class File {
  readonly #lines: { readonly start: number; readonly end: number }[] = [];
  readonly #run = new Set<number>();
  readonly #length: number;

  constructor(text: string) {
    this.#length = text.length;
    const code = text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$|^export \{\};$/gm, (comment) =>
      comment.replaceAll(/[^\n]/g, ' '),
    );
    let start = 0;
    for (const line of code.split('\n')) {
      const indent = line.length - line.trimStart().length;
      if (line.trim() !== '')
        this.#lines.push({ start: start + indent, end: start + line.trimEnd().length });
      start += line.length + 1;
    }
  }

  /** Adds the lines that one process ran. A later range is inside an earlier one, or after it. */
  add({ functions }: Script): void {
    const isRun = new Uint8Array(this.#length);
    for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
      isRun.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    for (const [i, { start, end }] of this.#lines.entries())
      if (isRun.subarray(start, end).includes(1)) this.#run.add(i);
  }

  get lines(): number {
    return this.#lines.length;
  }

  get run(): number {
    return this.#run.size;
  }
}

function filesBuilt(): Map<string, File> {
  const paths = readdirSync(BUILT, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.js'),
  );
  return new Map(
    paths.sort().map((path) => [path, new File(readFileSync(join(BUILT, path), 'utf8'))]),
  );
}

function percentOf(files: readonly File[]): number {
  const sum = (count: (file: File) => number): number =>
    files.reduce((total, file) => total + count(file), 0);
  return (100 * sum(({ run }) => run)) / sum(({ lines }) => lines);
}

const print = (percent: number, name: string): void =>
  console.log(`${percent.toFixed(1).padStart(6)} %  ${name}`);

const directory = mkdtempSync(join(tmpdir(), 'mec-coverage-'));
const env = { ...process.env, NODE_V8_COVERAGE: directory };
const { status } = spawnSync(process.execPath, [RUN, 'fast', '--test-reporter=dot'], {
  stdio: 'inherit',
  env,
});
const files = filesBuilt();
for (const name of readdirSync(directory)) {
  const { result } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile;
  for (const script of result.filter(({ url }) => url.startsWith('file:'))) {
    files.get(fileURLToPath(script.url).slice(BUILT.length))?.add(script);
  }
}
rmSync(directory, { recursive: true });

const inRooms = (rooms: readonly string[]): [string, File][] =>
  [...files].filter(([path]) => rooms.includes(path.split('/')[0] as string));
const filesOf = (rooms: readonly string[]): File[] => inRooms(rooms).map(([, file]) => file);
if (process.argv.includes('--files')) {
  for (const [path, file] of inRooms(ROOMS)) if (file.lines > 0) print(percentOf([file]), path);
}
for (const room of ROOMS) print(percentOf(filesOf([room])), room);
const percent = percentOf(filesOf(ROOMS));
print(percent, `together; wanted are ${MIN_PERCENT} %`);
process.exit(status !== 0 || percent < MIN_PERCENT ? 1 : 0);
