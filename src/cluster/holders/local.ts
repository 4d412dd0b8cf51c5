/**
 * This node's own replicas, as its coordinators and its peers alike may ask for them
 * (`dispatch.ts`). All that anyone reads of a replica or puts into it passes here.
 */
import type { Clock, Log } from '../../base/env.ts';
import { MecError, messageOf, toMecError } from '../../base/errors.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Holder, KeyRead, KeysAsked, KeysFound, KeyState, OnAnswer, StoreItem } from './holder.ts';
import { listKeys, type LocalKeysParts } from './local-keys.ts';

/** The parts of a node that its own replicas need. */
export interface LocalParts extends LocalKeysParts {
  readonly env: { readonly clock: Clock; readonly log: Log };
  readonly members: Members;
  readonly partitions: Partitions;
  readonly store: Store;
}

/** The replicas of this node. */
export class LocalHolder implements Holder {
  readonly #parts: LocalParts;

  constructor(parts: LocalParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.members.self;
  }

  /** Just after a start, a read waits until the replica was compared with the others. */
  read({ partition, key }: Pick<KeyRead, 'partition' | 'key'>, onAnswer: OnAnswer<KeyState>): void {
    this.#parts.partitions.of(partition).whenConfirmed(() => onAnswer(orError(() => this.#stateOf(partition, key))));
  }

  #stateOf(partition: number, key: string): KeyState {
    const { store, partitions } = this.#parts;
    const replica = store.of(partition);
    partitions.of(partition).observe(replica.actor);
    const object = replica.readWhole(key);
    return { object, actor: replica.actor, isComplete: replica.isComplete };
  }

  list(asked: Omit<KeysAsked, 'timeoutMs'>): Promise<KeysFound> {
    return listKeys(this.#parts, asked);
  }

  repair({ partition, ...item }: StoreItem): void {
    try {
      this.#parts.store.of(partition).merge(item, () => {});
    } catch (error) {
      this.#parts.env.log.warn('own replica not repaired', { reason: messageOf(error) });
    }
  }
}

/** The answer, or the error that was thrown in its place. */
function orError<Answer>(answer: () => Answer): Answer | MecError {
  try {
    return answer();
  } catch (error) {
    return toMecError(error);
  }
}
