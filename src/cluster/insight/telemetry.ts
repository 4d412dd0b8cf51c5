/** The measurements of a node. */
import type { Recorder } from '../../base/recorder.ts';
import { Operations } from './operations.ts';

/** The parts of a node that its measurements need. */
export interface TelemetryParts {
  readonly recorder: Recorder;
}

/** Everything that one node measures about itself. */
export class Telemetry {
  readonly recorder: Recorder;
  /** Is told of all operations of the coordinator. */
  readonly observer: Operations;

  constructor({ recorder }: TelemetryParts) {
    this.recorder = recorder;
    this.observer = new Operations(recorder);
  }
}
