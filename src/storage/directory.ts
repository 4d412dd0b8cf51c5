/** Directories of a store. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it, if they are not there. Not by Node's own `recursive`: that never
 * ends where a file system refuses new entries with ENOENT, as /proc does.
 */
export async function makeDirectory(path: string): Promise<void> {
  const error = await tryToMake(path);
  if (error === undefined) return;
  if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
  await makeDirectory(dirname(path));
  const again = await tryToMake(path);
  if (again !== undefined) throw again;
}

async function tryToMake(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
    if (!isThere) return error as NodeJS.ErrnoException;
  }
  return undefined;
}
