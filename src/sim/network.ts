/**
 * A network that loses, delays, doubles and reorders whole frames. It can be cut between any two
 * nodes, in either direction.
 */
import type { Address, Caller, Endpoint, Link, Network } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import type { Life, World } from './world.ts';

/** The faults of the network. */
export interface NetworkConditions {
  /** The probability of each fault for a frame. */
  lossRate: number;
  duplicateRate: number;
  /** The usual delay of a frame, ms. It varies by half. */
  delayMs: number;
  /** The share of frames that are late, and their largest delay. */
  lateRate: number;
  lateMs: number;
  /**
   * Whether frames to a process that is down wait for the next one at its address, as with ZeroMQ.
   */
  areFramesKept: boolean;
}

interface Socket {
  readonly life: Life;
  readonly onFrame: (from: Caller, frame: Uint8Array) => void;
}

/** A frame on its way to a socket. */
type Arrive = (at: Socket) => void;

interface SimConnection {
  readonly life: Life;
  readonly id: string;
  onFrame: (frame: Uint8Array) => void;
}

/** A network without faults. */
export const IDEAL_CONDITIONS: Readonly<NetworkConditions> = {
  lossRate: 0,
  duplicateRate: 0,
  delayMs: 1,
  lateRate: 0,
  lateMs: 0,
  areFramesKept: false,
};

/** The most frames that wait for an address without a process. */
const MAX_KEPT = 64;

/** A link that stalls: the number of holds on it, and the frames that wait. */
interface Stalled {
  count: number;
  readonly frames: (() => void)[];
}

/** The network of a world. */
export class SimNetwork {
  readonly conditions: NetworkConditions = { ...IDEAL_CONDITIONS };
  /** Pairs `from>to` of node names between which no frame passes. */
  readonly cuts = new Set<string>();
  /** The bytes sent to each node so far. */
  readonly bytesTo = new Map<string, number>();
  /** The number of frames sent so far. */
  frames = 0;
  /** Called with every request that leaves a node. */
  onSend: ((from: string, frame: Uint8Array) => void) | undefined;
  readonly #stalled = new Map<string, Stalled>();
  /** Frames that wait for addresses without a process. */
  readonly #kept = new Map<string, Arrive[]>();
  readonly #world: World;
  readonly #sockets = new Map<string, Socket>();
  readonly #connectionsOf = new WeakMap<Life, SimConnection[]>();
  #connections = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Returns the network of one process. */
  of(life: Life): Network {
    const own: string[] = [];
    return {
      bind: async (address, onFrame) => this.#bind(life, address, onFrame, own),
      connect: (address, onFrame) => this.#connect(life, address, onFrame),
      close: async () => this.unbind(own),
    };
  }

  /**
   * Holds the frames on a link, `from>to`. Returns a function that ends this hold. With the last
   * hold, the frames go on in order.
   */
  stall(pair: string): () => void {
    const stalled = this.#stalled.get(pair) ?? { count: 0, frames: [] };
    this.#stalled.set(pair, stalled);
    stalled.count += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      stalled.count -= 1;
      if (stalled.count > 0) return;
      this.#stalled.delete(pair);
      for (const deliver of stalled.frames) this.#world.after(0, deliver);
    };
  }

  /** Frees the addresses of a socket. */
  unbind(addresses: readonly string[]): void {
    for (const address of addresses) this.#sockets.delete(address);
  }

  /** Frees the addresses of a process that has ended. */
  forget(life: Life): void {
    for (const [address, socket] of this.#sockets)
      if (socket.life === life) this.#sockets.delete(address);
    // The callers that other nodes remember would keep the memory of a process that has ended.
    for (const connection of this.#connectionsOf.get(life) ?? []) connection.onFrame = () => {};
    this.#connectionsOf.delete(life);
  }

  async #bind(
    life: Life,
    address: Address,
    onFrame: Socket['onFrame'],
    own: string[],
  ): Promise<Endpoint> {
    const name = `${address.host}:${address.port}`;
    if (this.#sockets.has(name)) throw new StartError(`${name} is in use`);
    const socket = { life, onFrame };
    this.#sockets.set(name, socket);
    for (const arrive of this.#kept.get(name) ?? [])
      this.#world.after(this.conditions.delayMs, () => arrive(socket));
    this.#kept.delete(name);
    own.push(name);
    return {
      send: async (to, frame) => {
        const connection = to.handle as SimConnection;
        this.#count(connection.life, frame);
        this.#deliver(life, connection.life, () => connection.onFrame(frame));
        return true;
      },
      close: async () => this.unbind([name]),
    };
  }

  #connect(life: Life, address: Address, onFrame: SimConnection['onFrame']): Link {
    const connection: SimConnection = { life, id: `${life.name}/${this.#connections++}`, onFrame };
    const name = `${address.host}:${address.port}`;
    this.#connectionsOf.set(life, [...(this.#connectionsOf.get(life) ?? []), connection]);
    return {
      send: async (frame) => {
        this.onSend?.(life.name, frame);
        const socket = this.#sockets.get(name);
        const arrive: Arrive = (at) =>
          at.life.run(() => at.onFrame({ id: connection.id, handle: connection }, frame));
        if (socket === undefined) return this.#keep(name, arrive);
        this.#count(socket.life, frame);
        this.#deliver(life, socket.life, () => {
          // Another process may have taken the address since.
          const now = this.#sockets.get(name);
          if (now !== undefined) arrive(now);
        });
      },
      close: async () => {},
    };
  }

  /** Keeps a frame for the next process at an address. */
  #keep(name: string, arrive: Arrive): void {
    if (!this.conditions.areFramesKept) return;
    this.#kept.set(name, [...(this.#kept.get(name) ?? []), arrive].slice(-MAX_KEPT));
  }

  #count(to: Life, frame: Uint8Array): void {
    this.frames += 1;
    this.bytesTo.set(to.name, (this.bytesTo.get(to.name) ?? 0) + frame.length);
  }

  #deliver(from: Life, to: Life, task: () => void): void {
    const { dice } = this.#world;
    const { conditions } = this;
    if (from.isOver) return;
    const copies = dice.chance(conditions.lossRate)
      ? 0
      : dice.chance(conditions.duplicateRate)
        ? 2
        : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = dice.chance(conditions.lateRate) ? dice.fraction() * conditions.lateMs : 0;
      this.#world.after(conditions.delayMs * (0.5 + dice.fraction()) + late, () => {
        // A cut also stops frames under way.
        if (this.cuts.has(`${from.name}>${to.name}`)) return;
        const stalled = this.#stalled.get(`${from.name}>${to.name}`);
        const deliver = (): void => (to.isOver ? task() : to.run(task));
        if (stalled === undefined) deliver();
        else stalled.frames.push(deliver);
      });
    }
  }
}
