/**
 * Does after the compiler what the compiler does not: removes the outputs of deleted sources, and
 * makes the launcher executable.
 */
import { chmodSync, existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The outputs of one source. */
const OUTPUT = /\.(?:js|js\.map|d\.ts)$/;

/**
 * Removes outputs without a source from one folder of the build, and the folder itself if it is
 * then empty.
 */
function prune(folder: string): void {
  const built = join(ROOT, 'dist', folder);
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const sources = ['.ts', '.tsx'].map((ending) => join(ROOT, path.replace(OUTPUT, ending)));
    if (entry.isDirectory()) prune(path);
    else if (OUTPUT.test(path) && !sources.some((source) => existsSync(source)))
      rmSync(join(ROOT, 'dist', path));
  }
  const isSourceGone = !existsSync(join(ROOT, folder));
  if (isSourceGone && readdirSync(built).length === 0) rmdirSync(built);
}

prune('.');
// Without this, `npx mec` in a fresh clone fails with "Permission denied".
const launcher = join(ROOT, 'dist/bin/mec.js');
if (existsSync(launcher)) chmodSync(launcher, 0o755);
