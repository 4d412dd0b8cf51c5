/**
 * A quorum read. It first asks this node's own replica and the best peers. It asks other peers only
 * if one is late or fails, or if the answers differ. The caller gets its answer with the R-th
 * reply, and at its deadline at the latest. After that, stale replicas are repaired.
 */
import type { Clock, Log, Timer } from '../../base/env.ts';
import { MAX_RECEIVED_ACTORS, OWNER_CHANGE_RETRY_MS } from '../limits.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import { type FilledObject, type ObjectVersion, readToken } from '../../core/causality/object.ts';
import { type Role, roleIn } from '../../core/quorum/owner-quorum.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';
import { ReadQuorum } from '../../core/quorum/read-quorum.ts';
import type { Holder, KeyState, OnBehalf } from '../holders/holder.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Policies } from '../policies.ts';
import { type ObservedParts, Stopwatch } from './observer.ts';
import type { WallTime } from '../wall-time.ts';

/** The parts of a node that a read needs. */
export interface GetParts extends ObservedParts {
  readonly env: { readonly clock: Pick<Clock, 'after' | 'monotonicMs'>; readonly log: Log };
  readonly holders: Pick<
    Holders,
    'placeOf' | 'viewOf' | 'others' | 'pendingOf' | 'of' | 'counts' | 'isAway' | 'hedgeMs'
  > & {
    readonly own: Holder;
  };
  readonly partitions: Pick<Partitions, 'of'>;
  readonly policies: Policies;
  readonly time: Pick<WallTime, 'nowMicros'>;
}

/** A read as a client asks for it. */
export interface GetRequest extends OnBehalf {
  readonly key: string;
  readonly r: Quorum;
  /** The number of answers that must come from owners, and not from fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly timeoutMs: number;
  /** Dots of this key that the answer must include, even if the quorum is met without them. */
  readonly seen?: readonly Dot[] | undefined;
  /** The versions that the reader has seen gone. They are not shown again. */
  readonly gone?: CausalContext | undefined;
}

/** A key as a quorum of replicas knows it. */
export interface GetResult {
  readonly object: FilledObject<Uint8Array>;
  /** The versions that a reader sees. */
  readonly versions: readonly ObjectVersion<Uint8Array>[];
  /** The token for the reader. */
  readonly token: CausalContext;
}

