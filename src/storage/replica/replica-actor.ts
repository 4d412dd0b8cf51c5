/** The name under which a replica writes, and the dots that it gives. */
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { StoreParts } from '../store-parts.ts';

/** The actor of one replica: its clock has it from the first write on. */
export class ReplicaActor {
  readonly #partition: number;
  readonly #store: StoreParts;
  #name: string;
  #isUsed = false;

  constructor(partition: number, store: StoreParts) {
    this.#partition = partition;
    this.#store = store;
    this.#name = store.actors.next(partition);
  }

  get name(): string {
    return this.#name;
  }

  /** The dot that the next write gets. */
  peek(clock: CausalContext): Dot {
    return { actor: this.#name, counter: clock.base(this.#name) + 1 };
  }

  /** Takes the next dot: the clock has it from now on. */
  take(clock: CausalContext): Dot {
    this.#use();
    const dot = this.peek(clock);
    clock.add(dot.actor, dot.counter);
    return dot;
  }

  /**
   * A context may speak of writes that this actor never made: a client can make up such a token. The actor
   * is given up then, before its next dots are taken for seen elsewhere.
   */
  guard(context: CausalContext, clock: CausalContext): void {
    const claimed = context.max(this.#name);
    const own = clock.base(this.#name);
    if (claimed <= own) return;
    const actor = this.#name;
    this.#use();
    this.#name = this.#store.actors.next(this.#partition);
    this.#isUsed = false;
    const fields = { partition: this.#partition, actor, own, claimed, successor: this.#name };
    this.#store.log.error('actor given up: a context names writes that it never made', fields);
  }

  /** A replica that begins anew in this life gets another actor. */
  #use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#store.actors.use(this.#partition);
  }
}
