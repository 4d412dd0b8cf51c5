/** A layer over an engine. All accesses that it does not change go to the engine below. */
import type { Engine, Row, RowChange, RowReader, ScanRange, Snapshot } from './engine.ts';

/** Passes on all accesses: reads to a reader of its own, the others to the engine below. */
export abstract class EngineLayer implements Engine {
  readonly salvage: Engine['salvage'];
  protected readonly below: Engine;
  readonly #reader: RowReader;

  constructor(below: Engine, reader: RowReader, salvage = below.salvage) {
    this.below = below;
    this.salvage = salvage;
    this.#reader = reader;
  }

  abstract snapshot(): Snapshot;

  get(key: string): Uint8Array | undefined {
    return this.#reader.get(key);
  }

  scan(range: ScanRange): Promise<Row[]> {
    return this.#reader.scan(range);
  }

  keys(range: ScanRange): Promise<string[]> {
    return this.#reader.keys(range);
  }

  commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    return this.below.commit(changes, sync);
  }

  purge(from: string, to: string): Promise<void> {
    return this.below.purge(from, to);
  }

  verify(bytes: number): Promise<void> {
    return this.below.verify(bytes);
  }

  diskBytes(): Promise<number> {
    return this.below.diskBytes();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  abandon(): Promise<void> {
    return this.below.abandon();
  }

  suspect(): Promise<void> {
    return this.below.suspect();
  }
}