/**
 * Reads a key from R of its holders. Rejects with `quorum-not-met`, `timeout` or `damaged`, or with
 * `behind` if no answer includes a dot of `seen`.
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
  readonly #watch: Stopwatch;
  readonly #place: KeyPlace;
  readonly #quorum: ReadQuorum<Uint8Array>;
  /** The latest hash of the owners that the read counts. */
  #ownersHash: number;
  readonly #unasked: Holder[];
  /** The versions of this node's own replica. Peers need not send their bodies. */
  #ownVersions: readonly ObjectVersion<Uint8Array>[] = [];
  #retryTimer: Timer | undefined;
  #deadline: Timer | undefined;
  /** The members that have been asked. */
  readonly #asked: string[] = [];
  /** The members of other sets of owners that a node has named. */
  #namedOwners: ReadonlySet<string> | undefined;
  /** Whether a complete owner has answered. */
  #hasOwnerAnswered = false;
  #isAsking = false;
  #isAnswered = false;

  constructor(parts: GetParts, request: GetRequest, outcome: GetCallbacks) {
    this.#parts = parts;
    this.#request = request;
    this.#outcome = outcome;
    this.#watch = new Stopwatch(parts, 'read', request.key);
    const { holders } = parts;
    this.#place = holders.placeOf(request.key);
    this.#ownersHash = this.#place.view.hash;
    const { r, pr } = request;
    this.#quorum = new ReadQuorum({ any: r, owners: pr }, this.#place.view, holders.isAway);
    const { need, needOwners } = this.#quorum.tally;
    const others = holders.others(this.#place, { wanted: need, wantedOwners: needOwners });
    // If too few others can be reached, a node that does not own the key is a fallback.
    const own = this.#place.isOwner || others.length < need ? [holders.own] : [];
    // Pending owners come last: they count only for the next owners, and only if complete.
    this.#unasked = [...own, ...others, ...holders.pendingOf(this.#place)];
  }

  start(): void {
    this.#settle();
    if (this.#isAnswered) return;
    this.#deadline = this.#parts.env.clock.after(this.#request.timeoutMs, () => {
      this.#quorum.timeOut();
      this.#answer();
    });
  }

  #askNext(): boolean {
    const holder = this.#unasked.shift();
    if (holder !== undefined) this.#ask(holder);
    return holder !== undefined;
  }

  #ask(holder: Holder, role = this.#roleOf(holder)): void {
    this.#quorum.ask(holder.id, role);
    this.#asked.push(holder.id);
    this.#send(holder, role);
  }

  #send(holder: Holder, role: Role): void {
    const { key, timeoutMs, caller } = this.#request;
    const { partition } = this.#place;
    // This node may have heard of an end, or of other owners. A holder that knows those must name
    // them, since the read does not count them yet.
    const now = this.#parts.holders.viewOf(partition);
    if (this.#quorum.isView(now)) this.#ownersHash = now.hash;
    const read = {
      partition,
      key,
      have: this.#ownVersions,
      timeoutMs,
      ownersHash: this.#ownersHash,
      caller,
    };
    holder.read(read, (answer) => {
      this.#watch.note(holder.id);
      if (answer instanceof MecError) this.#handleFailure(holder, answer, role);
      else this.#handleAnswer(holder, answer, role);
    });
  }

  #handleAnswer(holder: Holder, { object, isComplete, owners }: KeyState, role: Role): void {
    const { env, holders } = this.#parts;
    if (holder === holders.own) this.#ownVersions = object.versions;
    // If a node names the very owners of the reader, one of both has missed the end of a member.
    // That member may have been an owner in between. Both soon know the same.
    if (owners !== undefined && this.#quorum.isView(owners)) {
      env.clock.after(OWNER_CHANGE_RETRY_MS, () => {
        if (!this.#isAnswered) this.#send(holder, role);
      });
      return this.#settle();
    }
    const counts = holders.counts(this.#place, holder, isComplete);
    this.#addNamedOwners(this.#quorum.add(holder.id, object, { role, counts, isComplete, owners }));
    this.#hasOwnerAnswered ||= role === 'owner' && isComplete;
    this.#settle();
  }

  /** Owners that another node has named may be asked as well. */
  #addNamedOwners(named: ReadonlySet<string> | undefined): void {
    if (named === undefined || this.#isAnswered) return;
    this.#namedOwners = named;
    const known = [...this.#asked, ...this.#unasked.map(({ id }) => id)];
    for (const id of named) {
      const holder = known.includes(id) ? undefined : this.#parts.holders.of(id);
      if (holder !== undefined) this.#unasked.push(holder);
    }
  }

  #roleOf({ id }: Holder): Role {
    const role = roleIn(this.#place.view, id);
    return role === 'fallback' && this.#namedOwners?.has(id) === true ? 'pending owner' : role;
  }

  #handleFailure(holder: Holder, error: MecError, role: Role): void {
    const { holders, env } = this.#parts;
    if (holder === holders.own && error.code !== 'damaged') {
      env.log.error('own replica not read', { reason: messageOf(error) });
    }
    this.#quorum.fail(holder.id, error.code, role);
    this.#settle();
  }

  /**
   * Asks more holders if those that were asked cannot be enough. So as long as the read waits, an
   * answer is on its way, or a timer is set.
   */
  #settle(): void {
    // A holder may answer in the turn in which it is asked.
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (!this.#isAnswered && this.#isShort && this.#askNext());
    this.#isAsking = false;
    if (this.#isAnswered) this.#repairStale();
    else if (this.#isWaiting) this.#retryLater();
    else this.#answer();
  }

  get #isShort(): boolean {
    return this.#quorum.isShort || (this.#quorum.unanswered === 0 && this.#isDoubtful);
  }

  get #isWaiting(): boolean {
    const verdict = this.#quorum.verdict();
    const canLearnMore = this.#isDoubtful && this.#quorum.unanswered > 0;
    return verdict === 'waiting' || (verdict === 'met' && canLearnMore);
  }

  /** Whether the reader cannot be answered with the replies so far, even if they are a quorum. */
  get #isDoubtful(): boolean {
    return this.#isBlind || !this.#includesSeen();
  }

  /** Whether only fallbacks have answered, and found no value. The owners may have one. */
  get #isBlind(): boolean {
    return this.#quorum.merged?.versions.length === 0 && !this.#hasOwnerAnswered;
  }

  /**
   * Asks one more holder if the answers are later than usual. If only other sets of owners lack
   * answers, also asks those again whose failure may have passed.
   */
  #retryLater(): void {
    const { env, holders } = this.#parts;
    const { tally } = this.#quorum;
    const hasMore = this.#unasked.length > 0;
    if (!hasMore && tally.verdict() !== 'met') return;
    const pauseMs = hasMore ? holders.hedgeMs : OWNER_CHANGE_RETRY_MS;
    this.#retryTimer ??= env.clock.after(pauseMs, () => {
      this.#retryTimer = undefined;
      const failed = tally.verdict() === 'met' ? this.#quorum.takeFailed() : [];
      for (const id of failed) {
        const holder = holders.of(id);
        if (holder !== undefined) this.#ask(holder, 'pending owner');
      }
      this.#watch.hedges += Number(this.#askNext());
      this.#settle();
    });
  }

  #answer(): void {
    this.#isAnswered = true;
    this.#retryTimer?.cancel();
    this.#deadline?.cancel();
    const { merged } = this.#quorum;
    const isMet = this.#quorum.verdict() === 'met';
    if (isMet && !this.#includesSeen())
      return this.#reject(new MecError('behind', { retryAfter: 1 }));
    if (!isMet || merged === undefined || this.#isBlind) {
      return this.#reject(this.#quorum.readError('The value may exist; it could not be read.'));
    }
    const result = this.#result(merged);
    this.#watch.end();
    if (result.versions.length > 1) this.#parts.observer.onConflict();
    this.#outcome.resolve(result);
    this.#repairStale();
  }

  #reject(error: MecError): void {
    this.#watch.end(error.code);
    this.#outcome.reject(error);
  }

  #result(object: FilledObject<Uint8Array>): GetResult {
    const { policies, time, partitions } = this.#parts;
    const { key, seen = [], gone } = this.#request;
    // A stale replica may still hold versions that the reader has seen gone. They must not return.
    const there = object.versions.filter(
      ({ actor, counter }) => gone?.has(actor, counter) !== true,
    );
    const versions = policies.visible(key, there, () => time.nowMicros(this.#place.owners));
    const view = partitions.of(this.#place.partition);
    const token = readToken(object, (actor) => view.isDead(actor), MAX_RECEIVED_ACTORS);
    // The token of a 404 includes all versions that the reader knows to be gone, now and earlier.
    if (versions.length === 0) {
      for (const { actor, counter } of seen) token.add(actor, counter);
      if (gone !== undefined) token.join(gone);
    }
    return { object, versions, token };
  }

  /** Whether the replies so far include all that the reader has seen, or its replacements. */
  #includesSeen(): boolean {
    const context = this.#quorum.merged?.context;
    return (this.#request.seen ?? []).every(
      ({ actor, counter }) => context?.has(actor, counter) === true,
    );
  }

  /**
   * Repairs stale replicas when all holders that were asked have answered. If the answers differ,
   * the remaining holders are asked first. Then every stale replica gets the merged object.
   */
  #repairStale(): void {
    const { merged } = this.#quorum;
    if (this.#quorum.unanswered > 0 || merged === undefined) return;
    const stale = this.#quorum.stale();
    if (stale.length === 0) return;
    if (this.#unasked.length > 0) {
      while (this.#askNext());
      return;
    }
    const { holders, observer } = this.#parts;
    observer.onRepair(stale.length);
    const item = {
      partition: this.#place.partition,
      key: this.#request.key,
      object: merged,
      dots: [],
    };
    for (const member of stale) holders.of(member)?.repair(item, this.#request.timeoutMs);
  }
}
