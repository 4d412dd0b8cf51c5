/**
 * A quorum read. The node's own replica and the best peers are asked first, the others only when someone is late or the
 * answers differ. The caller has its answer with the R-th reply; replicas found stale are mended after that.
 */
import type { Timer } from '../../base/env.ts';
import { MecError, messageOf, toMecError } from '../../base/errors.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import { type FilledObject, readToken, type ObjectVersion } from '../../core/causality/object.ts';
import { type Quorum, quorumSize } from '../../core/quorum/quorum.ts';
import { ReadQuorum } from '../../core/quorum/read-quorum.ts';
import type { ReadReply } from '../../transport/message.ts';
import type { Peer } from '../membership/peers.ts';
import type { PartitionView } from '../partitions/partition-view.ts';
import { peersToAsk, type KeyPlace, placeOf, type Scope } from './scope.ts';

/** What to read. */
export interface GetRequest {
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
 * Reads a key from R of its owners; rejects with `quorum-not-met`, `timeout`, or `behind` where
 * nobody knows a dot of `seen`.
 */
export function get(scope: Scope, request: GetRequest): Promise<GetResult> {
  return new Promise((resolve, reject) => new Get(scope, request, { resolve, reject }).start());
}

interface GetCallbacks {
  readonly resolve: (result: GetResult) => void;
  readonly reject: (error: MecError) => void;
}

class Get {
  readonly #scope: Scope;
  readonly #request: GetRequest;
  readonly #outcome: GetCallbacks;
  readonly #place: KeyPlace;
  readonly #view: PartitionView;
  readonly #fold: ReadQuorum<Uint8Array>;
  readonly #unasked: Peer[];
  #own: FilledObject<Uint8Array> | undefined;
  #hedge: Timer | undefined;
  /** Whether a complete owner has answered: fallbacks alone cannot know that there is nothing. */
  #sawOwner = false;
  #isAnswered = false;

  constructor(scope: Scope, request: GetRequest, outcome: GetCallbacks) {
    this.#scope = scope;
    this.#request = request;
    this.#outcome = outcome;
    this.#place = placeOf(scope, request.key);
    this.#view = scope.partitions.of(this.#place.partition);
    const { length } = this.#place.owners;
    const wantedOwners = request.pr === undefined ? 0 : quorumSize(request.pr, length);
    this.#fold = new ReadQuorum(quorumSize(request.r, length), wantedOwners);
    this.#unasked = peersToAsk(scope, this.#place, { wanted: this.#fold.tally.need, wantedOwners });
  }

  start(): void {
    const { tally } = this.#fold;
    // A node that does not own the key is a fallback too, if there are too few others.
    if (this.#place.isOwner || this.#unasked.length < tally.need) this.#readOwn();
    while (tally.isShort && this.#askNext());
    this.#settle();
    if (!this.#isAnswered) this.#hedgeLater();
  }

  #readOwn(): void {
    this.#fold.tally.ask(this.#place.isOwner);
    let isNow = true;
    this.#view.whenConfirmed(() => {
      this.#addOwn();
      if (!isNow) this.#settle();
    });
    isNow = false;
  }

  #addOwn(): void {
    const { members, store } = this.#scope;
    const { isOwner } = this.#place;
    try {
      const replica = store.of(this.#place.partition);
      this.#view.observe(replica.actor);
      this.#own = replica.readWhole(this.#request.key);
      // One that is still joining may have lost what it held before: it is no fallback either.
      const counts = isOwner ? replica.isComplete : !members.holds(this.#place.partition);
      this.#fold.add(members.self, this.#own, { counts, isOwner });
      this.#sawOwner ||= replica.isComplete && isOwner;
    } catch (error) {
      const { code } = toMecError(error);
      if (code !== 'damaged') this.#scope.env.log.error('own replica not read', { reason: messageOf(error) });
      this.#fold.fail(code, isOwner);
    }
  }

  #askNext(): boolean {
    const peer = this.#unasked.shift();
    if (peer === undefined) return false;
    const { env, peers } = this.#scope;
    const have = this.#own?.versions ?? [];
    const sentMs = env.clock.monotonicMs();
    this.#fold.tally.ask(this.#isOwner(peer));
    const floors = this.#view.floorNames;
    peer.data.request({ kind: 'read', key: this.#request.key, have, floors }, this.#request.timeoutMs, (reply) => {
      if (reply instanceof MecError) this.#failed(peer, reply);
      else if (reply.kind === 'object') {
        peers.answered(peer, env.clock.monotonicMs() - sentMs);
        this.#answered(peer, reply);
      } else this.#failed(peer, new MecError(reply.kind === 'failed' ? reply.code : 'internal'));
    });
    return true;
  }

