/**
 * Serving snapshots. A snapshot is one conversation between two replicas: all its pages are read from the
 * state in which the sender was when it was opened. Pages of a state that moves on would tell of some keys
 * before a write and of others after it, and a clock that fits to neither.
 *
 * A conversation ends with the replica that it speaks for, and with the process. Its id is then unknown,
 * and the receiver has to begin again.
 */
import type { Env, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { MAX_CONVERSATIONS, type SyncLimits } from '../limits.ts';
import { drawName } from '../../core/causality/actor.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { ReplicaView } from '../../storage/replica/replica-view.ts';
import type { SnapshotReply, SyncItem, SnapshotRequest } from '../../transport/message.ts';

interface Conversation {
  readonly replica: Replica;
  readonly view: ReplicaView;
  readonly statement: Statement;
  /** The marks that the replica had had when it was opened: of a new one the pages may tell what is not so. */
  readonly marks: number;
  timer: Timer;
}

/** What serving snapshots works on. */
export interface ConversationsOptions {
  readonly env: Env;
  readonly limits: SyncLimits;
  /** What this node says of a replica of its own. */
  readonly say: (replica: Replica) => Statement;
}

/** The snapshots that this node serves. */
export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #byId = new Map<string, Conversation>();

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  /** The next page of a snapshot of the replica; throws `behind` if the conversation has ended. */
  async serve(replica: Replica, { id, after }: SnapshotRequest): Promise<SnapshotReply> {
    const name = id ?? (await this.#open(replica));
    const conversation = this.#byId.get(name);
    const isSame = conversation?.replica === replica && conversation.marks === replica.marks.made;
    if (!isSame || replica.commits.isRetired) {
      this.#end(name);
      throw new MecError('behind', { detail: 'The snapshot has ended' });
    }
    conversation.timer.cancel();
    conversation.timer = this.#endLater(name);
    const { statement, view } = conversation;
    const page = await this.#page(view, after);
    if (page.next === undefined) this.#end(name);
    const opening = id === undefined ? { statement, cut: view.cut } : undefined;
    return { kind: 'snapshot-page', id: name, opening, ...page };
  }

  async #open(replica: Replica): Promise<string> {
    if (this.#byId.size >= MAX_CONVERSATIONS) {
      throw new MecError('overloaded', { detail: 'The node serves as many snapshots as it can', retryAfter: 1 });
    }
    const id = drawName(this.#options.env.random);
    const view = await replica.view();
    if (!replica.isWhole) {
      await view.close();
      throw new MecError('damaged', { detail: 'The replica cannot read all of its keys' });
    }
    // The statement and the view are of one moment: nothing ran in between.
    const statement = { ...this.#options.say(replica), clock: view.clock };
    this.#byId.set(id, { replica, view, statement, marks: replica.marks.made, timer: this.#endLater(id) });
    return id;
  }

  async #page(
    view: ReplicaView,
    after: string | undefined,
  ): Promise<{ items: readonly SyncItem[]; next: string | undefined }> {
    const { pageDots, pageBytes } = this.#options.limits;
    const keys = await view.keysAfter(after, pageDots);
    const items: SyncItem[] = [];
    let bytes = 0;
    for (const key of keys) {
      if (bytes >= pageBytes) return { items, next: items[items.length - 1]?.key };
      const object = view.read(key);
      bytes += object.versions.reduce((sum, { body }) => sum + body.length, key.length);
      items.push({ key, object, dots: [] });
    }
    return { items, next: keys.length < pageDots ? undefined : keys[keys.length - 1] };
  }

  #endLater(id: string): Timer {
    const { env, limits } = this.#options;
    return env.clock.after(limits.conversationMs, () => this.#end(id));
  }

  #end(id: string): void {
    const conversation = this.#byId.get(id);
    if (conversation === undefined) return;
    this.#byId.delete(id);
    conversation.timer.cancel();
    conversation.view.close().catch(() => {});
  }

  /** Ends those of one replica, or all. */
  end(replica?: Replica): void {
    for (const [id, each] of this.#byId) if (replica === undefined || each.replica === replica) this.#end(id);
  }
}
