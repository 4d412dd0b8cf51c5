/** Ballots about the next list of the owners, by voters of which one has forgotten its votes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ListBallot,
  type ListBallotName,
  type ListProposal,
  NO_BALLOT,
  type VoterState,
  type VoterWord,
  withPromise,
  withStart,
  withVote,
} from './list-ballot.ts';
import { changedList, firstList, type OwnerList } from './owner-list.ts';

const place = (members: readonly string[]): readonly (readonly string[])[] => [members];
const LIST = firstList(['a', 'b', 'c'], place);
const withNext = (...next: string[]): OwnerList => changedList(LIST, { next }, place);

/** A voter with its disk. */
class Voter {
  life = 1;
  readonly lives = new Map<string, number>();
  readonly id: string;
  #state: VoterState = { list: LIST, promised: NO_BALLOT, accepted: undefined };

  constructor(id: string) {
    this.id = id;
  }

  /** Starts on a disk of before all votes. */
  restart(): void {
    this.life += 1;
    this.#state = { list: LIST, promised: NO_BALLOT, accepted: undefined };
  }

  promise(ballot: ListBallotName): VoterWord {
    const { accepted } = this.#state;
    this.#state = withPromise(this.#state, ballot) ?? assert.fail('it has promised a later one');
    return this.#word(accepted);
  }

  vote(proposal: ListProposal): VoterWord {
    this.#state = withVote(this.#state, proposal) ?? assert.fail('it has promised a later one');
    return this.#word(undefined);
  }

  /** Ends the ballot that it has made at its start. */
  start(ballot: ListBallot): void {
    this.#state = withStart(this.#state, ballot.name, ballot.propose()) ?? assert.fail();
  }

  #word(accepted: ListProposal | undefined): VoterWord {
    const { id: voter, life, lives } = this;
    return { voter, life, lives: new Map(lives), accepted };
  }
}

const voters = (): [Voter, Voter, Voter] => [new Voter('a'), new Voter('b'), new Voter('c')];

/** Has a ballot of A decide a list, with the votes of A and B. */
function decide(a: Voter, b: Voter, list: OwnerList): OwnerList | undefined {
  const ballot = new ListBallot({ round: 2, by: 'a' }, LIST, { wanted: list });
  for (const voter of [a, b]) ballot.addPromise(voter.promise(ballot.name));
  const proposal = { ballot: ballot.name, list: ballot.propose() ?? assert.fail() };
  for (const voter of [a, b]) ballot.addVote(voter.vote(proposal));
  return ballot.decided;
}

test('a promise is void when a voter names a later life of the one that has made it', () => {
  const [a, b, c] = voters();
  const late = new ListBallot({ round: 3, by: 'c' }, LIST, { wanted: withNext('b', 'c') });
  late.addPromise(b.promise(late.name));
  // B has forgotten that promise. Neither A nor C has made one, so none can remind it.
  b.restart();
  const start = new ListBallot({ round: 1, by: 'b' }, LIST, { starts: 'b' });
  for (const voter of [a, c]) {
    assert.equal(start.isOpen, false);
    start.addPromise(voter.promise(start.name));
    voter.lives.set('b', b.life);
  }
  assert.equal(start.isOpen, true);
  assert.equal(start.propose(), undefined);
  assert.deepEqual(decide(a, b, withNext('a', 'b')), withNext('a', 'b'));
  // B has accepted that list in its new life, which the old promise does not tell.
  late.addPromise(c.promise(late.name));
  assert.equal(late.isOpen, false);
  late.addPromise(b.promise(late.name));
  assert.deepEqual(late.propose(), withNext('a', 'b'));
});

test('a vote is void when a voter names a later life of the one that has cast it', () => {
  const [a, b, c] = voters();
  const ballot = new ListBallot({ round: 2, by: 'a' }, LIST, { wanted: withNext('a', 'b') });
  for (const voter of [a, b, c]) ballot.addPromise(voter.promise(ballot.name));
  const proposal = { ballot: ballot.name, list: ballot.propose() ?? assert.fail() };
  ballot.addVote(b.vote(proposal));
  b.restart();
  for (const voter of [a, c]) voter.lives.set('b', b.life);
  ballot.addVote(a.vote(proposal));
  assert.equal(ballot.decided, undefined);
  ballot.addVote(c.vote(proposal));
  assert.deepEqual(ballot.decided, proposal.list);
});

test('a voter that has started tells the proposal that half of the others know', () => {
  const [a, b, c] = voters();
  assert.deepEqual(decide(a, c, withNext('a', 'b')), withNext('a', 'b'));
  // It is C that has forgotten its vote. B has never heard of that list.
  c.restart();
  const start = new ListBallot({ round: 3, by: 'c' }, LIST, { starts: 'c' });
  for (const voter of [a, b]) start.addPromise(voter.promise(start.name));
  assert.deepEqual(start.propose(), withNext('a', 'b'));
  c.start(start);
  const late = new ListBallot({ round: 4, by: 'b' }, LIST, { wanted: withNext('b', 'c') });
  for (const voter of [b, c]) late.addPromise(voter.promise(late.name));
  assert.deepEqual(late.propose(), withNext('a', 'b'));
});

test('a voter that is alone has no other to ask after a start', () => {
  const alone = firstList(['a'], place);
  assert.equal(new ListBallot({ round: 1, by: 'a' }, alone, { starts: 'a' }).isOpen, true);
});
