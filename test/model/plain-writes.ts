/**
 * A model of one plain write while replicas lose their disks and are filled again. In any order of
 * events, an acknowledged write must be at one of any r = n − w + 1 complete owners. Owner 0
 * coordinates. Messages may be late and duplicated. A reply may arrive after its replica is gone,
 * and so may a question of a replica that is being filled.
 */

/** A rule that is left out. */
export type Planted =
  | 'fences are not told'
  | 'any life counts'
  | 'one source too few'
  | 'any known life is later'
  | 'fills who is not known'
  | 'late questions take fences back';

/**
 * A crash of an owner: its process restarts, with or without its disk, or one replica is replaced.
 */
export type Crash = 'restarts' | 'loses its disk' | 'replaces its replica';

/** The scope of a search. */
export interface Plan {
  readonly n: number;
  readonly w: number;
  /** The number of crashes, and their kinds; all kinds by default. */
  readonly crashes: number;
  readonly kinds?: readonly Crash[];
  readonly planted?: Planted;
}

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
}

/** One state of the model. */
export interface State {
  readonly owners: readonly Owner[];
  readonly crashes: number;
  /** For each owner, the life that the coordinator believed it to have when the write began. */
  readonly believed: readonly number[] | undefined;
  readonly counted: Readonly<Record<number, Word>>;
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

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Owners without data that are all complete. */
  first(): State {
    const owner = {
      replica: 0,
      life: 0,
      hasWrite: false,
      isComplete: true,
      fences: {},
      known: {},
      sources: [],
      gone: [],
    };
    const owners = Array.from({ length: this.#plan.n }, () => owner);
    return {
      owners,
      crashes: 0,
      believed: undefined,
      counted: {},
      replies: [],
      isAcknowledged: false,
    };
  }

  /** Whether a read can miss an acknowledged write. */
  isLost({ owners, isAcknowledged }: State): boolean {
    const { n, w } = this.#plan;
    return (
      isAcknowledged &&
      owners.filter(({ isComplete, hasWrite }) => isComplete && !hasWrite).length > n - w
    );
  }

  steps(state: State): Step[] {
    const write = state.believed === undefined ? this.#starts(state) : this.#stores(state);
    return [
      ...write,
      ...this.#crashes(state),
      ...this.#fills(state),
      ...this.#asksLate(state),
      ...this.#learns(state),
    ];
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
    const steps: Step[] = [];
    for (const [i, owner] of state.owners.entries()) {
      const stored = change(state, i, { ...owner, hasWrite: true });
      const word = { replica: owner.replica, life: owner.life, fences: this.#told(owner) };
      // The coordinator counts itself at once. The reply of any other owner takes time.
      if (i === 0)
        steps.push({ what: '0 has it', to: { ...stored, counted: { ...state.counted, 0: word } } });
      else
        steps.push({
          what: `${i} has it`,
          to: { ...stored, replies: joined(state.replies, { owner: i, ...word }) },
        });
    }
    if (state.isAcknowledged) return steps;
    for (const { owner, ...word } of state.replies) {
      if (state.counted[owner] !== undefined) continue;
      const counted = { ...state.counted, [owner]: word };
      steps.push({
        what: `replica ${word.replica} of ${owner} is heard`,
        to: { ...state, counted },
      });
    }
    if (this.#isMet(state))
      steps.push({ what: 'acknowledged', to: { ...state, isAcknowledged: true } });
    return steps;
  }

  #told({ fences, known }: Owner): Word['fences'] {
    const told = Object.entries(fences).map(([member, { replica, life }]) => {
      const present = known[Number(member)] ?? 0;
      const isLater = present !== life || this.#plan.planted === 'any known life is later';
      return [member, { replica, life, later: isLater ? present : undefined }];
    });
    return Object.fromEntries(told) as Word['fences'];
  }

  #isMet({ counted, believed = [] }: State): boolean {
    const { planted, w } = this.#plan;
    const words = Object.entries(counted);
    const isVoid = (owner: string, { replica, life }: Word): boolean => {
      const isFenced = words.some(([, { fences }]) => {
        const fence = fences[Number(owner)];
        const isFrom = fence === undefined || (fence.life === life && fence.replica <= replica);
        return !isFrom && fence.later !== life;
      });
      const isOther = life !== believed[Number(owner)];
      return (
        (isFenced && planted !== 'fences are not told') ||
        (isOther && planted !== 'any life counts')
      );
    };
    return words.filter(([owner, word]) => !isVoid(owner, word)).length >= w;
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
      const steps = state.owners.flatMap((source, i) => {
        if (i === j || !source.isComplete) return [];
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
          to: change(state, j, { ...owner, isComplete: true, sources: [] }),
        },
      ];
    });
  }
}

function change(state: State, i: number, owner: Owner): State {
  return { ...state, owners: state.owners.map((other, j) => (i === j ? owner : other)) };
}

/** A set of replies, in an order that does not depend on its history. */
function joined(replies: State['replies'], reply: State['replies'][number]): State['replies'] {
  const byText = new Map([...replies, reply].map((one) => [JSON.stringify(one), one]));
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
