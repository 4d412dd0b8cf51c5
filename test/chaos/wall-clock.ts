/**
 * A separate wall clock for a process, which can jump while the process runs. The monotonic clock
 * is not affected.
 */
import { writeFile } from 'node:fs/promises';
import { FAKETIME_LIBRARY } from './requirements.ts';

/** The clock of one node. */
export class WallClock {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The environment of the process. It follows a jump within a second. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: FAKETIME_LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** Sets the seconds by which the clock is ahead; negative if it is behind. */
  async jump(seconds: number): Promise<void> {
    await writeFile(this.#file, seconds < 0 ? `${seconds}` : `+${seconds}`);
  }
}
