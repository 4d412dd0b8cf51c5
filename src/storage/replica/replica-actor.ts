/** The actor of a replica: the name under which it writes, and its dots. */
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { StoreParts } from '../store-parts.ts';

/** Gives the dots of one replica. The clock has the actor from the first write on. */
export class ReplicaActor {
  readonly #partition: number;
  readonly #store: StoreParts;
  readonly #clock: CausalContext;
  #name: string;
  #isUsed = false;

  /** `clock` has every dot that the replica has seen. */
  constructor(partition: number, store: StoreParts, clock: CausalContext) {
    this.#partition = partition;
    this.#store = store;
    this.#clock = clock;
    this.#name = store.actors.next(partition);
  }

  get name(): string {
    return this.#name;
  }

  /** Returns the dot of the next write. */
  peek(): Dot {
    return { actor: this.#name, counter: this.#clock.base(this.#name) + 1 };
  }

  /** Takes the next dot, and adds it to the clock. */
  take(): Dot {
    this.#use();
    const dot = this.peek();
    this.#clock.add(dot.actor, dot.counter);
    return dot;
  }

  /**
   * Gives the actor up if another replica has a context with writes that it never made. That
   * replica would take the next dots of the actor for seen, and drop their versions. Perhaps this
   * process was put back to an earlier state. Or a client made up a token while this node could not
   * be asked; at all other times, such tokens are refused (`unseen-dots.ts`).
   */
  guard(context: CausalContext): void {
    const claimed = context.max(this.#name);
    const own = this.#clock.base(this.#name);
    if (claimed <= own) return;
    const actor = this.#name;
    this.#use();
    this.#name = this.#store.actors.next(this.#partition);
    this.#isUsed = false;
    const fields = { partition: this.#partition, actor, own, claimed, successor: this.#name };
    if (this.#store.recorder !== undefined) this.#store.recorder.actorsGivenUp += 1;
    this.#store.log.error('actor given up: a context names writes that it never made', fields);
  }

  /** Records the first use of the name: a later replica of this life gets another one. */
  #use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#store.actors.use(this.#partition);
  }
}
