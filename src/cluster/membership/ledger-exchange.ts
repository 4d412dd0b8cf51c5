/**
 * The ledger in a cluster. Probes name its hash, and two nodes whose hashes differ tell each other
 * all records. An operator's change is told to all members at once, and is answered when a majority
 * of them has it on its disk. So every later majority has a member that knows it.
 */
import type { Env } from '../../base/env.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import type { Ledger } from '../../core/security/ledger.ts';
import type { LedgerRecord } from '../../core/security/ledger-record.ts';
import type { Store } from '../../storage/store.ts';
import type { LedgerReply, LedgerRequest } from '../../transport/message.ts';
import { LEDGER_TIMEOUT_MS } from '../limits.ts';
import type { WallTime } from '../wall-time.ts';
import type { Members } from './members.ts';
import type { Peer, Peers } from './peers.ts';

/** The parts of a node that its ledger needs. */
export interface LedgerParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly ledger: Ledger;
  readonly members: Members;
  readonly peers: Peers;
  readonly time: WallTime;
  readonly store: Pick<Store, 'keepLedger'>;
  /** The age of the last contact with a majority after which rights no longer count. */
  readonly maxAgeMs: number;
  /**
   * Whether nothing changes the ledger, because programs without keys reach the ports between
   * nodes. Otherwise one of them could make itself an administrator of the secured cluster.
   */
  readonly isFixed: boolean;
}

/** The members that have a change on their disks, and those that do not. */
export interface Spread {
  readonly have: readonly string[];
  readonly lack: readonly string[];
}

/** Exchanges, keeps and forgets the records of one node. */
export class LedgerExchange {
  readonly #parts: LedgerParts;
  /** The commit under way or done, and the hash of the ledger in it. */
  #kept: { readonly hash: string; readonly done: Promise<void> } | undefined;
  /** The time at which each member had told this node all that it knew. */
  readonly #heardMs = new Map<string, number>();
  /** The members that were asked and have not answered yet. */
  readonly #asked = new Set<string>();
  #freshMs = -Infinity;
  /** The wall time at a time; undefined if it must be found out again. */
  #wall: { readonly micros: number; readonly atMs: number } | undefined;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** The hash to tell other nodes. */
  get hash(): string {
    return this.#parts.ledger.hash;
  }

  /** Whether this node has met no majority of the members for so long that rights may be old. */
  get isStale(): boolean {
    const { env, isFixed, maxAgeMs } = this.#parts;
    return !isFixed && env.clock.monotonicMs() - this.#freshMs > maxAgeMs;
  }

  /**
   * The wall time by which records expire, µs since 1970. It is asked for at every request, so the
   * clocks of the members are compared at heartbeats only.
   */
  get nowMicros(): number {
    const nowMs = this.#parts.env.clock.monotonicMs();
    this.#wall ??= { micros: this.#parts.time.nowMicros(this.#present()), atMs: nowMs };
    return this.#wall.micros + 1000 * (nowMs - this.#wall.atMs);
  }

