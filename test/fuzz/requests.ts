/** Requests as nodes send them, drawn at random. Many of their fields are wrong. */
import type { Request } from '../../src/transport/message.ts';
import { type FieldDraw, NUMBERS, STRANGE } from './fields.ts';

/** Draws requests. */
export class RequestDraw {
  readonly #fields: FieldDraw;
  #count = 0;

  constructor(fields: FieldDraw) {
    this.#fields = fields;
  }

  /** Draws a request of any kind. */
  next(): Request {
    const kinds = Object.values(this.#kinds);
    return this.#fields.pick(kinds)();
  }

  readonly #rest = { caller: undefined, floors: [], have: [], ownersHash: undefined };

  readonly #kinds: Readonly<Record<Exclude<Request['kind'], 'forward'>, () => Request>> & {
    readonly forward: () => Request;
  } = {
    ping: () => ({ kind: 'ping' }),
    read: () => ({
      kind: 'read',
      ...this.#rest,
      key: this.#fields.key(),
      have: this.#fields.several(this.#fields.dot),
    }),
    store: () => ({
      kind: 'store',
      key: this.#fields.key(),
      ...this.#fields.object(),
      grant: this.#fields.flag() ? undefined : 'evil/1',
      memory: undefined,
      ownersHash: this.#fields.flag() ? undefined : this.#fields.dice.uint32(),
      caller: undefined,
    }),
    forward: () => ({
      kind: 'forward',
      id: `evil/${this.#count++}`,
      process: this.#fields.pick(this.#fields.subject.processes),
      notAfterMs: this.#fields.pick([...NUMBERS, 1e15, performance.now()]),
      key: this.#fields.key(),
      token: this.#fields.flag() ? undefined : this.#fields.context(),
      body: this.#fields.body(),
      r: this.#fields.pick([1, 'quorum', 'bogus', 9]),
      w: this.#fields.pick([1, 'quorum', 'bogus', 9]),
      timeoutMs: this.#fields.pick([0, 100, 2 ** 40]),
      pr: undefined,
      pw: undefined,
      condition: undefined,
      caller: undefined,
    }),
    compare: () => ({
      kind: 'compare',
      from: this.#fields.from(),
      digests: this.#fields.several(
        () => ({ partition: this.#fields.partition(), hash: this.#fields.dice.uint32() }),
        20,
      ),
      floors: this.#fields.several(() => ({
        partition: this.#fields.partition(),
        name: this.#fields.pick(STRANGE),
      })),
    }),
    pull: () => {
      const statement = this.#fields.statement();
      return {
        kind: 'pull',
        from: this.#fields.from(),
        partition: this.#fields.partition(),
        statement,
        floors: [],
      };
    },
    snapshot: () => ({
      kind: 'snapshot',
      from: this.#fields.from(),
      partition: this.#fields.partition(),
      id: this.#fields.flag() ? undefined : 'evil',
      after: this.#fields.flag() ? undefined : this.#fields.key(),
      isComplete: this.#fields.flag(),
      floors: [],
    }),
    list: () => ({
      kind: 'list',
      partitions: this.#fields.several(
        () => ({ partition: this.#fields.partition(), ownersHash: 1 }),
        20,
      ),
      prefix: this.#fields.pick(['', 'fuzz', 'canary']),
      after: this.#fields.flag() ? undefined : this.#fields.key(),
      limit: this.#fields.number(),
      caller: undefined,
    }),
    probe: () => ({
      kind: 'probe',
      from: this.#fields.identity(),
      wantsAll: this.#fields.flag(),
      ...this.#fields.gossip(),
    }),
    'probe-for': () => ({ kind: 'probe-for', name: this.#fields.from() }),
    grant: () => ({
      kind: 'grant',
      ballot: `evil/${this.#fields.dice.below(9)}`,
      key: this.#fields.key(),
      view: this.#fields.pick(STRANGE),
      idempotencyKey: undefined,
      ...this.#rest,
    }),
    scrub: () => ({
      kind: 'scrub',
      from: this.#fields.from(),
      partition: this.#fields.partition(),
      after: undefined,
      until: this.#fields.flag() ? undefined : this.#fields.key(),
      clockHash: this.#fields.dice.uint32(),
      rows: this.#fields.number(),
      digest: this.#fields.dice.uint32(),
    }),
    release: () => ({
      kind: 'release',
      ballot: 'evil/1',
      key: this.#fields.key(),
      caller: undefined,
    }),
    state: () => ({
      kind: 'state',
      from: this.#fields.from(),
      life: this.#fields.pick(STRANGE),
      partitions: this.#fields.several(this.#fields.partition, 20),
      filling: this.#fields.several(() => this.#fields.pick(STRANGE)),
      floors: [],
    }),
    mend: () => ({ kind: 'mend', from: this.#fields.from(), key: this.#fields.key(), floors: [] }),
    ledger: () => ({
      kind: 'ledger',
      from: this.#fields.from(),
      hash: this.#fields.pick(STRANGE),
      records: this.#fields.several(() => ({
        id: this.#fields.pick(['user/evil', 'token/evil', 'cert/1', 'evil']),
        version: this.#fields.number(),
        isRevoked: this.#fields.flag(),
        expiresMicros: this.#fields.number(),
        holder: this.#fields.pick(STRANGE),
        hash: this.#fields.pick(STRANGE),
        rights: [{ prefix: this.#fields.key(), verbs: this.#fields.number() }],
      })),
    }),
    inspect: () => ({
      kind: 'inspect',
      topic: this.#fields.pick(STRANGE),
      key: this.#fields.key(),
    }),
  };
}
