/**
 * The files of the page, as the build has laid them out: modules, a style sheet and a picture. They
 * are read once, and sent compressed.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
  readonly gzipped: Uint8Array;
}

/** All files of the page, by name. */
export interface PageFiles {
  readonly byName: ReadonlyMap<string, PageFile>;
  /** Changes with any file, so that a browser may keep files for ever. */
  readonly hash: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const HASH_CHARS = 12;

/**
 * Reads the files; undefined if they are not there, as in a bundle. A node works without its
 * page.
 */
export function readPageFiles(): PageFiles | undefined {
  const folder = fileURLToPath(new URL('page/', import.meta.url));
  const hash = createHash('sha256');
  const byName = new Map<string, PageFile>();
  for (const name of namesIn(folder)) {
    const body = readFileSync(folder + name);
    hash.update(name).update('\0').update(body);
    byName.set(name, { type: TYPES[extname(name)] ?? '', body, gzipped: gzipSync(body) });
  }
  const isWhole = byName.has('main.js') && byName.has('preact.js');
  return isWhole ? { byName, hash: hash.digest('hex').slice(0, HASH_CHARS) } : undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => extname(name) in TYPES)
      .sort();
  } catch {
    return [];
  }
}
