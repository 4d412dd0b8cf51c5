/** The wall clocks of all machines: which moments were past on some of them, and which on all. */
import { CLOCK_TOLERANCE_MS } from '../cluster/limits.ts';
import { quorumSize } from '../core/quorum/quorum.ts';

/** A machine with a clock. */
export interface Machine {
  /** The offset of its clock from the right time, µs. */
  readonly skewMicros: number;
  /** Whether its node was started after the cluster was born. */
  readonly isNew: boolean;
  /** The number of owners of a key, as its node knows it; undefined if the node does not run. */
  readonly replicas: number | undefined;
}

/** The machines of a run, and the number of owners of a key. */
export interface Machines {
  readonly nodes: readonly Machine[];
  /** The right time, µs since 1970. */
  readonly rightMicros: number;
  readonly quorum: { readonly n: number };
}

/** The least and the greatest offset that a clock has ever had, µs. */
interface ClockRange {
  least: number;
  most: number;
}

/**
 * Watches the clocks of one run. A node knows the clocks of others by their last messages. So an
 * old offset of a clock may have an effect at any time later.
 */
export class Clocks {
  readonly #machines: Machines;
  readonly #ranges = new Map<object, ClockRange>();
  /** The smallest number of owners of a key that any node knew. */
  #fewest = Infinity;

  constructor(machines: Machines) {
    this.#machines = machines;
  }

  /** Updates and returns the offsets of all clocks. */
  #offsets(): ClockRange[] {
    return this.#machines.nodes.map((node) => {
      const range = this.#ranges.get(node) ?? { least: node.skewMicros, most: node.skewMicros };
      range.least = Math.min(range.least, node.skewMicros);
      range.most = Math.max(range.most, node.skewMicros);
      this.#ranges.set(node, range);
      return range;
    });
  }

  /** Records the present offsets. Must be called before a clock jumps. */
  note(): void {
    this.#offsets();
  }

  /** The latest time that may be past for a majority of the owners of a key, µs since 1970. */
  #majorityMicros(owners: number): number {
    const { rightMicros } = this.#machines;
    const most = this.#offsets()
      .map((offset) => offset.most)
      .sort((a, b) => b - a);
    // It does not matter which nodes own a key: any majority is possible.
    return rightMicros + (most[quorumSize('quorum', owners) - 1] ?? 0);
  }

  /**
   * Whether nodes may delete a version that expires at `micros`: a majority may see that as past.
   */
  mayBePast(micros: number): boolean {
    const { nodes, quorum } = this.#machines;
    if (micros <= this.#majorityMicros(Math.min(quorum.n, nodes.length))) return true;
    // If nodes have left, a majority is smaller. A write is judged when it is first seen to be
    // gone.
    const known = nodes.map(({ replicas = 0 }) => replicas).filter((count) => count > 0);
    this.#fewest = Math.min(this.#fewest, ...known);
    return micros <= this.#majorityMicros(Math.min(quorum.n, nodes.length, this.#fewest));
  }

  /**
   * Whether a node may hide a version that expires at `micros`. A node uses its own clock as long
   * as this is near the clocks of a majority. Until a node has heard from a majority after its
   * start, it uses its own clock even if this is far off.
   */
  mayLookPast(micros: number): boolean {
    if (this.mayBePast(micros - 1_000 * CLOCK_TOLERANCE_MS)) return true;
    const { nodes, rightMicros } = this.#machines;
    const offsets = this.#offsets();
    return nodes.some(({ isNew }, i) => isNew && micros <= rightMicros + (offsets[i]?.most ?? 0));
  }

  /**
   * Returns the time of the slowest clock, µs since 1970, with the least offset that it ever had.
   */
  leastMicros(): number {
    return this.#machines.rightMicros + Math.min(...this.#offsets().map(({ least }) => least));
  }
}
