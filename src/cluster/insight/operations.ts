/** The observer of a node's coordinator: it counts operations. */
import type { Recorder } from '../../base/recorder.ts';
import type { EndedOperation, OperationObserver } from '../coordinator/observer.ts';

/** Counts the operations of one node. */
export class Operations implements OperationObserver {
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  onEnd(ended: EndedOperation): void {
    this.#recorder.coordinated[ended.operation].observe(ended.tookMs);
    this.#recorder.hedgedReads += ended.hedges;
  }

  onConflict(): void {
    this.#recorder.conflictingReads += 1;
  }

  onRepair(replicas: number): void {
    this.#recorder.readRepairs += replicas;
  }
}
