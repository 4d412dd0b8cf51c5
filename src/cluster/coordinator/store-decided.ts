/**
 * The store of a decided conditional write. Each decider gets it with the number of its grant, and
 * only the deciders' answers count. After the acknowledgement, the other owners get the version in
 * a plain store, or by sync.
 */
import type { Clock, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import { JointTally } from '../../core/quorum/joint-tally.ts';
import type { OnAnswer, StoreItem, StoreResult } from '../holders/holder.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { LocalWriteResult } from '../holders/local-write.ts';
import type { Holders } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import type { WonBallot } from './ballot.ts';
import { type PutCallbacks, type ResultParts, toResult, UNKNOWN_OUTCOME } from './write.ts';

/** The parts of a node that the store of a decision needs. */
export interface DecidedParts extends ResultParts {
  readonly env: { readonly clock: Pick<Clock, 'after'> };
  readonly holders: Pick<Holders, 'of' | 'reachable'> & { readonly own: DecidingHolder };
}

type DecidingHolder = Pick<LocalHolder, 'id' | 'takeGrant' | 'onGround' | 'write' | 'merge'>;

/** Changes this node's own replica, and answers when the change is durable. */
export type CommitDecision = (
  own: DecidingHolder,
  onAnswer: OnAnswer<StoreResult>,
) => LocalWriteResult;

/** A decision, and the change that it makes to this node's own replica. */
export interface DecidedWrite {
  readonly ballot: WonBallot;
  readonly isRepeated: boolean;
  readonly commit: CommitDecision;
  /**
   * The deciders' memory of the write, without the dot; undefined if the write cannot be repeated.
   */
  readonly memoryFields: Omit<RememberedWrite, keyof Dot> | undefined;
}

/**
 * Stores a decision. Resolves with undefined if this node's own number is no longer current.
 * Nothing has left this node then, so a new ballot is safe.
 */
export async function storeDecided(
  parts: DecidedParts,
  request: PutRequest,
  decided: DecidedWrite,
): Promise<PutResult | undefined> {
  const { ballot } = decided;
  const { own } = parts.holders;
  const { partition } = ballot.place;
  if (!own.takeGrant({ partition, key: request.key }, ballot.numbers.get(own.id) ?? ''))
    return undefined;
  return new Promise((resolve, reject) =>
    new DecidedStore(parts, request, decided).start({ resolve, reject }),
  );
}

class DecidedStore {
  readonly #parts: DecidedParts;
  readonly #request: PutRequest;
  readonly #decided: DecidedWrite;
  readonly #tally: JointTally;
  #written: LocalWriteResult | undefined;
  #deadline: Timer | undefined;
  #isAnswered = false;

  constructor(parts: DecidedParts, request: PutRequest, decided: DecidedWrite) {
    this.#parts = parts;
    this.#request = request;
    this.#decided = decided;
    this.#tally = new JointTally(decided.ballot.view, decided.ballot.need);
  }

  start(outcome: PutCallbacks): void {
    const { env, holders } = this.#parts;
    const { ballot, commit } = this.#decided;
    const { timeoutMs } = this.#request;
    const { own } = holders;
    for (const id of ballot.numbers.keys()) this.#tally.ask(id);
    const count = own.onGround(ballot.place.partition, (answer) =>
      this.#count(own.id, answer, outcome),
    );
    const written = commit(own, count);
    this.#written = written;
    // The requests to peers have a deadline of their own, but this node's disk has none.
    this.#deadline = env.clock.after(timeoutMs, () => {
      this.#tally.timeOut();
      this.#settle(outcome);
    });
    const item = this.#item(written);
    for (const [id, grant] of ballot.numbers) {
      if (id === own.id) continue;
      const holder = holders.of(id);
      if (holder === undefined) this.#count(id, new MecError('timeout'), outcome);
      else holder.store(item, { timeoutMs, grant }, (answer) => this.#count(id, answer, outcome));
    }
    this.#settle(outcome);
  }

  #item({ object, dot }: LocalWriteResult): StoreItem {
    const { memoryFields, ballot } = this.#decided;
    const memory = memoryFields === undefined ? undefined : { ...memoryFields, ...dot };
    const { key, caller } = this.#request;
    return { partition: ballot.place.partition, key, object, dots: [dot], memory, caller };
  }

  #count(member: string, answer: StoreResult | MecError, outcome: PutCallbacks): void {
    if (this.#isAnswered) return;
    if (answer instanceof MecError) this.#tally.fail(member, answer.code);
    else this.#tally.succeed(member);
    this.#settle(outcome);
  }

  #settle(outcome: PutCallbacks): void {
    const verdict = this.#tally.verdict();
    if (this.#isAnswered || verdict === 'waiting' || this.#written === undefined) return;
    this.#isAnswered = true;
    this.#deadline?.cancel();
    if (verdict === 'failed') return outcome.reject(this.#tally.lacking.error(UNKNOWN_OUTCOME));
    const { place } = this.#decided.ballot;
    const { isRepeated } = this.#decided;
    outcome.resolve({
      ...toResult(this.#parts, { place, request: this.#request }, this.#written),
      isRepeated,
    });
    this.#sendToOthers(this.#written);
  }

  /** Sends the version to the owners that are no deciders, so that they need not wait for sync. */
  #sendToOthers(written: LocalWriteResult): void {
    const { holders } = this.#parts;
    const { view, numbers } = this.#decided.ballot;
    const others = new Set([...view.owners, ...view.nextOwners]);
    const ids = [...others].filter((id) => id !== holders.own.id && !numbers.has(id));
    const item = this.#item(written);
    const { timeoutMs } = this.#request;
    for (const holder of holders.reachable(ids, 0)) holder.store(item, { timeoutMs }, () => {});
  }
}
