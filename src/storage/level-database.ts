/** LevelDB as this store uses it: keys are text, values are views on bytes. */
import { ClassicLevel } from 'classic-level';

/** An ordered map of text to bytes in a directory. */
export type Database = ClassicLevel<string, Uint8Array>;

/** The database as it was at one moment. */
export type NativeSnapshot = ReturnType<Database['snapshot']>;

/** The memory of a database, in bytes; LevelDB's default if undefined. */
export interface DatabaseMemory {
  readonly writeBufferSize: number;
  readonly cacheSize?: number;
}

/** Opens the database in a directory. Creates it if there is none. */
export async function openDatabase(path: string, memory: DatabaseMemory): Promise<Database> {
  const database: Database = new ClassicLevel<string, Uint8Array>(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    ...memory,
  });
  await database.open();
  return database;
}

/** Removes the database in a directory. */
export const destroyDatabase = (path: string): Promise<void> => ClassicLevel.destroy(path);

/** Runs LevelDB's own repair, which makes a manifest for the tables in a directory. */
export const repairDatabase = (path: string): Promise<void> => ClassicLevel.repair(path);

/** Whether a database was not opened because another process has it open. */
export function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
}
