/**
 * The closed dots of a peer: this node asks for them as soon as it can reach the peer.
 *
 * A disk that was put back may have a version under a closed dot. It has also replaced what that
 * write had replaced, and a read would spread that. A comparison of all partitions comes to this
 * one late.
 */
import { pause } from '../../base/delays.ts';
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import { CLOSED_TRIES, MAX_STATEMENTS, type SyncLimits } from '../limits.ts';
import { closeToo } from './claims.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that learning closed dots uses. */
export interface PeerClosedDotsOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly questions: Questions;
  readonly limits: SyncLimits;
}

/** Learns the closed dots of peers. */
export class PeerClosedDots {
  readonly #options: PeerClosedDotsOptions;
  #isStopped = false;

  constructor(options: PeerClosedDotsOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Learns the closed dots of a peer. Its first answers may not count: see `questions.ts`. */
  async learnFrom(peer: string): Promise<void> {
    const { env, store, limits } = this.#options;
    let partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition).filter(
      (partition) => store.find(partition)?.clock.isEmpty === false,
    );
    for (let tries = 0; tries < CLOSED_TRIES; tries++) {
      partitions = await this.#ask(peer, partitions);
      if (partitions.length === 0 || this.#isStopped) return;
      await pause(env.clock, limits.askAgainMs);
    }
  }

  /** Asks a peer, and returns the partitions for which it gave no answer that counts. */
  async #ask(peer: string, partitions: readonly number[]): Promise<number[]> {
    const { questions } = this.#options;
    const left: number[] = [];
    for (let i = 0; i < partitions.length && !this.#isStopped; i += MAX_STATEMENTS) {
      const { rounds } = await questions.ask(partitions.slice(i, i + MAX_STATEMENTS), [peer]);
      for (const [partition, round] of rounds) {
        const statement = round.get(peer);
        if (statement === undefined) left.push(partition);
        else this.#close(partition, peer, statement.lost);
      }
    }
    return left;
  }

  #close(partition: number, peer: string, lost: CausalContext): void {
    const { env, store } = this.#options;
    const replica = store.find(partition);
    if (replica === undefined) return;
    closeToo(this.#options, { replica, peer: { id: peer } }, lost).catch((error: unknown) =>
      env.log.debug('closed dots not learnt', { partition, reason: messageOf(error) }),
    );
  }
}
