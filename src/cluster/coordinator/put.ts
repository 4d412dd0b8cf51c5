/**
 * A quorum write. An owner of the key coordinates it: it gives the write its dot, sends the object to the other owners
 * while its own disk syncs, and answers when W disks have it. Any other node passes the write to an owner.
 */
import type { Timer } from '../../base/env.ts';
import { MecError, toMecError } from '../../base/errors.ts';
import { FORWARD_SHARE } from '../../base/limits.ts';
import { CausalContext } from '../../core/causal-context.ts';
import { type Quorum, quorumSize } from '../../core/quorum.ts';
import { Tally } from '../../core/tally.ts';
import type { ReplicaWritten } from '../../storage/replica.ts';
import { packMessage } from '../../transport/codec.ts';
import type { Reply, Written } from '../../transport/message.ts';
import type { Peer } from '../peers.ts';
import { get } from './get.ts';
import { type Place, placeOf, type Scope } from './scope.ts';

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
  readonly timeoutMs: number;
}

/** What a write did. */
export type PutResult = Omit<Written, 'kind'>;

const UNSURE = 'The write may still take effect.';

/** Errors that say that an owner took nothing, so that another may be asked. */
const UNTOUCHED: readonly string[] = ['disk-failed', 'disk-full', 'stopping', 'overloaded'];

/** Writes or deletes a key at W of its owners; rejects with a `MecError`. */
export async function put(scope: Scope, request: PutRequest): Promise<PutResult> {
  const place = placeOf(scope, request.key);
  if (!place.isOwner) return forward(scope, place, request);
  try {
    return await putHere(scope, request);
  } catch (error) {
    const { code } = toMecError(error);
    const isOwnDisk = code === 'disk-failed' || code === 'disk-full';
    if (!isOwnDisk || scope.peers.reachable(place.owners, 1).length === 0) throw error;
    return forward(scope, place, request);
  }
}

/** Coordinates a write on this node's own replica. */
export async function putHere(scope: Scope, request: PutRequest): Promise<PutResult> {
  const place = placeOf(scope, request.key);
  const tally = new Tally(quorumSize(request.w, place.owners.length));
  const peers = scope.peers.reachable(place.owners, tally.need - 1);
  if (1 + peers.length < tally.need) {
    const details = { have: 1 + peers.length, need: tally.need, retryAfter: 1 };
    throw new MecError('quorum-not-met', {
      ...details,
      detail: `${details.have} of ${details.need} replicas can be reached. Nothing was written.`,
    });
  }
  if (request.body !== undefined)
    return write(scope, { ...request, token: request.token ?? new CausalContext() }, { place, peers, tally });
  return remove(scope, request, { place, peers, tally });
}

interface Plan {
  readonly place: Place;
  readonly peers: readonly Peer[];
  readonly tally: Tally;
}

/** A delete first asks a quorum what is there: without a token, that is what it removes. */
async function remove(scope: Scope, request: PutRequest, plan: Plan): Promise<PutResult> {
  const { object } = await get(scope, request);
  const found = object.versions.length > 0;
  const token = request.token ?? object.context;
  // What the writer saw may be on a replica that did not answer; only if all of it is known to be gone is there nothing to do.
  if (!found && object.context.covers(token)) throw new MecError('not-found');
  return { ...(await write(scope, { ...request, token }, plan)), found };
}

function write(scope: Scope, request: PutRequest & { token: CausalContext }, plan: Plan): Promise<PutResult> {
  return new Promise((resolve, reject) => new Put(scope, plan, { resolve, reject }).start(request));
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
  #isAnswered = false;

  constructor(scope: Scope, plan: Plan, outcome: Outcome) {
    this.#scope = scope;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  start(request: PutRequest & { token: CausalContext }): void {
    const { env, replicas, living } = this.#scope;
    const { place, peers, tally } = this.#plan;
    const replica = replicas.of(place.partition);
    const written = replica.write(request, (error) => this.#count(error));
    this.#written = written;
    living[place.partition]?.heard(replica.actor);
    for (let asked = 0; asked < 1 + peers.length; asked++) tally.ask();
    // The requests to peers end by themselves; the own disk has no deadline.
    this.#deadline = env.clock.after(request.timeoutMs, () => {
      while (tally.pending > 0) tally.fail('timeout');
      this.#settle();
    });
    const message = packMessage({ kind: 'store', key: request.key, object: written.object, dots: [written.dot] });
    for (const peer of peers) peer.data.requestPacked(message, request.timeoutMs, (reply) => this.#replied(reply));
    this.#settle();
  }

  #replied(reply: Reply | MecError): void {
    if (reply instanceof MecError) return this.#count(reply);
    if (reply.kind !== 'stored') return this.#count(new MecError(reply.kind === 'failed' ? reply.code : 'internal'));
    this.#scope.living[this.#plan.place.partition]?.heard(reply.actor);
    this.#count(undefined);
  }

  #count(error: MecError | undefined): void {
    if (this.#isAnswered) return;
    if (error === undefined) this.#plan.tally.succeed();
    else this.#plan.tally.fail(error.code);
    this.#settle();
  }

  #settle(): void {
    const verdict = this.#plan.tally.verdict();
    if (this.#isAnswered || verdict === 'waiting' || this.#written === undefined) return;
    this.#isAnswered = true;
    this.#deadline?.cancel();
    const { dot, token, object } = this.#written;
    if (verdict === 'met') this.#outcome.resolve({ dot, token, versions: object.versions, found: true });
    else this.#outcome.reject(this.#plan.tally.error(UNSURE));
  }
}

/** Passes a write to the owners, one after the other, until one has taken it. */
async function forward(scope: Scope, place: Place, request: PutRequest): Promise<PutResult> {
  const owners = scope.peers.reachable(place.owners, 1);
  const need = quorumSize(request.w, place.owners.length);
  let leftMs = request.timeoutMs;
  let failure = new MecError('quorum-not-met', {
    have: 0,
    need,
    retryAfter: 1,
    detail: 'No owner of the key can be reached. Nothing was written.',
  });
  for (const [i, owner] of owners.entries()) {
    const budgetMs = i === owners.length - 1 ? leftMs : leftMs * FORWARD_SHARE;
    const startMs = scope.env.clock.monotonicMs();
    const result = await ask(owner, { ...request, timeoutMs: budgetMs });
    if (!(result instanceof MecError)) return result;
    failure = result;
    leftMs -= scope.env.clock.monotonicMs() - startMs;
    const isSilent = result.code === 'timeout' && result.details.need === undefined;
    if (!isSilent && !UNTOUCHED.includes(result.code)) break;
    if (leftMs <= 0) break;
  }
  throw failure.code === 'timeout'
    ? new MecError('timeout', {
        have: 0,
        need,
        ...failure.details,
        detail: `No owner of the key answered in time. ${UNSURE}`,
      })
    : failure;
}

function ask(owner: Peer, { key, token, body, r, w, timeoutMs }: PutRequest): Promise<PutResult | MecError> {
  return new Promise((resolve) => {
    owner.data.request({ kind: 'forward', key, token, body, r, w, budgetMs: timeoutMs }, timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind === 'written') resolve(reply);
      else if (reply.kind !== 'failed') resolve(new MecError('internal'));
      else if (reply.need === 0) resolve(new MecError(reply.code, { detail: reply.detail }));
      else resolve(new MecError(reply.code, { detail: reply.detail, have: reply.have, need: reply.need }));
    });
  });
}
