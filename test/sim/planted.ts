/**
 * Tests the simulator by planted bugs. It plants one bug at a time in a copy of the compiled
 * source, and runs the scenarios and random seeds on the copy. It prints those that catch the bug.
 * A row ends with the fifth seed that catches the bug. A bug that too few of all seeds catch is a
 * miss.
 *
 * `npm run planted [-- --seeds 200] [--enough 5] [--first SEED] [--threads N] [--only NAME]
 * [--minutes M] [--seeds-only]` runs the bugs whose names contain one of the `--only`, each for M
 * minutes at most; with `--seeds-only` no scenarios. The exit code is 1 if there is a miss.
 */
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { BUGS } from './planted-bugs.ts';
import type { Bug } from './planted-draws.ts';

const dist = fileURLToPath(new URL('../../', import.meta.url));
const scenarios = join(dist, '..', 'test', 'scenarios');
/** The names of scenarios that fit into a row. */
const NAMES_TOLD = 3;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    enough: { type: 'string', default: '5' },
    first: { type: 'string', default: '1' },
    // One core is left to other work.
    threads: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
    only: { type: 'string', multiple: true, default: [''] },
    minutes: { type: 'string', default: 'Infinity' },
    'seeds-only': { type: 'boolean', default: false },
  },
});
const seeds = Number(values.seeds);
const enough = Number(values.enough);
const first = Number(values.first);

/**
 * The program of a thread: it gets a seed or the path of a scenario, and answers if that caught the
 * bug.
 */
const runnerOf = ({ draw = {}, isOfLedger = false }: Bug): string => `
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { simulate } from './src/sim/run.js';
import { runScenario } from './src/sim/scenario.js';
${isOfLedger ? `import { runLedger } from './test/sim/ledger-run.js';` : 'const runLedger = undefined;'}
process.on('unhandledRejection', () => {});
const draw = ${JSON.stringify(draw)};
const run = async (asked) => {
  if (runLedger !== undefined)
    return typeof asked === 'number' && (await runLedger(asked)).length > 0;
  if (typeof asked === 'string') return (await runScenario(readFileSync(asked, 'utf8'))).length > 0;
  return (await simulate({ seed: asked, isBrief: true, ...draw })).violations.length > 0;
};
parentPort.on('message', (asked) => {
  run(asked).then((isCaught) => parentPort.postMessage(isCaught), () => parentPort.postMessage(true));
});
`;

/** Makes a copy of the compiled source with a bug in it. */
async function plant(bug: Bug): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'mec-planted-'));
  await cp(join(dist, 'src'), join(copy, 'src'), { recursive: true });
  await cp(join(dist, 'test'), join(copy, 'test'), { recursive: true });
  await symlink(join(dist, '..', 'node_modules'), join(copy, 'node_modules'));
  await writeFile(join(copy, 'package.json'), '{"type":"module"}');
  await writeFile(join(copy, 'run.js'), runnerOf(bug));
  for (const { file, good, bad } of [bug, ...(bug.also ?? [])]) {
    const text = await readFile(join(copy, file), 'utf8');
    if (!text.includes(good)) throw new Error(`${bug.name}: "${good}" is not in ${file} any more`);
    await writeFile(
      join(copy, file),
      text.replace(good, () => bad),
    );
  }
  return copy;
}

/** Threads that run a copy, for a limited time. */
class Pool {
  readonly #copy: string;
  readonly #untilMs = Date.now() + 60_000 * Number(values.minutes);
  readonly #workers: Worker[] = [];

  constructor(copy: string) {
    this.#copy = copy;
  }

  get isOutOfTime(): boolean {
    return Date.now() >= this.#untilMs;
  }

