/**
 * Opens the engine on LevelDB. In the data directory, `leveldb` is LevelDB's own directory and
 * `lock` keeps other processes from it. `starting` counts starts that did not last.
 * `leveldb-damaged-1` and so on keep the files of damaged stores as they were.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { isDamage, toDiskError } from './damage.ts';
import { makeDirectory } from './directory.ts';
import type { Engine } from './engine.ts';
import {
  type Database,
  destroyDatabase,
  isLocked,
  openDatabase,
  repairDatabase,
} from './level-database.ts';
import { LevelEngine } from './level-engine.ts';
import { salvageStore } from './level-files/salvage.ts';
import { countStart, MAX_STARTS } from './level-files/starts.ts';
import { LEVEL_CACHE_BYTES, LEVEL_WRITE_BUFFER_BYTES, LOCK_BUFFER_BYTES } from './limits.ts';

/** How an engine is opened. */
export interface LevelOptions {
  /** Called with a sentence for the log. */
  readonly onRemark?: ((remark: string) => void) | undefined;
}

/**
 * Opens the LevelDB store in a directory. Creates it if there is none, and mends it if it is
 * damaged.
 */
export async function openLevelEngine(
  root: string,
  { onRemark = () => {} }: LevelOptions = {},
): Promise<Engine> {
  await makeRoot(root);
  const lock = await takeLock(root);
  try {
    const isSuspect = (await countStart(root)) > MAX_STARTS;
    // If LevelDB finds damage that a quick look has missed, a thorough look finds it.
    return await tryOpen(root, { lock, isThorough: isSuspect, onRemark }).catch(
      async (error: unknown) => {
        if (isSuspect || !isDamage(toDiskError(error))) throw error;
        return tryOpen(root, { lock, isThorough: true, onRemark });
      },
    );
  } catch (error) {
    await lock.close();
    throw new StartError(whyNotOpen(root, error), { cause: error });
  }
}

interface Attempt {
  readonly lock: Database;
  readonly isThorough: boolean;
  readonly onRemark: (remark: string) => void;
}

async function tryOpen(root: string, { lock, isThorough, onRemark }: Attempt): Promise<Engine> {
  const salvage = await salvageStore({ root, isThorough, repair: repairDatabase, onRemark });
  const memory = { writeBufferSize: LEVEL_WRITE_BUFFER_BYTES, cacheSize: LEVEL_CACHE_BYTES };
  const database = await openDatabase(join(root, 'leveldb'), memory);
  return new LevelEngine(root, { database, lock, salvage });
}

/**
 * LevelDB locks a store only when it opens it. This node examines and mends the files before that,
 * and no other process may have them open. So an empty database next to the store is the lock.
 */
async function takeLock(root: string): Promise<Database> {
  const path = join(root, 'lock');
  const memory = { writeBufferSize: LOCK_BUFFER_BYTES };
  try {
    return await openDatabase(path, memory);
  } catch (error) {
    if (isLocked(error)) throw new StartError(whyNotOpen(root, error), { cause: error });
    // The lock has no rows, so nothing is lost.
    await destroyDatabase(path);
    return openDatabase(path, memory).catch((again: unknown) => {
      throw new StartError(whyNotOpen(root, again), { cause: again });
    });
  }
}

async function makeRoot(root: string): Promise<void> {
  try {
    await makeDirectory(root);
    // LevelDB reports a directory that cannot be written late, and as an I/O error without a path.
    const probe = await open(join(root, '.probe'), 'w');
    await probe.close();
    await rm(join(root, '.probe'));
  } catch (error) {
    throw new StartError(`The data directory ${root} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function whyNotOpen(root: string, error: unknown): string {
  if (isLocked(error)) return `The data directory ${root} is in use by another process`;
  return `The store in ${root} cannot be opened: ${messageOf(error)}`;
}
