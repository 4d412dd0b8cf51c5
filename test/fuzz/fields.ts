/**
 * Fields of messages, drawn at random. Some are wrong: claims about writes that never were, records
 * with flaws, partitions and keys that do not fit. Only an evil node would say that a member has
 * ended, or that a key is deleted. So no draw does.
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

/** The part of the world that messages are about. */
export interface Subject {
  readonly members: readonly MemberRecord[];
  /** The processes that forwards may be for. */
  readonly processes: readonly string[];
  readonly identity: Identity;
}

const INVENTED_NAMES = 40;
/** Numbers at the borders of what fields take. */
export const NUMBERS = [0, 1, 2, 3, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48, 2 ** 53 - 1];
/** Texts that are no name, key or address. */
export const STRANGE = [
  '',
  '*',
  'a b',
  '\0',
  '\u001b[31m',
  'x'.repeat(300),
  '::1',
  '999.1.1.1',
  '-1',
];

/** Draws the fields of messages. */
export class FieldDraw {
  readonly dice: Dice;
  readonly subject: Subject;
  readonly #list = new MemberList();

  constructor(dice: Dice, subject: Subject) {
    this.dice = dice;
    this.subject = subject;
    for (const record of subject.members) this.#list.merge(record);
  }

  /**
   * Whether a node may send this. A record without a flaw is believed. So it must not be about a
   * member, and an invented member joins for the first time, and does no more.
   */
  mayBeSent(message: Message): boolean {
    if (message.kind !== 'probe' && message.kind !== 'probed') return true;
    return message.records.every(
      (record) =>
        flawOf(record, this.#list) !== undefined ||
        (record.state === 'joining' && record.generation === 1 && record.name.startsWith('evil-')),
    );
  }

  /** One of these. */
  pick<T>(items: readonly T[]): T {
    return items[this.dice.below(items.length)] as T;
  }

  /** A number at or behind a border. */
  readonly number = (): number => this.pick(NUMBERS);
  readonly partition = (): number => this.dice.below(PARTITIONS);
  readonly flag = (): boolean => this.dice.chance(0.5);
  readonly key = (): string => `fuzz-${this.dice.below(100)}`;
  /** The name of a member or of the sender. */
  readonly from = (): string =>
    this.dice.chance(0.5) ? this.pick(this.subject.members).name : this.subject.identity.name;

  /** At most `most` values. */
  several<T>(draw: () => T, most = 4): T[] {
    return Array.from({ length: this.dice.below(most + 1) }, draw);
  }

  /** The actor of a member, or one that is of no node. */
  readonly actor = (): string => {
    const { name, life } = this.pick(this.subject.members);
    return this.dice.chance(0.5) ? `${name}~${life}` : `evil~${this.dice.below(50)}`;
  };
  readonly dot = (): Dot => ({ actor: this.actor(), counter: 1 + this.number() });

  context(): CausalContext {
    const dots = CausalContext.ofDots(this.several(this.dot));
    return this.flag() ? dots : dots.join(CausalContext.ofBase(this.actor(), this.number()));
  }

  /** The statement of a replica, true or not. */
  statement(): Statement {
    const [clock, lost, aside] = [this.context(), this.context(), this.context()];
    const flags = { isOwner: this.flag(), isComplete: this.flag(), isWhole: this.flag() };
    const names = { life: 'evil', replica: 'evil', actor: this.actor() };
    return { ...names, ...flags, clock, lost, aside, memories: undefined };
  }

  /** A record that is invented, or that of a member, with at most one wrong field. */
  readonly record = (): MemberRecord => {
    const own = `evil-${this.dice.below(INVENTED_NAMES)}`;
    const record = recordOf(own, 'joining', {
      host: '127.0.0.1',
      port: 1,
      httpport: 1,
      version: 1,
    });
    const known = this.pick(this.subject.members);
    const base = this.dice.chance(0.3) ? known : record;
    if (this.dice.chance(0.2)) return base;
    const strange = (): string => this.pick(STRANGE);
    const wrong: readonly Partial<MemberRecord>[] = [
      { host: strange() },
      { port: this.number() },
      { httpport: this.number() },
      { weight: this.number() },
      { zone: strange() },
      { generation: this.number() },
      { version: this.number() },
      { settled: this.number() },
      { life: strange() },
      { name: strange() },
      { state: this.pick(['up', 'leaving', 'gone'] as const) },
    ];
    return { ...base, ...this.pick(wrong) };
  };

  /** Records, suspicions and the hash of a list. */
  gossip(): Pick<Request & { kind: 'probe' }, 'records' | 'suspects' | 'hash' | 'isInformed'> {
    const records = this.several(this.record, 20).filter((record) =>
      this.mayBeSent({ kind: 'probe', records: [record] } as never),
    );
    const suspects = this.several(() => ({ name: this.from(), version: 1 + this.number() }));
    return { records, suspects, hash: this.dice.uint32(), isInformed: this.flag() };
  }

  identity(): Identity {
    const { identity } = this.subject;
    const wrong: readonly Partial<Identity>[] = [
      {},
      {},
      { n: 2 },
      { cluster: ['another'] },
      { isMember: false },
      { clusterName: 'another' },
      { name: this.from() },
      { partitions: 64 },
      { process: `evil-${this.dice.below(9)}` },
    ];
    return { ...identity, ...this.pick(wrong) };
  }

  /** A content, or bytes that are none. */
  readonly body = (): Uint8Array =>
    this.dice.chance(0.8)
      ? packContent({ value: Uint8Array.of(1, 2), contentType: 'a/b', timestampMicros: 1 })
      : Uint8Array.from(this.several(() => this.dice.below(256), 40));

  /** An object of one version, under a dot of an actor that no node is. */
  object(): {
    readonly dots: readonly Dot[];
    readonly object: (Request & { kind: 'store' })['object'];
  } {
    const dot = { actor: `evil~${this.dice.below(50)}`, counter: 1 + this.dice.below(1000) };
    const context = CausalContext.ofDots([dot]);
    return { dots: [dot], object: { context, versions: [{ ...dot, body: this.body() }] } };
  }
}
