/**
 * A model of numbered lists of the owners. No node follows these rules yet: today the owners follow
 * from a list of members that has no order. The rules about lists and votes are those of
 * `owner-list.ts` and `list-ballot.ts`. Those about messages and replicas are steps of this model.
 *
 * The rules
 *
 * 1. A list names the members and the owners of each partition. List k + 1 is decided once, by a
 *    majority of the members of list k, in ballots. If a change is under way, those are the members
 *    before it. So a new member that fails cannot stop the next list, which leaves it out.
 * 2. A change takes two lists: the first one adds the next owners, the second one makes them the
 *    owners. Between the two, reads and writes need a quorum of both. The next owners need not be
 *    complete for this: by its answer, each one only says that it knows no later list.
 * 3. Every request names a list, and a node serves it under that very list. A node with a later one
 *    refuses, and sends it. A node with an earlier one takes the list first.
 * 4. A next owner is filled by a majority of complete owners, which know the first list by then. So
 *    no majority is left for any list before. The change may end when a majority of the next owners
 *    is complete.
 * 5. A list says since which number each member has been an owner without a break. A replica counts
 *    if it was found complete under that number or a later one. So a node may miss any number of
 *    lists. If the set of owners changes, the owners that stay are filled again, too: they ask once
 *    and fetch what they lack.
 * 6. A disk that is lost was a member of its own. The node on the empty disk is another member, and
 *    takes its place by a change.
 * 7. A disk may be put back to an earlier state. After a start, a member makes a ballot with half
 *    of the other voters. It votes for the proposal that it finds, before it answers any other, and
 *    finishes it before it serves. Its votes and writes of earlier lives are void for those that
 *    know of the new life. Then it is filled like a new owner. A node
 *    that reaches too few others believes its disk: after an outage, two of three must serve. That
 *    exception is safe if the disk was not put back. The model allows it only then.
 * 8. If most voters never return, no list is decided. An operator may then force one. It begins
 *    another epoch, whose name is never used again, and which comes after all lists of the epoch
 *    before. No replica of it is complete before it has all that each of its members has. Writes
 *    that no member of it has are lost. If the others return, they are no members any more, and
 *    hand over what they have. Until then reads may miss it, and two swaps may win. If operators
 *    force a list on both sides of a cut, the later one wins as soon as both sides meet.
 *
 * The search
 *
 * Histories are drawn at random. Messages are late, lost and duplicated, links are cut, nodes stop
 * and start. Disks are lost or put back one after the other: the next one only when the owners are
 * complete again. Each history has its own odds, so that in some nearly all goes well, and in some
 * nothing does. In the end all faults end. Within bounded rounds, the cluster must then come to a
 * list without a change, and each of its members must read all acknowledged writes.
 *
 * There is one partition and one key. A swap is a conditional write on a state that was read; its
 * grants have numbers, as in `conditional-writes.ts`. Not in the model: fallbacks, deletes, damage
 * of single replicas, and disks that are slow to keep a list before its node answers.
 */
import {
  changedList,
  compareLists,
  firstList,
  forcedList,
  isCompleteIn,
  type ListChange,
  maySettle,
  membersOf,
  type OwnerList,
  ownerIn,
  type Placing,
  settledList,
  setsOf,
  sourcesNeeded,
} from './owner-list.ts';
import {
  compareBallots,
  ListBallot,
  type ListBallotName,
  type ListProposal,
  NO_BALLOT,
  type VoterState,
  withList,
  withPromise,
  withStart,
  withVote,
} from './list-ballot.ts';
import { quorumSize } from '../../src/core/quorum/quorum.ts';

/** A rule that is left out. */
export type Planted =
  | 'a later list is no reason to refuse'
  | 'writes ask no next owners'
  | 'reads ask no next owners'
  | 'a change ends at once'
  | 'one source fills'
  | 'incomplete sources fill'
  | 'a replica counts after a break'
  | 'owners that stay need no filling'
  | 'other next owners need no filling'
  | 'an empty disk votes'
  | 'accepted lists are passed over'
  | 'a disk that was put back votes at once'
  | 'a disk that was put back counts at once'
  | 'a start passes over what it finds'
  | 'writes of earlier lives count'
  | 'next members vote'
  | 'a forced list is the next one'
  | 'completeness outlives an epoch';

/** The scope of a history. */
export interface Plan {
  readonly n?: number;
  readonly w?: number;
  readonly r?: number;
  /** The members at first, and all nodes. */
  readonly members: number;
  readonly nodes: number;
  readonly steps?: number;
  /** Disks that are lost or put back, one after the other. */
  readonly losses?: number;
  /** Nodes that never return. */
  readonly deaths?: number;
  /** Most of the voters never return, and an operator says so. */
  readonly hasDisaster?: boolean;
  /** Operators on both sides of a cut declare the other side gone. */
  readonly hasMistake?: boolean;
  /** The acts that occur more often, or less often, than usual. */
  readonly weights?: Partial<Readonly<Record<Act, number>>>;
  /** The part of the requests that are swaps. */
  readonly swaps?: number;
  readonly planted?: Planted;
}

/** The first event of a history that must never occur. */
export interface Violation {
  readonly what: string;
  readonly trace: readonly string[];
}

interface Disk {
  state: VoterState | undefined;
  /** Lives of other voters that have made a ballot at their start. */
  lives: ReadonlyMap<string, number>;
  /** Lives of other members whose replicas were filled from here. */
  fences: ReadonlyMap<string, number>;
  has: number;
  completeAt: number;
}

