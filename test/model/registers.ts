/**
 * The state of one key in the model, and its meaning in the product. A register has four bits for
 * the known dots, one for each write, and four for the dots among them that are gone. Decision,
 * quorums and merge are those of the product. They are computed once for each register and kept in
 * tables.
 */
import { utf8ToBytes } from '../../src/base/bytes.ts';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import type { Condition } from '../../src/core/quorum/condition.ts';
import { digestOf, packContent } from '../../src/core/value/content.ts';
import { decide, type MadeWrite } from '../../src/core/quorum/decision.ts';
import { etagOf } from '../../src/core/value/etag.ts';
import { JointTally, type OwnerSets } from '../../src/core/quorum/joint-tally.ts';
import type { FilledObject, ObjectVersion } from '../../src/core/causality/object.ts';

/** The request of a client. */
export type Kind =
  /** `If-None-Match: *`. */
  | 'create'
  /** Reads, then writes on the condition that nothing has changed. */
  | 'swap'
  /** A write with an Idempotency-Key. All of this kind are one write, sent again. */
  | 'once'
  /** `If-None-Match: *` with an Idempotency-Key. */
  | 'lock'
  /** A PUT without a condition and without a token. */
  | 'blind';

/**
 * The effect of a decision: refuses, writes over the dots of a mask, or repeats the write of a dot.
 */
export type Outcome =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'write'; readonly seen: number }
  | { readonly kind: 'repeat'; readonly dot: number };

const ACTORS = ['a', 'b', 'c', 'd'];
const DOTS: readonly Dot[] = ACTORS.map((actor) => ({ actor, counter: 1 }));

/** The dots of a register that are visible. */
export const shownIn = (register: number): number => register & 15 & ~(register >> 4);

/** The register of an object. */
export function toRegister({ versions, context }: FilledObject<Uint8Array>): number {
  const bits = (has: (dot: Dot) => boolean): number =>
    DOTS.reduce((mask, dot, i) => mask | (has(dot) ? 1 << i : 0), 0);
  const known = bits(({ actor, counter }) => context.has(actor, counter));
  const there = bits(({ actor }) => versions.some((version) => version.actor === actor));
  return known | ((known & ~there) << 4);
}

/** The object of a register. `kinds` tells which of its versions have the Idempotency-Key. */
export function toObject(register: number, kinds: readonly Kind[]): FilledObject<Uint8Array> {
  const dots = DOTS.filter((_, i) => (register >> i) & 1);
  const versions = DOTS.flatMap((dot, i): ObjectVersion<Uint8Array>[] =>
    (shownIn(register) >> i) & 1 ? [{ ...dot, body: bodyOf(kinds[i]) }] : [],
  );
  return { versions, context: CausalContext.ofDots(dots) };
}

const isRepeatable = (kind: Kind | undefined): boolean => kind === 'once' || kind === 'lock';

function bodyOf(kind: Kind | undefined): Uint8Array {
  const idempotencyKey = isRepeatable(kind) ? 'i' : undefined;
  return packContent({
    value: utf8ToBytes('x'),
    contentType: 'text/plain',
    timestampMicros: 1,
    idempotencyKey,
  });
}

function conditionOf(kind: Kind, matched: number, kinds: readonly Kind[]): Condition {
  const idempotencyKey = isRepeatable(kind) ? 'i' : undefined;
  const { versions } = toObject(matched, kinds);
  const isCreate =
    kind === 'create' || kind === 'lock' || (kind === 'swap' && versions.length === 0);
  return {
    ifMatch: kind === 'swap' && !isCreate ? [etagOf(versions)] : undefined,
    ifNoneMatch: isCreate ? '*' : undefined,
    idempotencyKey,
  };
}

/** The input of a decision. */
export interface Question {
  readonly writer: number;
  /** The register that a swap has read and matched. */
  readonly matched: number;
  readonly register: number;
  /** Dots of writes with the Idempotency-Key that the deciders remember. */
  readonly remembered: number;
}

/** The product's decisions on registers. */
export class Decisions {
  readonly #kinds: readonly Kind[];
  readonly #known = new Map<number, Outcome>();

  constructor(kinds: readonly Kind[]) {
    this.#kinds = kinds;
  }

  of(question: Question): Outcome {
    const { writer, matched, register, remembered } = question;
    const name = (((writer << 8) | matched) << 12) | (register << 4) | remembered;
    const known = this.#known.get(name) ?? this.#decide(question);
    this.#known.set(name, known);
    return known;
  }

  #decide({ writer, matched, register, remembered }: Question): Outcome {
    const kind = this.#kinds[writer] as Kind;
    const body = bodyOf(kind);
    const object = toObject(register, this.#kinds);
    const memories = DOTS.flatMap((dot, i): MadeWrite[] =>
      (remembered >> i) & 1 ? [{ ...dot, digest: digestOf(body) }] : [],
    );
    const told = { object, visible: object.versions, remembered: memories };
    try {
      const decision = decide(
        { condition: conditionOf(kind, matched, this.#kinds), token: undefined, body },
        told,
      );
      if (decision.kind === 'repeat')
        return { kind: 'repeat', dot: ACTORS.indexOf(decision.made.actor) };
      const { token } = decision;
      return {
        kind: 'write',
        seen: DOTS.reduce((mask, { actor }, i) => mask | (token.has(actor, 1) ? 1 << i : 0), 0),
      };
    } catch {
      return { kind: 'refuse' };
    }
  }
}

/** For each set of members, as a mask, whether the product counts them as enough. */
export function quorumTable(sets: OwnerSets, members: readonly string[]): readonly boolean[] {
  return Array.from({ length: 1 << members.length }, (_, mask) => {
    const tally = new JointTally(sets);
    for (const member of members) tally.ask(member);
    for (const [i, member] of members.entries()) if ((mask >> i) & 1) tally.succeed(member);
    return tally.verdict() === 'met';
  });
}
