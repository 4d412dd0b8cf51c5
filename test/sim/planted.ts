/**
 * Proves that the simulator can see: plants one bug at a time in a copy of the compiled source, runs the scenarios and random seeds on
 * it, and prints in which and in how many the bug was caught; a bug caught in 20 seeds (`--enough`) has been seen well enough.
 * `npm run planted [-- --seeds 200] [--enough 20] [--only NAME]`; exits with 1 if one was never caught.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Patch {
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

interface Bug extends Patch {
  readonly name: string;
  /** Where one place is not enough, because lines of defence stand behind each other. */
  readonly also?: readonly Patch[];
}

/** Each rule of the design, broken. */
const BUGS: readonly Bug[] = [
  {
    name: 'an actor outlives a wiped disk',
    file: 'src/storage/replica.js',
    good: 'state.actor ?? drawActor(store.nodeName, store.random)',
    bad: 'state.actor ?? (state.clock.isEmpty ? `${store.nodeName}~0` : drawActor(store.nodeName, store.random))',
    also: [
      {
        file: 'src/storage/replica.js',
        good: 'if (claimed <= this.#clock.base(this.#actor))',
        bad: 'if (true)',
      },
    ],
  },
  {
    name: 'an actor outlives a crash',
    file: 'src/storage/replicas.js',
    good: 'engine.mark !== undefined && engine.mark === header?.mark && engine.mark.endsWith(` ${digest}`)',
    bad: 'true',
    also: [
      {
        file: 'src/storage/replica.js',
        good: 'if (claimed <= this.#clock.base(this.#actor))',
        bad: 'if (true)',
      },
    ],
  },
  {
    name: 'the joined context is returned to every writer',
    file: 'src/core/object.js',
    good: 'if (survivors.length === 0)',
    bad: 'if (true)',
  },
  {
    name: 'received contexts are added to the clock',
    file: 'src/storage/replica.js',
    good: 'const isKnown = added.length === 0',
    bad: 'this.#clock.join(object.context);\n        const isKnown = added.length === 0',
  },
  {
    name: 'a snapshot does not remove what the sender no longer has',
    file: 'src/cluster/sync/pull.js',
    good: 'keys.filter((key) => !there.has(key))',
    bad: 'keys.filter(() => false)',
  },
  {
    name: 'a guest is dropped before the owners have all of it',
    file: 'src/cluster/sync/tidy.js',
    good: 'isComplete && clock.covers(replica.clock)',
    bad: 'true',
  },
  {
    name: 'the log is cut by the own clock alone, and served as if it were whole',
    file: 'src/cluster/sync/tidy.js',
    good: 'const clocks = [replica.durableClock, ...reports.map(({ clock }) => clock)];',
    bad: 'const clocks = [replica.durableClock];',
    also: [
      { file: 'src/cluster/sync/serve.js', good: 'if (isCut)', bad: 'if (false)' },
      { file: 'src/cluster/sync/serve.js', good: 'if (!isWhole)', bad: 'if (false)' },
    ],
  },
  {
    name: 'a write is acknowledged before it is durable',
    file: 'src/storage/commit-queue.js',
    good: 'batch.waiting.push(done);',
    bad: 'this.#options.clock.defer(() => done());',
  },
  {
    name: 'a write is not serialised with the others of its partition',
    file: 'src/storage/replica.js',
    good: 'this.#clock.add(dot.actor, dot.counter);\n        this.#save(stored,',
    bad: 'this.#store.queue.submit([], () => this.#clock.add(dot.actor, dot.counter));\n        this.#save(stored,',
  },
  {
    name: 'residues are stripped against extras',
    file: 'src/core/object.js',
    good: 'residual: filled.context.minus(clock.bases())',
    bad: 'residual: filled.context.minus(clock)',
  },
  {
    name: 'the log entry, and with it the counter, is not written',
    file: 'src/storage/replica-log.js',
    good: 'changes.push({ key: row, value: sealRecord(key, row) });',
    bad: '',
  },
  {
    name: 'a wiped replica counts for reads at once',
    file: 'src/storage/replica.js',
    good: 'return this.#isComplete;',
    bad: 'return true;',
  },
  {
    name: 'what a disk has silently lost is not put back',
    file: 'src/cluster/sync/scrub.js',
    good: 'restored += Number(replica.restore(',
    bad: 'restored += Number((() => false)(',
  },
  {
    name: 'a doubled forward is carried out twice',
    file: 'src/cluster/work.js',
    good: 'if (this.#taken.has(id))',
    bad: 'if (false)',
  },
];

const dist = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    enough: { type: 'string', default: '20' },
    only: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
const enough = Number(values.enough);

const scenarios = join(dist, '..', 'test', 'scenarios');

const RUNNER = `
import { readdirSync, readFileSync } from 'node:fs';
import { httpFront as front } from './src/doors/http/front.js';
import { simulate } from './src/sim/run.js';
import { runScenario } from './src/sim/scenario.js';
process.on('unhandledRejection', () => {});
const caught = [];
for (const name of readdirSync(${JSON.stringify(scenarios)})) {
  const text = readFileSync(${JSON.stringify(scenarios)} + '/' + name, 'utf8');
  const isCaught = await runScenario(text, front).then((failures) => failures.length > 0, () => true);
  if (isCaught) caught.push(name.replace('.txt', ''));
}
let seeds = 0;
let seed = 0;
while (seed < ${seeds} && seeds < ${enough}) {
  seed += 1;
  const isCaught = await simulate({ seed, front, isBrief: true }).then(({ violations }) => violations.length > 0, () => true);
  seeds += Number(isCaught);
}
process.stdout.write(JSON.stringify({ seeds, of: seed, caught }));
`;

interface Caught {
  readonly seeds: number;
  /** How many were run. */
  readonly of: number;
  /** The scenarios that did not come as they say. */
  readonly caught: readonly string[];
}

/** In how many seeds a bug shows. */
async function count(bug: Bug): Promise<Caught> {
  const copy = await mkdtemp(join(tmpdir(), 'mec-planted-'));
  try {
    await cp(join(dist, 'src'), join(copy, 'src'), { recursive: true });
    await symlink(join(dist, '..', 'node_modules'), join(copy, 'node_modules'));
    await writeFile(join(copy, 'package.json'), '{"type":"module"}');
    await writeFile(join(copy, 'run.js'), RUNNER);
    for (const { file, good, bad } of [bug, ...(bug.also ?? [])]) {
      const text = await readFile(join(copy, file), 'utf8');
      if (!text.includes(good)) throw new Error(`${bug.name}: the place to plant it is not there any more`);
      await writeFile(
        join(copy, file),
        text.replace(good, () => bad),
      );
    }
    const child = spawn(process.execPath, [join(copy, 'run.js')], { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return out === '' ? { seeds: 0, of: 0, caught: ['it did not even run'] } : (JSON.parse(out) as Caught);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const waiting = BUGS.filter(({ name }) => values.only === undefined || name.includes(values.only));
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const found = await count(bug);
      const names = found.caught.length === 0 ? '' : `; scenarios: ${found.caught.join(', ')}`;
      process.stdout.write(`${String(found.seeds).padStart(4)} of ${String(found.of).padEnd(4)} ${bug.name}${names}\n`);
      if (found.seeds + found.caught.length === 0) process.exitCode = 1;
    }
  }),
);
