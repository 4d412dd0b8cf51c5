/**
 * The token in the header `X-Mec-Vclock`: base64 (standard alphabet) of msgpack of `{ "<actor>": {
 * "Counter": base, "Timestamp": unix nanoseconds } }`, as in the first MecDB.
 *
 * If an actor has dots above its base, `"Dots": [from, to, from, to, …]` lists them as ranges.
 * Readers of the first form skip that field. An actor without a base has no `Counter`. `Timestamp`
 * is for information only.
 *
 * A token belongs to one key. Its bases include dots of other keys of the partition, so on another
 * key it could erase versions that the client has never seen. The reserved entry `~key` therefore
 * has a hash of the key as its `Counter`. Its field `Signature` is the end of the token
 * (`token-signature.ts`). A token without them can be read; `cluster/tokens.ts` decides whether it
 * counts.
 */
import { MecError } from '../../base/errors.ts';
import { hashText32 } from '../../base/hash.ts';
import {
  MAX_SENT_TOKEN_CHARS,
  MAX_TOKEN_ACTORS,
  MAX_TOKEN_CHARS,
  MAX_TOKEN_RANGES,
} from '../limits.ts';
import { unpackForeignBig } from '../../base/msgpack.ts';
import { MsgpackWriter } from '../../base/msgpack-writer.ts';
import { CausalContext, type Dot } from './causal-context.ts';
import type { NamedKey } from './token-keys.ts';
import { sign, SIGNATURE_BYTES } from './token-signature.ts';
import { baseOf, isRanges, unionRanges } from './ranges.ts';

const KEY_ENTRY = '~key';
const MAX_ACTOR_CHARS = 128;
const KEY_SEED = 0x6d6563;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

type TokenEntry = Record<string, unknown>;

const keyCheck = (key: string): number => hashText32(key, KEY_SEED) + 1;

/** The versions of an answer, the times in its token, and its signer. */
export interface Shown {
  /** The time of each actor's newest known write, in µs since 1970. */
  readonly microsByActor?: ReadonlyMap<string, number> | undefined;
  /** The versions of the answer. */
  readonly versions?: readonly Dot[] | undefined;
  /** The key that signs the token; undefined if there is none. */
  readonly signer?: NamedKey | undefined;
}

/**
 * The header text of a token for a key. If all dots are too many for an answer, some are left out:
 * a token may always claim less. Those of the versions that the answer shows remain, because a
 * writer must be able to replace what it has seen.
 */
export function encodeToken(
  context: CausalContext,
  key: string,
  { versions = [], microsByActor, signer }: Shown = {},
): string {
  const more = { microsByActor, signer };
  const { size, rangeCount } = context;
  // An actor whose dots are those of the floor has one range more.
  if (size <= MAX_TOKEN_ACTORS && size + rangeCount <= MAX_TOKEN_RANGES) {
    const text = encodeEntries([...context.entries()], key, more);
    if (text.length <= MAX_SENT_TOKEN_CHARS) return text;
  }
  for (let most = MAX_TOKEN_RANGES; ; most >>= 1) {
    const text = encodeEntries(mostImportant(context, versions, most), key, more);
    if (text.length <= MAX_SENT_TOKEN_CHARS) return text;
  }
}

type ActorDots = readonly [actor: string, ranges: readonly number[]];

function encodeEntries(
  entries: readonly ActorDots[],
  key: string,
  { microsByActor, signer }: Shown,
): string {
  const writer = new MsgpackWriter();
  writer.map(entries.length + 1);
  for (const [actor, ranges] of entries) {
    const base = baseOf(ranges);
    const from = base > 0 ? 2 : 0;
    const hasExtras = ranges.length > from;
    writer.text(actor);
    writer.map(1 + Number(base > 0) + Number(hasExtras));
    if (base > 0) {
      writer.text('Counter');
      writer.integer(base);
    }
    writer.text('Timestamp');
    writer.product(microsByActor?.get(actor) ?? 0, 1000);
    if (hasExtras) {
      writer.text('Dots');
      writer.array(ranges.length - from);
      for (let i = from; i < ranges.length; i++) writer.integer(ranges[i] as number);
    }
  }
  writer.text(KEY_ENTRY);
  writer.map(signer === undefined ? 2 : 3);
  writer.text('Counter');
  writer.integer(keyCheck(key));
  writer.text('Timestamp');
  writer.integer(0);
  if (signer !== undefined) {
    writer.text('Signature');
    writer.bytes(SIGNATURE_BYTES);
    sign(writer.written(), key, signer);
  }
  return writer.toBase64();
}

