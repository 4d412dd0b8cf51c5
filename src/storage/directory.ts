/** Makes the directory of a store. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and its parents, if they are absent. Node's own `recursive` option never ends
 * on a file system that refuses new entries with ENOENT, such as /proc.
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
    const isThere =
      (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
    if (!isThere) return error as NodeJS.ErrnoException;
  }
  return undefined;
}