  /**
   * Runs the items of `next` on all threads until there are none. Calls `tell` with each result.
   */
  async run<T extends number | string>(
    next: () => T | undefined,
    tell: (asked: T, isCaught: boolean) => void,
  ): Promise<void> {
    const drive = async (): Promise<void> => {
      let worker = this.#hire();
      for (let asked = next(); asked !== undefined && !this.isOutOfTime; asked = next()) {
        const isCaught = await this.#ask(worker, asked);
        if (isCaught !== undefined) tell(asked, isCaught);
        // The run took too long, or has ended its thread.
        else worker = this.#hire();
      }
    };
    await Promise.all(Array.from({ length: Number(values.threads) }, drive));
    await this.end();
  }

  #hire(): Worker {
    const worker = new Worker(join(this.#copy, 'run.js'), { stdout: true, stderr: true });
    this.#workers.push(worker);
    return worker;
  }

  /** Whether a run caught the bug; undefined if the time or the thread ends before the run. */
  #ask(worker: Worker, asked: number | string): Promise<boolean | undefined> {
    return new Promise((resolve) => {
      const fail = (): void => done(undefined);
      const leftMs = this.#untilMs - Date.now();
      const limit = Number.isFinite(leftMs) ? setTimeout(fail, leftMs) : undefined;
      const done = (isCaught: boolean | undefined): void => {
        clearTimeout(limit);
        worker.off('message', done).off('error', fail);
        resolve(isCaught);
      };
      worker.on('message', done).on('error', fail);
      // A worker thread has no origin, unlike a window.
      const send = worker.postMessage.bind(worker);
      send(asked);
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }
}

/** A row of the table. */
interface Row {
  /** The seeds that caught the bug, and the seeds run, up to the one that made it enough. */
  readonly caught: number;
  readonly of: number;
  readonly isOutOfTime: boolean;
  /** The first scenarios that caught the bug. */
  readonly scenarios: readonly string[];
}

async function rowOf(bug: Bug): Promise<Row> {
  const copy = await plant(bug);
  const pool = new Pool(copy);
  try {
    const told = new Map<number, boolean>();
    const caught = (): number[] => [...told].flatMap(([seed, isSo]) => (isSo ? [seed] : []));
    let seed = first;
    const nextSeed = (): number | undefined =>
      seed >= first + seeds || caught().length >= enough ? undefined : seed++;
    await pool.run(nextSeed, (asked, isCaught) => told.set(asked, isCaught));
    const inOrder = caught().sort((a, b) => a - b);
    const last = inOrder[enough - 1];
    const of = last === undefined ? told.size : last - first + 1;
    const { isOutOfTime } = pool;
    const files = isOutOfTime || values['seeds-only'] ? [] : readdirSync(scenarios).sort();
    const names: string[] = [];
    const nextFile = (): string | undefined => {
      const file = names.length < NAMES_TOLD ? files.shift() : undefined;
      return file === undefined ? undefined : join(scenarios, file);
    };
    await pool.run(nextFile, (path, isCaught) => {
      if (isCaught) names.push(path.slice(scenarios.length + 1).replace('.txt', ''));
    });
    return { caught: Math.min(inOrder.length, enough), of, isOutOfTime, scenarios: names.sort() };
  } finally {
    await pool.end();
    await rm(copy, { recursive: true, force: true });
  }
}

process.stdout.write('| planted bug | caught in | draw | and by scenarios, among others |\n');
process.stdout.write('| --- | --- | --- | --- |\n');
const isAsked = ({ name }: Bug): boolean => values.only.some((part) => name.includes(part));
for (const bug of BUGS.filter(isAsked)) {
  const { caught, of, isOutOfTime, scenarios: names } = await rowOf(bug);
  const isMissed = caught < enough;
  if (isMissed) process.exitCode = 1;
  const miss = isMissed ? ` (missed${isOutOfTime ? ', out of time' : ''})` : '';
  const usual = bug.isOfLedger === true ? 'runs of identities' : 'usual draw';
  const drawn = bug.draw === undefined ? usual : 'own draw';
  process.stdout.write(
    `| ${bug.name} | ${caught} of ${of}${miss} | ${drawn} | ${names.join(', ')} |\n`,
  );
}
