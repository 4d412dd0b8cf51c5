/**
 * The view of a node on itself and its cluster, for operators. Looking changes nothing: no repair,
 * no claim, no entry in a log.
 */
import { MecError } from '../../base/errors.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Recorder, TimeHistogram } from '../../base/recorder.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { InspectRequest, Reply } from '../../transport/message.ts';
import type { Difference } from '../sync/comparisons.ts';
import type { Sync } from '../sync/sync.ts';
import { explainKey, type ExplainParts } from './explain.ts';
import type { KeyExplanation } from './key-explanation.ts';
import { HealthMonitor, type HealthParts } from './health.ts';
import { makeKeyReport, packKeyReport } from './key-report.ts';
import type { Telemetry } from './telemetry.ts';

/** The parts of a node that it can tell about. */
export interface SightParts extends HealthParts {
  readonly telemetry: Telemetry;
  readonly sync: HealthParts['sync'] & Pick<Sync, 'differences'>;
  readonly holders: ExplainParts['holders'];
  readonly policies: ExplainParts['policies'];
}

/** Facts for `/metrics`. A value that is not known is undefined. */
export interface Measures {
  /** The times of requests to each peer. */
  readonly peerDurations: ReadonlyMap<string, TimeHistogram>;
  readonly differences: ReadonlyMap<string, Difference>;
  readonly damageFound: number;
  readonly disk: DiskSpace | undefined;
  readonly loopLagMs: number | undefined;
}

/** The view of a node on itself and its cluster. */
export class Sight {
  readonly health: HealthMonitor;

  readonly #parts: SightParts;

  constructor(parts: SightParts) {
    this.#parts = parts;
    this.health = new HealthMonitor(parts);
  }

  /** The counters of this node. */
  get recorder(): Recorder {
    return this.#parts.telemetry.recorder;
  }

  /** The facts for `/metrics` that `/status` does not have. */
  measures(): Measures {
    const { peers, sync, store, telemetry } = this.#parts;
    return {
      peerDurations: new Map([...peers.byId.values()].map(({ id, data }) => [id, data.durations])),
      differences: sync.differences(),
      damageFound: store.damageFound,
      disk: this.health.disk,
      loopLagMs: telemetry.loopLag.ms,
    };
  }

  stop(): void {
    this.health.stop();
  }

  /** Explains a key, and a write with this token. */
  explain(key: string, token?: CausalContext): Promise<KeyExplanation> {
    return explainKey({ ...this.#parts, siblings: this.#parts.telemetry.siblings }, key, token);
  }

  /** Answers a peer. Throws `bad-parameter` if it asks for what this release does not know. */
  serve({ topic, key = '' }: InspectRequest): Reply {
    const json = this.#answer(topic, key);
    if (json === undefined) throw new MecError('bad-parameter', { parameter: 'topic' });
    return { kind: 'insight', json };
  }

  #answer(topic: string, key: string): string | undefined {
    const { siblings } = this.#parts.telemetry;
    if (topic === 'report') return this.health.report();
    if (topic === 'key') return packKeyReport(makeKeyReport({ ...this.#parts, siblings }, key));
    return undefined;
  }
}
