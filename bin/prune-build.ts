/** Removes from `dist` what the compiler made of sources that are gone: it writes outputs, and never deletes one. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the compiler makes of one source. */
const OUTPUT = /\.(?:js|js\.map|d\.ts)$/;

/** Removes outputs without a source from one folder of the build, and the folder if nothing is left. */
function prune(folder: string): void {
  const built = join(ROOT, 'dist', folder);
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const source = join(ROOT, path.replace(OUTPUT, '.ts'));
    if (entry.isDirectory()) prune(path);
    else if (OUTPUT.test(path) && !existsSync(source)) rmSync(join(ROOT, 'dist', path));
  }
  const isSourceGone = !existsSync(join(ROOT, folder));
  if (isSourceGone && readdirSync(built).length === 0) rmdirSync(built);
}

prune('.');
