/**
 * The writes that have become siblings, with the versions that their writers had not seen. It is
 * not stored with the versions, so only the latest are known, and only since the start.
 */
import type { Clock } from '../../base/env.ts';
import type { Recorder } from '../../base/recorder.ts';
import { formatDot } from '../../core/causality/dot.ts';
import type { WrittenObject } from '../../core/causality/object.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import { readContent } from '../../core/value/content.ts';
import { MAX_SIBLING_WRITES } from './limits.ts';

/** A write that has become a sibling. */
export interface SiblingWrite {
  readonly key: string;
  readonly dot: string;
  /** Whether the writer sent no token. */
  readonly wasBlind: boolean;
  /** The versions of that moment that the token did not include. */
  readonly unseen: readonly string[];
  /** The name that the writer gave itself. */
  readonly clientId?: string | undefined;
  /** By the wall clock of the node, µs since 1970. */
  readonly atMicros: number;
}

/** The latest sibling-making writes of one node. */
export class SiblingWrites {
  readonly #clock: Pick<Clock, 'wallMicros'>;
  readonly #recorder: Recorder;
  readonly #writes: SiblingWrite[] = [];

  constructor(clock: Pick<Clock, 'wallMicros'>, recorder: Recorder) {
    this.#clock = clock;
    this.#recorder = recorder;
  }

  /** Notes a write that left other versions in the object. */
  note(
    { key, token, body }: SeenWrite,
    { dot, object }: WrittenObject<Uint8Array> & { readonly dot: Dot },
  ): void {
    this.#recorder.siblingsCreated += 1;
    const others = object.versions.filter(
      ({ actor, counter }) => actor !== dot.actor || counter !== dot.counter,
    );
    this.#writes.push({
      key,
      dot: formatDot(dot),
      wasBlind: token.isEmpty,
      unseen: others.map(formatDot),
      clientId: body && readContent(body)?.clientId,
      atMicros: this.#clock.wallMicros(),
    });
    if (this.#writes.length > MAX_SIBLING_WRITES) this.#writes.shift();
  }

  /** The writes of a key, the oldest first. */
  of(key: string): SiblingWrite[] {
    return this.#writes.filter((write) => write.key === key);
  }
}

/** A write, as its writer sent it. */
interface SeenWrite {
  readonly key: string;
  readonly token: CausalContext;
  readonly body: Uint8Array | undefined;
}
