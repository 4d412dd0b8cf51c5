/**
 * The view of a node on itself and its cluster, for operators. Looking changes nothing: no repair,
 * no claim, no entry in a log.
 */
import { authorityOf } from '../../base/address.ts';
import { MecError } from '../../base/errors.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { BUCKETS_MS, type Recorder, type TimeHistogram } from '../../base/recorder.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { InspectRequest, Reply } from '../../transport/message.ts';
import { microsToIso } from '../../base/system.ts';
import type { MemberState } from '../../core/placement/member-list.ts';
import type { Difference } from '../sync/comparisons.ts';
import type { Sync } from '../sync/sync.ts';
import type { Peer } from '../membership/peers.ts';
import { type MemberAnswers, askAll } from './ask-all.ts';
import { explainKey, type ExplainParts } from './explain.ts';
import type { KeyExplanation } from './key-explanation.ts';
import { HealthMonitor, type HealthParts } from './health.ts';
import { makeKeyReport, packKeyReport } from './key-report.ts';
import { MAX_SLOW_KEPT, PULSES_KEPT_MS } from './limits.ts';
import { type NodePulse, pulseOf, readPulse } from './pulse.ts';
import { readSlow, type SlowOperation } from './slow.ts';
import {
  mergeTops,
  readTop,
  TOP_ORDERS,
  type TopKeys,
  type TopOfAll,
  type TopOrder,
} from './top.ts';
import type { Telemetry } from './telemetry.ts';

/** The parts of a node that it can tell about. */
export interface SightParts extends HealthParts {
  readonly telemetry: Telemetry;
  readonly sync: HealthParts['sync'] & Pick<Sync, 'differences'>;
  readonly holders: ExplainParts['holders'];
  readonly policies: ExplainParts['policies'];
  readonly top: TopKeys;
  /** Tells the bytes of tenants on this node, as JSON. */
  readonly quotas: { readonly report: () => string };
}

/** The latest slow operations of all nodes. */
export interface SlowOfAll {
  /** The newest first. */
  readonly operations: readonly SlowOperation[];
  /** The members that have not answered. */
  readonly silent: readonly string[];
}

/** A member, as the answering node knows it. */
export interface PulseMember {
  readonly name: string;
  readonly state: MemberState;
  /** The host, and the port of HTTP. */
  readonly address: string;
  readonly zone?: string | undefined;
}

/** The pulses of all nodes. */
export interface PulseOfAll {
  /** The node that answers, and its wall time, ISO 8601. */
  readonly node: string;
  readonly time: string;
  /** The upper bounds of the buckets of all times, in ms. */
  readonly bucketsMs: readonly number[];
  /** All that have not left. */
  readonly members: readonly PulseMember[];
  readonly nodes: readonly NodePulse[];
  /** The members that have not answered. */
  readonly silent: readonly string[];
}

/** Facts for `/metrics`. A value that is not known is undefined. */
export interface Measures {
  /** The times of requests to each peer. */
  readonly peerDurations: ReadonlyMap<string, TimeHistogram>;
  readonly differences: ReadonlyMap<string, Difference>;
  readonly damageFound: number;
  readonly disk: DiskSpace | undefined;
  readonly loopLagMs: number | undefined;
  readonly mostSiblings: number;
}

/** The view of a node on itself and its cluster. */
export class Sight {
  readonly health: HealthMonitor;

  readonly #parts: SightParts;
  #pulses: { readonly atMs: number; readonly answer: Promise<PulseOfAll> } | undefined;

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
    const { peers, sync, store, telemetry, top } = this.#parts;
    return {
      peerDurations: new Map([...peers.byId.values()].map(({ id, data }) => [id, data.durations])),
      differences: sync.differences(),
      damageFound: store.damageFound,
      disk: this.health.disk,
      loopLagMs: telemetry.loopLag.ms,
      mostSiblings: top.mostSiblings,
    };
  }

  stop(): void {
    this.health.stop();
  }

  /** Explains a key, and a write with this token. */
  explain(key: string, token?: CausalContext): Promise<KeyExplanation> {
    return explainKey({ ...this.#parts, siblings: this.#parts.telemetry.siblings }, key, token);
  }

  /** The keys at the top of all nodes. */
  async topOfAll(by: TopOrder): Promise<TopOfAll> {
    const { answers, silent } = await this.#askMembers(`top:${by}`, readTop);
    return mergeTops(by, [this.#parts.top.by(by), ...answers.values()], silent);
  }

  /** The latest slow operations of all nodes. */
  async slowOfAll(): Promise<SlowOfAll> {
    const { answers, silent } = await this.#askMembers('slow', readSlow);
    const all = [this.#parts.telemetry.slow.latest, ...answers.values()].flat();
    const operations = all.sort((a, b) => (a.time < b.time ? 1 : -1)).slice(0, MAX_SLOW_KEPT);
    return { operations, silent };
  }

  /** The pulses of all nodes, at most `PULSES_KEPT_MS` old. */
  pulseOfAll(): Promise<PulseOfAll> {
    const nowMs = this.#parts.env.clock.monotonicMs();
    if (this.#pulses === undefined || nowMs - this.#pulses.atMs >= PULSES_KEPT_MS)
      this.#pulses = { atMs: nowMs, answer: this.#takePulses() };
    return this.#pulses.answer;
  }

  async #takePulses(): Promise<PulseOfAll> {
    const { answers, silent } = await this.#askMembers('pulse', readPulse);
    const { env, members } = this.#parts;
    return {
      node: members.self,
      time: microsToIso(env.clock.wallMicros()),
      bucketsMs: BUCKETS_MS,
      members: members
        .in('joining', 'up', 'leaving')
        .map(({ name, state, host, httpport, zone }) => ({
          name,
          state,
          address: authorityOf({ host, port: httpport }),
          zone,
        })),
      nodes: [pulseOf(this.#parts, this.health.disk), ...answers.values()],
      silent,
    };
  }

  #askMembers<Answer>(
    topic: string,
    read: (json: unknown) => Answer | undefined,
  ): Promise<MemberAnswers<Answer>> {
    const { members, peers } = this.#parts;
    const others = members
      .in('joining', 'up', 'leaving')
      .filter(({ name }) => name !== members.self);
    const asked = others.map(({ name }): [string, Peer | undefined] => [
      name,
      peers.reach(name) === 'unreachable' ? undefined : peers.byId.get(name),
    ]);
    return askAll(new Map(asked), { topic, read });
  }

  /** Answers a peer. Throws `bad-parameter` if it asks for what this release does not know. */
  serve({ topic, key = '' }: InspectRequest): Reply {
    const json = this.#answer(topic, key);
    if (json === undefined) throw new MecError('bad-parameter', { parameter: 'topic' });
    return { kind: 'insight', json };
  }

  #answer(topic: string, key: string): string | undefined {
    const { telemetry, top } = this.#parts;
    const { siblings, slow } = telemetry;
    if (topic === 'report') return this.health.report();
    if (topic === 'key') return packKeyReport(makeKeyReport({ ...this.#parts, siblings }, key));
    if (topic === 'pulse') return JSON.stringify(pulseOf(this.#parts, this.health.disk));
    if (topic === 'slow') return JSON.stringify(slow.latest);
    if (topic === 'tenants') return this.#parts.quotas.report();
    const order = TOP_ORDERS.find((by) => topic === `top:${by}`);
    return order && JSON.stringify(top.by(order));
  }
}
