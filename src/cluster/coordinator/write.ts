/**
 * A write at the node that coordinates it: to its own replica and the other holders at once,
 * answered when W disks have it.
 */
import type { Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { DEFAULT_TIMEOUT_MS, MAX_BROUGHT_ACTORS } from '../limits.ts';
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { Condition } from '../../core/quorum/condition.ts';
import { packContent, unpackContent } from '../../core/value/content.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';
import { replicaNumber } from '../../core/causality/replica-name.ts';
import { type StoredWord, WriteQuorum } from '../../core/quorum/write-quorum.ts';
import type { Done } from '../../storage/commit-queue.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { ReplicaWritten } from '../../storage/replica/replica-changes.ts';
import type { Reply, ForwardReply } from '../../transport/message.ts';
import type { Peer } from '../membership/peers.ts';
import { type KeyPlace, peersToAsk } from '../holders/select.ts';
import { pendingOwnersOf, type Scope } from './scope.ts';

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
  /** How many of them must be owners, and not fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** What must hold for the write to be made. */
  readonly condition?: Condition | undefined;
  readonly timeoutMs: number;
}

/** What a write did. */
export type PutResult = Omit<ForwardReply, 'kind'>;

/** What a writer is told who has no answer. */
export const UNSURE = 'The write may still take effect.';

/** Where a write goes, and how many must have it. */
export interface Plan {
  readonly place: KeyPlace;
  /** Whose disks count. */
  readonly peers: readonly Peer[];
  readonly quorum: WriteQuorum;
}

/** Changes this node's own replica, which tells `done` when that is durable. */
export type Commit = (scope: Scope, replica: Replica, done: Done) => ReplicaWritten;

/** Deletes exactly these versions, at this node's replica and, as far as they can be reached, the others. */
export async function removeDots(scope: Scope, key: string, dots: readonly Dot[]): Promise<void> {
  const place = scope.holders.placeOf(key);
  const plan = { place, peers: peersToAsk(scope, place, { wanted: 0 }), quorum: new WriteQuorum(1) };
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
  return new Promise((resolve, reject) => new Put(scope, { request, plan }, { resolve, reject }).start());
}

/** Makes a write at this node's own replica. */
export function writeHere(request: PutRequest, memory?: Omit<RememberedWrite, keyof Dot>): Commit {
  const { key } = request;
  return ({ policies }, replica, done) => {
    const asked = policies.isLastWriteWins(key) ? asLast(replica, request) : request;
    return replica.write({ key, token: seenBy(asked), body: asked.body, memory }, done);
  };
}

/** A writer that gave no token has seen nothing. */
export const seenBy = ({ token }: Pick<PutRequest, 'token'>): CausalContext => token ?? new CausalContext();

/** The ends of a put's promise. */
export interface PutCallbacks {
  readonly resolve: (result: PutResult) => void;
  readonly reject: (error: MecError) => void;
}

/** One write under way. */
class Put {
  readonly #scope: Scope;
  readonly #request: PutRequest;
  readonly #plan: Plan;
  readonly #outcome: PutCallbacks;
  #written: ReplicaWritten | undefined;
  #deadline: Timer | undefined;
  #isAnswered = false;

  constructor(scope: Scope, { request, plan }: { request: PutRequest; plan: Plan }, outcome: PutCallbacks) {
    this.#scope = scope;
    this.#request = request;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  start(): void {
    const request = this.#request;
    const { key, timeoutMs } = request;
    const { env, members, store, partitions } = this.#scope;
    const { place, peers, quorum } = this.#plan;
    const { tally } = quorum;
    const view = partitions.of(place.partition);
    const replica = store.of(place.partition);
    const written = writeHere(request)(this.#scope, replica, (error) => {
      const { life } = members.own;
      const word = error ?? { replica: replicaNumber(replica.id), life, fences: view.fences };
      this.#count(members.self, word, place.isOwner);
    });
    this.#written = written;
    view.observe(replica.actor);
    tally.ask(place.isOwner);
    for (const peer of peers) tally.ask(this.#isOwner(peer));
    // The requests to peers end by themselves; the own disk has no deadline.
    this.#deadline = env.clock.after(timeoutMs, () => {
      tally.timeOut();
      this.#settle();
    });
    const storeRequest = { kind: 'store', key, object: written.object, dots: [written.dot] } as const;
    const message = view.outgoing(storeRequest);
    for (const peer of peers) {
      const { life } = peer;
      message.send(peer, timeoutMs, (reply) => {
        this.#count(peer.id, this.#replied(peer, reply, life), this.#isOwner(peer));
      });
    }
    for (const peer of pendingOwnersOf(this.#scope, place)) {
      message.send(peer, timeoutMs, (reply) => void this.#replied(peer, reply, undefined));
    }
    this.#settle();
  }

  /** What a peer's reply is worth; `life` is that which it was known to have when it was asked. */
  #replied(peer: Peer, reply: Reply | MecError, life: string | undefined): StoredWord | MecError {
    if (reply instanceof MecError || reply.kind !== 'stored') {
      this.#scope.sync.peerHasMissed(peer);
      return new MecError(reply instanceof MecError || reply.kind === 'failed' ? reply.code : 'internal');
    }
    this.#scope.partitions.of(this.#plan.place.partition).observe(reply.actor);
    peer.life = reply.life;
    return reply.life === life ? reply : new MecError('incomplete');
  }

  #isOwner(peer: Peer): boolean {
    return this.#plan.place.owners.includes(peer.id);
  }

  #count(member: string, word: StoredWord | MecError, isOwner: boolean): void {
    if (this.#isAnswered) return;
    const { quorum } = this.#plan;
    if (word instanceof MecError) quorum.fail(word.code, isOwner);
    else quorum.add(member, word, isOwner);
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
    if (verdict === 'met') this.#outcome.resolve(toResult(this.#scope, { place, request }, this.#written));
    else this.#outcome.reject(tally.error(UNSURE));
  }
}

/**
 * What a writer is told whose write has its quorum. Its token keeps what it brought: another replica may still hold
 * what this write has replaced, and the next write with the token may go there first.
 */
export function toResult(
  { policies, time, partitions }: Scope,
  { place, request }: { readonly place: KeyPlace; readonly request: Pick<PutRequest, 'key' | 'token'> },
  { dot, token, object }: ReplicaWritten,
): PutResult {
  const { key } = request;
  const view = partitions.of(place.partition);
  const versions = policies.visible(key, object.versions, () => time.nowMicros(place.owners));
  const slim = token.withoutFloor().filter((actor) => actor === dot.actor || !view.isDead(actor));
  const brought = seenBy(request);
  if (brought.size <= MAX_BROUGHT_ACTORS) slim.join(brought);
  return { dot, token: slim, versions, found: true, isRepeated: false };
}
