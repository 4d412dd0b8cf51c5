/**
 * The votes about the next list of the owners: one decision for each number (Lamport, "Paxos Made
 * Simple"), by the voters of the list before it. All state of a voter is on its disk before it
 * answers.
 *
 * A disk may have been put back to an earlier state, and its votes are forgotten then. So a voter
 * makes a ballot of its own after each start, before it votes or serves: with half of the other
 * voters, which are a part of every majority that it was in. These note its new life, and name it
 * in their answers. The votes of its earlier life are void from then on. If the voter hears of a
 * proposal, it may have taken part in its decision. So it votes for it before it answers any other
 * ballot, and finishes it before it serves.
 */
import { quorumSize } from '../../src/core/quorum/quorum.ts';
import { compareLists, type OwnerList } from './owner-list.ts';

/** The name of a ballot. No two proposals have the same. */
export interface ListBallotName {
  readonly round: number;
  readonly by: string;
}

/** A proposal for the next list, under the ballot that has made it. */
export interface ListProposal {
  readonly ballot: ListBallotName;
  readonly list: OwnerList;
}

/** The ballot before all others. */
export const NO_BALLOT: ListBallotName = { round: 0, by: '' };

/** The knowledge of a voter about its list and the next one. */
export interface VoterState {
  readonly list: OwnerList;
  /** The latest ballot that the voter has taken part in: it takes part in no earlier one. */
  readonly promised: ListBallotName;
  readonly accepted: ListProposal | undefined;
}

/** Less than 0 if the first ballot comes before the second. */
export function compareBallots(a: ListBallotName, b: ListBallotName): number {
  if (a.round !== b.round) return a.round - b.round;
  if (a.by === b.by) return 0;
  return a.by < b.by ? -1 : 1;
}

/** The state with a list that was decided. An earlier list changes nothing. */
export function withList(state: VoterState, list: OwnerList): VoterState {
  if (compareLists(list, state.list) <= 0) return state;
  return { list, promised: NO_BALLOT, accepted: undefined };
}

/** The state after a promise; undefined if the voter takes no part in that ballot. */
export function withPromise(state: VoterState, ballot: ListBallotName): VoterState | undefined {
  return compareBallots(ballot, state.promised) < 0 ? undefined : { ...state, promised: ballot };
}

/** The state after a vote for a proposal; undefined if the voter does not vote for it. */
export function withVote(state: VoterState, accepted: ListProposal): VoterState | undefined {
  const { ballot } = accepted;
  if (compareBallots(ballot, state.promised) < 0) return undefined;
  return { ...state, promised: ballot, accepted };
}

/**
 * The state after the ballot that a voter makes at its start. It votes for the proposal that it has
 * found, because it may have voted for it before. Undefined if it takes part in a later ballot.
 */
export function withStart(
  state: VoterState,
  ballot: ListBallotName,
  found: OwnerList | undefined,
): VoterState | undefined {
  if (found === undefined) return withPromise(state, ballot);
  return withVote(state, { ballot, list: found });
}

/** A voter's answer, in a promise or a vote. */
export interface VoterWord {
  readonly voter: string;
  /** The number of its life: it grows with every start. */
  readonly life: number;
  /** The lives of other voters that have made a ballot at their start. */
  readonly lives: ReadonlyMap<string, number>;
  /** The proposal that the voter has accepted before. */
  readonly accepted: ListProposal | undefined;
}

/** Counts the answers of one ballot of one node. */
export class ListBallot {
  readonly name: ListBallotName;
  /** The voters of this list decide. */
  readonly list: OwnerList;
  readonly #wanted: OwnerList | undefined;
  readonly #starts: string | undefined;
  readonly #promises = new Map<string, VoterWord>();
  readonly #votes = new Map<string, VoterWord>();
  #proposal: OwnerList | undefined;

  /**
   * `wanted` is the next list to propose. `starts` is this node if it is a voter that has just
   * started: it then needs half of the others, and wants no list.
   */
  constructor(
    name: ListBallotName,
    list: OwnerList,
    { wanted, starts }: { readonly wanted?: OwnerList; readonly starts?: string },
  ) {
    this.name = name;
    this.list = list;
    this.#wanted = wanted;
    this.#starts = starts;
  }

  addPromise(word: VoterWord): void {
    if (this.#proposal === undefined) this.#promises.set(word.voter, word);
  }

  addVote(word: VoterWord): void {
    this.#votes.set(word.voter, word);
  }

  /** Whether enough voters have promised to take part in no earlier ballot. */
  get isOpen(): boolean {
    const { voters } = this.list;
    const valid = this.#valid(this.#promises);
    if (this.#starts === undefined) return valid.length >= quorumSize('quorum', voters.length);
    const others = valid.filter(({ voter }) => voter !== this.#starts);
    // A voter that is alone has no other to ask.
    return others.length >= Math.min(Math.ceil(voters.length / 2), voters.length - 1);
  }

  /**
   * The list to propose: the one that a voter accepted in the latest ballot before, or else the
   * wanted one. Undefined if there is none: a voter that has started has nothing to finish.
   */
  propose(): OwnerList | undefined {
    let latest: ListProposal | undefined;
    for (const { accepted } of this.#valid(this.#promises)) {
      if (accepted === undefined) continue;
      if (latest === undefined || compareBallots(accepted.ballot, latest.ballot) > 0)
        latest = accepted;
    }
    this.#proposal = latest?.list ?? this.#wanted;
    return this.#proposal;
  }

  /** The list that is decided by this ballot; undefined if too few have voted so far. */
  get decided(): OwnerList | undefined {
    // A vote may name a later life of a voter that has promised. That promise is void then.
    const enough = quorumSize('quorum', this.list.voters.length);
    return this.isOpen && this.#valid(this.#votes).length >= enough ? this.#proposal : undefined;
  }

  /** The answers of voters of which no answer names a later life. */
  #valid(words: ReadonlyMap<string, VoterWord>): VoterWord[] {
    const all = [...this.#promises.values(), ...this.#votes.values()];
    const isVoid = ({ voter, life }: VoterWord): boolean =>
      all.some(({ lives }) => (lives.get(voter) ?? 0) > life);
    return [...words.values()].filter((word) => this.#isVoter(word.voter) && !isVoid(word));
  }

  #isVoter(id: string): boolean {
    return this.list.voters.includes(id);
  }
}