  #present(): string[] {
    return this.#parts.members.in('joining', 'up', 'leaving').map(({ name }) => name);
  }

  /** Notes the hash that a member has told. If its ledger is another one, exchanges records. */
  note(from: string, hash: string | undefined): void {
    const { ledger, members, peers, isFixed } = this.#parts;
    const peer = peers.byId.get(from);
    if (isFixed || hash === undefined || peer === undefined) return;
    if (members.get(from) === undefined) return;
    if (hash === ledger.hash) this.#noteHeard(from);
    else if (!this.#asked.has(from)) void this.#tell(peer, ledger.all);
  }

  #noteHeard(from: string): void {
    this.#heardMs.set(from, this.#parts.env.clock.monotonicMs());
    this.#refresh();
  }

  /** Answers a member that tells records, when they are on this disk. Rejects with `MecError`. */
  async serve({ from, hash, records }: LedgerRequest): Promise<LedgerReply> {
    const { ledger, members, isFixed } = this.#parts;
    if (isFixed || members.get(from) === undefined) throw new MecError('not-ready');
    ledger.merge(records, this.nowMicros);
    await this.#keep();
    const isSame = ledger.hash === hash;
    return { kind: 'ledger-kept', hash: ledger.hash, records: isSame ? [] : ledger.all };
  }

  /** Tells a member records. Resolves with whether they are on its disk. */
  #tell(peer: Peer, records: readonly LedgerRecord[]): Promise<boolean> {
    const { ledger, members } = this.#parts;
    const request = { kind: 'ledger', from: members.self, hash: ledger.hash, records } as const;
    this.#asked.add(peer.id);
    return new Promise((resolve) => {
      peer.data.request(request, LEDGER_TIMEOUT_MS, (reply) => {
        this.#asked.delete(peer.id);
        const isKept = !(reply instanceof MecError) && reply.kind === 'ledger-kept';
        if (isKept) {
          if (ledger.merge(reply.records, this.nowMicros)) this.#keepSoon();
          if (reply.hash === ledger.hash) this.#noteHeard(peer.id);
        }
        resolve(isKept);
      });
    });
  }

  #keepSoon(): void {
    this.#keep().catch((error: unknown) =>
      // The store may be closed. The next heartbeat tries again.
      this.#parts.env.log.debug('ledger not kept', { reason: messageOf(error) }),
    );
  }

  /** Puts the ledger on the disk, if it is not there already. Rejects with a `MecError`. */
  async #keep(): Promise<void> {
    const { ledger, store } = this.#parts;
    const { hash } = ledger;
    if (this.#kept?.hash !== hash) {
      const done = store.keepLedger(ledger.all);
      this.#kept = { hash, done };
      done.catch(() => {
        if (this.#kept?.done === done) this.#kept = undefined;
      });
    }
    return this.#kept.done;
  }

  /** Does all that is due. Runs at every heartbeat. */
  onHeartbeat(): void {
    const { ledger, members, isFixed } = this.#parts;
    this.#wall = undefined;
    if (isFixed || !members.isInformed) return;
    const present = new Set(this.#present());
    for (const name of this.#heardMs.keys()) if (!present.has(name)) this.#heardMs.delete(name);
    ledger.forgetOld(this.nowMicros);
    if (ledger.size > 0) this.#keepSoon();
    this.#refresh();
  }

  /** Notes the latest time at which a majority of the members had told all that they knew. */
  #refresh(): void {
    const { env, members } = this.#parts;
    if (!members.isInformed) return;
    const up = members.in('up').map(({ name }) => name);
    const isUp = up.includes(members.self);
    const missing = majorityOf(up.length) - (isUp ? 1 : 0);
    if (up.length === 0) return;
    const times = up.map((name) => this.#heardMs.get(name) ?? -Infinity).sort((a, b) => b - a);
    const heardMs = missing <= 0 ? env.clock.monotonicMs() : (times[missing - 1] ?? -Infinity);
    this.#freshMs = Math.max(this.#freshMs, heardMs);
  }

  /**
   * Takes a change, and tells it to all members. Resolves when a majority of those that are up has
   * it on its disk. Rejects with `quorum-not-met` if it has not, and with `not-ready` before the
   * node knows the members, or while nothing may change.
   */
  async spread(records: readonly LedgerRecord[]): Promise<Spread> {
    const { ledger, members, peers, isFixed } = this.#parts;
    if (isFixed)
      throw new MecError('not-ready', {
        detail: 'Identities and keys change only at nodes with security.mode = "on"',
        retryAfter: 60,
      });
    if (!members.isInformed) throw new MecError('not-ready', { retryAfter: 1 });
    ledger.merge(records, this.nowMicros);
    await this.#keep();
    const present = this.#present();
    const told = present.map(async (name) => {
      if (name === members.self) return true;
      const peer = peers.byId.get(name);
      if (peer === undefined || peers.reach(name) === 'unreachable') return false;
      return this.#tell(peer, records);
    });
    const answers = await Promise.all(told);
    const have = present.filter((_, i) => answers[i] === true);
    const lack = present.filter((_, i) => answers[i] !== true);
    const up = members.in('up').map(({ name }) => name);
    const count = up.filter((name) => have.includes(name)).length;
    const need = majorityOf(up.length);
    if (count < need)
      throw new MecError('quorum-not-met', {
        have: count,
        need,
        detail: `Only ${count} of ${up.length} members have the change; ${need} must have it`,
      });
    return { have, lack };
  }
}

const majorityOf = (count: number): number => Math.floor(count / 2) + 1;
