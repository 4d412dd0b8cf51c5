/**
 * A model of one plain write while replicas lose their disks and are filled again, and while a new
 * owner takes the place of another. In any order of events, no read by r complete owners, with
 * r + w > n, may miss an acknowledged write. Owner 0 coordinates. Messages may be late and
 * duplicated. A reply may arrive after its replica is gone, and so may a question of a replica that
 * is being filled.
 *
 * Nodes hear of the change of owners one by one, in any order. Every answer to a write or a read
 * names the owners and the next owners that its node knows. The answers must be a quorum of each of
 * these sets.
 */

/** A rule that is left out. */
export type Planted =
  | 'fences are not told'
  | 'any life counts'
  | 'one source too few'
  | 'any known life is later'
  | 'fills who is not known'
  | 'late questions take fences back'
  /** A write, or a read, needs a quorum of the owners of one node only. */
  | 'writes ask one set of owners'
  | 'reads ask one set of owners'
  /** The new owner is filled by owners that do not know it yet. */
  | 'fills a stranger';

/**
 * A crash of an owner: its process restarts, with or without its disk, or one replica is replaced.
 */
export type Crash = 'restarts' | 'loses its disk' | 'replaces its replica';

/** The scope of a search. */
export interface Plan {
  readonly n: number;
  readonly w: number;
  /** The number of owners that a read asks; n − w + 1 by default. */
  readonly r?: number;
  /** The number of crashes, and their kinds; all kinds by default. */
  readonly crashes: number;
  readonly kinds?: readonly Crash[];
  /** The owner whose place a new one takes, which has number n. */
  readonly replaced?: number;
  readonly planted?: Planted;
}

/** The progress of the new owner, as a node knows it: not heard of, joining, or an owner. */
const [UNKNOWN, JOINING, OWNER] = [0, 1, 2] as const;
type Stage = typeof UNKNOWN | typeof JOINING | typeof OWNER;

/** A replica of an owner, and the life of its node. Both are counted. */
interface Name {
  readonly replica: number;
  readonly life: number;
}

interface Owner extends Name {
  /** Replicas that were being filled and are gone. A question of theirs may still arrive. */
  readonly gone: readonly Name[];
  readonly hasWrite: boolean;
  readonly isComplete: boolean;
  /**
   * For each member, the replica and life for which this owner has made a fence. Lost with the
   * process.
   */
  readonly fences: Readonly<Record<number, Name>>;
  /** For each member, the life in its record here. */
  readonly known: Readonly<Record<number, number>>;
  /** The owners that have sent this replica their state. */
  readonly sources: readonly number[];
  readonly stage: Stage;
}

/**
 * A fence as an owner reports it. Acknowledgements count from this replica of that life on, and in
 * a later life.
 */
interface Told extends Name {
  readonly later: number | undefined;
}

interface Word extends Name {
  readonly fences: Readonly<Record<number, Told>>;
  readonly stage: Stage;
}

/** One state of the model. */
export interface State {
  readonly owners: readonly Owner[];
  readonly crashes: number;
  /** For each owner, the life that the coordinator believed it to have when the write began. */
  readonly believed: readonly number[] | undefined;
  /** The replies of the owners. They stay available: the coordinator hears them at any time. */
  readonly replies: readonly (Word & { readonly owner: number })[];
  readonly isAcknowledged: boolean;
}

/** A step, and the state after it. */
export interface Step {
  readonly what: string;
  readonly to: State;
}

const restarted = (owner: Owner): Owner => ({ ...owner, fences: {}, life: owner.life + 1 });
const emptied = (owner: Owner): Owner => {
  const { replica, life, isComplete } = owner;
  // A replica that was complete from the beginning has asked no owner.
  const gone = replica === 0 && isComplete ? [] : [...owner.gone, { replica, life }];
  return { ...owner, gone, replica: replica + 1, hasWrite: false, isComplete: false, sources: [] };
};

const CRASHES: Readonly<Record<Crash, (owner: Owner) => Owner>> = {
  restarts: restarted,
  'loses its disk': (owner) => emptied(restarted(owner)),
  'replaces its replica': emptied,
};