/**
 * At most `most` ranges, and not more actors than a token may have. The ranges of the versions come
 * first, then the first range of each actor, then the latest ones.
 */
function mostImportant(
  context: CausalContext,
  versions: readonly Dot[],
  most: number,
): ActorDots[] {
  const ranges = new Map(context.entries());
  const kept = new Map<string, Set<number>>();
  let left = most;
  const keep = (actor: string, from: number): void => {
    const froms = kept.get(actor) ?? new Set();
    if (left === 0 || froms.has(from)) return;
    if (froms.size === 0 && kept.size === MAX_TOKEN_ACTORS) return;
    kept.set(actor, froms.add(from));
    left -= 1;
  };
  for (const { actor, counter } of versions) {
    const own = ranges.get(actor) ?? [];
    for (let i = 0; i < own.length; i += 2)
      if ((own[i] as number) <= counter && counter <= (own[i + 1] as number)) keep(actor, i);
  }
  for (const actor of ranges.keys()) keep(actor, 0);
  for (const [actor, own] of ranges) for (let i = own.length - 2; i >= 0; i -= 2) keep(actor, i);
  return [...kept].map(([actor, froms]): ActorDots => {
    const own = ranges.get(actor) ?? [];
    return [actor, [...froms].sort((a, b) => a - b).flatMap((i) => own.slice(i, i + 2))];
  });
}

const refuse = (detail: string): MecError =>
  new MecError('bad-vclock', { parameter: 'X-Mec-Vclock', detail });

/** Whether a text is a token, of whatever key. */
export function isToken(text: string): boolean {
  try {
    decodeToken(text, undefined);
    return true;
  } catch {
    return false;
  }
}

/** A decoded token. */
export interface DecodedToken {
  readonly context: CausalContext;
  readonly bytes: Uint8Array;
  /** The value in the place of the signature; undefined if there is none. */
  readonly signature: unknown;
}

/**
 * Decodes a header text. Throws `bad-vclock` if the text is not a token of this key, or of any key
 * if that is undefined. It does not check the signature.
 */
export function decodeToken(text: string, key: string | undefined): DecodedToken {
  if (text.length > MAX_TOKEN_CHARS)
    throw refuse(`The token is longer than ${MAX_TOKEN_CHARS} characters`);
  if (text === '' || !BASE64.test(text)) throw refuse('The token is not base64');
  const bytes = Buffer.from(text, 'base64');
  const map = decodeMap(bytes);
  const context = new CausalContext();
  let signature: unknown;
  let ranges = 0;
  for (const [actor, value] of Object.entries(map)) {
    const entry = asEntry(value);
    if (actor === KEY_ENTRY) {
      if (key !== undefined && asCounter(entry['Counter']) !== keyCheck(key))
        throw refuse('The token belongs to another key');
      signature = entry['Signature'];
      continue;
    }
    if (actor.length > MAX_ACTOR_CHARS)
      throw refuse(`An actor in the token is longer than ${MAX_ACTOR_CHARS} characters`);
    const dots = decodeDots(entry);
    ranges += dots.length / 2;
    if (ranges > MAX_TOKEN_RANGES)
      throw refuse(`The token has more than ${MAX_TOKEN_RANGES} ranges`);
    context.addRanges(actor, dots);
  }
  return { context, bytes, signature };
}

function decodeMap(bytes: Uint8Array): Record<string, unknown> {
  let decoded: unknown;
  try {
    decoded = unpackForeignBig(bytes);
  } catch {
    throw refuse('The token is not msgpack');
  }
  return asEntry(decoded);
}

function asEntry(value: unknown): TokenEntry {
  const isMap =
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
  if (!isMap) throw refuse('The token is not a map of actors to maps');
  return value as TokenEntry;
}

function asCounter(value: unknown): number {
  const counter = typeof value === 'bigint' ? Number(value) : value;
  if (typeof counter !== 'number' || !Number.isSafeInteger(counter) || counter < 1) {
    throw refuse('A Counter in the token is not a positive whole number');
  }
  return counter;
}

function decodeDots(entry: TokenEntry): number[] {
  const { Counter: counter, Dots: dots } = entry as { Counter?: unknown; Dots?: unknown };
  if (counter === undefined && dots === undefined)
    throw refuse('An entry in the token has neither Counter nor Dots');
  const base = counter === undefined ? [] : [1, asCounter(counter)];
  if (dots === undefined) return base;
  if (!Array.isArray(dots) || dots.length === 0)
    throw refuse('The Dots in the token are not ranges');
  const extras = dots.map(asCounter);
  if (!isRanges(extras)) throw refuse('The Dots in the token are not ranges');
  return unionRanges(base, extras);
}
