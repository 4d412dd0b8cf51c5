/**
 * The flaws of member records. A record may come from a peer that is broken, older or of another
 * cluster, or from the disk. A record with a flaw is left out before anything remembers it, because
 * nodes tell each other what they remember.
 *
 * All rules but two look at the record alone. So all nodes refuse the same records, and their lists
 * stay equal. Only the step of a version and the room for a new name depend on the list.
 */
import { isHost, isPort } from '../../base/address.ts';
import { NODE_NAME_PATTERN } from '../causality/actor.ts';
import {
  MAX_MEMBERS,
  MAX_MEMBER_WEIGHT,
  MAX_RECORD_VERSION,
  MAX_VERSION_STEP,
  MAX_ZONE_CHARS,
  MIN_MEMBER_WEIGHT,
} from '../limits.ts';
import { MEMBER_STATES, type MemberList, type MemberRecord } from './member-list.ts';

/** A record that was left out. */
export interface RefusedRecord {
  /** The name in it, if that is the name of a node; else empty. */
  readonly name: string;
  /** The first flaw. */
  readonly flaw: string;
}

/** The result of merging the records of one message into a list. */
export interface MergeResult {
  /** The number of records that were news. */
  readonly changed: number;
  readonly refused: readonly RefusedRecord[];
}

/** A life: a text that was drawn. Store format 1 had none. */
export const LIFE_PATTERN = /^[\w-]{0,64}$/;

const isUint32 = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;

const isCount = (value: number): boolean =>
  Number.isInteger(value) && value >= 1 && value < MAX_RECORD_VERSION;

const isZone = (zone: unknown): boolean =>
  zone === undefined || (typeof zone === 'string' && zone !== '' && zone.length <= MAX_ZONE_CHARS);

const isName = (name: unknown): boolean => typeof name === 'string' && NODE_NAME_PATTERN.test(name);

/** The fields of a record that have a grammar of their own, each with its rule. */
const RULES: readonly (readonly [string, (record: MemberRecord) => boolean])[] = [
  ['name', ({ name }) => isName(name)],
  ['host', ({ host }) => typeof host === 'string' && isHost(host)],
  // The next port carries data.
  ['port', ({ port }) => isPort(port) && isPort(port + 1)],
  ['httpport', ({ httpport }) => isPort(httpport)],
  ['zone', ({ zone }) => isZone(zone)],
  ['weight', ({ weight }) => weight >= MIN_MEMBER_WEIGHT && weight <= MAX_MEMBER_WEIGHT],
  ['state', ({ state }) => MEMBER_STATES.includes(state)],
  ['generation', ({ generation }) => isCount(generation)],
  ['life', ({ life }) => typeof life === 'string' && LIFE_PATTERN.test(life)],
  ['version', ({ version }) => isCount(version)],
  ['settled', ({ settled }) => isUint32(settled)],
];

/** The name of the first field of a record that breaks its rule; undefined if none does. */
export function flawedFieldOf(record: MemberRecord): string | undefined {
  return RULES.find(([, fits]) => !fits(record))?.[0];
}

/**
 * Whether a version or a generation may follow a known one. A member counts them one by one, and
 * must exceed a version that it has never had. At the limit it has no room for that.
 */
export const mayFollow = (later: number, known: number): boolean =>
  later <= MAX_RECORD_VERSION && later - known <= MAX_VERSION_STEP;

/**
 * The flaw of a record from another node, for this list. Undefined if the record may be merged.
 */
export function flawOf(
  record: MemberRecord,
  list: Pick<MemberList, 'get' | 'size'>,
): string | undefined {
  const field = flawedFieldOf(record);
  if (field !== undefined) return `its ${field} breaks the rules`;
  const { state, generation, version } = record;
  // A member joins in its first version. Only a successor begins in a later state.
  if (state !== 'joining' && generation === 1 && version === 1)
    return `it is ${state} and has never joined`;
  const known = list.get(record.name);
  if (known === undefined)
    return list.size < MAX_MEMBERS ? undefined : `the list has ${MAX_MEMBERS} members already`;
  if (!mayFollow(generation, known.generation)) return 'its generation cannot follow the known one';
  return generation !== known.generation || mayFollow(version, known.version)
    ? undefined
    : 'its version cannot follow the known one';
}
