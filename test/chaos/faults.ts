/** The faults. Each picks a machine, acts on it, and ends after a while. */
import type { Dice } from '../../src/sim/world.ts';
import { pause } from '../fixtures/cluster.ts';
import type { Machine, Machines } from './machines.ts';

/** The parts that a fault uses. */
export interface FaultContext {
  readonly machines: Machines;
  readonly dice: Dice;
  readonly durationMs: number;
  /** Prints an event. */
  readonly say: (what: string) => void;
}

/** A fault. */
export interface Fault {
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  readonly leastMs: number;
  readonly mostMs: number;
  /** Whether it counts against the disks that may be lost between two rests. */
  readonly isDiskLoss?: boolean;
  /** Whether it is a fault of the network, of which only one may be active at a time. */
  readonly isNetwork?: boolean;
  /** Runs the fault, and resolves when it has ended; with false if no machine is free now. */
  readonly run: (context: FaultContext) => Promise<boolean>;
}

/** Members that may be without a process at once. With more, no write would succeed. */
const MAX_AWAY = 2;
/** Members that a cluster keeps. */
const LEAST_MEMBERS = 4;
const FORCE_MS = 20_000;

/**
 * Draws a running member that no other fault has, and reserves it. Returns undefined if there is
 * none, or if too many are away.
 */
function reserveMachine({ machines, dice }: FaultContext): Machine | undefined {
  const away = machines.members.filter(
    ({ isReserved, condition }) => isReserved || condition !== 'running',
  );
  const free = machines.running.filter(
    ({ isReserved, isLookingForCluster }) => !isReserved && !isLookingForCluster,
  );
  if (away.length >= MAX_AWAY || free.length === 0) return undefined;
  const machine = dice.pick(free);
  machine.isReserved = true;
  return machine;
}

/** Applies a function to a member that no other fault has. */
const onFreeMachine =
  (act: (machine: Machine, context: FaultContext) => Promise<void>): Fault['run'] =>
  async (context) => {
    const machine = reserveMachine(context);
    if (machine === undefined) return false;
    try {
      await act(machine, context);
    } finally {
      machine.isReserved = false;
    }
    return true;
  };

/** Two groups of hosts: one host and the others, or two halves. */
function drawGroups({ machines, dice }: FaultContext): [number[], number[]] | undefined {
  const hosts = machines.all.filter(({ condition }) => condition !== 'out');
  // A node that looks for its cluster and cannot reach it would begin a new one.
  if (hosts.some(({ isLookingForCluster }) => isLookingForCluster)) return undefined;
  const count = dice.chance(0.5) ? 1 : Math.floor(hosts.length / 2);
  const numbers = hosts.map(({ number }) => number);
  const some = new Set<number>();
  while (some.size < count) some.add(dice.pick(numbers));
  return [[...some], numbers.filter((number) => !some.has(number))];
}

/** Changes the links between two groups, in one direction or both. */
const onLinks =
  (
    what: string,
    link: { readonly isCut?: boolean; readonly isHeld?: boolean; readonly loss?: number },
  ) =>
  async (context: FaultContext): Promise<boolean> => {
    const groups = drawGroups(context);
    if (groups === undefined) return false;
    const [some, others] = groups;
    const isOneWay = context.dice.chance(0.3);
    context.say(`${what} ${some.join(' ')} ${isOneWay ? '→' : '↔'} ${others.join(' ')}`);
    const { wire } = context.machines.cluster;
    wire.oneWay(some, others, link);
    if (!isOneWay) wire.oneWay(others, some, link);
    await pause(context.durationMs);
    wire.heal();
    return true;
  };

/** Loses a disk: the node restarts on the contents that are there then. */
const loseDisk = (how: (machine: Machine, context: FaultContext) => Promise<void>): Fault['run'] =>
  onFreeMachine(async (machine, context) => {
    await context.machines.kill(machine, context.dice.chance(0.5) ? 'SIGKILL' : 'SIGTERM');
    await pause(context.durationMs);
    await how(machine, context);
  });

async function declareGone(machine: Machine, { machines, dice, say }: FaultContext): Promise<void> {
  const survivors = machines.running.filter((other) => other !== machine && !other.isReserved);
  if (machines.members.length <= LEAST_MEMBERS || survivors.length === 0) return;
  await machines.kill(machine);
  const isGone = await machines.declareGone(machine, dice.pick(survivors), FORCE_MS);
  const comesBack = !isGone || dice.chance(0.5);
  const outcome = isGone ? 'is declared gone' : 'could not be declared gone';
  say(`${machine.name} ${outcome}${comesBack ? ', and comes back' : ''}`);
  if (comesBack) await machines.start(machine);
  // The node learns that it is gone, hands over data that only it had, and ends.
  if (comesBack && isGone) machine.condition = 'leaving';
}

