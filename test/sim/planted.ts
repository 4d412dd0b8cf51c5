/**
 * Proves that the simulator can see: plants one bug at a time in a copy of the compiled source, runs the scenarios and random seeds on
 * it, and prints as a table in which and in how many the bug was caught. A bug caught in 5 seeds (`--enough`) has been seen.
 * `npm run planted [-- --seeds 200] [--enough 5] [--first SEED] [--threads N] [--only NAME]`; exits with 1 if one was caught in fewer seeds.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bug, BUGS } from './planted-bugs.ts';

const dist = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    enough: { type: 'string', default: '5' },
    first: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
const enough = Number(values.enough);
const first = Number(values.first);

const scenarios = join(dist, '..', 'test', 'scenarios');

const runnerOf = ({ draw = {} }: Bug): string => `
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
let of = 0;
while (of < ${seeds} && seeds < ${enough}) {
  const options = { seed: ${first} + of, front, isBrief: true, ...${JSON.stringify(draw)} };
  of += 1;
  const isCaught = await simulate(options).then(({ violations }) => violations.length > 0, () => true);
  seeds += Number(isCaught);
}
process.stdout.write(JSON.stringify({ seeds, of, caught }));
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
    await writeFile(join(copy, 'run.js'), runnerOf(bug));
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
process.stdout.write('| planted bug | caught in | drawn | and by scenarios |\n| --- | --- | --- | --- |\n');
await Promise.all(
  Array.from({ length: Number(values.threads) }, async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const found = await count(bug);
      const drawn = bug.draw === undefined ? 'everything' : 'what shows it';
      const names = found.caught.length > 3 ? `${found.caught.length} of them` : found.caught.join(', ');
      process.stdout.write(`| ${bug.name} | ${found.seeds} of ${found.of} | ${drawn} | ${names} |\n`);
      if (found.seeds < enough) process.exitCode = 1;
    }
  }),
);
