/**
 * A conditional write. Its coordinator, an owner of the key, claims the key from a majority of the owners and in the same message reads
 * what they hold (`claims.ts`). Where the condition is met by that, it writes, and counts only those who still grant it the key. So of
 * any number of writes on the same condition at most one is acknowledged, whoever coordinates them, and in whatever
 * way nodes hang or cannot hear each other; and without a majority there is none. This is a ballot as in Paxos (Lamport
 * 1998), with what the owners hold anyway as its memory.
 */
import { fraction } from '../../base/delays.ts';
import { MecError, toMecError } from '../../base/errors.ts';
import { CLAIM_RETRY_MS } from '../../base/limits.ts';
import { CausalContext } from '../../core/causal-context.ts';
import { type Condition, isMet, isSeen } from '../../core/condition.ts';
import { digestOf, idempotencyKeyOf } from '../../core/content.ts';
import type { FilledObject } from '../../core/object.ts';
import { quorumSize } from '../../core/quorum.ts';
import { ReadQuorum } from '../../core/read-quorum.ts';
import { Tally } from '../../core/tally.ts';
import type { Claimed } from '../../transport/message.ts';
import type { Remembered } from '../claims.ts';
import type { Peer } from '../peers.ts';
import { withBodies } from './get.ts';
import { joiningOf, type Place, placeOf, type Scope } from './scope.ts';
import { type Plan, type PutRequest, type PutResult, spread, write } from './write.ts';

/** A write with a condition. */
export type ConditionalRequest = PutRequest & { readonly condition: Condition };

/** How many of a key's owners are more than half. */
export const majorityOf = ({ owners }: Place): number => quorumSize('quorum', owners.length);

/**
 * How many of the owners and of those who are to be owners must agree, so that they share one with any majority of the owners to come:
 * while a key changes hands, who already knows the new owners and who still knows the old ones must not both find a majority.
 */
function jointMajorityOf({ members }: Scope, place: Place): number {
  const joining = members.pending(place.partition).length;
  if (joining === 0) return majorityOf(place);
  const ownersToCome = Math.min(members.n, members.in('up', 'joining').length);
  return place.owners.length + joining - quorumSize('quorum', ownersToCome) + 1;
}

/** Coordinates a conditional write at this node, which owns the key; those of one key take turns. */
export async function putIf(scope: Scope, request: ConditionalRequest): Promise<PutResult> {
  const place = placeOf(scope, request.key);
  if (!place.isOwner) {
    // Who sent it here sees other members than this node does; that will pass.
    const detail = 'The owners of the key are changing. Nothing was written.';
    throw new MecError('quorum-not-met', { have: 0, need: majorityOf(place), retryAfter: 1, detail });
  }
  const endMs = scope.env.clock.monotonicMs() + request.timeoutMs;
  return scope.turns.take(request.key, () => attempt(scope, request, endMs));
}

async function attempt(scope: Scope, request: ConditionalRequest, endMs: number): Promise<PutResult> {
  const { env, work } = scope;
  for (;;) {
    const timeoutMs = endMs - env.clock.monotonicMs();
    if (timeoutMs <= 0) {
      const detail = 'Other conditional writes of this key did not leave it in time. Nothing was written.';
      throw new MecError('contended', { retryAfter: 1, detail });
    }
    const ballot = new Ballot(scope, { ...request, timeoutMs }, work.nextId());
    try {
      if (await ballot.claim()) return await ballot.decide();
    } finally {
      ballot.end();
    }
    await new Promise<void>((resolve) => {
      env.clock.after(CLAIM_RETRY_MS * fraction(env.random), resolve);
    });
  }
}

/** One attempt at a conditional write. */
class Ballot {
  readonly #scope: Scope;
  readonly #request: ConditionalRequest;
  readonly #id: string;
  readonly #place: Place;
  /** How many of the owners, and how many of them and those to come. */
  readonly #needOwners: number;
  readonly #need: number;
  readonly #fold: ReadQuorum<Uint8Array>;
  readonly #asked: Peer[] = [];
  #own: FilledObject<Uint8Array> | undefined;
  #remembered: Remembered | undefined;
  #isRefused = false;

  constructor(scope: Scope, request: ConditionalRequest, id: string) {
    this.#scope = scope;
    this.#request = request;
    this.#id = id;
    this.#place = placeOf(scope, request.key);
    this.#needOwners = Math.max(majorityOf(this.#place), quorumSize(request.r, this.#place.owners.length));
    this.#need = Math.max(this.#needOwners, jointMajorityOf(scope, this.#place));
    this.#fold = new ReadQuorum(this.#need, this.#needOwners);
  }

