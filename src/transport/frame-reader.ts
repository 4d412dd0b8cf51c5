/** One side of a connection: its frames are read, and its garbage is counted. */
import type { Log } from '../base/env.ts';
import { type Frame, type FrameOptions, unpackFrame } from './frame.ts';
import { GARBAGE_LOG_LINES } from './limits.ts';

/** Reads frames from one side of a connection, and counts garbage. */
export class FrameReader {
  garbage = 0;
  readonly #log: Log;
  readonly #from: string;
  readonly #options: FrameOptions;

  constructor(log: Log, from: string, options: FrameOptions) {
    this.#log = log;
    this.#from = from;
    this.#options = options;
  }

  read(bytes: Uint8Array): Frame | undefined {
    try {
      const frame = unpackFrame(bytes, this.#options);
      if (frame.garbage > 0) this.report(frame.garbage, `${frame.garbage} messages not understood`);
      return frame;
    } catch (error) {
      this.report(1, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** Counts garbage, and logs the first of it. */
  report(count: number, reason: string): void {
    if (this.garbage < GARBAGE_LOG_LINES)
      this.#log.warn('garbage dropped', { from: this.#from, reason });
    this.garbage += count;
  }
}
