/**
 * A conditional write. Its coordinator is an owner of the key. It asks the owners for the key
 * (`ballot.ts`). When a majority has granted it, the coordinator decides once, on the versions that
 * these owners report. Only they get the store (`store-decided.ts`), each with the number of its
 * grant.
 *
 * Any two majorities share an owner, and this owner has one current number for the key. So of all
 * writes on the same condition at most one is acknowledged, even if messages are late, lost,
 * doubled or out of order. Without a majority, none is. This is a ballot as in Paxos (Lamport
 * 1998); its memory is the versions that the owners hold anyway.
 */
import { fraction, pause } from '../../base/delays.ts';
import type { Clock, Random } from '../../base/env.ts';
import { MecError, nothingWritten } from '../../base/errors.ts';
import { digestOf, writeNameOf } from '../../core/value/content.ts';
import { decide, type Decision } from '../../core/quorum/decision.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { KeyPlace } from '../holders/select.ts';
import type { PutResult } from '../holders/write-request.ts';
import { BALLOT_MS, GRANT_RETRY_MS } from '../limits.ts';
import type { WallTime } from '../wall-time.ts';
import { Ballot, type BallotParts, type ConditionalRequest, type WonBallot } from './ballot.ts';
import { KeyQueue } from './key-queue.ts';
import {
  type CommitDecision,
  type DecidedParts,
  type DecidedWrite,
  storeDecided,
} from './store-decided.ts';
import { writerContext } from './write.ts';

/** The parts of a node that its conditional writes need. */
export interface ConditionalParts extends BallotParts, DecidedParts {
  readonly env: { readonly clock: Pick<Clock, 'after' | 'monotonicMs'>; readonly random: Random };
  readonly holders: BallotParts['holders'] &
    DecidedParts['holders'] & { readonly own: Pick<LocalHolder, 'isComplete'> };
  readonly time: Pick<WallTime, 'nowMicros' | 'decidingMicros'>;
}

/** The number of owners that is a majority for a key. */
export const majorityOf = ({ owners }: KeyPlace): number => quorumSize('quorum', owners.length);

/** The conditional writes that one node coordinates. Those of one key run one after the other. */
export class ConditionalWrites {
  readonly #parts: ConditionalParts;
  readonly #queue = new KeyQueue();

  constructor(parts: ConditionalParts) {
    this.#parts = parts;
  }

  /** Coordinates a conditional write at this node, which owns the key. */
  async put(request: ConditionalRequest): Promise<PutResult> {
    const { env, holders, partitions } = this.#parts;
    const place = holders.placeOf(request.key);
    if (!place.isOwner) {
      // The node that forwarded the write has a different member list. Gossip will even them out.
      throw new MecError('quorum-not-met', {
        have: 0,
        need: majorityOf(place),
        retryAfter: 1,
        ...nothingWritten('The owners of the key are changing.'),
      });
    }
    const endMs = env.clock.monotonicMs() + request.timeoutMs;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const deadline = env.clock.after(request.timeoutMs, () => {
        isLate = true;
        reject(keptTooLong());
      });
      const begin = async (): Promise<void> => {
        // After a start, a replica does not count until it has been compared with other owners.
        await new Promise<void>((go) => {
          partitions.of(place.partition).whenConfirmed(go);
        });
        deadline.cancel();
        if (isLate) return;
        // An incomplete owner may lack acknowledged writes, so it grants no key, even to itself.
        if (!holders.own.isComplete(place.partition))
          throw new MecError('incomplete', { retryAfter: 1 });
        resolve(await attempts(this.#parts, request, endMs));
      };
      this.#queue.take(request.key, begin).catch(reject);
    });
  }
}

const keptTooLong = (): MecError =>
  new MecError('contended', {
    retryAfter: 1,
    ...nothingWritten('Other writes, or a change of owners, kept the key until the timeout.'),
  });

/**
 * Tries ballots until one decides. A ballot that waits for a silent owner keeps the key from
 * rivals, which may keep it from this one. So it soon gives the key back, and another one asks the
 * owners that can be reached by then. Over slow links a ballot is too short at first, so each one
 * without enough answers doubles the time of the next.
 */
