/**
 * Scrub: replicas that have seen the same dots must have the same rows. A replica that has silently
 * lost a row does not know it, and absence means deletion here. So owners compare their rows all
 * the time, page by page, and put back the rows that one of them has lost.
 *
 * Rows that can be compared: take two replicas with the same clock, without gaps, and a key without
 * residue in both. Both must have the same versions of it. A dot enters a clock in one batch with
 * the effect of its write, so equal clocks are equal effects. Residues are all else that a replica
 * knows of a key. A page counts only if the replica had neither gaps nor residues. It must have
 * written everything before the page was read, and must not have changed during the reading. Two
 * pages are compared only under the same clock. Replicas that take writes are left out until they
 * rest.
 *
 * The meaning of a difference: one of the two has lost a row, or an old row has returned. Or a gap
 * was closed over an unacknowledged write of a dead actor that one of them has after all. Nothing
 * shows which replica is right. A version too many is a sibling that the next writer resolves, and
 * a missing one is lost for ever. So each replica takes in the versions of the other, and both end
 * with all of them. If one or two of three owners have the version, the others get it.
 *
 * The way to take in a version: a merge does not work, because the clock of the replica that lost
 * the version says that it was seen and is gone. `ReplicaRepair.restore` takes it in on three
 * conditions, which it checks in one turn: the clock here has no gap, the key has no residue, and
 * the other replica filled the key with exactly this clock. (The page of the other has the clock
 * that was durable when the page was begun. Clocks only grow, and a filled context has all bases.
 * So if both equal the clock here, the key was filled with that clock and had no residue.)
 *
 * Clock and log do not change, because nothing was written. Each replica repairs only itself.
 *
 * The limit of the scrub: damage that has spread before it was found. The owner that has lost a
 * version answers every question as if the version was deleted. A read or a write of that key also
 * takes the version from the other owners.
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

/** The parts of a node that the scrub uses. */
export interface ScrubOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly limits: SyncLimits;
}

/** A span of rows of a partition: those after a key, up to and including another key. */
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
  /** The place of the next page. */
  #partition = 0;
  #after: string | undefined;
  #rows = 64;
  /** Partitions in which another owner has found a difference, with that owner and the span. */
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

  /**
   * Answers another owner whether its rows and the rows here are the same, or cannot be compared
   * now.
   */
  async serve({
    from,
    partition,
    after,
    until,
    clockHash,
    rows,
    digest,
  }: Request): Promise<CompareReply> {
    const { store, limits } = this.#options;
    const reply = {
      kind: 'compared',
      differing: [] as number[],
      incomplete: [] as number[],
    } as const;
    const replica = store.of(partition);
    const isSame = replica.clockHash === clockHash && this.#options.members.owns(partition);
    // One row more than the other owner has is enough to show a difference.
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
    if (error instanceof MecError && error.code === 'damaged') store.handleDamage(error);
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
    // Large rows make small pages, so that clients do not wait for a page to be read.
    const fitting = page.bytes > limits.pageBytes ? this.#rows >> 1 : 2 * this.#rows;
    this.#rows = Math.min(limits.scrubRows, Math.max(1, fitting));
    await this.#compare(replica, peer, page);
  }

  async #compare(replica: Replica, peer: Peer, page: ScrubPage): Promise<void> {
    const { members, limits } = this.#options;
    const { partition } = replica;
    const { clockHash, after, until, rows, digest } = page;
    const request = {
      kind: 'scrub',
      from: members.self,
      partition,
      after,
      until,
      clockHash,
      rows,
      digest,
    } as const;
    const { differing, incomplete } = await ask({ peer, limits }, request, 'compared');
    if (!incomplete.includes(partition)) this.#counts.pages += 1;
    if (differing.includes(partition)) await this.#heal(replica, peer, page);
  }

  /** If this partition is done, goes on to the next that has data. */
  #advance(): void {
    const { members, store } = this.#options;
    for (let tries = 0; tries < PARTITIONS; tries++) {
      if (members.owns(this.#partition) && !store.of(this.#partition).clock.isEmpty) return;
      this.#partition = (this.#partition + 1) % PARTITIONS;
      this.#after = undefined;
    }
  }

  /**
   * Reads up to `limit` rows of a span. Returns undefined if the rows cannot be compared with those
   * of another owner now.
   */
  async #read(
    replica: Replica,
    { after, until }: Span,
    limit: number,
  ): Promise<ScrubPage | undefined> {
    const { count } = replica.commits;
    await replica.commits.whenDurable();
    const clock = replica.clock.clone();
    const { clockHash } = replica;
    if (
      replica.residues.count > 0 ||
      !replica.isWhole ||
      replica.status.isWounded ||
      !clock.gaps().isEmpty
    )
      return undefined;
    const found = await replica.rows.objectsAfter(after, until, limit);
    if (replica.commits.count !== count || this.#options.store.find(replica.partition) !== replica)
      return undefined;
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

  /** Takes in the versions that the other owner has in a span, and this replica has lost. */
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
      const items = page.items.filter(
        ({ key }) => until === undefined || compareUtf8(key, until) <= 0,
      );
      for (const item of items) restored += Number(replica.repair.restore(item, () => {}));
      next = page.next;
      if (next === undefined || items.length < page.items.length) break;
    }
    this.#counts.restored += restored;
    // The other owner logs the versions that it has put back itself.
    const level = restored > 0 ? 'error' : 'debug';
    env.log[level]('rows differed under equal clocks', {
      partition,
      peer: peer.id,
      restored,
    });
  }
}
