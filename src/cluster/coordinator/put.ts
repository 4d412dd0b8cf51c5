/**
 * A quorum write. An owner of the key coordinates it: it gives the write its dot, sends the object to the other owners
 * while its own disk syncs, and answers when W disks have it. Any other node passes the write to an owner.
 */
import type { Timer } from '../../base/env.ts';
import { MecError, toMecError } from '../../base/errors.ts';
import { DEFAULT_TIMEOUT_MS, FORWARD_PROBE_SHARE } from '../../base/limits.ts';
import { CausalContext, type Dot } from '../../core/causal-context.ts';
import { packContent, unpackContent } from '../../core/content.ts';
import { type Quorum, quorumSize } from '../../core/quorum.ts';
import { Tally } from '../../core/tally.ts';
import type { Replica, ReplicaWritten } from '../../storage/replica.ts';
import { packMessage } from '../../transport/codec.ts';
import type { Failed, Reply, Written } from '../../transport/message.ts';
import type { Peer } from '../peers.ts';
import { get } from './get.ts';
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
  // Where no owner can be reached, this node stands in for them.
  const isAlone = scope.peers.reachable(place.owners, 1).length === 0;
  if (!place.isOwner && !isAlone) return forward(scope, place, request);
  try {
    return await putHere(scope, request);
  } catch (error) {
    const { code } = toMecError(error);
    const isOwnDisk = code === 'disk-failed' || code === 'disk-full';
    if (!isOwnDisk || isAlone) throw error;
    return forward(scope, place, request);
  }
}

/** Coordinates a write on this node's own replica. */
export async function putHere(scope: Scope, request: PutRequest): Promise<PutResult> {
  const place = placeOf(scope, request.key);
  const tally = new Tally(quorumSize(request.w, place.owners.length));
  const holders = holdersOf(scope, place, tally.need - 1);
  const peers = place.isOwner ? holders : holders.slice(0, place.owners.length - 1);
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
  /** Whose disks count. */
  readonly peers: readonly Peer[];
  readonly tally: Tally;
}

/** A delete first asks a quorum what is there: without a token, that is what it removes. */
async function remove(scope: Scope, request: PutRequest, plan: Plan): Promise<PutResult> {
  const { object, versions } = await get(scope, request);
  const found = versions.length > 0;
  const token = request.token ?? object.context;
  // What the writer saw may be on a replica that did not answer; only if all of it is known to be gone is there nothing to do.
  if (!found && (request.token === undefined || object.context.covers(token))) throw new MecError('not-found');
  return { ...(await write(scope, { ...request, token }, plan)), found };
}

/** Deletes exactly these versions, at this node's replica and, as far as they can be reached, the others. */
export async function removeDots(scope: Scope, key: string, dots: readonly Dot[]): Promise<void> {
  const place = placeOf(scope, key);
  const plan = { place, peers: holdersOf(scope, place, 0), tally: new Tally(1) };
  const request = { key, body: undefined, r: 1, w: 1, timeoutMs: DEFAULT_TIMEOUT_MS };
  await write(scope, { ...request, token: CausalContext.ofDots(dots) }, plan);
}

/** Where the last write wins: it replaces whatever is known here, and its time is after that. */
function asLast(replica: Replica, request: WriteRequest): WriteRequest {
  if (request.body === undefined) return request;
  const { versions } = replica.read(request.key);
  const content = unpackContent(request.body);
  const times = versions.map(({ body }) => unpackContent(body).timestampMicros + 1);
  const timestampMicros = Math.max(content.timestampMicros, ...times);
  const token = request.token.clone().join(CausalContext.ofDots(versions));
  return { ...request, token, body: packContent({ ...content, timestampMicros }) };
}

type WriteRequest = PutRequest & { readonly token: CausalContext };

