/** The version of this software in its package.json, and the commit of its checkout. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Reads the version. `package.json` is above both `dist/src/embed` and `src/embed`. Returns
 * "unknown" if there is none.
 */
export function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === 'mec-db' && manifest.version !== undefined) return manifest.version;
    } catch {
      // Try the other path.
    }
  }
  return 'unknown';
}

/**
 * The abbreviated commit of a checkout, and whether it has changes; undefined outside a checkout.
 */
export function readCommit(): string | undefined {
  const git = (...args: string[]): string => {
    const cwd = fileURLToPath(new URL('../../../', import.meta.url));
    return execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  };
  try {
    // The repository may be that of a project in which this package is installed.
    if (git('ls-files', '--', 'bin/mec.ts') === '') return undefined;
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return undefined;
  }
}
