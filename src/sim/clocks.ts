/** The wall clocks of all machines: which moments have passed on some of them, at some time, and which on all. */
import { CLOCK_TOLERANCE_MS } from '../cluster/limits.ts';
import { quorumSize } from '../core/quorum/quorum.ts';

/** A machine with a clock. */
export interface Machine {
  /** How far its clock is off, µs. */
  readonly skewMicros: number;
  /** Whether a node was started on it after the others had found each other. */
  readonly isNew: boolean;
  /** Owners of a key, as its node knows them; undefined if it does not run. */
  readonly replicas: number | undefined;
}

/** Machines, and how many of them keep a key. */
export interface Machines {
  readonly nodes: readonly Machine[];
  /** What a clock shows that is right, µs since 1970. */
  readonly rightMicros: number;
  readonly quorum: { readonly n: number };
}

/** How far ahead and behind a clock has ever been, µs. */
interface ClockRange {
  least: number;
  most: number;
}

/**
 * Watches the clocks of one run. A node knows the others' clocks as it heard of them last, so what
 * one has shown it may show for ever.
 */
export class Clocks {
  readonly #machines: Machines;
  readonly #ranges = new Map<object, ClockRange>();
  /** The fewest owners of a key that a node was seen to know. */
  #fewest = Infinity;

  constructor(machines: Machines) {
    this.#machines = machines;
  }

  /** How far all clocks have been off: most of all first. */
  #offsets(): ClockRange[] {
    return this.#machines.nodes.map((node) => {
      const range = this.#ranges.get(node) ?? { least: node.skewMicros, most: node.skewMicros };
      range.least = Math.min(range.least, node.skewMicros);
      range.most = Math.max(range.most, node.skewMicros);
      this.#ranges.set(node, range);
      return range;
    });
  }

  /** To be called before a clock jumps: what it has shown, it has shown. */
  note(): void {
    this.#offsets();
  }

  /** What a majority of the owners of a key may hold for past, µs since 1970. */
  #majorityMicros(owners: number): number {
    const { rightMicros } = this.#machines;
    const most = this.#offsets()
      .map((offset) => offset.most)
      .sort((a, b) => b - a);
    // Which nodes own a key does not matter here: any so many may be its majority.
    return rightMicros + (most[quorumSize('quorum', owners) - 1] ?? 0);
  }

  /** Whether nodes may delete what expires at a moment: a majority of owners may hold it for past. */
  mayBePast(micros: number): boolean {
    const { nodes, quorum } = this.#machines;
    if (micros <= this.#majorityMicros(Math.min(quorum.n, nodes.length))) return true;
    // Where nodes have left, a majority is fewer. This is looked at when a write is first seen to be gone.
    const known = nodes.map(({ replicas = 0 }) => replicas).filter((count) => count > 0);
    this.#fewest = Math.min(this.#fewest, ...known);
    return micros <= this.#majorityMicros(Math.min(quorum.n, nodes.length, this.#fewest));
  }

  /**
   * Whether a node may hide what expires at a moment. One goes by its own clock while that is near
   * those of a majority; and one that has not heard of a majority since its start, however far off
   * it is.
   */
  mayLookPast(micros: number): boolean {
    if (this.mayBePast(micros - 1_000 * CLOCK_TOLERANCE_MS)) return true;
    const { nodes, rightMicros } = this.#machines;
    const offsets = this.#offsets();
    return nodes.some(({ isNew }, i) => isNew && micros <= rightMicros + (offsets[i]?.most ?? 0));
  }

  /** What the slowest clock shows, or showed when others heard of it. */
  leastMicros(): number {
    return this.#machines.rightMicros + Math.min(...this.#offsets().map(({ least }) => least));
  }
}
