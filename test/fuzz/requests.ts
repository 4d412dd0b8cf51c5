/**
 * Requests as nodes send them, drawn at random. Some of their fields are wrong: claims about writes
 * that never were, records with flaws, partitions and keys that do not fit. Only an evil node would
 * send that a member has ended, or delete a key. So these requests do not.
 */
import { PARTITIONS } from '../../src/core/limits.ts';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import type { Statement } from '../../src/core/causality/evidence.ts';
import { MemberList, type MemberRecord } from '../../src/core/placement/member-list.ts';
import { flawOf } from '../../src/core/placement/record-flaw.ts';
import { packContent } from '../../src/core/value/content.ts';
import type { Dice } from '../../src/sim/world.ts';
import type { Identity, Message, Request } from '../../src/transport/message.ts';
import { recordOf } from '../fixtures/member-record.ts';

/** The part of the world that requests are about. */
export interface Subject {
  readonly members: readonly MemberRecord[];
  /** The processes that forwards may be for. */
  readonly processes: readonly string[];
  readonly identity: Identity;
}

const INVENTED_NAMES = 40;
const NUMBERS = [0, 1, 2, 3, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48, 2 ** 53 - 1];
const STRANGE = ['', '*', 'a b', '\0', '\u001b[31m', 'x'.repeat(300), '::1', '999.1.1.1', '-1'];

/** Draws requests. */
export class RequestDraw {
  readonly #dice: Dice;
  readonly #subject: Subject;
  readonly #list = new MemberList();
  #count = 0;

  constructor(dice: Dice, subject: Subject) {
    this.#dice = dice;
    this.#subject = subject;
    for (const record of subject.members) this.#list.merge(record);
  }

