/**
 * Questions: this node asks members about their replicas as they are now. An answer counts only if
 * the member gave it after the question began. It must be in the life that its record names, and
 * have the same member list. If a member cannot be reached, the question has no answer.
 */
import type { Log } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { MAX_QUESTIONS, type SyncLimits } from '../limits.ts';
import {
  areSameReplicas,
  type Round,
  type Statement,
  whyFalse,
} from '../../core/causality/evidence.ts';
import type { Store } from '../../storage/store.ts';
import type { StateReply, StateRequest } from '../../transport/message.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import type { Partitions } from '../partitions/partition-view.ts';

/** The parts of a node that questions use. */
export interface QuestionsOptions {
  readonly env: { readonly log: Log };
  readonly store: Pick<Store, 'find'>;
  readonly members: Members;
  readonly peers: Peers;
  readonly partitions: Partitions;
  readonly floors: Floors;
  readonly limits: SyncLimits;
}

/** The answers of members about some partitions. */
export interface Answers {
  /** The statements by partition and by member, without those that do not count. */
  readonly rounds: ReadonlyMap<number, Round>;
  /** Whether the answer of every member counts. */
  readonly isWhole: boolean;
}

/** Asks members about partitions. */
export class Questions {
  readonly #options: QuestionsOptions;
  #running = 0;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /**
   * Whether another question may be asked now. Each one waits for members, and keeps their clocks
   * in memory.
   */
  get hasRoom(): boolean {
    return this.#running < MAX_QUESTIONS;
  }

  /**
   * The names of all members that may have data: those that are not gone, and those that are gone
   * and still answer.
   */
  allOtherMembers(): string[] {
    const { members, peers } = this.#options;
    const names = new Set(peers.byId.keys());
    for (const { name, state } of members.all()) if (state !== 'gone') names.add(name);
    names.delete(members.self);
    return [...names];
  }

  /**
   * Asks these members about at most `MAX_STATEMENTS` partitions. `filling` has the ids of replicas
   * of this node that the answers may help to make complete.
   */
  async ask(
    partitions: readonly number[],
    names: readonly string[],
    filling: readonly string[] = [],
  ): Promise<Answers> {
    const { members } = this.#options;
    this.#running += 1;
    try {
      const replies = await Promise.all(
        names.map((name) => this.#askOne(name, { partitions, filling })),
      );
      const rounds = new Map(
        partitions.map((partition) => [partition, new Map<string, Statement>()]),
      );
      const idOf = new Map(partitions.map((partition, i) => [partition, filling[i]]));
      // A node that does not know all members cannot ask all of them.
      let isWhole = members.isInformed;
      for (const [i, name] of names.entries()) {
        const reply = replies[i];
        const record = members.get(name);
        const isSound =
          reply !== undefined && reply.members === members.hash && reply.life === record?.life;
        if (!isSound) {
          isWhole = false;
          continue;
        }
        for (const { partition, ...fields } of reply.replicas) {
          const statement = { ...fields, life: reply.life };
          if (this.#isFalse(partition, name, statement)) continue;
          // Only a statement that was made under a fence may help to make a replica here complete.
          const id = idOf.get(partition);
          const { evidence } = this.#options.partitions.of(partition);
          if (id === undefined) evidence.noteClock(name, statement);
          else evidence.noteStatement(id, name, statement);
          rounds.get(partition)?.set(name, statement);
        }
      }
      for (const round of rounds.values()) isWhole &&= round.size === names.length;
      return { rounds, isWhole };
    } finally {
      this.#running -= 1;
    }
  }

  /** A statement that cannot be true does not count, as if the member had not answered. */
  #isFalse(partition: number, member: string, statement: Statement): boolean {
    const { env, members, store } = this.#options;
    const replica = store.find(partition);
    const reason = replica && whyFalse(statement, replica, members.mayBeTakenForDead);
    if (reason === undefined) return false;
    env.log.error('clock of a peer refused', { partition, peer: member, reason });
    return true;
  }

  /**
   * Asks about one partition, and a second time if the first round fits. Resolves with the second
   * round if it fits too, and undefined otherwise.
   */
  async askTwice(
    partition: number,
    names: readonly string[],
    fits: (round: Round) => boolean,
  ): Promise<Round | undefined> {
    const first = await this.#round(partition, names);
    if (first === undefined || !fits(first)) return undefined;
    const second = await this.#round(partition, names);
    return second !== undefined && areSameReplicas(first, second) && fits(second)
      ? second
      : undefined;
  }

  async #round(partition: number, names: readonly string[]): Promise<Round | undefined> {
    const { rounds, isWhole } = await this.ask([partition], names);
    return isWhole ? rounds.get(partition) : undefined;
  }

  #askOne(
    name: string,
    asked: Pick<StateRequest, 'partitions' | 'filling'>,
  ): Promise<StateReply | undefined> {
    const { peers, limits, members, floors } = this.#options;
    const peer = peers.byId.get(name);
    if (peer === undefined || peers.reach(name) !== 'reachable') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const names = asked.partitions.flatMap((partition) => floors.names(partition) ?? []);
      const { self: from, own } = members;
      const request = { kind: 'state', from, life: own.life, ...asked, floors: names } as const;
      peer.data.request(request, limits.timeoutMs, (reply) => {
        resolve(reply instanceof MecError || reply.kind !== 'stated' ? undefined : reply);
      });
    });
  }
}
