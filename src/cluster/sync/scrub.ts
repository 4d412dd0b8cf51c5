/**
 * Scrub: replicas that have seen the same must hold the same. One that has silently lost a row does
 * not know it, and absence means deletion here; so owners compare what they hold, page by page, all
 * the time, and put back what one of them has lost.
 *
 * What may be compared. Take two replicas with the same clock, without gaps, and a key without
 * residue in both. Then they hold the same versions of it: a dot enters a clock in one batch with
 * the effect of its write, so equal clocks are equal effects; and what is known of a key beyond the
 * clock is residue. So a page counts only if the replica had neither gaps nor residues and was not
 * changed while the page was read, after all before was durable; and two pages are compared only
 * under the same clock. Replicas that are being written to are passed over until they rest.
 *
 * What a difference means. One of the two has lost a row, or an old one has come back; or a gap was
 * closed over a write of a dead actor that had come to one of them after all (it was never
 * acknowledged). Which of the two is right cannot be told. A version too many is a sibling that the
 * next writer resolves; one too few is gone for ever. So each takes in what the other holds, and
 * both end up with all. With three owners, of which two hold it, the third gets it; if only one
 * does, the others get it.
 *
 * How it is taken in. A merge would not: to the side that has lost it, its own clock says that the
 * version was seen and is gone. So `ReplicaRepair.restore` takes it in if, in the same breath, its own
 * clock has no gap, the key no residue, and the other filled the key with just this clock. (The
 * other's page says which clock was durable when the page was begun. Clocks only grow, and a filled
 * context holds all of the bases; so if both are equal to the clock here, the key was filled with
 * that clock and without residue.) Neither clock nor log change, as nothing was written; each side
 * repairs only itself.
 *
 * What this cannot mend: damage that was spread before it was found. The owner that has lost a
 * version tells everybody who asks that it is gone; a read or a write of that very key takes it
 * from the others as well.
 */
import type { Env, Timer } from '../../base/env.ts';
import { compareUtf8 } from '../../base/bytes.ts';
import { jittered } from '../../base/delays.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import { hashText32 } from '../../base/hash.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { SyncLimits } from '../limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { keyOfRow } from '../../storage/keyspace.ts';
import { recordToVersions } from '../../storage/records.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { CompareReply, ScrubRequest as Request } from '../../transport/message.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import { ask } from './pull.ts';

/** What the scrub works on. */
export interface ScrubOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly limits: SyncLimits;
}

/** Some neighbouring rows of a partition: those after a key, up to one. */
interface Span {
  readonly after: string | undefined;
  readonly until: string | undefined;
}

interface ScrubPage extends Span {
  readonly clock: CausalContext;
  readonly clockHash: number;
  readonly rows: number;
  readonly bytes: number;
  readonly digest: number;
}

