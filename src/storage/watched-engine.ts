/** An engine that tells one listener of all damage, by whichever access it is found. */
import type { MecError } from '../base/errors.ts';
import { isDamage } from './damage.ts';
import { EngineLayer } from './engine-layer.ts';
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
export class WatchedEngine extends EngineLayer {
  readonly #watch: WatchedReader;
  readonly #onDamage: OnDamage;

  constructor(engine: Engine, onDamage: OnDamage) {
    const watch = new WatchedReader(engine, onDamage);
    super(engine, watch);
    this.#watch = watch;
    this.#onDamage = onDamage;
  }

  override commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    return this.#watched(super.commit(changes, sync));
  }

  snapshot(): Snapshot {
    return new WatchedSnapshot(this.below.snapshot(), this.#onDamage);
  }

  override verify(bytes: number): Promise<void> {
    return this.#watched(super.verify(bytes));
  }

  override purge(from: string, to: string): Promise<void> {
    return this.#watched(super.purge(from, to));
  }

  async #watched(access: Promise<void>): Promise<void> {
    try {
      await access;
    } catch (error) {
      throw this.#watch.report(error);
    }
  }
}
