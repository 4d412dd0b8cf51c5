/**
 * The cluster id: it tells this cluster from every other one. Without it, one wrong address in a
 * configuration would mix the data of two clusters. So would a node that has got the address of a
 * former member.
 *
 * A cluster is begun by several nodes together, and no one node can give it a name: two nodes that
 * cannot hear each other would draw two. So the id is a set of *marks*, one of each node that began
 * the cluster: the life of its process. Nodes that begin together exchange their marks first. Two
 * nodes are of one cluster if they have a mark in common, and then each gets the marks of the
 * other.
 *
 * A node that belongs to no cluster believes only the nodes that its configuration names. If one of
 * them belongs to a cluster, the node takes its marks over. They count when they are on the disk:
 * until then the node tells nothing, so it cannot be a member of one cluster before a crash, and of
 * another one after it.
 *
 * A cluster that never had another member and has no data is *unused*: its node starts as a new one
 * and may join others. A node that has begun to join it may be among them, and waits for it. So
 * the unused cluster stays on the disk until the node joins another one, or begins one.
 */
import { hashText32 } from '../../base/hash.ts';
import { MAX_CLUSTER_MARKS } from '../../transport/limits.ts';
import type { Identity } from '../../transport/message.ts';

/** The relation of another node to this one. */
export type Relation =
  /** Both are of one cluster. */
  | 'same'
  /** Neither belongs to a cluster. */
  | 'new'
  /** Only the other node belongs to no cluster. It may join this one. */
  | 'newcomer'
  /** Only this node belongs to no cluster. It may join that of the other node. */
  | 'cluster'
  /** This node has joined or begun a cluster, and its disk does not have that yet. */
  | 'undecided'
  /** Each belongs to a cluster of its own. */
  | 'stranger';

type Marks = readonly string[];

const areSome = (marks: Marks, others: Marks): boolean =>
  marks.some((mark) => others.includes(mark));

/** All marks of both sets, or the first of them: all nodes leave out the same. */
const union = (marks: Marks, others: Marks): Marks =>
  [...new Set([...marks, ...others])].sort().slice(0, MAX_CLUSTER_MARKS);

/** A mark in the head of a frame; 0 is no mark. */
const tagOf = (mark: string): number => Math.max(1, hashText32(mark));

/** How a node starts. */
export interface ClusterIdOptions {
  /** The marks on the disk; undefined if this node belongs to no cluster. */
  readonly kept: Marks | undefined;
  /** The marks of an unused cluster on the disk; undefined if there is none. */
  readonly unused?: Marks | undefined;
  /** Whether the node has taken the marks over, and has not joined yet. */
  readonly isTaken: boolean;
  /** Whether the node has lost its marks, and other members have them. */
  readonly isLost: boolean;
  /** The life of this process: the mark of this node, if it begins a cluster. */
  readonly life: string;
}

/** The id of the cluster of this node. */
export class ClusterId {
  #marks: Marks;
  #taken: Marks | undefined;
  #isBegun = false;
  #isKept: boolean;
  #isTaken: boolean;
  readonly #isLost: boolean;
  readonly #unused: Marks;
  #tags: ReadonlySet<number> = new Set();

  constructor({ kept, unused = [], isTaken, isLost, life }: ClusterIdOptions) {
    this.#unused = unused;
    this.#marks = kept ?? [life];
    this.#isKept = kept !== undefined;
    this.#isTaken = isTaken;
    this.#isLost = isLost;
    this.#setMarks(this.#marks);
  }

  /** The marks that this node tells others. */
  get marks(): Marks {
    return this.#marks;
  }

  /** Whether this node belongs to a cluster, and its disk has that. */
  get isMember(): boolean {
    return this.#isKept;
  }

  /** The id for people: the first of the marks. Undefined if this node belongs to no cluster. */
  get text(): string | undefined {
    return this.#isKept ? this.#marks[0] : undefined;
  }

  /** Whether this node may begin a cluster: it has not taken over the marks of another one. */
  get mayBegin(): boolean {
    return !this.#isTaken;
  }

  /** Whether the disk may forget the unused cluster. */
  get mayKeep(): boolean {
    return this.#unused.length === 0 || this.#isBegun || this.#isTaken;
  }

  /** The marks to keep on the disk: none as long as this node belongs to no cluster. */
  get toKeep(): Marks | undefined {
    if (this.#taken !== undefined) return this.#taken;
    if (this.#isKept || this.#isBegun) return this.#marks;
    return this.#isLost ? undefined : [];
  }

  /** Finds the relation of another node to this one. */
  relationTo({ cluster, isMember }: Pick<Identity, 'cluster' | 'isMember'>): Relation {
    if (this.#taken !== undefined) return 'undecided';
    if (this.#isKept) {
      if (areSome(this.#marks, cluster)) return 'same';
      return isMember ? 'stranger' : 'newcomer';
    }
    if (!isMember) return 'new';
    return this.#isBegun ? 'undecided' : 'cluster';
  }

  /**
   * Whether both clusters can be one: some of the marks that remain are of this cluster, and some
   * of the other one.
   */
  canAdd(marks: Marks): boolean {
    const all = union(this.#marks, marks);
    return areSome(all, this.#marks) && areSome(all, marks);
  }

  /** Adds the marks of a node of this cluster, or of one with which this node may begin one. */
  add(marks: Marks): void {
    const all = union(this.#marks, marks);
    // Without a mark of its cluster, a member would take the other members for strangers.
    if (this.#isKept && !areSome(all, this.#marks)) return;
    if (all.length !== this.#marks.length || all.some((mark, i) => mark !== this.#marks[i]))
      this.#setMarks(all);
  }

  /** Notes that this node belongs to the cluster that it begins, or has begun with others. */
  begin(): void {
    if (this.#taken === undefined && !this.#isLost) this.#isBegun = true;
  }

  /**
   * Takes over the marks of the cluster that this node joins. They count when they are kept. Those
   * of the unused cluster are: the node belongs to it again, and may begin it.
   */
  take(marks: Marks): void {
    if (this.#isKept || this.#isBegun || marks.length === 0) return;
    if (areSome(marks, this.#unused)) {
      const { marks: common } = this;
      this.#isKept = true;
      this.#setMarks(marks);
      return this.add(common);
    }
    this.#taken ??= marks;
    this.#isTaken = true;
  }

  /** Notes the marks on the disk. Returns whether this node belongs to a cluster only now. */
  noteKept(marks: Marks | undefined): boolean {
    if (marks === undefined || marks.length === 0 || this.#isKept) return false;
    this.#isKept = true;
    if (this.#taken !== undefined) this.#setMarks(this.#taken);
    this.#taken = undefined;
    return true;
  }

  #setMarks(marks: Marks): void {
    this.#marks = marks;
    this.#tags = new Set(marks.map(tagOf));
  }

  /** Whether the tag of a frame is that of a mark of this cluster. */
  hasTag(tag: number): boolean {
    return this.#tags.has(tag);
  }

  /** The tag for frames to a node with these marks; 0 if it has no mark in common with this one. */
  tagFor(marks: Marks): number {
    const common = this.#marks.find((mark) => marks.includes(mark));
    return common === undefined ? 0 : tagOf(common);
  }
}
