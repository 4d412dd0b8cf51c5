/** An engine that tells one listener of all damage, by whichever access it is found. */
import type { MecError } from '../base/errors.ts';
import { isDamage } from './damage.ts';
import type { Engine, Row, RowChange, RowReader, ScanRange, Snapshot } from './engine.ts';

type OnDamage = (error: MecError) => void;

class WatchedReader implements RowReader {
  readonly #reader: RowReader;
  readonly #onDamage: OnDamage;

  constructor(reader: RowReader, onDamage: OnDamage) {
    this.#reader = reader;
    this.#onDamage = onDamage;
  }

  get(key: string): Uint8Array | undefined {
    try {
      return this.#reader.get(key);
    } catch (error) {
      throw this.report(error);
    }
  }

  async scan(range: ScanRange): Promise<Row[]> {
    try {
      return await this.#reader.scan(range);
    } catch (error) {
      throw this.report(error);
    }
  }

  async keys(range: ScanRange): Promise<string[]> {
    try {
      return await this.#reader.keys(range);
    } catch (error) {
      throw this.report(error);
    }
  }

  report(error: unknown): unknown {
    if (isDamage(error)) this.#onDamage(error);
    return error;
  }
}

class WatchedSnapshot extends WatchedReader implements Snapshot {
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot, onDamage: OnDamage) {
    super(snapshot, onDamage);
    this.#snapshot = snapshot;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}

/** Passes all accesses on, and tells the listener of damage. */
export class WatchedEngine extends WatchedReader implements Engine {
  readonly #engine: Engine;
  readonly #onDamage: OnDamage;

  constructor(engine: Engine, onDamage: OnDamage) {
    super(engine, onDamage);
    this.#engine = engine;
    this.#onDamage = onDamage;
  }

  get salvage(): Engine['salvage'] {
    return this.#engine.salvage;
  }

  async commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    try {
      await this.#engine.commit(changes, sync);
    } catch (error) {
      throw this.report(error);
    }
  }

  snapshot(): Snapshot {
    return new WatchedSnapshot(this.#engine.snapshot(), this.#onDamage);
  }

  async verify(bytes: number): Promise<void> {
    try {
      await this.#engine.verify(bytes);
    } catch (error) {
      throw this.report(error);
    }
  }

  async purge(from: string, to: string): Promise<void> {
    try {
      await this.#engine.purge(from, to);
    } catch (error) {
      throw this.report(error);
    }
  }

  diskBytes(): Promise<number> {
    return this.#engine.diskBytes();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  abandon(): Promise<void> {
    return this.#engine.abandon();
  }

  suspect(): Promise<void> {
    return this.#engine.suspect();
  }
}
