/**
 * The view of a node on itself and its cluster, for operators. Looking changes nothing: no repair,
 * no claim, no entry in a log.
 */
import { MecError } from '../../base/errors.ts';
import type { InspectRequest, Reply } from '../../transport/message.ts';
import { HealthMonitor, type HealthParts } from './health.ts';

/** The parts of a node that it can tell about. */
export type SightParts = HealthParts;

/** The view of a node on itself and its cluster. */
export class Sight {
  readonly health: HealthMonitor;

  constructor(parts: SightParts) {
    this.health = new HealthMonitor(parts);
  }

  stop(): void {
    this.health.stop();
  }

  /** Answers a peer. Throws `bad-parameter` if it asks for what this release does not know. */
  serve({ topic }: InspectRequest): Reply {
    const json = this.#answer(topic);
    if (json === undefined) throw new MecError('bad-parameter', { parameter: 'topic' });
    return { kind: 'insight', json };
  }

  #answer(topic: string): string | undefined {
    if (topic === 'report') return this.health.report();
    return undefined;
  }
}
