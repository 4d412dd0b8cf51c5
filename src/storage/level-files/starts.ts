/**
 * Counts starts in a row that did not last. A damaged block can end the process by an assertion
 * within LevelDB, before the verification has read the block. So after a few such starts, every
 * block is examined before LevelDB opens the store.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const pathOf = (root: string): string => join(root, 'starting');

/** Counts a start. Resolves with the number of starts in a row that did not last, with this one. */
export async function countStart(root: string): Promise<number> {
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

/** Forgets the starts: the store was closed in order, or every block of it is sound. */
export async function forgetStarts(root: string): Promise<void> {
  await rm(pathOf(root), { force: true });
}

/** Makes the next start examine every block. */
export async function requestFullExamination(root: string): Promise<void> {
  for (let i = 0; i <= MAX_STARTS; i++) await countStart(root);
}

/** Starts in a row that may fail for another reason. After more, every block is examined. */
export const MAX_STARTS = 3;
