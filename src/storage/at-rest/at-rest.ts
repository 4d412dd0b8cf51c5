/** The data keys of a store, and the file in which they are kept. */
import type { DataKeys } from './data-keys.ts';

/** How a store is encrypted. */
export interface AtRest {
  readonly keys: DataKeys;
  /** Makes sure that the keys are on the disk, durably, before they seal a record. */
  keep(): Promise<void>;
  /** Drops the keys before a generation: no record needs them any more. */
  dropBefore(generation: number): Promise<void>;
}
