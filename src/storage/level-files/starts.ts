/**
 * Counts the starts of a store in a row that did not last. Damaged blocks can end the process
 * within LevelDB, by an assertion, before anything has looked at them; so after a few such starts
 * all of them are looked at before LevelDB is.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const pathOf = (root: string): string => join(root, 'starting');

/** Notes that the store is being opened; resolves with how many times in a row that has been so. */
export async function noteStart(root: string): Promise<number> {
  const before = Number(await readFile(pathOf(root), 'utf8').catch(() => '0'));
  const count = (Number.isSafeInteger(before) ? before : 0) + 1;
  const file = await open(pathOf(root), 'w');
  try {
    await file.writeFile(String(count));
    await file.sync();
  } finally {
    await file.close();
  }
  return count;
}

/** The store is closed in order, or all of it was found sound: it is not what ends the process. */
export async function forgetStarts(root: string): Promise<void> {
  await rm(pathOf(root), { force: true });
}

/** The store must be looked through at the next start. */
export async function demandLook(root: string): Promise<void> {
  for (let i = 0; i <= MAX_STARTS; i++) await noteStart(root);
}

/** So many starts in a row that did not last are no chance. */
export const MAX_STARTS = 3;
