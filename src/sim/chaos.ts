/** Injects faults. Each lasts for some time, and they may overlap. */
import { FAULTS, isDiskLoss, MIN_FAULT_MS } from './faults.ts';
import type { SimPlan } from './plan.ts';
import type { Scene } from './scene.ts';
import type { Dice } from './world.ts';

/** One fault that was injected. */
export interface InjectedFault {
  /** The number of the fault, the same in every run of the seed. */
  readonly index: number;
  readonly name: string;
  readonly atMs: number;
}

/** Faults under way. */
export interface Chaos {
  readonly faults: readonly InjectedFault[];
  /** Ends all faults. No more will begin. */
  end(): void;
}

const COPY_MS = 4_000;
/** Copies of each disk that are kept: the first, taken before any fault, and the last ones. */
const COPIES = 3;

/** A scene before any fault has begun. */
export type BareScene = Omit<Scene, 'dice'>;

/** Starts the faults. With `only`, the others are left out, and nothing else changes. */
export function startChaos(scene: BareScene, { plan, dice, only }: ChaosOptions): Chaos {
  const { world, nodes } = scene.cluster;
  const faults: InjectedFault[] = [];
  const undo = new Map<() => void, string>();
  let isOver = false;
  let count = 0;
  const inject = (): void => {
    if (isOver) return;
    const index = count++;
    const own = dice.fork();
    world.after(dice.fraction() * plan.faultGapMs, inject);
    if (only?.has(index) === false) return;
    const name = own.pick(plan.faults);
    const forMs = Math.max(own.fraction() * plan.faultMs, MIN_FAULT_MS[name] ?? 0);
    scene.disks.checkRepaired(scene);
    if (isDiskLoss(name) && scene.disks.left === 0) return;
    // Two situations of several steps would disturb each other.
    if (name in MIN_FAULT_MS && [...undo.values()].includes(name)) return;
    faults.push({ index, name, atMs: world.nowMs });
    world.trace(`fault ${index}: ${name}`);
    const heal = FAULTS[name]?.({ ...scene, dice: own }) ?? ((): void => {});
    undo.set(heal, name);
    world.after(forMs, () => {
      if (!undo.delete(heal)) return;
      world.trace(`end of fault ${index}: ${name}`);
      heal();
    });
  };
  const copy = (): void => {
    if (isOver) return;
    for (const node of nodes) {
      const [first, ...later] = [...(scene.copies.get(node) ?? []), new Map(node.disk.rows)];
      if (first !== undefined) scene.copies.set(node, [first, ...later.slice(1 - COPIES)]);
    }
    world.after(COPY_MS, copy);
  };
  const firstGapMs = dice.fraction() * plan.faultGapMs;
  world.after(plan.isFirstFaultEarly ? 0 : firstGapMs, inject);
  copy();
  const end = (): void => {
    isOver = true;
    world.trace('all faults end');
    for (const heal of undo.keys()) heal();
    undo.clear();
  };
  return { faults, end };
}

/** The faults of a run. */
export interface ChaosOptions {
  readonly plan: Pick<SimPlan, 'faults' | 'faultGapMs' | 'faultMs' | 'isFirstFaultEarly'>;
  readonly dice: Dice;
  readonly only?: ReadonlySet<number> | undefined;
}