interface Node {
  readonly id: string;
  readonly name: string;
  disk: Disk;
  life: number;
  isUp: boolean;
  /** Its disk is lost, or the node never returns. */
  isLost: boolean;
  isPutBack: boolean;
  /** Its disk was put back, and its replica was not filled since. */
  isBehind: boolean;
  /** May vote, with the present list. */
  isSure: boolean;
  /** Serves. */
  isCurrent: boolean;
  /** The members that have filled the replica: whether each is a complete owner. */
  sources: Map<string, boolean>;
  grant: number;
  ballot: ListBallot | undefined;
  hasProposed: boolean;
}

interface Word {
  readonly life: number;
  readonly fences: ReadonlyMap<string, number>;
  readonly isComplete: boolean;
  readonly number: number;
}

interface Op {
  readonly kind: 'write' | 'read' | 'swap';
  readonly at: Node;
  readonly life: number;
  readonly list: OwnerList;
  readonly bit: number;
  /** The writes that it must see, or the swaps that it replaces. */
  readonly base: number;
  seen: number;
  readonly words: Map<string, Word>;
  readonly stored: Map<string, Word>;
  isDecided: boolean;
  isOver: boolean;
}

interface Message {
  readonly number: number;
  readonly from: Node;
  readonly to: Node;
  readonly what: string;
  readonly receive: () => void;
}

/** The acts of nodes, of operators and of the world that follow from no message. */
type Act =
  | 'request'
  | 'fill'
  | 'propose'
  | 'start'
  | 'gossip'
  | 'save'
  | 'stop'
  | 'lose'
  | 'putBack'
  | 'die'
  | 'restart'
  | 'cut';

const WEIGHTS: Readonly<Record<Act, number>> = {
  request: 4,
  fill: 3,
  propose: 2,
  start: 1,
  gossip: 1,
  save: 1,
  stop: 0.4,
  lose: 0.5,
  putBack: 0.5,
  die: 0.2,
  restart: 1,
  cut: 0.4,
};

/** The odds of the acts of one history. */
interface Odds {
  /** A message arrives. */
  readonly deliver: number;
  /** It is the latest one that was sent. */
  readonly latest: number;
  /** An act ends before the next one begins, but for a part of its messages. */
  readonly atOnce: number;
  readonly late: number;
  readonly all: number;
  readonly acts: readonly { readonly upTo: number; readonly run: () => void }[];
}

const P = 0;
const MAX_MESSAGES = 40;
const MAX_WRITES = 30;
const MAX_ROUNDS = 80;

const emptyDisk = (): Disk => ({
  state: undefined,
  lives: new Map(),
  fences: new Map(),
  has: 0,
  completeAt: 0,
});

/** One history. */
export class History {
  readonly #plan: Required<Omit<Plan, 'planted'>> & { readonly planted: Planted | undefined };
  readonly #random: () => number;
  readonly #place: Placing;
  readonly #odds: Odds;
  readonly #nodes: Node[] = [];
  #messages: Message[] = [];
  #sent = 0;
  readonly #lists = new Map<string, string>();
  readonly #reports = new Set<string>();
  /** The lives of the members of each list that was forced. */
  readonly #lives = new Map<string, ReadonlyMap<string, number>>();
  readonly #ops: Op[] = [];
  /** All events so far. */
  readonly trace: string[] = [];
  readonly #won = new Map<number, number>();
  #side: ReadonlySet<string> = new Set();
  #saved = new Map<Node, Disk>();
  #acked = 0;
  #swaps = 0;
  #writes = 0;
  #counter = 0;
  #losses = 0;
  #deaths = 0;
  #read = 0;
  #isSplit = false;
  #violation: string | undefined;
  /** Counts of results. A search in which nothing happens proves nothing. */
  readonly reached = { settled: 0, acked: 0, won: 0, read: 0, forced: 0, finished: 0 };

  constructor(plan: Plan, seed: number) {
    const defaults = { n: 3, w: 2, r: 2, steps: 150, losses: 0, deaths: 0 };
    const more = { weights: {}, swaps: 0.3, planted: undefined };
    const flags = { hasDisaster: false, hasMistake: false, ...more };
    this.#plan = { ...defaults, ...flags, ...plan };
    this.#random = randomOf(seed);
    const names = 'abcdefgh'.slice(0, plan.nodes).split('');
    const order = names.map((name) => [name, this.#random()] as const);
    order.sort((x, y) => x[1] - y[1]);
    const score = new Map(order.map(([name], i) => [name, i]));
    const byScore = (x: string, y: string): number =>
      (score.get(nameOf(x)) ?? 0) - (score.get(nameOf(y)) ?? 0);
    this.#place = (members) => [[...members].sort(byScore).slice(0, this.#plan.n)];
    for (const name of names) this.#add(name, 1);
    const members = this.#nodes.slice(0, plan.members);
    const list = firstList(
      members.map(({ id }) => id),
      this.#place,
    );
    for (const node of members) {
      node.disk.state = { list, promised: NO_BALLOT, accepted: undefined };
      node.disk.completeAt = 1;
    }
    this.#register(list);
    this.#odds = this.#drawOdds();
  }

  /** Runs the history. Undefined if nothing forbidden has occurred. */
  run(): Violation | undefined {
    const { steps, hasDisaster, hasMistake } = this.#plan;
    for (let i = 0; i < steps && this.#violation === undefined; i++) this.#step();
    if (hasMistake) this.#mistake();
    if (hasDisaster) this.#disaster();
    if (this.#violation === undefined) this.#heal();
    // All promises hold again after a list was forced.
    if (hasMistake || hasDisaster) {
      for (let i = 0; i < steps && this.#violation === undefined; i++) this.#step();
      if (this.#violation === undefined) this.#heal();
    }
    const what = this.#violation;
    return what === undefined ? undefined : { what, trace: this.trace };
  }

  // -- the world --

  #add(name: string, disk: number): Node {
    const node: Node = {
      id: `${name}${disk}`,
      name,
      disk: emptyDisk(),
      life: 1,
      isUp: true,
      isLost: false,
      isPutBack: false,
      isBehind: false,
      isSure: true,
      isCurrent: true,
      sources: new Map(),
      grant: 0,
      ballot: undefined,
      hasProposed: false,
    };
    this.#nodes.push(node);
    return node;
  }

  #by(id: string): Node {
    return this.#nodes.find((node) => node.id === id) as Node;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #is(planted: Planted): boolean {
    return this.#plan.planted === planted;
  }

  #note(line: string): void {
    this.trace.push(line);
  }

  #fail(what: string): void {
    this.#violation ??= what;
  }

  #register(list: OwnerList): void {
    const name = `${list.epoch}/${list.madeBy}/${list.number}`;
    const text = JSON.stringify(list);
    const known = this.#lists.get(name);
    if (known === undefined) this.#lists.set(name, text);
    else if (known !== text) this.#fail(`number ${name} has two lists`);
  }

  #send(from: Node, to: Node, what: string, receive: () => void): void {
    if (this.#messages.length >= MAX_MESSAGES)
      this.#messages.splice(Math.floor(this.#random() * this.#messages.length), 1);
    this.#sent += 1;
    this.#messages.push({ number: this.#sent, from, to, what, receive });
  }

  #isLinked(a: Node, b: Node): boolean {
    return this.#side.has(a.name) === this.#side.has(b.name);
  }

