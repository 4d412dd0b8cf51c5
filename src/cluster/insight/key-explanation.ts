/**
 * The explanation of one key, from the reports of its holders: its versions, the reasons why some
 * are siblings, and the effect of a write. Pure.
 */
import type { ErrorCode } from '../../base/errors.ts';
import { MAX_OBJECT_BYTES } from '../../base/limits.ts';
import { microsToIso } from '../../base/system.ts';
import { nodeOfActor } from '../../core/causality/actor.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import { formatDot } from '../../core/causality/dot.ts';
import {
  currentObject,
  effectOf,
  type HeldObject,
  spreadOf,
  type VersionSpread,
  type VersionState,
} from '../../core/causality/explanation.ts';
import type { FilledObject, ObjectVersion } from '../../core/causality/object.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { Role } from '../../core/quorum/owner-quorum.ts';
import { MAX_SIBLINGS } from '../../storage/limits.ts';
import type { KeyReport, VersionFacts } from './key-report.ts';

/** A holder of an explained key. Without an answer, only the first fields are there. */
export interface ExplainedHolder {
  readonly node: string;
  readonly role: Role;
  readonly reach: Reach | 'itself';
  /** The time of its answer, ISO 8601. */
  readonly answeredAt?: string | undefined;
  readonly isComplete?: boolean | undefined;
  readonly isDamaged?: boolean | undefined;
}

/** A version of an explained key. */
export interface ExplainedVersion {
  readonly dot: string;
  /** The node that took the write. */
  readonly takenBy: string;
  readonly time?: string | undefined;
  readonly clientId?: string | undefined;
  readonly bytes: number;
  readonly isCurrent: boolean;
  readonly holders: Readonly<Record<string, VersionState>>;
}

/** Two versions of which neither replaces the other. */
export interface ExplainedPair {
  readonly dots: readonly [string, string];
  readonly why: string;
}

/** The prediction of a write. */
export interface WritePrediction {
  readonly coordinator: string;
  readonly replaces: readonly string[];
  readonly leaves: readonly string[];
  /** The code of the error with which it would be refused. */
  readonly refused?: ErrorCode | undefined;
}

/** The explanation of one key. */
export interface KeyExplanation {
  readonly key: string;
  readonly partition: number;
  readonly holders: readonly ExplainedHolder[];
  readonly versions: readonly ExplainedVersion[];
  readonly pairs: readonly ExplainedPair[];
  /** Undefined if no owner has answered, so that none could take the write. */
  readonly ifYouWrite?: WritePrediction | undefined;
}

/** A write whose effect is explained. */
export interface PlannedWrite {
  /** The node that would coordinate it; undefined if there is none. */
  readonly coordinator: string | undefined;
  /** The error with which that node refuses all writes of the key now. */
  readonly refused?: ErrorCode | undefined;
  readonly token: CausalContext;
  /** Whether the last write wins, by the policy of the key. */
  readonly isLast: boolean;
}

/** The explanation that follows from the reports of holders, by name. Pure. */
export function explainReports(
  reports: ReadonlyMap<string, KeyReport>,
  planned: PlannedWrite,
): Pick<KeyExplanation, 'versions' | 'pairs' | 'ifYouWrite'> {
  const held = [...reports].map(([node, { object }]): HeldObject<VersionFacts> => ({
    node,
    object,
  }));
  const spread = spreadOf(held);
  const { coordinator } = planned;
  const report = reports.get(coordinator ?? '');
  return {
    versions: spread.map(versionOf),
    pairs: pairsOf(spread, reports),
    ifYouWrite:
      coordinator === undefined || report === undefined
        ? undefined
        : predict(currentObject(held), report, { ...planned, coordinator }),
  };
}

function versionOf({ version, isCurrent, states }: VersionSpread<VersionFacts>): ExplainedVersion {
  const { bytes, atMicros, clientId } = version.body;
  return {
    dot: formatDot(version),
    takenBy: nodeOfActor(version.actor),
    time: atMicros === undefined ? undefined : microsToIso(atMicros),
    clientId,
    bytes,
    isCurrent,
    holders: states,
  };
}

/** All pairs of current versions, each with the reason why neither replaces the other. */
function pairsOf(
  spread: readonly VersionSpread<VersionFacts>[],
  reports: ReadonlyMap<string, KeyReport>,
): ExplainedPair[] {
  const writes = [...reports.values()].flatMap(({ siblings }) => siblings);
  const current = spread.filter(({ isCurrent }) => isCurrent).map(({ version }) => version);
  return current.flatMap((a, i) =>
    current.slice(i + 1).map((b): ExplainedPair => {
      const dots = [formatDot(a), formatDot(b)] as const;
      const [later, earlier] = writes.some(
        ({ dot, unseen }) => dot === dots[1] && unseen.includes(dots[0]),
      )
        ? [dots[1], dots[0]]
        : dots;
      const write = writes.find(({ dot, unseen }) => dot === later && unseen.includes(earlier));
      if (write !== undefined) return { dots, why: whyUnseen(later, earlier, write) };
      const nodes = [nodeOfActor(a.actor), nodeOfActor(b.actor)];
      const why =
        nodes[0] === nodes[1]
          ? `${dots[1]} had not seen ${dots[0]}; ${nodes[0]} does not remember more`
          : `${nodes[0]} took ${dots[0]} and ${nodes[1]} took ${dots[1]}, and neither had seen the other`;
      return { dots, why };
    }),
  );
}

function whyUnseen(
  later: string,
  earlier: string,
  { wasBlind, clientId }: { readonly wasBlind: boolean; readonly clientId?: string | undefined },
): string {
  const client = clientId === undefined ? 'a client without a name' : `client ${clientId}`;
  const token = wasBlind ? 'without a token' : 'with an older token';
  return `${later} was written by ${client} ${token}; it had not seen ${earlier}`;
}

function predict(
  before: FilledObject<VersionFacts>,
  { actor, object }: KeyReport,
  { coordinator, token, isLast, refused }: PlannedWrite & { readonly coordinator: string },
): WritePrediction {
  // The last write replaces what its coordinator has. Of the rest, it hides what is older.
  const seen = isLast ? token.clone().join(CausalContext.ofDots(object.versions)) : token;
  const { replaces, leaves } = effectOf(before, { token: seen, actor, body: { bytes: 0 } });
  const isUnknown = token.max(actor) > before.context.max(actor);
  return {
    coordinator,
    replaces: replaces.map(formatDot),
    leaves: leaves.map(formatDot),
    refused: refused ?? (isUnknown ? 'bad-vclock' : whyTooLarge(leaves)),
  };
}

/** The error of a write that leaves so much that no value of it would be taken. */
function whyTooLarge(leaves: readonly ObjectVersion<VersionFacts>[]): ErrorCode | undefined {
  const bytes = leaves.reduce((sum, { body }) => sum + body.bytes, 0);
  const isFull = leaves.length >= MAX_SIBLINGS || bytes > MAX_OBJECT_BYTES;
  return isFull ? 'too-many-siblings' : undefined;
}
