/** The observer of a node's coordinator: it counts operations, and keeps the slow ones. */
import type { Recorder } from '../../base/recorder.ts';
import type { Tracer } from '../../base/tracer.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { EndedOperation, OperationObserver } from '../coordinator/observer.ts';
import type { SlowOperations } from './slow.ts';

/** Counts and traces the operations of one node. */
export class Operations implements OperationObserver {
  readonly #recorder: Recorder;
  readonly #slow: SlowOperations;

  readonly trace: OperationObserver['trace'];

  constructor(recorder: Recorder, slow: SlowOperations, tracer?: Tracer) {
    this.#recorder = recorder;
    this.#slow = slow;
    this.trace = tracer && ((operation, key) => tracer.begin(operation, partitionOf(key)));
  }

  onEnd(ended: EndedOperation): void {
    this.#recorder.coordinated[ended.operation].observe(ended.tookMs);
    this.#recorder.hedgedReads += ended.hedges;
    this.#slow.note(ended);
  }

  onConflict(): void {
    this.#recorder.conflictingReads += 1;
  }

  onRepair(replicas: number): void {
    this.#recorder.readRepairs += replicas;
  }
}