async function leave(machine: Machine, { machines, say }: FaultContext): Promise<void> {
  if (machines.members.length <= LEAST_MEMBERS) return;
  say(
    `${machine.name} ${(await machines.leave(machine)) ? 'begins to leave' : 'cannot leave now'}`,
  );
}

async function join({ machines, dice, say }: FaultContext): Promise<boolean> {
  const out = machines.all.filter(
    ({ condition, isReserved }) => condition === 'out' && !isReserved,
  );
  if (out.length === 0) return false;
  const machine = dice.pick(out);
  machine.isReserved = true;
  say(`${machine.name} joins on an empty disk`);
  try {
    await machines.startEmpty(machine);
  } finally {
    machine.isReserved = false;
  }
  return true;
}

async function move(
  machine: Machine,
  { machines, dice, durationMs, say }: FaultContext,
): Promise<void> {
  await machines.kill(machine, dice.chance(0.5) ? 'SIGKILL' : 'SIGTERM');
  machines.changePort(machine);
  say(`${machine.name} moves to port ${machine.node.port}`);
  await pause(durationMs);
  await machines.start(machine);
}

/** The seconds by which a wall clock jumps. */
const JUMPS = [-3_600, -90, -2, 2, 90, 3_600];

/** All faults by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  cut: {
    weight: 4,
    leastMs: 2_000,
    mostMs: 12_000,
    isNetwork: true,
    run: onLinks('cut', { isCut: true }),
  },
  stall: {
    weight: 5,
    leastMs: 2_000,
    mostMs: 5_000,
    isNetwork: true,
    run: onLinks('stall', { isHeld: true }),
  },
  loss: {
    weight: 1,
    leastMs: 2_000,
    mostMs: 8_000,
    isNetwork: true,
    run: onLinks('a fifth lost', { loss: 0.2 }),
  },
  kill: {
    weight: 4,
    leastMs: 0,
    mostMs: 8_000,
    run: onFreeMachine(async (machine, { machines, durationMs, say }) => {
      say(`${machine.name} is killed`);
      await machines.kill(machine);
      await pause(durationMs);
      await machines.start(machine);
    }),
  },
  pause: {
    weight: 4,
    leastMs: 500,
    mostMs: 12_000,
    run: onFreeMachine(async (machine, { durationMs, say }) => {
      say(`${machine.name} hangs`);
      machine.condition = 'paused';
      machine.node.signal('SIGSTOP');
      await pause(durationMs);
      machine.node.signal('SIGCONT');
      machine.condition = 'running';
    }),
  },
  wipe: {
    weight: 2,
    leastMs: 0,
    mostMs: 4_000,
    isDiskLoss: true,
    run: loseDisk(async (machine, { machines, say }) => {
      say(`${machine.name} starts on an empty disk`);
      await machines.startEmpty(machine);
    }),
  },
  'roll-back': {
    weight: 3,
    leastMs: 0,
    mostMs: 2_000,
    isDiskLoss: true,
    run: loseDisk(async (machine, { machines, say }) => {
      if (machine.volume.hasCopy) await machine.volume.rollBack();
      say(
        `${machine.name} starts on ${machine.volume.hasCopy ? 'an earlier state of its volume' : 'what it had'}`,
      );
      await machines.start(machine);
    }),
  },
  copy: {
    weight: 3,
    leastMs: 0,
    mostMs: 1,
    run: onFreeMachine(async (machine, { machines, dice, say }) => {
      // A node trusts the state after a clean stop most.
      const isStopped = dice.chance(0.5);
      if (isStopped) await machines.kill(machine, 'SIGTERM');
      await machine.volume.copy();
      say(`the volume of ${machine.name} is copied${isStopped ? ' after a clean stop' : ''}`);
      if (isStopped) await machines.start(machine);
    }),
  },
  clock: {
    weight: 3,
    leastMs: 3_000,
    mostMs: 15_000,
    run: onFreeMachine(async (machine, { dice, durationMs, say }) => {
      const seconds = dice.pick(JUMPS);
      say(`the clock of ${machine.name} jumps by ${seconds} s`);
      await machine.clock.jump(seconds);
      await pause(durationMs);
      await machine.clock.jump(0);
    }),
  },
  join: { weight: 2, leastMs: 0, mostMs: 1, run: join },
  leave: { weight: 2, leastMs: 0, mostMs: 1, run: onFreeMachine(leave) },
  move: { weight: 2, leastMs: 0, mostMs: 5_000, run: onFreeMachine(move) },
  force: { weight: 1, leastMs: 0, mostMs: 1, isDiskLoss: true, run: onFreeMachine(declareGone) },
};
