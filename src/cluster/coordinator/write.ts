/** A write at the node that coordinates it: to its own replica and the other holders at once, answered when W disks have it. */
import type { Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { DEFAULT_TIMEOUT_MS } from '../../base/limits.ts';
import { CausalContext, type Dot } from '../../core/causal-context.ts';
import type { Condition } from '../../core/condition.ts';
import { digestOf, idempotencyKeyOf, packContent, unpackContent } from '../../core/content.ts';
import type { Quorum } from '../../core/quorum.ts';
import { Tally } from '../../core/tally.ts';
import type { Done } from '../../storage/commit-queue.ts';
import type { Replica, ReplicaMerge, ReplicaWritten } from '../../storage/replica.ts';
import { packMessage } from '../../transport/codec.ts';
import type { Reply, Written } from '../../transport/message.ts';
import type { Peer } from '../peers.ts';
import { holdersOf, joiningOf, type Place, placeOf, type Scope } from './scope.ts';

/** What to write. */
export interface PutRequest {
  readonly key: string;
  /** What the writer had seen; undefined where it gave no token. */
  readonly token: CausalContext | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** How many owners a delete asks for what is there. */
  readonly r: Quorum;
  readonly w: Quorum;
  /** How many of them must be owners, and not merely stand in. */
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** What must hold for the write to be made. */
  readonly condition?: Condition | undefined;
  readonly timeoutMs: number;
}

/** What a write did. */
export type PutResult = Omit<Written, 'kind'>;

/** What a writer is told who has no answer. */
export const UNSURE = 'The write may still take effect.';

/** Where a write goes, and how many must have it. */
export interface Plan {
  readonly place: Place;
  /** Whose disks count. */
  readonly peers: readonly Peer[];
  readonly tally: Tally;
  /** The claim on the key: only who still grants it counts. */
  readonly claim?: string;
}

/** Deletes exactly these versions, at this node's replica and, as far as they can be reached, the others. */
export async function removeDots(scope: Scope, key: string, dots: readonly Dot[]): Promise<void> {
  const place = placeOf(scope, key);
  const plan = { place, peers: holdersOf(scope, place, { wanted: 0 }), tally: new Tally(1) };
  const request = { key, body: undefined, r: 1, w: 1, timeoutMs: DEFAULT_TIMEOUT_MS };
  await write(scope, { ...request, token: CausalContext.ofDots(dots) }, plan);
}

/** Where the last write wins: it replaces whatever is known here, and its time is after that. */
function asLast(replica: Replica, request: PutRequest): PutRequest {
  if (request.body === undefined) return request;
  const { versions } = replica.read(request.key);
  const content = unpackContent(request.body);
  const times = versions.map(({ body }) => unpackContent(body).timestampMicros + 1);
  const timestampMicros = Math.max(content.timestampMicros, ...times);
  const token = seenBy(request).clone().join(CausalContext.ofDots(versions));
  return { ...request, token, body: packContent({ ...content, timestampMicros }) };
}

/** Writes to this node's own replica and to the peers of the plan. */
export function write(scope: Scope, request: PutRequest, plan: Plan): Promise<PutResult> {
  const { key } = request;
  return new Promise((resolve, reject) => {
    new Put(scope, plan, { resolve, reject }).start(request, (replica, done) => {
      const asked = scope.policies.isLastWriteWins(key) ? asLast(replica, request) : request;
      return replica.write({ key, token: seenBy(asked), body: asked.body }, done);
    });
  });
}

/** Whoever gave no token has seen nothing. */
const seenBy = ({ token }: PutRequest): CausalContext => token ?? new CausalContext();

/** Brings a write that was made before to this node's own replica and to the peers of the plan. */
export function spread(
  scope: Scope,
  request: PutRequest,
  plan: Plan & { readonly made: ReplicaWritten },
): Promise<PutResult> {
  const { key } = request;
  const { made } = plan;
  return new Promise((resolve, reject) => {
    new Put(scope, plan, { resolve, reject }).start(request, (replica, done) => {
      replica.merge({ key, object: made.object, dots: [made.dot] }, done);
      return made;
    });
  });
}

interface Outcome {
  readonly resolve: (result: PutResult) => void;
  readonly reject: (error: MecError) => void;
}

/** One write under way. */
class Put {
  readonly #scope: Scope;
  readonly #plan: Plan;
  readonly #outcome: Outcome;
  #written: ReplicaWritten | undefined;
  #deadline: Timer | undefined;
  #key = '';
  #isAnswered = false;

  constructor(scope: Scope, plan: Plan, outcome: Outcome) {
    this.#scope = scope;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  /** `commit` changes the own replica, and is told when that is durable. */
  start({ key, timeoutMs }: PutRequest, commit: (replica: Replica, done: Done) => ReplicaWritten): void {
    const { env, replicas, living } = this.#scope;
    const { place, peers, tally, claim } = this.#plan;
    const replica = replicas.of(place.partition);
    if (claim !== undefined && !this.#scope.claims.has(key, claim)) throw new MecError('contended', { retryAfter: 1 });
    const written = commit(replica, (error) => {
      // A merge that changes nothing is durable at once.
      if (error === undefined && claim !== undefined && this.#written !== undefined) {
        remember(this.#scope, { key, object: this.#written.object, dots: [this.#written.dot] });
      }
      this.#count(error, place.isOwner);
    });
    if (claim !== undefined) this.#scope.claims.release(key, claim);
    this.#key = key;
    this.#written = written;
    living[place.partition]?.heard(replica.actor);
    tally.ask(place.isOwner);
    for (const peer of peers) tally.ask(this.#isOwner(peer));
    // The requests to peers end by themselves; the own disk has no deadline.
    this.#deadline = env.clock.after(timeoutMs, () => {
      tally.timeOut();
      this.#settle();
    });
    const message = packMessage({ kind: 'store', key, object: written.object, dots: [written.dot], claim });
    for (const peer of peers) {
      peer.data.requestPacked(message, timeoutMs, (reply) =>
        this.#count(this.#replied(peer, reply), this.#isOwner(peer)),
      );
    }
    // A claim is of the joining owners as well: they are among the peers already.
    for (const peer of claim === undefined ? joiningOf(this.#scope, place) : []) {
      peer.data.requestPacked(message, timeoutMs, (reply) => void this.#replied(peer, reply));
    }
    this.#settle();
  }

  #replied(peer: Peer, reply: Reply | MecError): MecError | undefined {
    if (reply instanceof MecError || reply.kind !== 'stored') {
      this.#scope.sync.peerHasMissed(peer);
      return new MecError(reply instanceof MecError || reply.kind === 'failed' ? reply.code : 'internal');
    }
    this.#scope.living[this.#plan.place.partition]?.heard(reply.actor);
    return undefined;
  }

  #isOwner(peer: Peer): boolean {
    return this.#plan.place.owners.includes(peer.id);
  }

  #count(error: MecError | undefined, isOwner: boolean): void {
    if (this.#isAnswered) return;
    if (error === undefined) this.#plan.tally.succeed(isOwner);
    else this.#plan.tally.fail(error.code, isOwner);
    this.#settle();
  }

  #settle(): void {
    const verdict = this.#plan.tally.verdict();
    if (this.#isAnswered || verdict === 'waiting' || this.#written === undefined) return;
    this.#isAnswered = true;
    this.#deadline?.cancel();
    const { dot, token, object } = this.#written;
    const { policies, time } = this.#scope;
    const living = this.#scope.living[this.#plan.place.partition];
    const versions = policies.visible(this.#key, object.versions, time.nowMicros(this.#plan.place.owners));
    const slim = token.filter((actor) => actor === dot.actor || living?.isDead(actor) !== true);
    if (verdict === 'met') this.#outcome.resolve({ dot, token: slim, versions, found: true, isRepeated: false });
    else this.#outcome.reject(this.#plan.tally.error(UNSURE));
  }
}

/** Writes of a key are durable here: those with an idempotency key are remembered. */
export function remember(
  { claims }: Scope,
  { key, object, dots }: Pick<ReplicaMerge, 'key' | 'object' | 'dots'>,
): void {
  for (const { actor, counter, body } of object.versions) {
    const isNew = dots.some((dot) => dot.actor === actor && dot.counter === counter);
    const idempotencyKey = isNew ? idempotencyKeyOf(body) : undefined;
    if (idempotencyKey !== undefined) claims.remember(key, idempotencyKey, { actor, counter, digest: digestOf(body) });
  }
}