  /**
   * Whether a node may send this. A record without a flaw is believed. So it must not be about a
   * member, and an invented member joins for the first time, and does no more.
   */
  mayBeSent(message: Message): boolean {
    if (!('records' in message)) return true;
    return message.records.every(
      (record) =>
        flawOf(record, this.#list) !== undefined ||
        (record.state === 'joining' && record.generation === 1 && record.name.startsWith('evil-')),
    );
  }

  /** Draws a request of any kind. */
  next(): Request {
    const kinds = Object.values(this.#kinds);
    return this.#pick(kinds)();
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#dice.below(items.length)] as T;
  }

  readonly #number = (): number => this.#pick(NUMBERS);
  readonly #partition = (): number => this.#dice.below(PARTITIONS);
  readonly #flag = (): boolean => this.#dice.chance(0.5);
  readonly #key = (): string => `fuzz-${this.#dice.below(100)}`;
  readonly #from = (): string =>
    this.#dice.chance(0.5) ? this.#pick(this.#subject.members).name : this.#subject.identity.name;

  #several<T>(draw: () => T, most = 4): T[] {
    return Array.from({ length: this.#dice.below(most + 1) }, draw);
  }

  readonly #actor = (): string => {
    const { name, life } = this.#pick(this.#subject.members);
    return this.#dice.chance(0.5) ? `${name}~${life}` : `evil~${this.#dice.below(50)}`;
  };
  readonly #dot = (): Dot => ({ actor: this.#actor(), counter: 1 + this.#number() });

  #context(): CausalContext {
    const dots = CausalContext.ofDots(this.#several(this.#dot));
    return this.#flag() ? dots : dots.join(CausalContext.ofBase(this.#actor(), this.#number()));
  }

  #statement(): Statement {
    const [clock, lost, aside] = [this.#context(), this.#context(), this.#context()];
    const flags = { isOwner: this.#flag(), isComplete: this.#flag(), isWhole: this.#flag() };
    const names = { life: 'evil', replica: 'evil', actor: this.#actor() };
    return { ...names, ...flags, clock, lost, aside, memories: undefined };
  }

  readonly #record = (): MemberRecord => {
    const own = `evil-${this.#dice.below(INVENTED_NAMES)}`;
    const record = recordOf(own, 'joining', {
      host: '127.0.0.1',
      port: 1,
      httpport: 1,
      version: 1,
    });
    const known = this.#pick(this.#subject.members);
    const base = this.#dice.chance(0.3) ? known : record;
    if (this.#dice.chance(0.2)) return base;
    const strange = (): string => this.#pick(STRANGE);
    const wrong: readonly Partial<MemberRecord>[] = [
      { host: strange() },
      { port: this.#number() },
      { httpport: this.#number() },
      { weight: this.#number() },
      { zone: strange() },
      { generation: this.#number() },
      { version: this.#number() },
      { settled: this.#number() },
      { life: strange() },
      { name: strange() },
      { state: this.#pick(['up', 'leaving', 'gone'] as const) },
    ];
    return { ...base, ...this.#pick(wrong) };
  };

  #gossip(): Pick<Request & { kind: 'probe' }, 'records' | 'suspects' | 'hash' | 'isInformed'> {
    const records = this.#several(this.#record, 20).filter((record) =>
      this.mayBeSent({ kind: 'probe', records: [record] } as never),
    );
    const suspects = this.#several(() => ({ name: this.#from(), version: 1 + this.#number() }));
    return { records, suspects, hash: this.#dice.uint32(), isInformed: this.#flag() };
  }

  #identity(): Identity {
    const { identity } = this.#subject;
    const wrong: readonly Partial<Identity>[] = [
      {},
      {},
      { n: 2 },
      { cluster: ['another'] },
      { isMember: false },
      { clusterName: 'another' },
      { name: this.#from() },
      { partitions: 64 },
      { process: `evil-${this.#dice.below(9)}` },
    ];
    return { ...identity, ...this.#pick(wrong) };
  }

  readonly #body = (): Uint8Array =>
    this.#dice.chance(0.8)
      ? packContent({ value: Uint8Array.of(1, 2), contentType: 'a/b', timestampMicros: 1 })
      : Uint8Array.from(this.#several(() => this.#dice.below(256), 40));

  /** An object of one version, under a dot of an actor that no node is. */
  #object(): {
    readonly dots: readonly Dot[];
    readonly object: (Request & { kind: 'store' })['object'];
  } {
    const dot = { actor: `evil~${this.#dice.below(50)}`, counter: 1 + this.#dice.below(1000) };
    const context = CausalContext.ofDots([dot]);
    return { dots: [dot], object: { context, versions: [{ ...dot, body: this.#body() }] } };
  }

  readonly #rest = { caller: undefined, floors: [], have: [], ownersHash: undefined };

  readonly #kinds: Readonly<Record<Exclude<Request['kind'], 'forward'>, () => Request>> & {
    readonly forward: () => Request;
  } = {
    ping: () => ({ kind: 'ping' }),
    read: () => ({ kind: 'read', ...this.#rest, key: this.#key(), have: this.#several(this.#dot) }),
    store: () => ({
      kind: 'store',
      key: this.#key(),
      ...this.#object(),
      grant: this.#flag() ? undefined : 'evil/1',
      memory: undefined,
      ownersHash: this.#flag() ? undefined : this.#dice.uint32(),
      caller: undefined,
    }),
    forward: () => ({
      kind: 'forward',
      id: `evil/${this.#count++}`,
      process: this.#pick(this.#subject.processes),
      notAfterMs: this.#pick([...NUMBERS, 1e15, performance.now()]),
      key: this.#key(),
      token: this.#flag() ? undefined : this.#context(),
      body: this.#body(),
      r: this.#pick([1, 'quorum', 'bogus', 9]),
      w: this.#pick([1, 'quorum', 'bogus', 9]),
      timeoutMs: this.#pick([0, 100, 2 ** 40]),
      pr: undefined,
      pw: undefined,
      condition: undefined,
      caller: undefined,
    }),
    compare: () => ({
      kind: 'compare',
      from: this.#from(),
      digests: this.#several(
        () => ({ partition: this.#partition(), hash: this.#dice.uint32() }),
        20,
      ),
      floors: this.#several(() => ({ partition: this.#partition(), name: this.#pick(STRANGE) })),
    }),
    pull: () => {
      const statement = this.#statement();
      return {
        kind: 'pull',
        from: this.#from(),
        partition: this.#partition(),
        statement,
        floors: [],
      };
    },
    snapshot: () => ({
      kind: 'snapshot',
      from: this.#from(),
      partition: this.#partition(),
      id: this.#flag() ? undefined : 'evil',
      after: this.#flag() ? undefined : this.#key(),
      isComplete: this.#flag(),
      floors: [],
    }),
    list: () => ({
      kind: 'list',
      partitions: this.#several(() => ({ partition: this.#partition(), ownersHash: 1 }), 20),
      prefix: this.#pick(['', 'fuzz', 'canary']),
      after: this.#flag() ? undefined : this.#key(),
      limit: this.#number(),
      caller: undefined,
    }),
    probe: () => ({
      kind: 'probe',
      from: this.#identity(),
      wantsAll: this.#flag(),
      ...this.#gossip(),
    }),
    'probe-for': () => ({ kind: 'probe-for', name: this.#from() }),
    grant: () => ({
      kind: 'grant',
      ballot: `evil/${this.#dice.below(9)}`,
      key: this.#key(),
      view: this.#pick(STRANGE),
      idempotencyKey: undefined,
      ...this.#rest,
    }),
    scrub: () => ({
      kind: 'scrub',
      from: this.#from(),
      partition: this.#partition(),
      after: undefined,
      until: this.#flag() ? undefined : this.#key(),
      clockHash: this.#dice.uint32(),
      rows: this.#number(),
      digest: this.#dice.uint32(),
    }),
    release: () => ({ kind: 'release', ballot: 'evil/1', key: this.#key(), caller: undefined }),
    state: () => ({
      kind: 'state',
      from: this.#from(),
      life: this.#pick(STRANGE),
      partitions: this.#several(this.#partition, 20),
      filling: this.#several(() => this.#pick(STRANGE)),
      floors: [],
    }),
    mend: () => ({ kind: 'mend', from: this.#from(), key: this.#key(), floors: [] }),
    inspect: () => ({ kind: 'inspect', topic: this.#pick(STRANGE), key: this.#key() }),
  };
}
