/** The measurements of a node: counters, slow operations, and the lag of its event loop. */
import type { Env } from '../../base/env.ts';
import type { Recorder } from '../../base/recorder.ts';
import type { Store } from '../../storage/store.ts';
import type { Config } from '../config.ts';
import { Operations } from './operations.ts';
import { SiblingWrites } from './sibling-writes.ts';
import { type LoopLag, SlowOperations } from './slow.ts';

/** The parts of a node that its measurements need. */
export interface TelemetryParts {
  readonly env: Pick<Env, 'clock' | 'log' | 'tracer'>;
  readonly config: Pick<Config, 'name' | 'log'>;
  readonly store: Pick<Store, 'pending'>;
  readonly recorder: Recorder;
}

/** Everything that one node measures about itself. */
export class Telemetry {
  readonly recorder: Recorder;
  readonly loopLag: LoopLag = { ms: undefined };
  readonly slow: SlowOperations;
  readonly siblings: SiblingWrites;
  /** Is told of all operations of the coordinator. */
  readonly observer: Operations;

  constructor({ env, config, store, recorder }: TelemetryParts) {
    this.recorder = recorder;
    this.slow = new SlowOperations({
      env,
      self: config.name,
      config,
      loopLagMs: () => this.loopLag.ms,
      pendingRows: () => store.pending?.rows,
    });
    this.siblings = new SiblingWrites(env.clock, recorder);
    this.observer = new Operations(recorder, this.slow, env.tracer);
  }
}
