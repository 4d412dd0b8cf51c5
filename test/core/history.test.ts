/**
 * Random histories on three replicas, checked by an oracle. It keeps every write and, for every
 * token, the set of all writes that its holder has seen. The tests then break one rule of causality
 * at a time: an oracle that does not notice would be worthless.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import {
  fill,
  type FilledObject,
  merge,
  type StoredObject,
  strip,
  write,
} from '../../src/core/causality/object.ts';

const KEYS = ['x', 'y'];
const REPLICAS = 3;

/** Rules that a test can break. */
interface Breakage {
  /** After a crash, write under the old actor again. */
  readonly reuseActor?: boolean;
  /** Return the joined context to every writer, even if siblings remain. */
  readonly returnJoined?: boolean;
  /** Add all of a received context to the clock. */
  readonly believeContexts?: boolean;
  /** Fill and strip with extras as if they were bases. */
  readonly trustExtras?: boolean;
  /** Forget the dots that were deleted or overwritten. */
  readonly forgetContexts?: boolean;
}

interface Message {
  readonly key: string;
  readonly object: FilledObject<number>;
  readonly dots: readonly Dot[];
  readonly ids: readonly number[];
}

/** A client's token, and the writes that its holder has seen. */
interface Token {
  readonly context: CausalContext;
  readonly seen: ReadonlySet<number>;
}

interface OracleWrite {
  readonly key: string;
  readonly seen: ReadonlySet<number>;
  readonly isDelete: boolean;
}