/** All events under one plan. */
export class Model {
  readonly #plan: Plan;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #met = new Map<string, boolean>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#before = Array.from({ length: plan.n }, (_, i) => i);
    this.#after = this.#before.map((i) => (i === plan.replaced ? plan.n : i));
  }

  /** Owners without data that are all complete, and perhaps a new one that is not. */
  first(): State {
    const owner: Owner = {
      replica: 0,
      life: 0,
      hasWrite: false,
      isComplete: true,
      fences: {},
      known: {},
      sources: [],
      gone: [],
      stage: UNKNOWN,
    };
    const { n, replaced } = this.#plan;
    const owners = Array.from({ length: n }, () => owner);
    if (replaced !== undefined) owners.push({ ...owner, isComplete: false, stage: JOINING });
    return {
      owners,
      crashes: 0,
      believed: undefined,
      replies: [],
      isAcknowledged: false,
    };
  }

  /** Whether a read can miss an acknowledged write: some owners that lack it are a quorum. */
  isLost({ owners, isAcknowledged }: State): boolean {
    if (!isAcknowledged) return false;
    const { n, w, r = n - w + 1, planted } = this.#plan;
    const lacking = [...owners.keys()].filter((i) => {
      const { isComplete, hasWrite, stage } = owners[i] as Owner;
      // While the new owner is joining, the next owners do not count yet.
      return (isComplete || (i === n && stage === JOINING)) && !hasWrite;
    });
    if (lacking.length < r) return false;
    return subsets(lacking).some((readers) => {
      const stages = readers.map((i) => (owners[i] as Owner).stage);
      if (planted !== 'reads ask one set of owners') return this.#isQuorum(readers, stages, r);
      return stages.some((stage) => this.#isQuorum(readers, [stage], r));
    });
  }

  /** Whether members are a quorum of all sets of owners that belong to these stages. */
  #isQuorum(members: readonly number[], stages: readonly Stage[], need: number): boolean {
    if (members.length < need) return false;
    const sets = new Set(stages.flatMap((stage) => this.#ownersAt(stage)));
    return [...sets].every((set) => members.filter((i) => set.includes(i)).length >= need);
  }

  /** The owners that a node takes for the present ones. */
  #presentOwners({ stage }: Owner): readonly number[] {
    return stage === OWNER ? this.#after : this.#before;
  }

  /** The owners, and the next owners if there are others. */
  #ownersAt(stage: Stage): readonly (readonly number[])[] {
    const [old, next] = [this.#before, this.#after];
    return { [UNKNOWN]: [old], [JOINING]: [old, next], [OWNER]: [next] }[stage];
  }

  steps(state: State): Step[] {
    const write = state.believed === undefined ? this.#starts(state) : this.#stores(state);
    return [
      ...write,
      ...this.#crashes(state),
      ...this.#fills(state),
      ...this.#asksLate(state),
      ...this.#learns(state),
      ...this.#hears(state),
    ];
  }

  /** A node hears how far the new owner is, or was. */
  #hears(state: State): Step[] {
    const latest = Math.max(...state.owners.map(({ stage }) => stage));
    return state.owners.flatMap((owner, i) =>
      ([JOINING, OWNER] as const)
        .filter((stage) => stage > owner.stage && stage <= latest)
        .map((stage) => ({
          what: `${i} hears that ${this.#plan.n} is ${stage === JOINING ? 'joining' : 'an owner'}`,
          to: change(state, i, { ...owner, stage }),
        })),
    );
  }

  /** A member record has the present life, or an earlier one after the life known before. */
  #learns(state: State): Step[] {
    return state.owners.flatMap((owner, i) =>
      state.owners.flatMap(({ life }, j) => {
        const known = owner.known[j] ?? 0;
        if (i === j || j === 0) return [];
        return Array.from({ length: life - known }, (_, l) => {
          const learnt = { ...owner, known: { ...owner.known, [j]: known + l + 1 } };
          return {
            what: `${i} learns of life ${known + l + 1} of ${j}`,
            to: change(state, i, learnt),
          };
        });
      }),
    );
  }

  /** The coordinator knows the present life of each owner, or an earlier one. */
  #starts(state: State): Step[] {
    let beliefs: number[][] = [[]];
    for (const { life } of state.owners) {
      beliefs = beliefs.flatMap((known) =>
        Array.from({ length: life + 1 }, (_, l) => [...known, l]),
      );
    }
    return beliefs.map((believed) => ({
      what: `starts, believes ${believed.join()}`,
      to: { ...state, believed },
    }));
  }

  #stores(state: State): Step[] {
    // A store that arrives later makes no read miss the write.
    if (state.isAcknowledged) return [];
    const steps = state.owners.flatMap((owner, i) => {
      const { replica, life, stage } = owner;
      const replies = joined(state.replies, {
        owner: i,
        replica,
        life,
        stage,
        fences: this.#told(owner),
      });
      if (replies === state.replies && owner.hasWrite) return [];
      const stored = change(state, i, { ...owner, hasWrite: true });
      return [{ what: `${i} has it`, to: { ...stored, replies } }];
    });
    if (!this.#isMet(state)) return steps;
    const to = { ...state, isAcknowledged: true, replies: [], believed: [] };
    return [...steps, { what: 'acknowledged', to }];
  }

  #told({ fences, known }: Owner): Word['fences'] {
    const told = Object.entries(fences).map(([member, { replica, life }]) => {
      const present = known[Number(member)] ?? 0;
      const isLater = present !== life || this.#plan.planted === 'any known life is later';
      return [member, { replica, life, later: isLater ? present : undefined }];
    });
    return Object.fromEntries(told) as Word['fences'];
  }

  #isMet({ replies, believed = [] }: State): boolean {
    const name = JSON.stringify([replies, believed]);
    let isMet = this.#met.get(name);
    if (isMet === undefined) this.#met.set(name, (isMet = this.#isMetByAny(replies, believed)));
    return isMet;
  }

  /** The coordinator counts one reply of each owner: any of them may have come first. */
  #isMetByAny(replies: State['replies'], believed: readonly number[]): boolean {
    let choices: State['replies'][] = [[]];
    for (const owner of new Set(replies.map((reply) => reply.owner))) {
      const own = replies.filter((reply) => reply.owner === owner);
      choices = choices.flatMap((one) => [one, ...own.map((reply) => [...one, reply])]);
    }
    return choices.some((words) => this.#isMetBy(words, believed));
  }

  #isMetBy(words: State['replies'], believed: readonly number[]): boolean {
    const { planted, w } = this.#plan;
    const isVoid = ({ owner, replica, life }: State['replies'][number]): boolean => {
      const isFenced = words.some(({ fences }) => {
        const fence = fences[owner];
        const isFrom = fence === undefined || (fence.life === life && fence.replica <= replica);
        return !isFrom && fence.later !== life;
      });
      const isOther = life !== believed[owner];
      return (
        (isFenced && planted !== 'fences are not told') ||
        (isOther && planted !== 'any life counts')
      );
    };
    const valid = words.filter((word) => !isVoid(word));
    const members = valid.map(({ owner }) => owner);
    const stages = valid.map(({ stage }) => stage);
    if (planted !== 'writes ask one set of owners') return this.#isQuorum(members, stages, w);
    return stages.some((stage) => this.#isQuorum(members, [stage], w));
  }

  #crashes(state: State): Step[] {
    const { crashes, kinds = Object.keys(CRASHES) as Crash[] } = this.#plan;
    if (state.crashes >= crashes) return [];
    const next = { ...state, crashes: state.crashes + 1 };
    return state.owners.flatMap((owner, i) =>
      // A coordinator that crashes acknowledges nothing.
      i === 0
        ? []
        : kinds.map((kind) => ({
            what: `${i} ${kind}`,
            to: change(next, i, CRASHES[kind](owner)),
          })),
    );
  }

  /** The new state of a source after a question from a replica of `j`, if the source answers. */
  #fenced(source: Owner, j: number, { replica, life }: Name): Owner | undefined {
    const { planted } = this.#plan;
    const known = source.known[j] ?? 0;
    if (known !== life && planted !== 'fills who is not known') return undefined;
    const before = source.fences[j];
    const isLate = before !== undefined && before.life === known && before.replica > replica;
    if (isLate && planted !== 'late questions take fences back') return undefined;
    return { ...source, fences: { ...source.fences, [j]: { replica, life: known } } };
  }

  /** A question of a replica that is gone also makes a fence, but its answer reaches no replica. */
  #asksLate(state: State): Step[] {
    return state.owners.flatMap(({ gone }, j) =>
      state.owners.flatMap((source, i) =>
        gone.flatMap((asker) => {
          const fenced = i === j || !source.isComplete ? undefined : this.#fenced(source, j, asker);
          if (fenced === undefined) return [];
          return [
            {
              what: `${i} is asked by replica ${asker.replica} of ${j}, late`,
              to: change(state, i, fenced),
            },
          ];
        }),
      ),
    );
  }

  #fills(state: State): Step[] {
    const { n, w, planted } = this.#plan;
    const enough = n - w + (planted === 'one source too few' ? 0 : 1);
    return state.owners.flatMap((owner, j) => {
      if (owner.isComplete) return [];
      const isNew = j === n && owner.stage === JOINING;
      const among = this.#presentOwners(owner);
      const steps = state.owners.flatMap((source, i) => {
        if (i === j || !source.isComplete || !among.includes(i)) return [];
        if (!this.#presentOwners(source).includes(i)) return [];
        const doesKnow = this.#ownersAt(source.stage).flat().includes(j);
        if (!doesKnow && planted !== 'fills a stranger') return [];
        const fenced = this.#fenced(source, j, owner);
        if (fenced === undefined) return [];
        const sources = [...new Set([...owner.sources, i])].sort((a, b) => a - b);
        const filled = { ...owner, sources, hasWrite: owner.hasWrite || source.hasWrite };
        return [
          { what: `${i} tells ${j} what it has`, to: change(change(state, i, fenced), j, filled) },
        ];
      });
      if (owner.sources.length < enough) return steps;
      return [
        ...steps,
        {
          what: `${j} is complete`,
          to: change(state, j, {
            ...owner,
            isComplete: true,
            sources: [],
            stage: isNew ? OWNER : owner.stage,
          }),
        },
      ];
    });
  }
}