/** Compares the rows of this node with those of the other owners. */
export class Scrub {
  readonly #options: ScrubOptions;
  /** Where to go on. */
  #partition = 0;
  #after: string | undefined;
  #rows = 64;
  /** Partitions in which another owner has found a difference: with whom, and where. */
  readonly #suspects = new Map<number, Span & { readonly peer: string }>();
  #timer: Timer | undefined;
  #isStopped = false;
  readonly #counts = { pages: 0, differences: 0, restored: 0 };

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  start(): void {
    const { env, limits } = this.#options;
    this.#timer = env.clock.after(jittered(env.random, limits.scrubMs), () => {
      this.#step()
        .catch((error: unknown) => this.#failed(error))
        .finally(() => {
          if (!this.#isStopped) this.start();
        });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** For `/status`: pages compared, pages that differed, objects that were put back. */
  status(): Readonly<Record<'pages' | 'differences' | 'restored', number>> {
    return { ...this.#counts };
  }

  /** Answers another owner: whether the same rows here are the same, or cannot be compared now. */
  async serve({ from, partition, after, until, clockHash, rows, digest }: Request): Promise<CompareReply> {
    const { store, limits } = this.#options;
    const reply = { kind: 'compared', differing: [] as number[], incomplete: [] as number[] } as const;
    const replica = store.of(partition);
    const isSame = replica.clockHash === clockHash && this.#options.members.owns(partition);
    // One more than the other has is different enough.
    const limit = Math.min(rows, limits.scrubRows) + 1;
    const read = isSame ? this.#read(replica, { after, until }, limit) : undefined;
    read?.catch((error: unknown) => this.#failed(error));
    const page = await read;
    if (page === undefined || replica.clockHash !== clockHash) reply.incomplete.push(partition);
    else if (page.digest !== digest || page.rows !== rows) {
      reply.differing.push(partition);
      this.#suspects.set(partition, { peer: from, after, until });
    }
    return reply;
  }

  #failed(error: unknown): void {
    const { env, store } = this.#options;
    if (error instanceof MecError && error.code === 'damaged') store.damaged(error);
    env.log.debug('scrub failed', { reason: messageOf(error) });
  }

  /** Compares the next page with one other owner. */
  async #step(): Promise<void> {
    const { env, members, peers, store, limits } = this.#options;
    for (const [partition, { peer: id, ...span }] of this.#suspects) {
      this.#suspects.delete(partition);
      const peer = peers.byId.get(id);
      if (peer === undefined || !members.owns(partition)) continue;
      const page = await this.#read(store.of(partition), span, limits.scrubRows);
      return page && this.#compare(store.of(partition), peer, page);
    }
    this.#advance();
    const partition = this.#partition;
    const replica = store.of(partition);
    const page = await this.#read(replica, { after: this.#after, until: undefined }, this.#rows);
    this.#after = page?.until;
    if (page?.until === undefined) this.#partition = (partition + 1) % PARTITIONS;
    const owners = peers.reachable(members.owners(partition), 0);
    const peer = owners[env.random.uint32() % Math.max(1, owners.length)];
    if (peer === undefined || page === undefined) return;
    // Large rows make small pages: whoever is served meanwhile must not feel it.
    const fitting = page.bytes > limits.pageBytes ? this.#rows >> 1 : 2 * this.#rows;
    this.#rows = Math.min(limits.scrubRows, Math.max(1, fitting));
    await this.#compare(replica, peer, page);
  }

  async #compare(replica: Replica, peer: Peer, page: ScrubPage): Promise<void> {
    const { members, limits } = this.#options;
    const { partition } = replica;
    const { clockHash, after, until, rows, digest } = page;
    const request = { kind: 'scrub', from: members.self, partition, after, until, clockHash, rows, digest } as const;
    const { differing, incomplete } = await ask({ peer, limits }, request, 'compared');
    if (!incomplete.includes(partition)) this.#counts.pages += 1;
    if (differing.includes(partition)) await this.#heal(replica, peer, page);
  }

  /** Goes on to the next partition in which there is anything, if this one is done. */
  #advance(): void {
    const { members, store } = this.#options;
    for (let tries = 0; tries < PARTITIONS; tries++) {
      if (members.owns(this.#partition) && !store.of(this.#partition).clock.isEmpty) return;
      this.#partition = (this.#partition + 1) % PARTITIONS;
      this.#after = undefined;
    }
  }

  /** The rows of a span, at most so many; undefined where what is read cannot be compared with anything. */
  async #read(replica: Replica, { after, until }: Span, limit: number): Promise<ScrubPage | undefined> {
    const { count } = replica.commits;
    await replica.commits.whenDurable();
    const clock = replica.clock.clone();
    const { clockHash } = replica;
    if (replica.residues.count > 0 || !replica.isWhole || replica.standing.isWounded || !clock.gaps().isEmpty)
      return undefined;
    const found = await replica.rows.objectsAfter(after, until, limit);
    if (replica.commits.count !== count || this.#options.store.find(replica.partition) !== replica) return undefined;
    let digest = 0;
    let bytes = 0;
    for (const [row, record] of found) {
      bytes += row.length + record.length;
      const dots = recordToVersions(record, row).map(({ actor, counter }) => `${actor} ${counter}`);
      digest = hashText32(`${keyOfRow(row)}\0${dots.join('\0')}`, digest);
    }
    const last = found[found.length - 1];
    const end = last !== undefined && found.length === limit ? keyOfRow(last[0]) : until;
    return { after, until: end, clock, clockHash, rows: found.length, bytes, digest };
  }

  /** Takes in what the other owner holds of a span, and this node should. */
  async #heal(replica: Replica, peer: Peer, { after, until, clock }: ScrubPage): Promise<void> {
    const { env, limits, members } = this.#options;
    const { partition, isComplete } = replica;
    this.#counts.differences += 1;
    let restored = 0;
    let next = after;
    let id: string | undefined;
    for (let pages = 0; pages < limits.scrubRows; pages++) {
      const head = { kind: 'snapshot', from: members.self, partition, isComplete } as const;
      const page = await ask({ peer, limits }, { ...head, id, after: next }, 'snapshot-page');
      if (page.opening?.statement.clock.equals(clock) === false) break;
      ({ id } = page);
      const items = page.items.filter(({ key }) => until === undefined || compareUtf8(key, until) <= 0);
      for (const item of items) restored += Number(replica.repair.restore(item, () => {}));
      next = page.next;
      if (next === undefined || items.length < page.items.length) break;
    }
    this.#counts.restored += restored;
    // The other side reports what it has put back itself.
    const level = restored > 0 ? 'error' : 'debug';
    env.log[level]('a disk has lost records, or got them back; they are as the other owner has them', {
      partition,
      peer: peer.id,
      restored,
    });
  }
}
