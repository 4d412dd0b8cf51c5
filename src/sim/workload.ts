/**
 * The clients of a run. Each does one operation after the other, with pauses. It goes to another
 * node when it has lost patience. `operations.ts` has their operations, `user.ts` their requests.
 */
import type { Timer } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import { OPERATIONS } from './operations.ts';
import { User } from './user.ts';
import type { UserOptions } from './user-options.ts';
import type { SimPlan } from './plan.ts';
import type { Dice, World } from './world.ts';

/** One operation of a client. */
export interface Operation {
  /** The number of the operation, the same in every run of the seed. */
  readonly index: number;
  readonly text: string;
}

/** The surroundings of a client. */
export interface SimClientOptions extends Omit<UserOptions, 'name'> {
  readonly plan: SimPlan;
  readonly number: number;
  /** The number of operations that it wants to do. */
  readonly operations: number;
  readonly dice: Dice;
  /** Only these operations. The others are left out, and nothing else changes. */
  readonly only?: ReadonlySet<number> | undefined;
}

const BUSY_MS = 20;
const PATIENCE_MS = 5_000;

/** One user with one session at a time. */
export class SimClient {
  readonly #name: string;
  readonly #options: SimClientOptions;
  readonly #user: User;
  /** The operations that it has done. */
  readonly done: Operation[] = [];
  #isHurried = false;
  #pause: Timer | undefined;
  #begun = 0;
  /** The dice of the operation under way. */
  #dice: Dice;

  constructor(options: SimClientOptions) {
    this.#name = `c${options.number + 1}`;
    this.#options = options;
    this.#dice = options.dice.fork();
    this.#user = new User({ ...options, name: this.#name }, this.#dice);
  }

  get #world(): World {
    return this.#options.cluster.world;
  }

  /** Whether it has done all operations. */
  get isDone(): boolean {
    return this.#begun >= this.#options.operations;
  }

  /** Goes on after a pause. */
  start(): void {
    const { plan, operations } = this.#options;
    const isIdle = this.#dice.chance(plan.idleRate) && !this.#isHurried;
    const pauseMs = isIdle ? (2 * plan.chaosMs) / (operations * plan.idleRate) : BUSY_MS;
    this.#pause = this.#world.after(this.#dice.fraction() * pauseMs, () => this.#next());
  }

  /** Ends all pauses. */
  hurry(): void {
    this.#isHurried = true;
    if (this.#pause === undefined) return;
    this.#pause.cancel();
    this.start();
  }

  #next(): void {
    this.#pause = undefined;
    if (this.isDone) return;
    const { plan, keys, number, only, dice } = this.#options;
    const index = this.#begun * plan.clients + number;
    this.#begun += 1;
    this.#dice = dice.fork();
    this.#user.beginOperation(this.#dice);
    const key = this.#dice.pick(keys);
    const name = this.#dice.pick(plan.operationNames);
    if (only?.has(index) === false) return this.start();
    this.done.push({ index, text: `${this.#name} ${name} ${key} at ${this.#user.nodeName}` });
    let isOver = false;
    const goOn = (): void => {
      if (isOver) return;
      isOver = true;
      this.start();
    };
    // A client that has lost patience goes to another node.
    this.#world.after(PATIENCE_MS, goOn);
    OPERATIONS[name](this.#user, key).then(goOn, (error: unknown) => {
      this.#world.trace(`${this.#name} ${messageOf(error)}`);
      goOn();
    });
  }
}
