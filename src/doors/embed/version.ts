/** The version of this software, from its package.json. */
import { readFileSync } from 'node:fs';

/** Reads the version: `package.json` lies above `dist/src/doors/cli` and above `src/doors/cli`. */
export function readVersion(): string {
  for (const path of ['../../../package.json', '../../../../package.json']) {
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
