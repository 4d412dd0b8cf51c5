/**
 * Settings that nodes have in turn. They change from node to node and from start to start: a
 * cluster in an upgrade, in which operators edit the configurations.
 */
import type { PlacementFields } from '../core/placement/member-list.ts';
import { PROTOCOL, type ProtocolRange } from '../transport/protocol.ts';

/** The values of each setting. */
export interface TurnOptions {
  /** The versions of the protocol that nodes speak. */
  readonly protocols?: readonly ProtocolRange[];
  /** The number of zones to which nodes belong; 0 if nodes have no zone. */
  readonly zones?: number;
  readonly weights?: readonly number[];
}

/** The settings of a node, by the number of its turn. */
export class Turns {
  readonly #protocols: readonly ProtocolRange[];
  readonly #zones: number;
  readonly #weights: readonly number[];

  constructor({ protocols = [PROTOCOL], zones = 0, weights = [1] }: TurnOptions) {
    this.#protocols = protocols;
    this.#zones = zones;
    this.#weights = weights;
  }

  /** The versions of the protocol that a node speaks. */
  protocol(turn: number): ProtocolRange | undefined {
    return this.#protocols[turn % this.#protocols.length];
  }

  /** The weight and zone in the configuration of a node. */
  placementFields(turn: number): PlacementFields {
    const weight = this.#weights[turn % this.#weights.length] ?? 1;
    return { weight, zone: this.#zones === 0 ? undefined : `z${turn % this.#zones}` };
  }
}