/** All subsets of a list. */
function subsets(items: readonly number[]): number[][] {
  let found: number[][] = [[]];
  for (const item of items) found = found.flatMap((one) => [one, [...one, item]]);
  return found;
}

function change(state: State, i: number, owner: Owner): State {
  return { ...state, owners: state.owners.map((other, j) => (i === j ? owner : other)) };
}

/** A set of replies, in an order that does not depend on its history. */
function joined(replies: State['replies'], reply: State['replies'][number]): State['replies'] {
  const byText = new Map(replies.map((one) => [JSON.stringify(one), one]));
  const name = JSON.stringify(reply);
  if (byText.has(name)) return replies;
  byText.set(name, reply);
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** The result of a search: the number of states, and the path to the first that loses a write. */
export interface Found {
  readonly states: number;
  readonly isAcknowledged: boolean;
  readonly trace: readonly string[] | undefined;
}

/** Searches all states of a plan, breadth first. */
export function search(plan: Plan): Found {
  const model = new Model(plan);
  const cameBy = new Map<string, { readonly from: string; readonly what: string } | undefined>();
  const queue = [model.first()];
  cameBy.set(JSON.stringify(queue[0]), undefined);
  let isAcknowledged = false;
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at] as State;
    const from = JSON.stringify(state);
    isAcknowledged ||= state.isAcknowledged;
    if (model.isLost(state)) {
      const trace: string[] = [];
      for (let step = cameBy.get(from); step !== undefined; step = cameBy.get(step.from))
        trace.unshift(step.what);
      return { states: cameBy.size, isAcknowledged, trace };
    }
    for (const { what, to } of model.steps(state)) {
      const name = JSON.stringify(to);
      if (cameBy.has(name)) continue;
      cameBy.set(name, { from, what });
      queue.push(to);
    }
  }
  return { states: cameBy.size, isAcknowledged, trace: undefined };
}
