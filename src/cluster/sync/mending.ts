/**
 * Mending of marked keys (`storage/replica/replica-marks.ts`). The record of such a key could not
 * be read, so this node asks every member for the key: for its versions, for the clock of that
 * replica, and for salvaged versions of the key. A member that can read the key has applied every
 * write of its clock to it. So the dots of that clock leave the `need` of the mark. When `need` is
 * empty, the mark is removed.
 *
 * Dots that no member has seen stay in `need`. If every member has answered twice, as the same
 * replica with the same marks, the dots are lost. The mark is removed then, and the key is reported
 * to the operator.
 */
import type { Env } from '../../base/env.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import { MAX_MENDED_KEYS, type SyncLimits } from '../limits.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import { whyFalse } from '../../core/causality/evidence.ts';
import { createClaimCheck } from './claims.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { MendReply } from '../../transport/message.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import { mergeAll } from './pull.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that mending uses. */
export interface MendingOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly questions: Questions;
  readonly floors: Floors;
  readonly limits: SyncLimits;
}

/** The state in which each member has answered, as a text. */
type StateByMember = ReadonlyMap<string, string>;

/** Mends the marked keys of one node. */
export class Mending {
  readonly #options: MendingOptions;
  readonly #asking = new Set<string>();

  constructor(options: MendingOptions) {
    this.#options = options;
  }

  /** Asks for some of the marked keys of a replica, if it has any. */
  check(replica: Replica): void {
    if (replica.isWhole) return;
    for (const key of replica.marks.keys()) {
      if (this.#asking.size >= MAX_MENDED_KEYS) return;
      if (this.#asking.has(key)) continue;
      this.#asking.add(key);
      this.#mend(replica, key)
        .catch((error: unknown) =>
          this.#options.env.log.debug('key not mended', { key, reason: messageOf(error) }),
        )
        .finally(() => this.#asking.delete(key));
    }
  }

  /** Answers with the state of a key that another node has lost. */
  serve(key: string): MendReply {
    const { members, store } = this.#options;
    const replica = store.of(partitionOf(key));
    const { id, durableClock, lost, marks } = replica;
    // The clock here is the durable one, so it has no write that the object lacks.
    const object = replica.read(key);
    return {
      kind: 'mended',
      life: members.own.life,
      members: members.hash,
      replica: id,
      clock: durableClock.clone(),
      lost: lost.clone(),
      need: marks.need(key)?.clone(),
      item: { key, object, dots: [] },
      aside: replica.setAside.versionsOf(key),
    };
  }

  async #mend(replica: Replica, key: string): Promise<void> {
    const { madeCount } = replica.marks;
    const first = await this.#round(replica, key);
    const isSame = (): boolean =>
      this.#options.store.find(replica.partition) === replica &&
      replica.marks.madeCount === madeCount;
    if (!isSame()) return;
    if (isKnown(replica, key)) return this.#end(replica, key);
    if (first === undefined) return;
    const second = await this.#round(replica, key);
    if (!isSame()) return;
    const isAll = second !== undefined && areSame(first, second);
    if (isKnown(replica, key) || isAll) this.#end(replica, key);
  }

  /**
   * Asks every member. Resolves with the states in which they answered, or undefined if one did
   * not.
   */
  async #round(replica: Replica, key: string): Promise<StateByMember | undefined> {
    const { members, questions } = this.#options;
    const names = questions.allOtherMembers();
    const replies = await Promise.all(names.map((name) => this.#ask(name, key)));
    const answers = new Map<string, string>();
    for (const [i, name] of names.entries()) {
      const reply = replies[i];
      if (
        reply === undefined ||
        reply.members !== members.hash ||
        reply.life !== members.lifeOf(name)
      )
        continue;
      const claimant = { replica, peer: { id: name } };
      const { clock } = replica;
      const reason =
        whyFalse(reply, replica, members.mayBeTakenForDead) ??
        (await createClaimCheck(this.#options, claimant)({ clock, lost: reply.lost }));
      if (reason !== undefined) {
        const fields = { partition: replica.partition, peer: name, reason };
        this.#options.env.log.error('clock of a peer refused', fields);
        continue;
      }
      await this.#takeAnswer(replica, key, reply);
      answers.set(name, [reply.life, reply.replica, reply.need].join(' '));
    }
    return answers.size === names.length ? answers : undefined;
  }

  async #takeAnswer(
    replica: Replica,
    key: string,
    { item, need, clock, lost, aside }: MendReply,
  ): Promise<void> {
    await replica.closedDots.close(lost);
    const wanted = replica.marks.need(key) ?? new CausalContext();
    const salvaged = aside.filter(({ actor, counter }) => wanted.has(actor, counter));
    const kept = {
      key,
      object: { versions: salvaged, context: CausalContext.ofDots(salvaged) },
      dots: [],
    };
    await mergeAll(replica, salvaged.length > 0 ? [item, kept] : [item]);
    if (need === undefined) replica.marks.shrink(key, clock);
  }

  #ask(name: string, key: string): Promise<MendReply | undefined> {
    const { peers, members, limits, floors } = this.#options;
    const [peer] = peers.reachable([name], 0);
    if (peer === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const mend = {
        kind: 'mend',
        from: members.self,
        key,
        floors: floors.names(partitionOf(key)),
      } as const;
      peer.data.request(mend, limits.timeoutMs, (reply) => {
        resolve(reply instanceof MecError || reply.kind !== 'mended' ? undefined : reply);
      });
    });
  }

  #end(replica: Replica, key: string): void {
    const { env, store } = this.#options;
    const { partition } = replica;
    if (isKnown(replica, key)) env.log.info('key mended', { partition, key });
    else {
      const need = replica.marks.need(key)?.minus(replica.lost);
      store.unreadable.add(key);
      env.log.error('key not mended: no member knows what it held', {
        partition,
        key,
        writes: String(need),
      });
    }
    replica.repair.unmark(key, () => {});
  }
}

function isKnown(replica: Replica, key: string): boolean {
  return replica.marks.need(key)?.minus(replica.lost).isEmpty !== false;
}

function areSame(first: StateByMember, second: StateByMember): boolean {
  return (
    first.size === second.size && [...first].every(([name, answer]) => second.get(name) === answer)
  );
}
