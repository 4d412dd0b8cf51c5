/**
 * Judges the member lists of all nodes: a member that owns partitions has the weight and zone with
 * which it joined. Otherwise partitions would move at once, without pending owners.
 */
import type { MemberRecord } from '../core/placement/member-list.ts';
import type { SimCluster } from './cluster.ts';

/** The pause between two looks: a list that is wrong for less time is not seen. */
const LOOK_MS = 50;

/** Watches the member lists of one run. */
export class MemberJudge {
  readonly #cluster: SimCluster;
  readonly #violations: string[];
  /** The weight and zone of each generation that owned partitions, by the name of the member. */
  readonly #fields = new Map<string, Map<number, string>>();
  /** The generations that were joining. Any other one takes the place of the generation before. */
  readonly #joined = new Set<string>();
  /** The list of each node at the last look. It is another list if a record has changed. */
  readonly #seen = new Map<string, readonly MemberRecord[]>();
  #nextMs = 0;
  /**
   * Whether there is one cluster. A node that has lost its disk and begins a cluster of its own may
   * be of the same generation as its predecessor.
   */
  isOn = true;

  constructor(cluster: SimCluster, violations: string[]) {
    this.#cluster = cluster;
    this.#violations = violations;
  }

  /** Looks at every list that has changed since the last look. */
  check(): void {
    const { nodes, world } = this.#cluster;
    if (!this.isOn || world.nowMs < this.#nextMs) return;
    this.#nextMs = world.nowMs + LOOK_MS;
    for (const { name: observer, node } of nodes) {
      const members = node?.members;
      if (members === undefined || this.#seen.get(observer) === members) continue;
      this.#seen.set(observer, members);
      for (const record of members) this.#note(observer, record);
    }
  }

  #note(observer: string, { name, generation, state, weight, zone = 'none' }: MemberRecord): void {
    const member = `${name} in generation ${generation}`;
    if (state === 'joining') this.#joined.add(member);
    if (state !== 'up' && state !== 'leaving') return;
    const fields = `weight ${weight} and zone ${zone}`;
    const all = this.#fields.get(name) ?? new Map<number, string>();
    const before = this.#joined.has(member) ? undefined : all.get(Math.max(...all.keys()));
    const known = all.get(generation) ?? before ?? fields;
    this.#fields.set(name, all.set(generation, fields));
    if (known !== fields)
      this.#violations.push(`${observer} knows ${member} with ${fields}, after ${known}`);
  }
}