function write(scope: Scope, request: WriteRequest, plan: Plan): Promise<PutResult> {
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
  #key = '';
  #isAnswered = false;

  constructor(scope: Scope, plan: Plan, outcome: Outcome) {
    this.#scope = scope;
    this.#plan = plan;
    this.#outcome = outcome;
  }

  start(request: WriteRequest): void {
    const { env, replicas, living } = this.#scope;
    const { place, peers, tally } = this.#plan;
    const replica = replicas.of(place.partition);
    const { key } = request;
    const asked = this.#scope.policies.isLastWriteWins(key) ? asLast(replica, request) : request;
    const written = replica.write(asked, (error) => this.#count(error));
    this.#key = key;
    this.#written = written;
    living[place.partition]?.heard(replica.actor);
    for (let asked = 0; asked < 1 + peers.length; asked++) tally.ask();
    // The requests to peers end by themselves; the own disk has no deadline.
    this.#deadline = env.clock.after(request.timeoutMs, () => {
      while (tally.pending > 0) tally.fail('timeout');
      this.#settle();
    });
    const message = packMessage({ kind: 'store', key, object: written.object, dots: [written.dot] });
    for (const peer of peers) {
      peer.data.requestPacked(message, request.timeoutMs, (reply) => this.#count(this.#replied(peer, reply)));
    }
    for (const peer of joiningOf(this.#scope, place)) {
      peer.data.requestPacked(message, request.timeoutMs, (reply) => void this.#replied(peer, reply));
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
    const { policies, env } = this.#scope;
    const living = this.#scope.living[this.#plan.place.partition];
    const versions = policies.visible(this.#key, object.versions, env.clock.wallMicros());
    const slim = token.filter((actor) => actor === dot.actor || living?.isDead(actor) !== true);
    if (verdict === 'met') this.#outcome.resolve({ dot, token: slim, versions, found: true });
    else this.#outcome.reject(this.#plan.tally.error(UNSURE));
  }
}

/**
 * Passes a write to an owner. All owners are probed first, and the first to answer gets it, so that one that hangs is not waited
 * for. Once it has the write, nobody else does: if its answer fails to come, the writer is told that this node does not know; to
 * write it a second time elsewhere would make a sibling of itself.
 */
async function forward(scope: Scope, place: Place, request: PutRequest): Promise<PutResult> {
  const need = quorumSize(request.w, place.owners.length);
  const startMs = scope.env.clock.monotonicMs();
  let owners = scope.peers.reachable(place.owners, 1);
  for (;;) {
    const owner = await firstToAnswer(scope, owners, request.timeoutMs * FORWARD_PROBE_SHARE);
    const leftMs = request.timeoutMs - (scope.env.clock.monotonicMs() - startMs);
    if (owner?.remote === undefined || leftMs <= 0) {
      const detail = 'No owner of the key can be reached. Nothing was written.';
      throw new MecError('quorum-not-met', { have: 0, need, retryAfter: 1, detail });
    }
    const result = await ask(scope, owner, { ...request, timeoutMs: leftMs });
    if (!(result instanceof MecError)) return result;
    if (UNTOUCHED.includes(result.code) && owners.length > 1) owners = owners.filter((other) => other !== owner);
    else if (result.code !== 'timeout' || result.details.need !== undefined) throw result;
    else
      throw new MecError('timeout', {
        have: 0,
        need,
        detail: `The owner that has the write did not answer in time. ${UNSURE}`,
      });
  }
}

/** The first of the peers to answer a probe on the data port; its clock is then known afresh. */
function firstToAnswer({ peers: all }: Scope, peers: readonly Peer[], timeoutMs: number): Promise<Peer | undefined> {
  return new Promise((resolve) => {
    let pending = peers.length;
    if (pending === 0) resolve(undefined);
    for (const peer of peers) {
      peer.data.request({ kind: 'ping' }, timeoutMs, (reply) => {
        pending -= 1;
        if (!(reply instanceof MecError) && reply.kind === 'pong') {
          all.heard(peer, reply);
          resolve(peer);
        } else if (pending === 0) resolve(undefined);
      });
    }
  });
}

function ask({ env, work }: Scope, owner: Peer, request: PutRequest): Promise<PutResult | MecError> {
  const { key, token, body, r, w, timeoutMs } = request;
  const { process = '', nowMs: remoteMs = 0, heardMs = 0 } = owner.remote ?? {};
  // At most what the owner's clock shows now: its pong was made before it was heard.
  const notAfterMs = remoteMs + (env.clock.monotonicMs() - heardMs) + timeoutMs;
  const id = work.nextId();
  return new Promise((resolve) => {
    const message = { kind: 'forward', id, process, notAfterMs, key, token, body, r, w, timeoutMs } as const;
    owner.data.request(message, timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind === 'written') resolve(reply);
      else if (reply.kind !== 'failed') resolve(new MecError('internal'));
      else resolve(fromFailed(reply));
    });
  });
}

function fromFailed({ code, detail, have, need }: Failed): MecError {
  const retry = code === 'overloaded' || code === 'quorum-not-met' ? { retryAfter: 1 } : {};
  return new MecError(code, { detail, ...(need > 0 && { have, need }), ...retry });
}
