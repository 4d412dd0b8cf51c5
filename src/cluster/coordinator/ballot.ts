/**
 * One ballot of a conditional write: a majority of the owners grants the key. In the same turn each
 * of them reports its versions of the key.
 */
import { MecError } from '../../base/errors.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { Condition } from '../../core/quorum/condition.ts';
import type { MadeWrite } from '../../core/quorum/decision.ts';
import { JointTally, type OwnerSets } from '../../core/quorum/joint-tally.ts';
import { type FilledObject, merge, type ObjectVersion } from '../../core/causality/object.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { Holder, KeyGrant, KeyGrantRequest } from '../holders/holder.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest } from '../holders/write-request.ts';

/** The parts of a node that a ballot needs. */
export interface BallotParts {
  readonly holders: Pick<Holders, 'placeOf' | 'reachable'> & {
    readonly own: Pick<LocalHolder, 'id' | 'grant' | 'release'>;
  };
  /** Returns a name that no other ballot has. */
  readonly nextBallot: () => string;
}

/** A write with a condition. */
export type ConditionalRequest = PutRequest & { readonly condition: Condition };

/**
 * The result of a ballot that has won. The members that have granted the key are its deciders. This
 * set is closed: a later grant does not count.
 */
export interface WonBallot {
  readonly place: KeyPlace;
  readonly view: OwnerSets;
  /** The number of owners that must agree. */
  readonly need: number;
  /** The deciders, this node included, each with the number of its grant. */
  readonly numbers: ReadonlyMap<string, string>;
  /** The merged objects of the deciders. */
  readonly object: FilledObject<Uint8Array>;
  readonly remembered: readonly MadeWrite[];
}

/** One attempt to get a key from its owners. */
export class Ballot {
  readonly #parts: BallotParts;
  readonly #request: ConditionalRequest;
  readonly #id: string;
  readonly #place: KeyPlace;
  readonly #view: OwnerSets & { readonly name: string };
  readonly #tally: JointTally;
  readonly #numbers = new Map<string, string>();
  readonly #remembered: MadeWrite[] = [];
  #askedHolders: readonly Holder[] = [];
  #object: FilledObject<Uint8Array> = NOTHING;
  #isRefused = false;
  #isClosed = false;

  constructor(parts: BallotParts, request: ConditionalRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#id = parts.nextBallot();
    this.#place = parts.holders.placeOf(request.key);
    this.#view = this.#place.view;
    const { length } = this.#place.owners;
    // Only owners count here, so all four quorums ask for the same: the largest one is needed.
    const { r, w, pr = 1, pw = 1 } = request;
    const asked = [r, w, pr, pw].map((quorum) => quorumSize(quorum, length));
    this.#tally = new JointTally(this.#view, Math.max(...asked));
  }

  /**
   * Asks the owners for the key, and waits for their answers until the timeout of the request. The
   * result is `contended` if another write has the key, and `timeout` if too few owners have
   * answered. With any other error, too few owners can grant the key.
   */
  run(): Promise<WonBallot | MecError> {
    const { own } = this.#parts.holders;
    return new Promise((resolve) => {
      const settle = (): void => {
        const verdict = this.#tally.verdict();
        if (this.#isClosed || verdict === 'waiting') return;
        this.#isClosed = true;
        if (verdict === 'met') resolve(this.#result());
        else if (this.#isRefused) resolve(new MecError('contended'));
        else resolve(this.#tally.lacking.readError('Nothing was written.'));
      };
      // Without its own grant, this node could not store the version that it decides on.
      own.grant(this.#grantRequest([]), (granted) => {
        if (granted instanceof MecError) return resolve(granted);
        this.#askedHolders = this.#others();
        for (const { id } of [own, ...this.#askedHolders]) this.#tally.ask(id);
        this.#count(own, granted);
        const question = this.#grantRequest(granted.object.versions);
        for (const holder of this.#askedHolders) {
          holder.grant(question, (answer) => {
            if (this.#isClosed) return;
            this.#count(holder, answer);
            settle();
          });
        }
        settle();
      });
    });
  }

  #result(): WonBallot {
    const granted = {
      place: this.#place,
      view: this.#view,
      need: this.#tally.need,
      object: this.#object,
    };
    return { ...granted, numbers: new Map(this.#numbers), remembered: [...this.#remembered] };
  }

  #grantRequest(have: readonly ObjectVersion<Uint8Array>[]): KeyGrantRequest {
    const { key, condition, timeoutMs, caller } = this.#request;
    const { idempotencyKey } = condition;
    const { partition } = this.#place;
    const asked = { partition, key, have, timeoutMs, caller };
    return { ...asked, ballot: this.#id, view: this.#view.name, idempotencyKey };
  }

  /** The other owners and pending owners that can be reached; suspects only if they are needed. */
  #others(): readonly Holder[] {
    const { holders } = this.#parts;
    const { owners, nextOwners } = this.#view;
    const others = owners.filter((id) => id !== holders.own.id);
    const pending = nextOwners.filter((id) => !owners.includes(id));
    return [
      ...holders.reachable(others, this.#tally.need - 1),
      ...holders.reachable(pending, pending.length),
    ];
  }

  #count({ id }: Pick<Holder, 'id'>, answer: KeyGrant | MecError): void {
    if (answer instanceof MecError) {
      this.#isRefused ||= answer.code === 'contended';
      return this.#tally.fail(id, answer.code);
    }
    const { number, object, remembered } = answer;
    this.#object = this.#object === NOTHING ? object : merge(this.#object, object);
    this.#numbers.set(id, number);
    if (remembered !== undefined) this.#remembered.push(remembered);
    this.#tally.succeed(id);
  }

  /**
   * Frees the key at every member that was asked, even if its grant is still on the way. A grant
   * that the store has used is over already.
   */
  end(): void {
    const { key, timeoutMs, caller } = this.#request;
    const { own } = this.#parts.holders;
    const ballot = { partition: this.#place.partition, key, ballot: this.#id, timeoutMs, caller };
    for (const holder of [own, ...this.#askedHolders]) holder.release(ballot);
  }
}

const NOTHING: FilledObject<Uint8Array> = { versions: [], context: new CausalContext() };