/** A replica by the rules of `object.ts`, without anything else. */
class ModelReplica {
  actor: string;
  clock = new CausalContext();
  objects = new Map<string, StoredObject<number>>();
  /** The writes that this replica has merged; for the oracle only. */
  applied = new Set<number>();
  #durable: {
    clock: CausalContext;
    objects: Map<string, StoredObject<number>>;
    applied: Set<number>;
  };
  #lives = 1;
  readonly #name: string;
  readonly #breakage: Breakage;

  constructor(name: string, breakage: Breakage) {
    this.#name = name;
    this.#breakage = breakage;
    this.actor = `${name}~1`;
    this.#durable = { clock: this.clock.clone(), objects: new Map(), applied: new Set() };
  }

  read(key: string): FilledObject<number> {
    return fill(
      this.objects.get(key) ?? { versions: [], residue: new CausalContext() },
      this.#effectiveClock(),
    );
  }

  save(key: string, object: FilledObject<number>): void {
    const context =
      this.#breakage.forgetContexts === true
        ? CausalContext.ofDots(object.versions)
        : object.context;
    const stored = strip({ ...object, context }, this.#effectiveClock());
    if (stored.versions.length === 0 && stored.residue.isEmpty) this.objects.delete(key);
    else this.objects.set(key, stored);
  }

  receive({ key, object, dots, ids }: Message): void {
    const after = merge(this.read(key), object);
    for (const { actor, counter } of [...dots, ...object.versions]) this.clock.add(actor, counter);
    if (this.#breakage.believeContexts === true) this.clock.join(object.context);
    this.save(key, after);
    for (const id of ids) this.applied.add(id);
  }

  sync(): void {
    this.#durable = {
      clock: this.clock.clone(),
      objects: new Map(this.objects),
      applied: new Set(this.applied),
    };
  }

  crash(): void {
    this.clock = this.#durable.clock.clone();
    this.objects = new Map(this.#durable.objects);
    this.applied = new Set(this.#durable.applied);
    if (this.#breakage.reuseActor !== true) this.actor = `${this.#name}~${++this.#lives}`;
  }

  #effectiveClock(): CausalContext {
    if (this.#breakage.trustExtras !== true) return this.clock;
    const claimed = new CausalContext();
    for (const actor of this.clock.actors()) claimed.addRanges(actor, [1, this.clock.max(actor)]);
    return claimed;
  }
}

/**
 * One random step. Its numbers choose replica, key, token and message, modulo the available ones.
 */
interface Step {
  readonly kind:
    | 'write'
    | 'blind'
    | 'delete'
    | 'deliver'
    | 'double'
    | 'lose'
    | 'read'
    | 'repair'
    | 'sync'
    | 'crash';
  readonly at: number;
  readonly key: number;
  readonly pick: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    'write',
    'write',
    'write',
    'blind',
    'delete',
    'deliver',
    'deliver',
    'deliver',
    'double',
    'lose',
    'read',
    'repair',
    'sync',
    'crash',
  ),
  at: fc.nat({ max: REPLICAS - 1 }),
  key: fc.nat({ max: KEYS.length - 1 }),
  pick: fc.nat({ max: 1000 }),
});

/** A cluster of model replicas, with the oracle. */
class History {
  readonly #breakage: Breakage;
  readonly #replicas: ModelReplica[];
  readonly #wires: Message[][] = Array.from({ length: REPLICAS }, () => []);
  readonly #tokens = new Map<string, Token[]>(KEYS.map((key) => [key, []]));
  readonly #writes: OracleWrite[] = [];

  constructor(breakage: Breakage) {
    this.#breakage = breakage;
    this.#replicas = Array.from(
      { length: REPLICAS },
      (_, i) => new ModelReplica(`n${i}`, breakage),
    );
  }

  run({ kind, at, key: keyIndex, pick }: Step): void {
    const key = KEYS[keyIndex] as string;
    const replica = this.#replicas[at] as ModelReplica;
    const wire = this.#wires[at] as Message[];
    const message = wire[pick % Math.max(1, wire.length)];
    const tokens = this.#tokens.get(key) as Token[];
    switch (kind) {
      case 'write':
      case 'delete':
        return this.#write(at, key, {
          token: tokens[pick % Math.max(1, tokens.length)],
          isDelete: kind === 'delete',
        });
      case 'blind':
        return this.#write(at, key, { token: undefined, isDelete: false });
      case 'deliver':
      case 'double':
        if (message !== undefined) replica.receive(message);
        if (kind === 'deliver') wire.splice(pick % Math.max(1, wire.length), 1);
        return;
      case 'lose':
        wire.splice(pick % Math.max(1, wire.length), 1);
        return;
      case 'read':
        return this.#read(key, [at, (at + 1 + (pick % (REPLICAS - 1))) % REPLICAS]);
      case 'repair':
        return this.#repair(key, at, (at + 1 + (pick % (REPLICAS - 1))) % REPLICAS);
      case 'sync':
        return replica.sync();
      case 'crash':
        return replica.crash();
    }
  }

  #write(
    at: number,
    key: string,
    { token, isDelete }: { token: Token | undefined; isDelete: boolean },
  ): void {
    const replica = this.#replicas[at] as ModelReplica;
    const context = token?.context ?? new CausalContext();
    const counter = replica.clock.base(replica.actor) + 1;
    // The coordinator refuses a token with a future dot of its own. Such a dot is from a life that
    // a crash has ended.
    if (context.max(replica.actor) >= counter) return;
    const id = this.#writes.length;
    const seen = new Set(token?.seen);
    this.#writes.push({ key, seen, isDelete });
    const dot = { actor: replica.actor, counter };
    const before = replica.read(key);
    const written = write(before, { token: context, dot, body: isDelete ? undefined : id });
    replica.clock.add(dot.actor, dot.counter);
    replica.save(key, written.object);
    replica.applied.add(id);
    const returned = this.#breakage.returnJoined === true ? written.object.context : written.token;
    // A writer that leaves no sibling has seen all that its coordinator has. A writer that leaves
    // one has seen its token and its own write.
    const isAlone = written.object.versions.every(({ body }) => body === id);
    const known = isAlone ? this.#withPast(this.#appliedTo(key, replica)) : [id];
    (this.#tokens.get(key) as Token[]).push({
      context: returned,
      seen: new Set([...seen, ...known]),
    });
    const ids = this.#appliedTo(key, replica);
    for (let to = 0; to < REPLICAS; to++) {
      if (to !== at) this.#wires[to]?.push({ key, object: written.object, dots: [dot], ids });
    }
  }

  /**
   * The writes to a key that a replica has merged. Its object carries the effect of all of them.
   */
  #appliedTo(key: string, { applied }: ModelReplica): number[] {
    return [...applied].filter((id) => this.#writes[id]?.key === key);
  }

  /** The given writes, and all that their writers had seen. */
  #withPast(ids: readonly number[]): number[] {
    return ids.flatMap((id) => [id, ...(this.#writes[id]?.seen ?? [])]);
  }

  #read(key: string, at: readonly number[]): void {
    const replicas = at.map((i) => this.#replicas[i] as ModelReplica);
    const { context } = replicas.map((replica) => replica.read(key)).reduce((a, b) => merge(a, b));
    const seen = new Set(
      this.#withPast(replicas.flatMap((replica) => this.#appliedTo(key, replica))),
    );
    (this.#tokens.get(key) as Token[]).push({ context, seen });
  }

  #repair(key: string, from: number, to: number): void {
    const source = this.#replicas[from] as ModelReplica;
    const ids = this.#appliedTo(key, source);
    (this.#replicas[to] as ModelReplica).receive({ key, object: source.read(key), dots: [], ids });
  }

  /** The writes that are lost or have come back, after all replicas have merged with each other. */
  violations(): string[] {
    const alive = new Set(this.#replicas.flatMap(({ applied }) => [...applied]));
    const found: string[] = [];
    for (const key of KEYS) {
      const merged = this.#replicas
        .map((replica) => replica.read(key))
        .reduce((a, b) => merge(a, b));
      const actual = new Set(merged.versions.map(({ body }) => body));
      for (const id of alive) {
        const one = this.#writes[id] as OracleWrite;
        if (one.key !== key || one.isDelete) continue;
        const isOverwritten = [...alive].some(
          (other) => this.#writes[other]?.key === key && this.#writes[other].seen.has(id),
        );
        if (!isOverwritten && !actual.has(id)) found.push(`write ${id} of ${key} is lost`);
        if (isOverwritten && actual.has(id)) found.push(`write ${id} of ${key} is back`);
      }
    }
    return found;
  }
}

const histories = (breakage: Breakage): fc.IProperty<[Step[]]> =>
  fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
    const history = new History(breakage);
    for (const each of steps) history.run(each);
    assert.deepEqual(history.violations(), []);
  });

test('random histories agree with the oracle', () => {
  fc.assert(histories({}), { numRuns: 20_000 });
});

const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'an actor outlives a crash': { reuseActor: true },
  'the joined context is returned to a writer that leaves siblings': { returnJoined: true },
  'received contexts are added to the clock': { believeContexts: true },
  'extras count as bases': { trustExtras: true },
  'residues are dropped': { forgetContexts: true },
};

for (const [name, breakage] of Object.entries(BREAKAGES)) {
  test(`the oracle notices when ${name}`, () => {
    const { failed } = fc.check(histories(breakage), { numRuns: 20_000, endOnFailure: true });
    assert.ok(failed);
  });
}
