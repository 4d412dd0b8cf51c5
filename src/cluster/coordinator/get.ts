/**
 * A quorum read. The node's own replica and the best peers are asked first, the others only if one
 * is late or the answers differ. The caller has its answer with the R-th reply; replicas found
 * stale are mended after that.
 */
import type { Clock, Log, Timer } from '../../base/env.ts';
import { MAX_BROUGHT_ACTORS } from '../limits.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import { type FilledObject, readToken, type ObjectVersion } from '../../core/causality/object.ts';
import { type Quorum, quorumSize } from '../../core/quorum/quorum.ts';
import { ReadQuorum } from '../../core/quorum/read-quorum.ts';
import type { Holder, KeyState, OnBehalf } from '../holders/holder.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Policies } from '../policies.ts';
import type { WallTime } from '../wall-time.ts';

/** The parts of a node that a read needs. */
export interface GetParts {
  readonly env: { readonly clock: Pick<Clock, 'after'>; readonly log: Log };
  readonly holders: Pick<Holders, 'placeOf' | 'others' | 'of' | 'counts' | 'hedgeMs'> & {
    readonly own: Holder;
  };
  readonly partitions: Pick<Partitions, 'of'>;
  readonly policies: Policies;
  readonly time: Pick<WallTime, 'nowMicros'>;
}

/** What to read. */
export interface GetRequest extends OnBehalf {
  readonly key: string;
  readonly r: Quorum;
  /** How many of them must be owners, and not fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly timeoutMs: number;
  /** Dots of this key that the answer must know about, whatever the quorum says. */
  readonly seen?: readonly Dot[] | undefined;
  /** What the reader has seen gone: versions that it covers are not shown. */
  readonly gone?: CausalContext | undefined;
}

/** What a quorum of replicas knows of a key. */
export interface GetResult {
  readonly object: FilledObject<Uint8Array>;
  /** Those of its versions that a reader sees. */
  readonly versions: readonly ObjectVersion<Uint8Array>[];
  /** The token for the reader. */
  readonly token: CausalContext;
}

/**
 * Reads a key from R of its owners; rejects with `quorum-not-met`, `timeout`, or `behind` if none
 * of them knows a dot of `seen`.
 */
export function get(parts: GetParts, request: GetRequest): Promise<GetResult> {
  return new Promise((resolve, reject) => new Get(parts, request, { resolve, reject }).start());
}

interface GetCallbacks {
  readonly resolve: (result: GetResult) => void;
  readonly reject: (error: MecError) => void;
}

class Get {
  readonly #parts: GetParts;
  readonly #request: GetRequest;
  readonly #outcome: GetCallbacks;
  readonly #place: KeyPlace;
  readonly #fold: ReadQuorum<Uint8Array>;
  readonly #unasked: Holder[];
  /** The versions that this node's own replica has told: peers need not send their bodies. */
  #have: readonly ObjectVersion<Uint8Array>[] = [];
  #hedge: Timer | undefined;
  /** Whether a complete owner has answered: fallbacks alone cannot know that there is nothing. */
  #sawOwner = false;
  #isStarted = false;
  #isAnswered = false;

  constructor(parts: GetParts, request: GetRequest, outcome: GetCallbacks) {
    this.#parts = parts;
    this.#request = request;
    this.#outcome = outcome;
    const { holders } = parts;
    this.#place = holders.placeOf(request.key);
    const { length } = this.#place.owners;
    const wantedOwners = request.pr === undefined ? 0 : quorumSize(request.pr, length);
    this.#fold = new ReadQuorum(quorumSize(request.r, length), wantedOwners);
    this.#unasked = holders.others(this.#place, { wanted: this.#fold.tally.need, wantedOwners });
  }

  start(): void {
    const { tally } = this.#fold;
    // A node that does not own the key is a fallback too, if there are too few others.
    if (this.#place.isOwner || this.#unasked.length < tally.need)
      this.#ask(this.#parts.holders.own);
    while (tally.isShort && this.#askNext());
    this.#isStarted = true;
    this.#settle();
    if (!this.#isAnswered) this.#hedgeLater();
  }

  #askNext(): boolean {
    const holder = this.#unasked.shift();
    if (holder !== undefined) this.#ask(holder);
    return holder !== undefined;
  }

  #ask(holder: Holder): void {
    const { key, timeoutMs, caller } = this.#request;
    const { partition } = this.#place;
    const isOwner = this.#isOwner(holder);
    this.#fold.tally.ask(isOwner);
    holder.read({ partition, key, have: this.#have, timeoutMs, caller }, (answer) => {
      if (answer instanceof MecError) this.#failed(holder, answer, isOwner);
      else this.#answered(holder, answer, isOwner);
    });
  }

  #answered(holder: Holder, { object, isComplete }: KeyState, isOwner: boolean): void {
    const { holders } = this.#parts;
    if (holder === holders.own) this.#have = object.versions;
    this.#fold.add(holder.id, object, {
      counts: holders.counts(this.#place, holder, isComplete),
      isOwner,
    });
    if (isOwner && !isComplete && !this.#isAnswered) this.#askNext();
    this.#sawOwner ||= isOwner && isComplete;
    this.#settle();
  }

