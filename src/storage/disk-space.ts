/** The free space of the disk below a data directory. */
import { statfs } from 'node:fs/promises';

/** The bytes that a process may still write, and all bytes of the file system. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Reads the space of the file system that has a directory. Rejects if there is none. */
export async function readDiskSpace(directory: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(directory);
  return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
}