  #answered(peer: Peer, reply: ReadReply): void {
    const versions = withBodies(reply.versions, this.#own?.versions ?? []);
    if (versions === undefined) return this.#failed(peer, new MecError('internal'));
    this.#view.observe(reply.actor);
    const isOwner = this.#isOwner(peer);
    const counts = isOwner ? reply.isComplete : true;
    this.#fold.add(peer.id, { versions, context: reply.context }, { counts, isOwner });
    if (isOwner && !reply.isComplete && !this.#isAnswered) this.#askNext();
    this.#sawOwner ||= isOwner && reply.isComplete;
    this.#settle();
  }

  #isOwner(peer: Peer): boolean {
    return this.#place.owners.includes(peer.id);
  }

  #failed(peer: Peer, error: MecError): void {
    this.#fold.fail(error.code, this.#isOwner(peer));
    // A replica that says no at once is worth another at once.
    if (!this.#isAnswered) this.#askNext();
    this.#settle();
  }

  #hedgeLater(): void {
    if (this.#unasked.length === 0) return;
    this.#hedge = this.#scope.env.clock.after(this.#scope.peers.hedgeMs, () => {
      if (!this.#isAnswered && this.#askNext()) this.#hedgeLater();
    });
  }

  #unaskedOwners(): number {
    if (this.#fold.tally.needOwners === 0) return 0;
    return this.#unasked.filter((peer) => this.#isOwner(peer)).length;
  }

  #settle(): void {
    if (this.#isAnswered) return this.#mend();
    const verdict = this.#fold.verdict(this.#unasked.length, this.#unaskedOwners());
    const isBehind = verdict === 'met' && !this.#hasSeen();
    if (verdict === 'waiting' || (isBehind && (this.#askNext() || this.#fold.tally.unanswered > 0))) return;
    this.#isAnswered = true;
    this.#hedge?.cancel();
    if (isBehind) return this.#outcome.reject(new MecError('behind', { retryAfter: 1 }));
    const { merged } = this.#fold;
    const isBlind = merged !== undefined && merged.versions.length === 0 && !this.#sawOwner;
    if (verdict === 'failed' || merged === undefined || isBlind) {
      return this.#outcome.reject(this.#fold.tally.readError('The value may exist; it could not be read.'));
    }
    this.#outcome.resolve(this.#result(merged));
    this.#mend();
  }

  #result(object: FilledObject<Uint8Array>): GetResult {
    const { policies, time } = this.#scope;
    const { key, seen = [], gone } = this.#request;
    // A replica that was behind may still hold what the reader has seen gone. What is gone never comes back.
    const there = object.versions.filter(({ actor, counter }) => gone?.has(actor, counter) !== true);
    const versions = policies.visible(key, there, () => time.nowMicros(this.#place.owners));
    const token = readToken(object, (actor) => this.#view.isDead(actor));
    // The token of a 404 stands for all that the reader knows to be gone, now and before.
    if (versions.length === 0) {
      for (const { actor, counter } of seen) token.add(actor, counter);
      if (gone !== undefined) token.join(gone);
    }
    return { object, versions, token };
  }

  /** Whether the replies so far know all that the reader has seen: those versions, or what has replaced them. */
  #hasSeen(): boolean {
    const context = this.#fold.merged?.context;
    return (this.#request.seen ?? []).every(({ actor, counter }) => context?.has(actor, counter) === true);
  }

  /**
   * Once all have answered: where they differ, asks the rest, then brings every stale replica up to
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
    for (const member of stale) this.#repair(member, merged);
  }

  #repair(member: string, object: FilledObject<Uint8Array>): void {
    const { members, peers, store, env } = this.#scope;
    const repair = { key: this.#request.key, object, dots: [] };
    if (member !== members.self) {
      const peer = peers.byId.get(member);
      const message = this.#view.outgoing({ kind: 'store', ...repair });
      if (peer !== undefined) message.send(peer, this.#request.timeoutMs, () => {});
      return;
    }
    try {
      store.of(this.#place.partition).merge(repair, () => {});
    } catch (error) {
      env.log.warn('own replica not repaired', { reason: messageOf(error) });
    }
  }
}

/**
 * Versions of a reply that leaves out the bodies of those that this node said it has; undefined
 * where one is missing.
 */
export function withBodies(
  versions: ReadReply['versions'],
  own: readonly ObjectVersion<Uint8Array>[],
): readonly ObjectVersion<Uint8Array>[] | undefined {
  const filled = [];
  for (const { actor, counter, body } of versions) {
    const known = body ?? own.find((version) => version.actor === actor && version.counter === counter)?.body;
    if (known === undefined) return undefined;
    filled.push({ actor, counter, body: known });
  }
  return filled;
}