  #isOwner({ id }: Holder): boolean {
    return this.#place.owners.includes(id);
  }

  #failed(holder: Holder, error: MecError, isOwner: boolean): void {
    const { holders, env } = this.#parts;
    if (holder === holders.own && error.code !== 'damaged') {
      env.log.error('own replica not read', { reason: messageOf(error) });
    }
    this.#fold.fail(error.code, isOwner);
    // A replica that says no at once is worth another at once.
    if (!this.#isAnswered) this.#askNext();
    this.#settle();
  }

  #hedgeLater(): void {
    if (this.#unasked.length === 0) return;
    const { env, holders } = this.#parts;
    this.#hedge = env.clock.after(holders.hedgeMs, () => {
      if (!this.#isAnswered && this.#askNext()) this.#hedgeLater();
    });
  }

  #unaskedOwners(): number {
    if (this.#fold.tally.needOwners === 0) return 0;
    return this.#unasked.filter((holder) => this.#isOwner(holder)).length;
  }

  #settle(): void {
    if (!this.#isStarted) return;
    if (this.#isAnswered) return this.#mend();
    const verdict = this.#fold.verdict(this.#unasked.length, this.#unaskedOwners());
    const isBehind = verdict === 'met' && !this.#hasSeen();
    if (verdict === 'waiting' || (isBehind && (this.#askNext() || this.#fold.tally.unanswered > 0)))
      return;
    this.#isAnswered = true;
    this.#hedge?.cancel();
    if (isBehind) return this.#outcome.reject(new MecError('behind', { retryAfter: 1 }));
    const { merged } = this.#fold;
    const isBlind = merged !== undefined && merged.versions.length === 0 && !this.#sawOwner;
    if (verdict === 'failed' || merged === undefined || isBlind) {
      return this.#outcome.reject(
        this.#fold.tally.readError('The value may exist; it could not be read.'),
      );
    }
    this.#outcome.resolve(this.#result(merged));
    this.#mend();
  }

  #result(object: FilledObject<Uint8Array>): GetResult {
    const { policies, time, partitions } = this.#parts;
    const { key, seen = [], gone } = this.#request;
    // A replica that was behind may still hold what the reader has seen gone, which never comes
    // back.
    const there = object.versions.filter(
      ({ actor, counter }) => gone?.has(actor, counter) !== true,
    );
    const versions = policies.visible(key, there, () => time.nowMicros(this.#place.owners));
    const view = partitions.of(this.#place.partition);
    const token = readToken(object, (actor) => view.isDead(actor), MAX_BROUGHT_ACTORS);
    // The token of a 404 stands for all that the reader knows to be gone, now and before.
    if (versions.length === 0) {
      for (const { actor, counter } of seen) token.add(actor, counter);
      if (gone !== undefined) token.join(gone);
    }
    return { object, versions, token };
  }

  /** Whether the replies so far know all that the reader has seen, or what has replaced it. */
  #hasSeen(): boolean {
    const context = this.#fold.merged?.context;
    return (this.#request.seen ?? []).every(
      ({ actor, counter }) => context?.has(actor, counter) === true,
    );
  }

  /**
   * Once all have answered: if they differ, asks the rest, then brings every stale replica up to
   * the merged object.
   */
  #mend(): void {
    const { merged } = this.#fold;
    if (this.#fold.tally.unanswered > 0 || merged === undefined) return;
    const stale = this.#fold.stale();
    if (stale.length === 0) return;
    if (this.#unasked.length > 0) {
      while (this.#askNext());
      return;
    }
    const { holders } = this.#parts;
    const item = {
      partition: this.#place.partition,
      key: this.#request.key,
      object: merged,
      dots: [],
    };
    for (const member of stale) holders.of(member)?.repair(item, this.#request.timeoutMs);
  }
}