  #deliver(isFair: boolean): void {
    const open = this.#messages.filter(({ from, to }) => isFair || this.#isLinked(from, to));
    const isLatest = !isFair && this.#random() < this.#odds.latest;
    const message = isFair ? open[0] : isLatest ? open.at(-1) : this.#pick(open);
    if (message !== undefined) this.#receive(message, isFair);
  }

  #receive(message: Message, isFair: boolean): void {
    // A message may arrive again.
    if (isFair || this.#random() < 0.9)
      this.#messages = this.#messages.filter((other) => other !== message);
    if (!message.to.isUp) return;
    this.#note(`${message.to.id} gets from ${message.from.id}: ${message.what}`);
    message.receive();
  }

  /** Each history has its own odds: in some, nearly all messages arrive, and in some few. */
  #step(): void {
    if (this.#messages.length > 0 && this.#random() < this.#odds.deliver)
      return this.#deliver(false);
    const dice = this.#random() * this.#odds.all;
    const act = this.#odds.acts.find(({ upTo }) => dice < upTo);
    const from = this.#sent;
    act?.run();
    if (this.#random() < this.#odds.atOnce) this.#follow(from);
  }

  /** Delivers what an act has sent, and all that follows, but for some messages that are late. */
  #follow(from: number): void {
    const { late } = this.#odds;
    for (let i = 0; i < MAX_MESSAGES; i++) {
      const open = this.#messages.filter(
        ({ from: sender, to, number }) =>
          number > from && number % 97 >= 97 * late && this.#isLinked(sender, to),
      );
      const message = this.#pick(open);
      if (message === undefined) return;
      this.#receive(message, true);
    }
  }

  #drawOdds(): Odds {
    const node = (run: (node: Node) => void) => (): void => {
      const found = this.#pick(this.#nodes.filter(({ isUp }) => isUp));
      if (found !== undefined) run(found);
    };
    const acts: Readonly<Record<Act, () => void>> = {
      request: () => this.#begin(),
      fill: () => {
        const up = this.#nodes.filter(({ isUp, isCurrent }) => isUp && isCurrent);
        const lacking = up.filter((one) => !this.#isFilled(one, this.#listOf(one)));
        const one = this.#pick(lacking.length > 0 ? lacking : up);
        if (one !== undefined) this.#fill(one);
      },
      propose: node((one) => this.#propose(one, this.#wish(one))),
      start: () => {
        const one = this.#pick(this.#nodes.filter(({ isUp, isCurrent }) => isUp && !isCurrent));
        if (one !== undefined) this.#start(one);
      },
      gossip: node((one) => this.#gossip(one)),
      save: node((one) => void this.#saved.set(one, { ...one.disk })),
      stop: node((one) => this.#stop(one)),
      lose: node((one) => this.#lose(one)),
      putBack: node((one) => this.#putBack(one)),
      die: node((one) => this.#die(one)),
      restart: () => this.#restart(),
      cut: () => this.#cut(),
    };
    let all = 0;
    const weights = { ...WEIGHTS, ...this.#plan.weights };
    const drawn = (Object.keys(WEIGHTS) as Act[]).map((name) => {
      all += weights[name] * this.#random();
      return { upTo: all, run: acts[name] };
    });
    const [deliver, latest] = [0.9 * this.#random(), this.#random()];
    const [atOnce, late] = [this.#random() ** 0.5, 0.3 * this.#random()];
    return { deliver, latest, atOnce, late, all, acts: drawn };
  }

  #cut(): void {
    const names = [...new Set(this.#nodes.map(({ name }) => name))];
    const isHealed = this.#random() < 0.4;
    this.#side = new Set(isHealed ? [] : names.filter(() => this.#random() < 0.4));
    this.#note(`cut: ${[...this.#side].join(' ')}`);
  }

  // -- crashes and disks --

  #stop(node: Node): void {
    this.#note(`${node.id} stops`);
    node.isUp = false;
    node.ballot = undefined;
    node.grant = 0;
    node.sources = new Map();
    node.isSure = false;
    node.isCurrent = false;
  }

  #die(node: Node): void {
    if (this.#deaths >= this.#plan.deaths || !this.#maySpare(node)) return;
    this.#deaths += 1;
    this.#stop(node);
    node.isLost = true;
    this.#note(`${node.id} never returns`);
  }

  #putBack(node: Node): void {
    const saved = this.#saved.get(node);
    // A list with one voter is on its disk alone.
    if (saved?.state === undefined || saved.state.list.voters.length === 1) return;
    if (this.#losses >= this.#plan.losses || !this.#maySpare(node)) return;
    this.#losses += 1;
    this.#stop(node);
    node.disk = { ...saved };
    node.isPutBack = true;
    node.isBehind = true;
    this.#note(`the disk of ${node.id} is put back to list ${saved.state.list.number}`);
    if (this.#random() < 0.7) this.#boot(node);
  }

  #lose(node: Node): void {
    if (this.#losses >= this.#plan.losses || !this.#maySpare(node)) return;
    this.#losses += 1;
    this.#stop(node);
    this.#note(`${node.id} loses its disk`);
    if (this.#is('an empty disk votes')) {
      const { list } = node.disk.state ?? {};
      node.disk = emptyDisk();
      if (list !== undefined) node.disk.state = { list, promised: NO_BALLOT, accepted: undefined };
      return;
    }
    node.isLost = true;
    const disk = Number(node.id.slice(1)) + 1;
    this.#add(node.name, disk);
  }

  /** The latest list on a disk that is left, or at first on any. */
  #newest(): OwnerList {
    const left = this.#nodes.filter(({ isLost, disk }) => !isLost && disk.state !== undefined);
    const nodes = left.length > 0 ? left : this.#nodes;
    const lists = nodes.flatMap(({ disk }) => disk.state?.list ?? []);
    return lists.reduce((a, b) => (compareLists(a, b) < 0 ? b : a));
  }

  /** Whether the loss of a disk leaves enough others with each acknowledged write. */
  #maySpare(node: Node): boolean {
    // Each side of a split has writes of its own.
    if (this.#isSplit) return false;
    const list = this.#newest();
    const others = membersOf(list).filter((id) => id !== node.id);
    // The decisions and writes of a single member are on its disk alone.
    const isAlone = (ids: readonly string[]): boolean => ids.length === 1 && ids[0] === node.id;
    if (isAlone(list.voters) || isAlone(list.next ?? [])) return false;
    return others.every((id) => {
      const { isLost, isPutBack, isBehind, disk } = this.#by(id);
      const owner = ownerIn(list.owners, P, id);
      if (isLost || isPutBack || isBehind) return false;
      return owner === undefined || isCompleteIn(owner, disk.completeAt);
    });
  }

  #restart(): void {
    const node = this.#pick(this.#nodes.filter(({ isUp, isLost }) => !isUp && !isLost));
    if (node !== undefined) this.#boot(node);
  }

  #boot(node: Node): void {
    node.life += 1;
    node.isUp = true;
    this.#note(`${node.id} starts`);
    // A node that reaches too few others believes its disk.
    const isBelieved = !node.isPutBack || node.disk.state === undefined;
    if (!isBelieved && !this.#is('a disk that was put back counts at once'))
      node.disk.completeAt = 0;
    if (isBelieved || this.#is('a disk that was put back votes at once')) this.#trust(node);
  }

  // -- lists --

  #listOf({ disk }: Node): OwnerList | undefined {
    return disk.state?.list;
  }

  #adopt(node: Node, list: OwnerList): void {
    const { state } = node.disk;
    if (state !== undefined && compareLists(list, state.list) <= 0) return;
    this.#register(list);
    this.#note(`${node.id} takes list ${sentenceOf(list)}`);
    const before = state?.list;
    const first = { list, promised: NO_BALLOT, accepted: undefined };
    node.disk.state = state === undefined ? first : withList(state, list);
    if (before !== undefined && before.madeBy !== list.madeBy)
      if (!this.#is('completeness outlives an epoch')) node.disk.completeAt = 0;
    node.ballot = undefined;
    node.sources = new Map();
    if (!node.isCurrent) node.isSure = false;
    const isNew = before?.madeBy !== list.madeBy;
    if (isNew && this.#lives.get(list.madeBy)?.get(node.id) === node.life) this.#trust(node);
  }

  #trust(node: Node): void {
    node.isSure = true;
    node.isCurrent = true;
    node.isPutBack = false;
  }

  /** Brings the lists of two nodes together. Returns whether both have the same. */
  #meet(to: Node, from: Node, list: OwnerList): boolean {
    this.#adopt(to, list);
    const own = this.#listOf(to) as OwnerList;
    if (compareLists(own, list) === 0) return true;
    this.#send(to, from, 'a later list', () => this.#adopt(from, own));
    return false;
  }

  #gossip(node: Node): void {
    const list = this.#listOf(node);
    const to = this.#pick(this.#nodes.filter((other) => other !== node));
    if (list === undefined || to === undefined) return;
    this.#send(node, to, 'its list', () => this.#adopt(to, list));
  }

  /** A change of the members that an operator or the cluster itself may ask of a node. */
  #wish(node: Node): OwnerList | undefined {
    const list = this.#listOf(node);
    if (list === undefined) return undefined;
    const change = (next: readonly string[]): OwnerList => this.#changed(list, { next });
    const isAt = (odds: number): boolean => this.#random() < odds;
    const settled = this.#settled(list);
    if (settled !== undefined && isAt(0.7)) return settled;
    if (list.next !== undefined && isAt(0.6)) return isAt(0.3) ? change(list.voters) : undefined;
    const { next = list.voters } = list;
    const lost = membersOf(list).find((id) => this.#by(id).isLost);
    if (lost !== undefined && isAt(0.5)) return this.#withoutLost(list, lost);
    const names = next.map(nameOf);
    const joining = this.#nodes.filter((one) => !one.isLost && !names.includes(one.name));
    const most = isAt(0.5) ? 1 : 2;
    if (joining.length > 0 && isAt(0.6))
      return change([...next, ...joining.slice(0, most).map(({ id }) => id)]);
    const staying = next.filter(() => isAt(0.6));
    return staying.length === 0 ? undefined : change(staying);
  }

  #settled(list: OwnerList): OwnerList | undefined {
    if (list.next === undefined) return undefined;
    const isComplete = (_: number, id: string): boolean =>
      this.#reports.has(`${keyOf(list)} ${id}`);
    const mayEnd = this.#is('a change ends at once') || maySettle(list, isComplete);
    return mayEnd ? settledList(list) : undefined;
  }

  #withoutLost(list: OwnerList, id: string): OwnerList | undefined {
    const { next = list.voters } = list;
    const heir = this.#nodes.find((node) => !node.isLost && node.name === nameOf(id));
    const kept = next.filter((other) => other !== id);
    const lost = list.voters.includes(id) ? [...new Set([...list.lost, id])] : list.lost;
    const members = heir === undefined || kept.includes(heir.id) ? kept : [...kept, heir.id];
    const left =
      members.length > 0 ? members : list.voters.filter((other) => !lost.includes(other));
    return left.length === 0 ? undefined : this.#changed(list, { next: left, lost });
  }

  #changed(list: OwnerList, change: ListChange): OwnerList {
    const changed = changedList(list, change, this.#place);
    if (!this.#is('other next owners need no filling')) return changed;
    const nextOwners = changed.nextOwners.map((owners) =>
      owners.map((owner) => ownerIn(list.nextOwners, P, owner.id) ?? owner),
    );
    return { ...changed, nextOwners };
  }

  // -- votes --

  #votersOf(list: OwnerList): readonly string[] {
    return this.#is('next members vote') ? membersOf(list) : list.voters;
  }

  #propose(node: Node, wanted: OwnerList | undefined): void {
    if (wanted === undefined || !node.isCurrent) return;
    const list = this.#listOf(node) as OwnerList;
    if (!list.voters.includes(node.id)) return;
    this.#note(`${node.id} wants list ${sentenceOf(wanted)}`);
    this.#open(node, list, { wanted });
  }

  /** A node that has started makes a ballot of its own, and votes and serves then. */
  #start(node: Node): void {
    const list = this.#listOf(node);
    if (list === undefined || node.isCurrent) return;
    // No member counts on any other node: it takes a later list when it hears of one.
    if (!membersOf(list).includes(node.id)) return;
    this.#open(node, list, { starts: node.id });
  }

  #open(node: Node, list: OwnerList, wish: { wanted?: OwnerList; starts?: string }): void {
    const { promised } = node.disk.state as VoterState;
    const round = promised.round + 1 + Math.floor(3 * this.#random() ** 2);
    const name: ListBallotName = { round, by: `${node.id}/${node.life}/${++this.#counter}` };
    const view = this.#is('next members vote') ? { ...list, voters: membersOf(list) } : list;
    const ballot = new ListBallot(name, view, wish);
    node.ballot = ballot;
    node.hasProposed = false;
    const { life } = node;
    this.#advance(node, ballot);
    for (const id of this.#votersOf(list)) {
      if (id === wish.starts) continue;
      const voter = this.#by(id);
      this.#send(node, voter, `ballot ${name.round}`, () => {
        if (!this.#meet(voter, node, list) || !voter.isSure) return;
        if (wish.starts !== undefined) {
          const before = voter.disk.lives.get(node.id) ?? 0;
          if (before > life) return;
        }
        this.#promise(voter, node, { ballot, life, isStart: wish.starts !== undefined });
      });
    }
  }

  #promise(
    voter: Node,
    node: Node,
    { ballot, life, isStart }: { ballot: ListBallot; life: number; isStart: boolean },
  ): void {
    const state = voter.disk.state as VoterState;
    const after = withPromise(state, ballot.name);
    const { promised } = state;
    if (after === undefined)
      return this.#send(voter, node, 'a later ballot', () => this.#raise(node, promised));
    voter.disk.state = after;
    if (isStart) voter.disk.lives = new Map([...voter.disk.lives, [node.id, life]]);
    const { accepted } = state;
    const word = this.#voterWord(voter, accepted);
    this.#send(voter, node, 'promise', () => {
      if (node.ballot !== ballot) return;
      ballot.addPromise(word);
      this.#advance(node, ballot);
    });
  }

  #voterWord(
    voter: Node,
    accepted: ListProposal | undefined,
  ): Parameters<ListBallot['addPromise']>[0] {
    const { id, life, disk } = voter;
    const isPassedOver = this.#is('accepted lists are passed over');
    return { voter: id, life, lives: disk.lives, accepted: isPassedOver ? undefined : accepted };
  }

  #raise(node: Node, promised: ListBallotName): void {
    const { state } = node.disk;
    if (state === undefined || compareBallots(promised, state.promised) <= 0) return;
    node.disk.state = { ...state, promised };
  }

  #advance(node: Node, ballot: ListBallot): void {
    if (!ballot.isOpen || node.hasProposed) return;
    node.hasProposed = true;
    const list = ballot.propose();
    const isStart = !node.isCurrent;
    if (isStart && !this.#recall(node, ballot, list)) return;
    if (list === undefined || (isStart && this.#is('a start passes over what it finds'))) {
      this.#trust(node);
      return this.#note(`${node.id} is current`);
    }
    const proposal = { ballot: ballot.name, list };
    const before = this.#listOf(node) as OwnerList;
    for (const id of this.#votersOf(ballot.list)) {
      const voter = this.#by(id);
      this.#send(node, voter, `proposal of list ${sentenceOf(list)}`, () => {
        if (!this.#meet(voter, node, before) || !voter.isSure) return;
        const after = withVote(voter.disk.state as VoterState, proposal);
        if (after === undefined) return;
        voter.disk.state = after;
        const word = this.#voterWord(voter, undefined);
        this.#send(voter, node, 'vote', () => {
          if (node.ballot !== ballot) return;
          ballot.addVote(word);
          const { decided } = ballot;
          if (decided === undefined) return;
          if (decided.next === undefined) this.reached.settled += 1;
          this.#adopt(node, decided);
        });
      });
    }
  }

  /** A node that has started votes for the proposal that it finds, before it answers any other. */
  #recall(node: Node, { name }: ListBallot, list: OwnerList | undefined): boolean {
    const state = node.disk.state as VoterState;
    const found = this.#is('a start passes over what it finds') ? undefined : list;
    const after = withStart(state, name, found);
    if (after === undefined) return false;
    node.disk.state = after;
    node.isSure = true;
    if (list !== undefined) this.reached.finished += 1;
    return true;
  }

  // -- replicas --

  /** Whether a replica counts as an owner's. */
  #counts(node: Node, list: OwnerList): boolean {
    const place = ownerIn(list.owners, P, node.id);
    if (this.#is('a replica counts after a break'))
      return place !== undefined && node.disk.completeAt > 0;
    return isCompleteIn(place, node.disk.completeAt);
  }

  #isFilled(node: Node, list: OwnerList | undefined): boolean {
    if (list === undefined) return true;
    const places = [list.owners, list.nextOwners].flatMap(
      (table) => ownerIn(table, P, node.id) ?? [],
    );
    const counts = places.filter((place) => {
      if (this.#is('a replica counts after a break')) return node.disk.completeAt > 0;
      const stays = ownerIn(list.owners, P, node.id) !== undefined;
      if (stays && this.#is('owners that stay need no filling')) return this.#counts(node, list);
      return isCompleteIn(place, node.disk.completeAt);
    });
    return counts.length === places.length;
  }

  /** A replica that is not complete asks to be filled; others exchange what they have. */
  #fill(node: Node): void {
    const list = this.#listOf(node);
    if (list === undefined || !node.isCurrent) return;
    const ids = membersOf(list).filter((id) => id !== node.id);
    if (!membersOf(list).includes(node.id)) return;
    const isFilled = this.#isFilled(node, list);
    if (isFilled) this.#report(node, list);
    if (isFilled) node.isBehind = false;
    const { life } = node;
    for (const id of isFilled ? [] : ids) {
      const source = this.#by(id);
      this.#send(node, source, 'a question', () => {
        if (!this.#meet(source, node, list) || !source.isCurrent) return;
        if ((source.disk.fences.get(node.id) ?? 0) > life) return;
        source.disk.fences = new Map([...source.disk.fences, [node.id, life]]);
        const { has } = source.disk;
        const isComplete = this.#counts(source, list) || this.#is('incomplete sources fill');
        this.#send(source, node, `what ${source.id} has`, () => {
          if (node.life !== life || !this.#isSame(node, list)) return;
          node.disk.has |= has;
          node.sources.set(source.id, isComplete && ownerIn(list.owners, P, id) !== undefined);
          this.#complete(node, list);
        });
      });
    }
    this.#complete(node, list);
  }

  #isSame(node: Node, list: OwnerList): boolean {
    const own = this.#listOf(node);
    return own !== undefined && compareLists(own, list) === 0;
  }

  #complete(node: Node, list: OwnerList): void {
    if (this.#isFilled(node, list)) return;
    const sources = [...node.sources.values()].filter((isComplete) => isComplete).length;
    const own = this.#counts(node, list) ? 1 : 0;
    const need = this.#is('one source fills') ? 1 : sourcesNeeded(list, P, this.#plan.w);
    const all = membersOf(list).filter((id) => id !== node.id && !list.lost.includes(id));
    const hasAll = all.every((id) => node.sources.has(id));
    if (sources + own < need && !hasAll) return;
    node.disk.completeAt = list.number;
    node.isBehind = false;
    this.#note(`${node.id} is complete at ${list.number}`);
    this.#report(node, list);
  }

  #report(node: Node, list: OwnerList): void {
    this.#reports.add(`${keyOf(list)} ${node.id}`);
  }

  // -- requests --

  #begin(): void {
    const node = this.#pick(this.#nodes.filter(({ isUp, isCurrent }) => isUp && isCurrent));
    const list = node && this.#listOf(node);
    if (node === undefined || list === undefined) return;
    const isPlain = this.#random() >= this.#plan.swaps;
    const kind = this.#random() < 0.4 ? 'read' : isPlain ? 'write' : 'swap';
    if (kind !== 'read' && this.#writes >= MAX_WRITES) return;
    this.#ask(node, list, kind);
  }

  #ask(node: Node, list: OwnerList, kind: Op['kind']): void {
    const bit = kind === 'read' ? 0 : 1 << this.#writes++;
    if (kind === 'swap') this.#swaps |= bit;
    const base = kind === 'swap' ? this.#read & this.#swaps : this.#acked;
    const op: Op = {
      kind,
      at: node,
      life: node.life,
      list,
      bit,
      base,
      seen: 0,
      words: new Map(),
      stored: new Map(),
      isDecided: false,
      isOver: false,
    };
    this.#ops.push(op);
    const { owners, nextOwners } = setsOf(list, P);
    for (const id of new Set([...owners, ...nextOwners])) this.#request(op, this.#by(id));
  }

  #request(op: Op, to: Node): void {
    const { at, list, kind, bit } = op;
    this.#send(at, to, `${kind} ${bit}`, () => {
      if (!this.#isServed(op, to)) return;
      const { disk } = to;
      const isComplete = this.#counts(to, list);
      if (kind === 'write') disk.has |= bit;
      if (kind === 'swap') to.grant = ++this.#counter;
      const { life } = to;
      const word = { life, fences: disk.fences, isComplete, number: to.grant };
      const { has } = disk;
      this.#send(to, at, `answer to ${kind} ${bit}`, () => this.#hear(op, to.id, word, has));
    });
  }

  #isServed({ at, list }: Op, to: Node): boolean {
    const isIgnored = this.#is('a later list is no reason to refuse');
    if (isIgnored) this.#adopt(to, list);
    else if (!this.#meet(to, at, list)) return false;
    return to.isCurrent;
  }

  #hear(op: Op, id: string, word: Word, has: number): void {
    if (op.isOver || op.isDecided || op.at.life !== op.life || !op.at.isUp) return;
    op.words.set(id, word);
    op.seen |= has;
    const { kind, list } = op;
    const { r, w } = this.#plan;
    if (kind === 'write') return this.#acknowledge(op, op.words, w);
    const least = kind === 'read' ? r : 1;
    const isPartial = kind === 'read' && this.#is('reads ask no next owners');
    if (!this.#isQuorum(list, op.words, { least, isPartial, isStrict: true })) return;
    op.isDecided = true;
    if (kind === 'read') return this.#answer(op);
    if ((op.seen & this.#swaps) !== op.base) return void (op.isOver = true);
    for (const [decider, { number }] of op.words) this.#store(op, this.#by(decider), number);
  }

  #answer(op: Op): void {
    op.isOver = true;
    this.reached.read += 1;
    this.#read = op.seen;
    this.#note(`read at ${op.at.id} sees ${op.seen}`);
    if ((op.base & ~op.seen) !== 0 && !this.#isSplit)
      this.#fail(`a read at ${op.at.id} misses ${op.base & ~op.seen}`);
  }

  #store(op: Op, to: Node, number: number): void {
    this.#send(op.at, to, `store ${op.bit}`, () => {
      if (!this.#isServed(op, to) || to.grant !== number) return;
      to.grant = 0;
      to.disk.has |= op.bit;
      const { life } = to;
      const { fences } = to.disk;
      const isComplete = this.#counts(to, op.list);
      const word = { life, fences, isComplete, number };
      this.#send(to, op.at, `stored ${op.bit}`, () => {
        if (op.isOver || op.at.life !== op.life || !op.at.isUp) return;
        op.stored.set(to.id, word);
        this.#acknowledge(op, op.stored, 1);
      });
    });
  }

  #acknowledge(op: Op, words: ReadonlyMap<string, Word>, least: number): void {
    const isPartial = this.#is('writes ask no next owners');
    const isStrict = op.kind === 'swap';
    if (!this.#isQuorum(op.list, words, { least, isPartial, isStrict })) return;
    op.isOver = true;
    this.#acked |= op.bit;
    this.reached.acked += 1;
    this.#note(`${op.kind} ${op.bit} is acknowledged at ${op.at.id}`);
    if (op.kind !== 'swap') return;
    this.reached.won += 1;
    if (this.#won.has(op.base) && !this.#isSplit) this.#fail(`two swaps of ${op.base} won`);
    this.#won.set(op.base, op.bit);
  }

  /** Whether answers are a quorum of the owners, and of the next owners. */
  #isQuorum(
    list: OwnerList,
    words: ReadonlyMap<string, Word>,
    { least, isPartial, isStrict }: { least: number; isPartial: boolean; isStrict: boolean },
  ): boolean {
    const { owners, nextOwners } = setsOf(list, P);
    const isVoid = (id: string, { life }: Word): boolean =>
      !this.#is('writes of earlier lives count') &&
      [...words.values()].some(({ fences }) => (fences.get(id) ?? 0) > life);
    const valid = [...words].filter(([id, word]) => !isVoid(id, word));
    const isEnough = (set: readonly string[], isKnown: boolean): boolean => {
      const inside = valid.filter(
        ([id, word]) => set.includes(id) && (!isKnown || word.isComplete),
      );
      const majority = isStrict && least === 1 ? quorumSize('quorum', set.length) : 0;
      return inside.length >= Math.max(majority, scaled(least, set.length, this.#plan.n));
    };
    return isEnough(owners, isStrict) && (isPartial || isEnough(nextOwners, false));
  }

  // -- the end --

  /** Both sides of a cut declare the other side gone. */
  #mistake(): void {
    const up = this.#nodes.filter(({ isLost }) => !isLost);
    for (const node of up) if (!node.isUp) this.#boot(node);
    const { voters } = this.#newest();
    this.#side = new Set(voters.filter(() => this.#random() < 0.5).map(nameOf));
    this.#isSplit = true;
    for (const isIn of [true, false]) {
      const here = up.filter(({ name }) => this.#side.has(name) === isIn);
      this.#force(here);
    }
    for (let i = 0; i < 100; i++) this.#step();
  }

  /** An operator says that only these nodes are left. */
  #force(here: readonly Node[]): void {
    const known = here.filter((node) => this.#listOf(node) !== undefined);
    const at = this.#pick(known);
    if (at === undefined) return;
    const lists = known.map((node) => this.#listOf(node) as OwnerList);
    const list = lists.reduce((a, b) => (compareLists(a, b) < 0 ? b : a));
    const members = membersOf(list).filter((id) => here.some((node) => node.id === id));
    if (members.length === 0) return;
    if (!this.#isSplit) this.#forget(here.reduce((mask, { disk }) => mask | disk.has, 0));
    this.#counter += 1;
    const made = forcedList(list, { members, madeBy: `${at.id}/${this.#counter}` }, this.#place);
    this.reached.forced += 1;
    // None of these lives has forgotten a vote under that list.
    this.#lives.set(made.madeBy, new Map(here.map(({ id, life }) => [id, life])));
    const { epoch, madeBy } = list;
    this.#adopt(at, this.#is('a forced list is the next one') ? { ...made, epoch, madeBy } : made);
  }

  /** Writes that no disk has are lost, and no promise is left about them. */
  #forget(left: number): void {
    this.#acked &= left;
    for (const [base, bit] of this.#won) if ((bit & left) === 0) this.#won.delete(base);
  }

  /** Most voters never return, and an operator says so. Only what the others have is left. */
  #disaster(): void {
    const { voters } = this.#newest();
    const dead = [...voters]
      .sort(() => this.#random() - 0.5)
      .slice(0, Math.ceil(voters.length / 2));
    for (const node of this.#nodes)
      if (dead.includes(node.id)) {
        this.#stop(node);
        node.isLost = true;
      }
    for (const node of this.#nodes) if (!node.isUp && !node.isLost) this.#boot(node);
    this.#messages = [];
    const here = this.#nodes.filter(({ isLost }) => !isLost);
    this.#force(here);
  }

  /** All faults end. The cluster must come to a settled list, and all replicas to all writes. */
  #heal(): void {
    this.#side = new Set();
    this.#note('all faults end');
    for (const node of this.#nodes) if (!node.isUp && !node.isLost) this.#boot(node);
    for (let round = 0; round < MAX_ROUNDS && this.#violation === undefined; round++) {
      const isOver = this.#nodes.every((node) => node.isLost || this.#listOf(node) === undefined);
      if (isOver || membersOf(this.#newest()).every((id) => this.#by(id).isLost)) return;
      if (round > 0 && this.#isAtRest()) return this.#readAll();
      this.#tick(round);
      for (let i = 0; i < 2_000 && this.#messages.length > 0; i++) this.#deliver(true);
    }
    this.#fail(`no rest: ${sentenceOf(this.#newest())}`);
  }

  #tick(round: number): void {
    const newest = this.#newest();
    const up = this.#nodes.filter(({ isUp }) => isUp);
    for (const node of up) {
      this.#start(node);
      for (const other of up) {
        const list = this.#listOf(node);
        if (list !== undefined && other !== node) this.#adopt(other, list);
      }
    }
    for (const node of up) {
      this.#fill(node);
      this.#handOver(node, newest);
    }
    const { voters } = newest;
    // A disk that was put back is as good as lost if too few others know what was on it.
    const isLeft = (id: string): boolean =>
      !this.#by(id).isLost && (round % 30 !== 29 || !this.#by(id).isPutBack);
    if (2 * voters.filter(isLeft).length <= voters.length) return this.#force(up);
    const leader = up.find(({ id, isCurrent }) => isCurrent && newest.voters.includes(id));
    if (leader !== undefined) this.#propose(leader, this.#nextStep(newest));
  }

  /** A node that is no member any more gives what it has to the owners. */
  #handOver(node: Node, list: OwnerList): void {
    // After a mistake, a node may hold writes of the other side, and be a member again.
    if (membersOf(list).includes(node.id) && !this.#isSplit) return;
    for (const { id } of list.owners[P] ?? []) {
      const owner = this.#by(id);
      const { has } = node.disk;
      if (owner.isUp) owner.disk.has |= has;
    }
  }

  #nextStep(list: OwnerList): OwnerList | undefined {
    const { next = list.voters } = list;
    const lost = membersOf(list).filter((id) => this.#by(id).isLost);
    const found = lost.find((id) => next.includes(id) || !list.lost.includes(id));
    return found === undefined ? this.#settled(list) : this.#withoutLost(list, found);
  }

  #isAtRest(): boolean {
    const list = this.#newest();
    if (list.next !== undefined) return false;
    return list.voters.every((id) => {
      const node = this.#by(id);
      const isOwner = ownerIn(list.owners, P, id) !== undefined;
      const isDone = !isOwner || this.#counts(node, list);
      return node.isUp && node.isCurrent && this.#isSame(node, list) && isDone;
    });
  }

  #readAll(): void {
    const list = this.#newest();
    this.#messages = [];
    this.#isSplit = false;
    for (const id of list.voters) {
      const node = this.#by(id);
      const { read } = this.reached;
      this.#ask(node, list, 'read');
      for (let i = 0; i < 200 && this.#messages.length > 0; i++) this.#deliver(true);
      if (this.reached.read === read) this.#fail(`no answer at ${id} in the end`);
    }
  }
}

const nameOf = (id: string): string => id.slice(0, 1);

const keyOf = ({ epoch, madeBy, number }: OwnerList): string => `${epoch}/${madeBy}/${number}`;

function sentenceOf(list: OwnerList): string {
  const ownersOf = (table: OwnerList['owners']): string =>
    (table[P] ?? []).map(({ id, since }) => `${id}@${since}`).join(' ');
  const after =
    list.next === undefined ? '' : ` > ${list.next.join(' ')}: ${ownersOf(list.nextOwners)}`;
  return `${keyOf(list)} (${list.voters.join(' ')}: ${ownersOf(list.owners)}${after})`;
}

/** A quorum of `n`, for a set of this size: all of `n` are all, and a majority is a majority. */
function scaled(need: number, size: number, n: number): number {
  if (need >= n) return size;
  return need === quorumSize('quorum', n) ? quorumSize('quorum', size) : Math.min(need, size);
}

function randomOf(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The result of a search. */
export interface Found {
  readonly violation: Violation | undefined;
  readonly seed: number;
  readonly reached: Readonly<History['reached']>;
}

/** Runs histories of these seeds, until one finds a violation. */
export function search(plan: Plan, from: number, count: number): Found {
  const reached = { settled: 0, acked: 0, won: 0, read: 0, forced: 0, finished: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const history = new History(plan, seed);
    const violation = history.run();
    for (const key of Object.keys(reached) as (keyof typeof reached)[])
      reached[key] += history.reached[key];
    if (violation !== undefined) return { violation, seed, reached };
  }
  return { violation: undefined, seed: from + count, reached };
}
