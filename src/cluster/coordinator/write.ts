/**
 * A write at its coordinator. The node's own replica and the other holders store it at the same
 * time. The writer gets its answer when W disks have the write.
 */
import type { Clock, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import { WriteQuorum } from '../../core/quorum/write-quorum.ts';
import type { Holder, Stored, StoreTerms } from '../holders/holder.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { OwnWritten } from '../holders/local-write.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import { DEFAULT_TIMEOUT_MS, MAX_BROUGHT_ACTORS } from '../limits.ts';
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
export interface WriteParts extends ResultParts {
  readonly env: { readonly clock: Pick<Clock, 'after'> };
  readonly holders: Pick<Holders, 'placeOf' | 'others' | 'pendingOf'> & {
    readonly own: Pick<LocalHolder, 'id' | 'write'>;
  };
}

/** Tells the writer that the outcome of its write is unknown. */
export const UNSURE = 'The write may still take effect.';

/** The holders of a write, and the quorum that it needs. */
export interface Plan {
  readonly place: KeyPlace;
  /** The other holders whose disks count. */
  readonly others: readonly Holder[];
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
  const plan = { place, others: holders.others(place, { wanted: 0 }), quorum: new WriteQuorum(1) };
  const request = { key, body: undefined, r: 1, w: 1, timeoutMs: DEFAULT_TIMEOUT_MS };
  await write(parts, { ...request, token: CausalContext.ofDots(dots) }, plan);
}

/** Writes to this node's own replica, and to the other holders of the plan. */
export function write(parts: WriteParts, request: PutRequest, plan: Plan): Promise<PutResult> {
  return new Promise((resolve, reject) =>
    new Put(parts, { request, plan }, { resolve, reject }).start(),
  );
}

/** The versions that the writer had seen: none if it sent no token. */
export const seenBy = ({ token }: Pick<PutRequest, 'token'>): CausalContext =>
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
  readonly #plan: Plan;
  readonly #outcome: PutCallbacks;
  #written: OwnWritten | undefined;
  #deadline: Timer | undefined;
  #isAnswered = false;

  constructor(
    parts: WriteParts,
    { request, plan }: { request: PutRequest; plan: Plan },
    outcome: PutCallbacks,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  start(): void {
    const request = this.#request;
    const { key, body, timeoutMs, caller } = request;
    const { env, holders } = this.#parts;
    const { place, others, quorum } = this.#plan;
    const { tally } = quorum;
    const { partition } = place;
    const { own } = holders;
    const written = own.write({ partition, key, token: seenBy(request), body }, (word) =>
      this.#count(own, word),
    );
    this.#written = written;
    tally.ask(place.isOwner);
    for (const holder of others) tally.ask(this.#isOwner(holder));
    // The requests to peers have a deadline of their own, but this node's disk has none.
    this.#deadline = env.clock.after(timeoutMs, () => {
      tally.timeOut();
      this.#settle();
    });
    const item = { partition, key, object: written.object, dots: [written.dot], caller };
    const options: StoreTerms = { timeoutMs };
    for (const holder of others) holder.store(item, options, (word) => this.#count(holder, word));
    // A pending owner stores every write, but counts for no quorum.
    for (const holder of holders.pendingOf(place)) holder.store(item, options, () => {});
    this.#settle();
  }

  #isOwner({ id }: Pick<Holder, 'id'>): boolean {
    return this.#plan.place.owners.includes(id);
  }

  #count(holder: Pick<Holder, 'id'>, word: Stored | MecError): void {
    if (this.#isAnswered) return;
    const { quorum } = this.#plan;
    const isOwner = this.#isOwner(holder);
    if (word instanceof MecError) quorum.fail(word.code, isOwner);
    else quorum.add(holder.id, word, isOwner);
    this.#settle();
  }

  #settle(): void {
    const { tally } = this.#plan.quorum;
    const verdict = tally.verdict();
    if (this.#isAnswered || verdict === 'waiting' || this.#written === undefined) return;
    this.#isAnswered = true;
    this.#deadline?.cancel();
    const { place } = this.#plan;
    const request = this.#request;
    if (verdict === 'met')
      this.#outcome.resolve(toResult(this.#parts, { place, request }, this.#written));
    else this.#outcome.reject(tally.error(UNSURE));
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
  { dot, token, object }: OwnWritten,
): PutResult {
  const { key } = request;
  const view = partitions.of(place.partition);
  const versions = policies.visible(key, object.versions, () => time.nowMicros(place.owners));
  const slim = token.withoutFloor().filter((actor) => actor === dot.actor || !view.isDead(actor));
  const brought = seenBy(request);
  if (brought.size <= MAX_BROUGHT_ACTORS) slim.join(brought);
  return { dot, token: slim, versions, found: true, isRepeated: false };
}
