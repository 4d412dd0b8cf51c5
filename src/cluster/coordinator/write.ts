/**
 * A write at its coordinator. The node's own replica and the other holders store it at the same
 * time. The writer gets its answer when W disks have the write.
 */
import type { Clock, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import { type Role, roleIn } from '../../core/quorum/owner-quorum.ts';
import { WriteQuorum } from '../../core/quorum/write-quorum.ts';
import type { Holder, StoreItem, StoreResult } from '../holders/holder.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { LocalWriteResult } from '../holders/local-write.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import { DEFAULT_TIMEOUT_MS, MAX_RECEIVED_ACTORS, OWNER_CHANGE_RETRY_MS } from '../limits.ts';
import { type ObservedParts, Stopwatch } from './observer.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Policies } from '../policies.ts';
import type { WallTime } from '../wall-time.ts';

/** The parts of a node that the result of a write needs. */
export interface ResultParts {
  readonly partitions: Pick<Partitions, 'of'>;
  readonly policies: Policies;
  readonly time: Pick<WallTime, 'nowMicros'>;
}

/** The parts of a node that a write needs. */
export interface WriteParts extends ResultParts, ObservedParts {
  readonly env: { readonly clock: Pick<Clock, 'after' | 'monotonicMs'> };
  readonly holders: Pick<Holders, 'placeOf' | 'others' | 'pendingOf' | 'reachable' | 'isAway'> & {
    readonly own: Pick<LocalHolder, 'id' | 'write'>;
  };
}

/** Tells the writer that the outcome of its write is unknown. */
export const UNKNOWN_OUTCOME = 'The write may still take effect.';

/** The holders of a write, and the quorum that it needs. */
export interface WritePlan {
  readonly place: KeyPlace;
  /** The other holders whose disks count. */
  readonly others: readonly Holder[];
  /** The pending owners that can be reached. */
  readonly pending: readonly Holder[];
  readonly quorum: WriteQuorum;
}

/** Deletes exactly these versions at this node, and at all other holders that can be reached. */
export async function removeDots(
  parts: WriteParts,
  key: string,
  dots: readonly Dot[],
): Promise<void> {
  const { holders } = parts;
  const place = holders.placeOf(key);
  const plan = {
    place,
    others: holders.others(place, { wanted: 0 }),
    pending: holders.pendingOf(place),
    quorum: new WriteQuorum({ any: 1 }, place.view, holders.isAway),
  };
  const request = { key, body: undefined, r: 1, w: 1, timeoutMs: DEFAULT_TIMEOUT_MS };
  await write(parts, { ...request, token: CausalContext.ofDots(dots) }, plan);
}

/** Writes to this node's own replica, and to the other holders of the plan. */
export function write(parts: WriteParts, request: PutRequest, plan: WritePlan): Promise<PutResult> {
  return new Promise((resolve, reject) =>
    new Put(parts, { request, plan }, { resolve, reject }).start(),
  );
}

/** The versions that the writer had seen: none if it sent no token. */
export const writerContext = ({ token }: Pick<PutRequest, 'token'>): CausalContext =>
  token ?? new CausalContext();

/** The two ways in which the promise of a put can end. */
export interface PutCallbacks {
  readonly resolve: (result: PutResult) => void;
  readonly reject: (error: MecError) => void;
}

/** One write in progress. */
class Put {
  readonly #parts: WriteParts;
  readonly #request: PutRequest;
  readonly #plan: WritePlan;
  readonly #outcome: PutCallbacks;
  readonly #watch: Stopwatch;
  #written: LocalWriteResult | undefined;
  #item: StoreItem | undefined;
  /** Owners that only other nodes have named. */
  readonly #namedOwners = new Set<string>();
  #deadline: Timer | undefined;
  #retryTimer: Timer | undefined;
  #isAnswered = false;

  constructor(
    parts: WriteParts,
    { request, plan }: { request: PutRequest; plan: WritePlan },
    outcome: PutCallbacks,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#plan = plan;
    this.#outcome = outcome;
    this.#watch = new Stopwatch(parts, 'write', request.key);
  }

  start(): void {
    const request = this.#request;
    const { key, body, timeoutMs, caller } = request;
    const { env, holders } = this.#parts;
    const { place, others, pending, quorum } = this.#plan;
    const { partition, view } = place;
    const { own } = holders;
    const ownRole = this.#roleOf(own);
    const ownersHash = view.hash;
    const written = own.write(
      { partition, key, token: writerContext(request), body, ownersHash, caller },
      (answer) => this.#count(own, ownRole, answer),
    );
    this.#written = written;
    quorum.ask(own.id, ownRole);
    for (const holder of others) quorum.ask(holder.id, this.#roleOf(holder));
    for (const { id } of pending) quorum.ask(id, 'pending owner');
    // The requests to peers have a deadline of their own, but this node's disk has none.
    this.#deadline = env.clock.after(timeoutMs, () => {
      quorum.timeOut();
      this.#settle();
    });
    const { dot, object } = written;
    this.#item = { partition, key, object, dots: [dot], ownersHash, caller };
    for (const holder of others) this.#send(holder, this.#roleOf(holder));
    // A pending owner stores every write, but counts only for the next owners.
    for (const holder of pending) this.#send(holder, 'pending owner');
    this.#settle();
  }

  #roleOf({ id }: Pick<Holder, 'id'>): Role {
    return roleIn(this.#plan.place.view, id);
  }

  #send(holder: Holder, role: Role): void {
    const { timeoutMs } = this.#request;
    if (this.#item !== undefined)
      holder.store(this.#item, { timeoutMs }, (answer) => this.#count(holder, role, answer));
  }

  #count(holder: Pick<Holder, 'id'>, role: Role, answer: StoreResult | MecError): void {
    if (this.#isAnswered) return;
    this.#watch.note(holder.id);
    const { quorum } = this.#plan;
    if (answer instanceof MecError) quorum.fail(holder.id, answer.code, role);
    else this.#sendToNamedOwners(quorum.add(holder.id, answer, role));
    this.#settle();
  }

  /** Sends the write also to owners that another node has named. */
  #sendToNamedOwners(named: ReadonlySet<string> | undefined): void {
    if (named === undefined) return;
    const { others, pending } = this.#plan;
    const sent = [this.#parts.holders.own, ...others, ...pending].map(({ id }) => id);
    const fresh = [...named].filter((id) => !sent.includes(id) && !this.#namedOwners.has(id));
    for (const id of fresh) this.#namedOwners.add(id);
    this.#sendToPending(fresh);
  }

  #sendToPending(members: readonly string[]): void {
    const found = this.#parts.holders.reachable(members, 0);
    for (const { id } of found) this.#plan.quorum.ask(id, 'pending owner');
    for (const holder of found) this.#send(holder, 'pending owner');
  }

  #settle(): void {
    const { quorum } = this.#plan;
    const verdict = quorum.verdict();
    if (this.#isAnswered || this.#written === undefined) return;
    if (verdict === 'waiting') return this.#retryLater();
    this.#isAnswered = true;
    this.#deadline?.cancel();
    this.#retryTimer?.cancel();
    const { place } = this.#plan;
    const request = this.#request;
    if (verdict === 'met') {
      this.#watch.end();
      return this.#outcome.resolve(toResult(this.#parts, { place, request }, this.#written));
    }
    const error = quorum.error(UNKNOWN_OUTCOME);
    this.#watch.end(error.code);
    this.#outcome.reject(error);
  }

  /**
   * If only other sets of owners lack answers, looks again soon: a member may be unreachable by
   * then, or reachable again.
   */
  #retryLater(): void {
    const { quorum } = this.#plan;
    if (quorum.tally.verdict() !== 'met') return;
    this.#retryTimer ??= this.#parts.env.clock.after(OWNER_CHANGE_RETRY_MS, () => {
      this.#retryTimer = undefined;
      this.#sendToPending(quorum.takeFailed());
      this.#settle();
    });
  }
}

/**
 * The result of a write that has its quorum. The new token includes the token of the request:
 * another replica may still hold versions that this write has replaced, and the next write with the
 * new token may go there first.
 */
export function toResult(
  { policies, time, partitions }: ResultParts,
  {
    place,
    request,
  }: { readonly place: KeyPlace; readonly request: Pick<PutRequest, 'key' | 'token'> },
  { dot, token, object }: LocalWriteResult,
): PutResult {
  const { key } = request;
  const view = partitions.of(place.partition);
  const versions = policies.visible(key, object.versions, () => time.nowMicros(place.owners));
  const slim = token.withoutFloor().filter((actor) => actor === dot.actor || !view.isDead(actor));
  const received = writerContext(request);
  if (received.size <= MAX_RECEIVED_ACTORS) slim.join(received);
  return { dot, token: slim, versions, found: true, isRepeated: false };
}
