/**
 * The store of a conditional write that was decided. Only the deciders are sent it with the numbers
 * of their grants, and only their answers count. The other owners get the version as a plain store
 * once it is acknowledged, or by sync.
 */
import { MecError } from '../../base/errors.ts';
import type { Timer } from '../../base/env.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import { JointTally } from '../../core/quorum/joint-tally.ts';
import type { Done } from '../../storage/commit-queue.ts';
import type { ReplicaWritten } from '../../storage/replica/replica-changes.ts';
import type { Reply, StoreRequest } from '../../transport/message.ts';
import type { Peer } from '../membership/peers.ts';
import type { Granted } from './ballot.ts';
import { groundOf } from './grant-here.ts';
import type { Scope } from './scope.ts';
import { type Commit, type PutCallbacks, type PutRequest, type PutResult, toResult, UNSURE } from './write.ts';

/** A decision, and how this node's own replica takes it in. */
export interface Decided {
  readonly granted: Granted;
  readonly isRepeated: boolean;
  readonly commit: Commit;
  /** What its deciders remember of it, if it may be repeated. */
  readonly about: Omit<RememberedWrite, keyof Dot> | undefined;
}

/**
 * Stores what was decided; undefined if this node's own number is not current any more, since
 * nothing has left this node then.
 */
export async function storeDecided(
  scope: Scope,
  request: PutRequest,
  decided: Decided,
): Promise<PutResult | undefined> {
  const { granted } = decided;
  const ground = groundOf(scope, granted.place.partition);
  const own = granted.numbers.get(scope.members.self) ?? '';
  if (!scope.grants.take(ground, request.key, own)) return undefined;
  return new Promise((resolve, reject) => new DecidedStore(scope, request, decided).start({ resolve, reject }));
}

class DecidedStore {
  readonly #scope: Scope;
  readonly #request: PutRequest;
  readonly #decided: Decided;
  readonly #tally: JointTally;
  #written: ReplicaWritten | undefined;
  #deadline: Timer | undefined;
  #isAnswered = false;

  constructor(scope: Scope, request: PutRequest, decided: Decided) {
    this.#scope = scope;
    this.#request = request;
    this.#decided = decided;
    this.#tally = new JointTally(decided.granted.view, decided.granted.need);
  }

  start(outcome: PutCallbacks): void {
    const { env, members, store, peers } = this.#scope;
    const { granted, commit } = this.#decided;
    const replica = store.of(granted.place.partition);
    const deciders = [...granted.numbers.keys()];
    for (const member of deciders) this.#tally.ask(member);
    const written = commit(this.#scope, replica, (error) => this.#count(members.self, error, outcome));
    this.#written = written;
    // The requests to peers end by themselves; the own disk has no deadline.
    this.#deadline = env.clock.after(this.#request.timeoutMs, () => {
      this.#tally.timeOut();
      this.#settle(outcome);
    });
    for (const id of deciders) {
      const peer = peers.byId.get(id);
      if (id === members.self) continue;
      if (peer === undefined) this.#count(id, new MecError('timeout'), outcome);
      else this.#send(peer, written, (error) => this.#count(id, error, outcome));
    }
    this.#settle(outcome);
  }

  #item({ object, dot }: ReplicaWritten): Omit<StoreRequest, 'kind'> {
    const { about } = this.#decided;
    const memory = about === undefined ? undefined : { ...about, ...dot };
    return { key: this.#request.key, object, dots: [dot], memory };
  }

  #send(peer: Peer, written: ReplicaWritten, done: Done): void {
    const grant = this.#decided.granted.numbers.get(peer.id);
    // The number differs from peer to peer: nothing can be packed once for all.
    const { partition } = this.#decided.granted.place;
    const message = this.#scope.partitions.of(partition).outgoing({ kind: 'store', ...this.#item(written), grant });
    message.send(peer, this.#request.timeoutMs, (reply) => done(this.#replied(peer, reply)));
  }

  #replied(peer: Peer, reply: Reply | MecError): MecError | undefined {
    if (reply instanceof MecError || reply.kind !== 'stored') {
      this.#scope.sync.peerHasMissed(peer);
      return new MecError(reply instanceof MecError || reply.kind === 'failed' ? reply.code : 'internal');
    }
    this.#scope.partitions.of(this.#decided.granted.place.partition).observe(reply.actor);
    return undefined;
  }

  #count(member: string, error: MecError | undefined, outcome: PutCallbacks): void {
    if (this.#isAnswered) return;
    if (error === undefined) this.#tally.succeed(member);
    else this.#tally.fail(member, error.code);
    this.#settle(outcome);
  }

  #settle(outcome: PutCallbacks): void {
    const verdict = this.#tally.verdict();
    if (this.#isAnswered || verdict === 'waiting' || this.#written === undefined) return;
    this.#isAnswered = true;
    this.#deadline?.cancel();
    if (verdict === 'failed') return outcome.reject(this.#tally.lacking.error(UNSURE));
    const { place } = this.#decided.granted;
    const { isRepeated } = this.#decided;
    outcome.resolve({ ...toResult(this.#scope, { place, request: this.#request }, this.#written), isRepeated });
    this.#tellOthers(this.#written);
  }

  /** The owners that had no part in the decision need not wait for sync. */
  #tellOthers(written: ReplicaWritten): void {
    const { members, peers } = this.#scope;
    const { view, numbers } = this.#decided.granted;
    const others = new Set([...view.owners, ...view.nextOwners]);
    const ids = [...others].filter((id) => id !== members.self && !numbers.has(id));
    for (const peer of peers.reachable(ids, 0)) this.#send(peer, written, () => {});
  }
}