  /** Claims the key from all owners that can be reached; false where other writes have it. */
  claim(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (): void => {
        const verdict = this.#fold.verdict();
        if (isSettled || verdict === 'waiting') return;
        isSettled = true;
        if (verdict === 'met') resolve(true);
        else if (this.#isRefused) resolve(false);
        else reject(this.#fold.tally.error('Nothing was written.'));
      };
      const { tally } = this.#fold;
      const { members, peers } = this.#scope;
      const others = this.#place.owners.filter((id) => id !== members.self);
      this.#asked.push(...peers.reachable(others, this.#needOwners - 1), ...joiningOf(this.#scope, this.#place));
      tally.ask();
      for (const peer of this.#asked) tally.ask(this.#isOwner(peer));
      this.#claimOwn();
      for (const peer of this.#asked) this.#ask(peer, settle);
      settle();
    });
  }

  #claimOwn(): void {
    const { members, replicas, claims, living } = this.#scope;
    const { key } = this.#request;
    try {
      if (!claims.take(key, this.#id)) return this.#refused();
      const replica = replicas.of(this.#place.partition);
      living[this.#place.partition]?.heard(replica.actor);
      this.#own = replica.read(key);
      this.#fold.add(members.self, this.#own, { counts: replica.isComplete });
      if (replica.isComplete) this.#remember(claims.recall(key, this.#request.condition.idempotencyKey ?? ''));
    } catch (error) {
      this.#fold.fail(toMecError(error).code);
    }
  }

  #ask(peer: Peer, settle: () => void): void {
    const { key, condition, timeoutMs } = this.#request;
    const have = this.#own?.versions ?? [];
    const { idempotencyKey } = condition;
    peer.data.request({ kind: 'claim', id: this.#id, key, have, idempotencyKey }, timeoutMs, (reply) => {
      const isOwner = this.#isOwner(peer);
      if (reply instanceof MecError) this.#fold.fail(reply.code, isOwner);
      else if (reply.kind === 'claimed') this.#granted(peer, reply);
      else if (reply.kind === 'failed' && reply.code === 'contended') this.#refused(isOwner);
      else this.#fold.fail(reply.kind === 'failed' ? reply.code : 'internal', isOwner);
      settle();
    });
  }

  #granted(peer: Peer, { actor, isComplete, context, versions, remembered }: Claimed): void {
    const whole = withBodies(versions, this.#own?.versions ?? []);
    const isOwner = this.#isOwner(peer);
    if (whole === undefined) return this.#fold.fail('internal', isOwner);
    this.#scope.living[this.#place.partition]?.heard(actor);
    // Who is to be an owner has not caught up yet, and need not have: that is what the owners are asked for.
    this.#fold.add(peer.id, { versions: whole, context }, { counts: isComplete || !isOwner, isOwner });
    this.#remember(remembered);
  }

  #isOwner(peer: Peer): boolean {
    return this.#place.owners.includes(peer.id);
  }

  #refused(isOwner = true): void {
    this.#isRefused = true;
    this.#fold.fail('contended', isOwner);
  }

  #remember(made: Remembered | undefined): void {
    this.#remembered ??= made;
  }

  /** Writes, where the condition is met by what the majority holds. */
  async decide(): Promise<PutResult> {
    const { condition, body, key } = this.#request;
    const object = this.#fold.merged as FilledObject<Uint8Array>;
    const { policies, time } = this.#scope;
    const versions = policies.visible(key, object.versions, time.nowMicros(this.#place.owners));
    const made = this.#made(object);
    if (made !== undefined) return this.#repeat(object, made);
    if (!isMet(condition, versions)) throw new MecError('precondition-failed');
    if (body === undefined && versions.length === 0) throw new MecError('not-found');
    const token = this.#request.token?.clone() ?? new CausalContext();
    const isBlindDelete = body === undefined && this.#request.token === undefined;
    if (isSeen(condition) || isBlindDelete) token.join(object.context);
    return write(this.#scope, { ...this.#request, token }, this.#plan());
  }

  #plan(): Plan {
    const w = quorumSize(this.#request.w, this.#place.owners.length);
    const tally = new Tally(Math.max(w, this.#need), Math.max(w, this.#needOwners));
    return { place: this.#place, peers: this.#asked, tally, claim: this.#id };
  }

  /** The same write, where it was made before. */
  #made(object: FilledObject<Uint8Array>): Remembered | undefined {
    const { condition, body } = this.#request;
    const { idempotencyKey } = condition;
    if (idempotencyKey === undefined || body === undefined) return undefined;
    const there = object.versions.find((version) => idempotencyKeyOf(version.body) === idempotencyKey);
    const made = there === undefined ? this.#remembered : { ...there, digest: digestOf(there.body) };
    if (made !== undefined && made.digest !== digestOf(body)) throw new MecError('idempotency-key-reused');
    return made;
  }

  /** Answers as the first time, once W disks have what is left of it: the first time may have come to nothing in the middle. */
  async #repeat(object: FilledObject<Uint8Array>, { actor, counter }: Remembered): Promise<PutResult> {
    const token = this.#request.token?.clone() ?? new CausalContext();
    token.add(actor, counter);
    const made = { dot: { actor, counter }, token, object };
    return { ...(await spread(this.#scope, this.#request, { ...this.#plan(), made })), isRepeated: true };
  }

  /** Frees the key where it has not been written to; what is granted late is freed as well. */
  end(): void {
    const { key } = this.#request;
    this.#scope.claims.release(key, this.#id);
    for (const peer of this.#asked) {
      peer.data.request({ kind: 'release', id: this.#id, key }, this.#request.timeoutMs, () => {});
    }
  }
}
