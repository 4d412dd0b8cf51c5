/**
 * The health of the cluster as one node knows it. Once a second the node looks at itself, and asks
 * a few peers for their findings. So each node can give a verdict on the whole cluster.
 */
import type { Clock, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { Config } from '../config.ts';
import type { Peer } from '../membership/peers.ts';
import { type FactsParts, factsOf } from './facts.ts';
import { jsonOf } from './json.ts';
import { findingsOf } from './findings.ts';
import {
  ASK_TIMEOUT_MS,
  DISK_LOOK_MS,
  FINDINGS_KEPT_MS,
  LOOK_MS,
  PEERS_PER_LOOK,
} from './limits.ts';
import type { LoopLag } from './slow.ts';
import { type NodeReport, packReport, readReport, settingsHash } from './report.ts';
import { type DatedFinding, FindingAges, type Health, verdictOf } from './verdict.ts';

/** The parts of a node that its health needs. */
export interface HealthParts extends FactsParts {
  readonly config: Pick<Config, 'quorum' | 'policies'>;
  /** The monitor measures the lag of the event loop by its own timer. */
  readonly telemetry: { readonly loopLag: LoopLag };
}

interface KeptReport extends NodeReport {
  readonly atMs: number;
}

/** Watches one node, and what its peers say about themselves. */
export class HealthMonitor {
  readonly #parts: HealthParts;
  readonly #ages = new FindingAges();
  readonly #reports = new Map<string, KeptReport>();
  /** Peers that have not been asked in this turn. */
  #unasked: string[] = [];
  #disk: DiskSpace | undefined;
  #diskReadMs = -Infinity;
  #readDisk: (() => Promise<DiskSpace>) | undefined;
  #damage = { found: 0, lastMs: undefined as number | undefined };
  #timer: Timer | undefined;
  /** The findings of the last look. */
  #last: readonly DatedFinding[] | undefined;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** The free space of the disk; undefined if it is not known. */
  get disk(): DiskSpace | undefined {
    return this.#disk;
  }

  /** Begins to watch. `readDisk` reads the free space, if the store is on a disk. */
  start(readDisk?: () => Promise<DiskSpace>): void {
    this.#readDisk = readDisk;
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** The verdict now. */
  verdict(): Health {
    const oldestMs = this.#clock.monotonicMs() - FINDINGS_KEPT_MS;
    const { members } = this.#parts;
    const reports = [...this.#reports].filter(
      ([name, { atMs }]) => atMs >= oldestMs && members.lifeOf(name) !== undefined,
    );
    return verdictOf([...this.#ownFindings(), ...reports.flatMap(([, { findings }]) => findings)]);
  }

  /** The report of this node, as JSON for a peer. It does not look again for each peer. */
  report(): string {
    const { members, config } = this.#parts;
    const findings = this.#last ?? this.#ownFindings();
    return packReport({ members: members.hash, settings: settingsHash(config), findings });
  }

  get #clock(): Clock {
    return this.#parts.env.clock;
  }

  #ownFindings(): DatedFinding[] {
    const nowMs = this.#clock.monotonicMs();
    const { found, lastMs } = this.#noteDamage(nowMs);
    const facts = factsOf(this.#parts, {
      disk: this.#disk,
      damage: { found, lastAgoMs: lastMs === undefined ? undefined : nowMs - lastMs },
      reports: this.#reports,
      settings: settingsHash(this.#parts.config),
    });
    return this.#ages.date(findingsOf(facts), nowMs, this.#clock.wallMicros());
  }

  /** Notes whether damage was found since the last look. */
  #noteDamage(nowMs: number): { readonly found: number; readonly lastMs: number | undefined } {
    const { store, scrub } = this.#parts;
    const found = store.damageFound + scrub.status().restored;
    if (found > this.#damage.found) this.#damage = { found, lastMs: nowMs };
    return this.#damage;
  }

  #look(): void {
    const dueMs = this.#clock.monotonicMs() + LOOK_MS;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#parts.telemetry.loopLag.ms = Math.max(0, Math.round(this.#clock.monotonicMs() - dueMs));
      this.#look();
    });
    this.#lookAtDisk();
    this.#last = this.#ownFindings();
    for (const peer of this.#nextPeers()) this.#ask(peer);
  }

  #lookAtDisk(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#readDisk === undefined || nowMs - this.#diskReadMs < DISK_LOOK_MS) return;
    this.#diskReadMs = nowMs;
    this.#readDisk().then(
      (disk) => (this.#disk = disk),
      () => (this.#disk = undefined),
    );
  }

  /** The next peers of the turn that can be reached. */
  #nextPeers(): Peer[] {
    const { peers, members } = this.#parts;
    if (this.#unasked.length === 0) {
      this.#unasked = [...peers.byId.keys()];
      for (const name of this.#reports.keys())
        if (members.lifeOf(name) === undefined) this.#reports.delete(name);
    }
    return peers.reachable(this.#unasked.splice(0, PEERS_PER_LOOK), 0);
  }

  #ask({ id, data }: Peer): void {
    data.request({ kind: 'inspect', topic: 'report' }, ASK_TIMEOUT_MS, (reply) => {
      if (reply instanceof MecError || reply.kind !== 'insight') return;
      const report = readReport(jsonOf(reply.json));
      if (report !== undefined)
        this.#reports.set(id, { ...report, atMs: this.#clock.monotonicMs() });
    });
  }
}
