/**
 * The audit: a line for each request that was refused for want of rights, and for each change of an
 * operator. A line has no key, but a hash of it, and no secret.
 */
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { sha256Of } from '../base/sha256.ts';
import { microsToIso } from '../base/system.ts';
import { AUDIT_LINES_PER_SECOND, MAX_AUDIT_ADDRESSES } from './limits.ts';

/** Takes the lines. */
export interface AuditSink {
  /** Appends a line, which the operating system has when this returns. Throws if it cannot. */
  append(line: string): void;
}

/** A request, as the audit names it. */
export interface AuditEntry {
  readonly node: string;
  /** The name of the identity; undefined if the request has proved none. */
  readonly identity: string | undefined;
  readonly address: string;
  readonly method: string;
  /** The path, whose last part may be a key. */
  readonly path: string;
  readonly outcome: string;
}

/** Writes the audit of one node. */
export class Audit {
  readonly #sink: AuditSink;
  readonly #clock: Pick<Clock, 'wallMicros' | 'monotonicMs'>;
  /** The refusals of each address in the second that began at a time. */
  readonly #refusals = new Map<string, number>();
  #secondMs = -Infinity;

  constructor(sink: AuditSink, clock: Pick<Clock, 'wallMicros' | 'monotonicMs'>) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Notes a refused request. Of one address, the first of each second have lines. */
  noteRefusal(entry: AuditEntry): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#secondMs >= 1000) {
      this.#noteSkipped(entry.node);
      this.#secondMs = nowMs;
    }
    const { address } = entry;
    const key = this.#refusals.size < MAX_AUDIT_ADDRESSES ? address : '';
    const count = (this.#refusals.get(key) ?? 0) + 1;
    this.#refusals.set(key, count);
    if (count > AUDIT_LINES_PER_SECOND) return;
    try {
      this.#append(entry);
    } catch {
      // Data goes on without an audit. The changes of operators do not.
    }
  }

  /** A line for the refusals without lines of the last second in which there were any. */
  #noteSkipped(node: string): void {
    const skipped = [...this.#refusals.values()].reduce(
      (sum, count) => sum + Math.max(0, count - AUDIT_LINES_PER_SECOND),
      0,
    );
    this.#refusals.clear();
    if (skipped === 0) return;
    const all = { node, identity: undefined, address: '', method: '', path: '' };
    try {
      this.#append({ ...all, outcome: `${skipped} more refused` });
    } catch {
      // As above.
    }
  }

  /** Notes a change of an operator. Throws `disk-failed` if it cannot: no change is unseen. */
  noteChange(entry: AuditEntry): void {
    try {
      this.#append(entry);
    } catch (error) {
      const detail = 'The audit cannot be written, so operators can change nothing.';
      throw new MecError('disk-failed', { detail, mayTakeEffect: false }, error);
    }
  }

  #append({ path, ...entry }: AuditEntry): void {
    const time = microsToIso(this.#clock.wallMicros());
    this.#sink.append(`${JSON.stringify({ time, ...entry, path: withoutKey(path) })}\n`);
  }
}

/** The path of a route for keys, with the hash of the key in place of the key. */
function withoutKey(path: string): string {
  const [, route, key] = /^(\/mec\/|\/cluster\/(?:locate|ring|explain)\/)(.+)$/.exec(path) ?? [];
  return route === undefined || key === undefined
    ? path.slice(0, 256)
    : `${route}#${sha256Of(key).slice(0, 16)}`;
}
