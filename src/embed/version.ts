/** The version of this software, from its package.json, and the commit it was made of. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Reads the version: `package.json` lies above `dist/src/embed` and above `src/embed`. */
export function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === 'mec-db' && manifest.version !== undefined) return manifest.version;
    } catch {
      // The other place, then.
    }
  }
  return 'unknown';
}

/** The commit of a checkout, shortened; undefined where this is none. */
export function readCommit(): string | undefined {
  const git = (...args: string[]): string => {
    const cwd = fileURLToPath(new URL('../../../', import.meta.url));
    return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  };
  try {
    // Not that of a project in which this one is installed.
    if (git('ls-files', '--', 'bin/mec.ts') === '') return undefined;
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return undefined;
  }
}
