/** Traces as an interface. A node without a tracer makes none, and pays nothing for them. */

/** An answer within a traced operation. */
export interface TracedAnswer {
  readonly node: string;
  /** The time since the start of the operation. */
  readonly ms: number;
}

/** The end of a traced operation. */
export interface TracedEnd {
  readonly tookMs: number;
  readonly answers: readonly TracedAnswer[];
  readonly hedges: number;
  /** The code of the error; undefined if there was none. */
  readonly failed: string | undefined;
}

/** An operation in progress, as a part of a trace. */
export interface OperationTrace {
  end(end: TracedEnd): void;
}

/** The headers of a request, by their names in lower case. */
export type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Makes the traces of a node. */
export interface Tracer {
  /** Runs a function as a part of the trace that the headers of a request name. */
  within<Result>(headers: TraceHeaders, run: () => Result): Result;
  /** Begins an operation as a part of the present trace. */
  begin(operation: string, partition: number): OperationTrace;
}
