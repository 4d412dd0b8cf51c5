/**
 * The observer of a coordinator is told how each operation has ended, and where the time went. It
 * changes nothing.
 */
import type { Clock } from '../../base/env.ts';
import { type ErrorCode, toMecError } from '../../base/errors.ts';
import type { CoordinatedOperation } from '../../base/recorder.ts';
import type { OperationTrace } from '../../base/tracer.ts';

/** The answer of one holder, with its time since the start of the operation. */
export interface AnswerTime {
  readonly node: string;
  readonly ms: number;
}

/** An operation that has its result. */
export interface EndedOperation {
  readonly operation: CoordinatedOperation;
  readonly key: string;
  readonly tookMs: number;
  /** The answers of holders until then, in their order. */
  readonly answers: readonly AnswerTime[];
  /** Holders that were asked because others were late. */
  readonly hedges: number;
  /** Undefined if the operation did not fail. */
  readonly failed: ErrorCode | undefined;
}

/** Is told of all operations of one coordinator. */
export interface OperationObserver {
  /** Begins a trace of an operation, if the node makes traces. */
  readonly trace?: ((operation: CoordinatedOperation, key: string) => OperationTrace) | undefined;
  onEnd(ended: EndedOperation): void;
  /** A read has found more than one version. */
  onConflict(): void;
  /** A read brings stale replicas up to date. */
  onRepair(replicas: number): void;
}

/** The parts of a node that an observed operation needs. */
export interface ObservedParts {
  readonly env: { readonly clock: Pick<Clock, 'monotonicMs'> };
  readonly observer: OperationObserver;
}

/** Measures one operation. */
export class Stopwatch {
  /** Holders that were asked because others were late. */
  hedges = 0;
  readonly #parts: ObservedParts;
  readonly #operation: CoordinatedOperation;
  readonly #key: string;
  readonly #answers: AnswerTime[] = [];
  readonly #startMs: number;
  readonly #trace: OperationTrace | undefined;

  constructor(parts: ObservedParts, operation: CoordinatedOperation, key: string) {
    this.#parts = parts;
    this.#operation = operation;
    this.#key = key;
    this.#startMs = parts.env.clock.monotonicMs();
    // The present trace is that of the request. When an answer of a peer arrives, it is not.
    this.#trace = parts.observer.trace?.(operation, key);
  }

  get #elapsedMs(): number {
    return this.#parts.env.clock.monotonicMs() - this.#startMs;
  }

  /** Notes the answer of a holder. */
  note(node: string): void {
    this.#answers.push({ node, ms: this.#elapsedMs });
  }

  /** Ends the operation. */
  end(failed?: ErrorCode): void {
    const ended = {
      operation: this.#operation,
      key: this.#key,
      tookMs: this.#elapsedMs,
      answers: this.#answers,
      hedges: this.hedges,
      failed,
    };
    this.#parts.observer.onEnd(ended);
    this.#trace?.end(ended);
  }
}

/** Runs an operation, and tells the observer of its end. */
export async function observed<Result>(
  parts: ObservedParts,
  { operation, key }: { readonly operation: CoordinatedOperation; readonly key: string },
  run: () => Promise<Result>,
): Promise<Result> {
  const watch = new Stopwatch(parts, operation, key);
  try {
    const result = await run();
    watch.end();
    return result;
  } catch (error) {
    watch.end(toMecError(error).code);
    throw error;
  }
}