async function attempts(
  parts: ConditionalParts,
  request: ConditionalRequest,
  endMs: number,
): Promise<PutResult> {
  const { clock, random } = parts.env;
  let ballotMs = BALLOT_MS;
  for (;;) {
    const beganMs = clock.monotonicMs();
    const leftMs = endMs - beganMs;
    if (leftMs <= 0) throw keptTooLong();
    const timeoutMs = Math.min(ballotMs, leftMs);
    const result = await attempt(parts, { ...request, timeoutMs }, endMs);
    if (!(result instanceof MecError)) return result;
    const tookMs = clock.monotonicMs() - beganMs;
    if (tookMs >= ballotMs) ballotMs *= 2;
    // A rival whose ballot is as long as this one can win it in the pause.
    const pauseMs = Math.max(GRANT_RETRY_MS, tookMs) * fraction(random);
    if (tookMs + pauseMs >= leftMs) throw result;
    await pause(clock, pauseMs);
  }
}

/**
 * One ballot, and the store of its decision. Returns an error if no store has left this node and
 * another ballot may win.
 */
async function attempt(
  parts: ConditionalParts,
  request: ConditionalRequest,
  endMs: number,
): Promise<PutResult | MecError> {
  const ballot = new Ballot(parts, request);
  try {
    const granted = await ballot.run();
    if (granted instanceof MecError) {
      if (granted.code === 'timeout') return granted;
      if (granted.code === 'contended') return keptTooLong();
      throw granted;
    }
    const { policies, time } = parts;
    const nowMicros = time.nowMicros(granted.place.owners);
    const visible = policies.visible(request.key, granted.object.versions, () =>
      time.decidingMicros(granted.place.owners),
    );
    const decision = decide(request, { ...granted, visible });
    const timeoutMs = Math.max(0, endMs - parts.env.clock.monotonicMs());
    const memoryFields = memoryFieldsOf(request, nowMicros);
    const commit = commitOf(granted, { ...request, memoryFields }, decision);
    const decided = { ballot: granted, memoryFields, ...commit };
    const stored = await storeDecided(parts, { ...request, timeoutMs }, decided);
    return stored ?? keptTooLong();
  } finally {
    ballot.end();
  }
}

type MemoryFields = DecidedWrite['memoryFields'];

/** The deciders' memory of a write; undefined without an idempotency key, and for a delete. */
function memoryFieldsOf(
  { key, body, condition: { idempotencyKey } }: ConditionalRequest,
  madeMicros: number,
): MemoryFields {
  if (idempotencyKey === undefined || body === undefined) return undefined;
  return { key, idempotencyKey, digest: digestOf(body), madeMicros };
}

/** Turns a decision into the change of this node's own replica. */
function commitOf(
  { place: { partition }, object }: WonBallot,
  request: ConditionalRequest & { readonly memoryFields: MemoryFields },
  decision: Decision,
): Pick<DecidedWrite, 'commit' | 'isRepeated'> {
  const { key, body, memoryFields, caller } = request;
  if (decision.kind === 'write') {
    const write = { partition, key, token: decision.token, body, memory: memoryFields, caller };
    return { isRepeated: false, commit: (own, onAnswer) => own.write(write, onAnswer) };
  }
  // The earlier copy may have reached too few disks, so the deciders store the merged object.
  const { actor, counter } = decision.made;
  const dot = { actor, counter };
  const token = writerContext(request).clone();
  token.add(actor, counter);
  // Two copies may be stored, and readers see one. With both in the token, the writer's next write
  // replaces both.
  const name = body && writeNameOf(body);
  const twins =
    name === undefined
      ? []
      : object.versions.filter((version) => writeNameOf(version.body) === name);
  for (const twin of twins) token.add(twin.actor, twin.counter);
  const memory = memoryFields === undefined ? undefined : { ...memoryFields, ...dot };
  const commit: CommitDecision = (own, onAnswer) => {
    own.merge({ partition, key, object, dots: [dot], memory }, onAnswer);
    return { dot, token, object };
  };
  return { isRepeated: true, commit };
}
