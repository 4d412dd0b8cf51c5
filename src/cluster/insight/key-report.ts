/** The report of a node about one key: its versions, and why some of them are siblings. */
import type { Clock } from '../../base/env.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import { formatDot, parseDot } from '../../core/causality/dot.ts';
import type { FilledObject, ObjectVersion } from '../../core/causality/object.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import { readContent } from '../../core/value/content.ts';
import { MAX_SIBLINGS } from '../../storage/limits.ts';
import type { Store } from '../../storage/store.ts';
import { MAX_CONTEXT_RANGES, MAX_INSIGHT_CHARS } from '../../transport/limits.ts';
import { isTable, listOf, numberOf, textOf } from './json.ts';
import { MAX_DETAIL_CHARS } from './limits.ts';
import type { SiblingWrites } from './sibling-writes.ts';

/** A version without its value. */
export interface VersionFacts {
  readonly bytes: number;
  /** The time of the write, µs since 1970; undefined if the content cannot be read. */
  readonly atMicros?: number | undefined;
  readonly clientId?: string | undefined;
}

/** A write that has become a sibling, and the versions that it had not seen. */
export interface UnseenVersions {
  readonly dot: string;
  readonly wasBlind: boolean;
  readonly unseen: readonly string[];
  readonly clientId?: string | undefined;
}

/** The report of one node about one key. */
export interface KeyReport {
  readonly object: FilledObject<VersionFacts>;
  readonly actor: string;
  readonly isComplete: boolean;
  /** Whether the record of the key is damaged. */
  readonly isDamaged: boolean;
  /** The wall time of the report, µs since 1970. */
  readonly atMicros: number;
  readonly siblings: readonly UnseenVersions[];
}

/** The parts of a node that its report needs. */
export interface KeyReportParts {
  readonly env: { readonly clock: Pick<Clock, 'wallMicros'> };
  readonly store: Pick<Store, 'of'>;
  readonly siblings: Pick<SiblingWrites, 'of'>;
}

/** Makes the report of this node. Throws if its disk has failed. */
export function makeKeyReport({ env, store, siblings }: KeyReportParts, key: string): KeyReport {
  const replica = store.of(partitionOf(key));
  const { versions, context } = replica.read(key);
  const held = new Set(versions.map(formatDot));
  const writes = siblings.of(key).filter(({ dot }) => held.has(dot));
  return {
    object: { versions: versions.map(factsOf), context },
    actor: replica.actor,
    isComplete: replica.isComplete,
    isDamaged: replica.marks.has(key),
    atMicros: env.clock.wallMicros(),
    siblings: writes.map(({ dot, wasBlind, unseen, clientId }) => ({
      dot,
      wasBlind,
      unseen: unseen.filter((other) => held.has(other)),
      clientId: clientId?.slice(0, MAX_DETAIL_CHARS),
    })),
  };
}

function factsOf({ actor, counter, body }: ObjectVersion<Uint8Array>): ObjectVersion<VersionFacts> {
  const content = readContent(body);
  if (content === undefined) return { actor, counter, body: { bytes: body.length } };
  const { value, timestampMicros, clientId } = content;
  const facts = { bytes: value.length, atMicros: timestampMicros };
  return { actor, counter, body: { ...facts, clientId: clientId?.slice(0, MAX_DETAIL_CHARS) } };
}

/**
 * Packs a report as JSON. A sibling is named by its place among the versions. A node that has been
 * restarted very often may know more dead actors than an answer has room for. Then those below the
 * floor are left out, and old versions of theirs at other holders are taken for current ones.
 */
export function packKeyReport(report: KeyReport): string {
  const { context } = report.object;
  const whole = packWith(report, context);
  return whole.length <= MAX_INSIGHT_CHARS ? whole : packWith(report, context.withoutFloor());
}

function packWith({ object, siblings, ...rest }: KeyReport, context: CausalContext): string {
  const dots = object.versions.map(formatDot);
  return JSON.stringify({
    ...rest,
    context: context.pack(),
    versions: object.versions.map(({ body }, at) => ({ dot: dots[at], ...body })),
    siblings: siblings.map(({ dot, unseen, ...write }) => ({
      ...write,
      at: dots.indexOf(dot),
      unseen: unseen.map((other) => dots.indexOf(other)),
    })),
  });
}

/** Reads the report of a peer; undefined if it is malformed. */
export function readKeyReport(value: unknown): KeyReport | undefined {
  if (!isTable(value)) return undefined;
  const { actor, isComplete, isDamaged, context: packed } = value;
  const context = CausalContext.unpack(packed, MAX_CONTEXT_RANGES);
  const atMicros = numberOf(value['atMicros']);
  if (typeof actor !== 'string' || context === undefined || atMicros === undefined)
    return undefined;
  const versions = listOf(value['versions'], 2 * MAX_SIBLINGS, readVersion);
  const dots = versions.map(formatDot);
  const siblings = listOf(value['siblings'], 2 * MAX_SIBLINGS, (item) => readSibling(item, dots));
  return {
    object: { versions, context },
    actor,
    isComplete: isComplete === true,
    isDamaged: isDamaged === true,
    atMicros,
    siblings,
  };
}

function readVersion(value: unknown): ObjectVersion<VersionFacts> | undefined {
  if (!isTable(value)) return undefined;
  const dot = parseDot(textOf(value['dot'], MAX_DETAIL_CHARS) ?? '');
  if (dot === undefined) return undefined;
  const facts = { bytes: numberOf(value['bytes']) ?? 0, atMicros: numberOf(value['atMicros']) };
  return { ...dot, body: { ...facts, clientId: textOf(value['clientId'], MAX_DETAIL_CHARS) } };
}

function readSibling(value: unknown, dots: readonly string[]): UnseenVersions | undefined {
  if (!isTable(value)) return undefined;
  const dot = dots[numberOf(value['at']) ?? -1];
  if (dot === undefined) return undefined;
  const unseen = listOf(value['unseen'], dots.length, (at) => dots[numberOf(at) ?? -1]);
  const clientId = textOf(value['clientId'], MAX_DETAIL_CHARS);
  return { dot, wasBlind: value['wasBlind'] === true, unseen, clientId };
}
