/** The replies of a member that has joined and speaks nonsense, drawn at random. */
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { packMessage } from '../../src/transport/codec.ts';
import type { Reply, Request } from '../../src/transport/message.ts';
import type { FieldDraw } from './fields.ts';
import { mutateMessage } from './mutations.ts';

const NONE = new CausalContext();
/** A member of a cluster would say this of a key that it has never heard of. */
const UNKNOWN = { context: NONE, versions: [] };
const FAILED: Reply = { kind: 'failed', code: 'damaged', detail: '', have: 1, need: 2 };

/** The share of replies that are damaged. */
const DAMAGED = 0.3;

/** Draws replies. */
export class ReplyDraw {
  readonly #fields: FieldDraw;
  /** The life in the record of the member. */
  readonly #life: string;
  /** The hash of the member list that the last asker had. */
  #hash = 0;
  /** The last clock of an asker, by partition. */
  readonly #clocks = new Map<number, CausalContext>();
  /** The number of replies so far, by kind. */
  readonly counts = new Map<string, number>();

  constructor(fields: FieldDraw, life: string) {
    this.#fields = fields;
    this.#life = life;
  }

  /** The reply to a request, or its bytes; undefined if it is answered as a node would. */
  to(request: Request): Reply | Uint8Array | undefined {
    if (request.kind === 'probe') this.#hash = request.hash;
    if (request.kind === 'pull') this.#clocks.set(request.partition, request.statement.clock);
    const reply = this.#reply(request);
    if (reply === undefined) return undefined;
    const { dice } = this.#fields;
    this.counts.set(reply.kind, (this.counts.get(reply.kind) ?? 0) + 1);
    return dice.chance(DAMAGED) ? mutateMessage(dice, packMessage(reply)) : reply;
  }

  #reply(request: Request): Reply | undefined {
    const fields = this.#fields;
    if (fields.dice.chance(0.05)) return FAILED;
    switch (request.kind) {
      case 'compare': {
        const all = request.digests.map(({ partition }) => partition);
        const differing = fields.flag() ? all : fields.several(fields.partition);
        return { kind: 'compared', differing, incomplete: fields.several(fields.partition) };
      }
      case 'scrub':
        return { kind: 'compared', differing: [request.partition], incomplete: [] };
      case 'pull': {
        const rest = fields.pick(['none', 'more', 'all'] as const);
        return {
          kind: 'page',
          statement: this.#statement(request.partition),
          items: this.#items(),
          rest,
        };
      }
      case 'snapshot': {
        const statement = this.#statement(request.partition);
        const opening = { statement, cut: statement.clock };
        const next = fields.flag() ? undefined : fields.key();
        const id = request.id ?? 'evil';
        return { kind: 'snapshot-page', id, opening, items: this.#items(), next };
      }
      case 'state': {
        const { life: _, ...said } = this.#statement();
        const replicas = request.partitions.map((partition) => ({ ...said, partition }));
        return { kind: 'stated', life: this.#life, members: this.#hash, replicas };
      }
      case 'mend': {
        const { clock, lost } = this.#statement();
        const item = { key: request.key, object: UNKNOWN, dots: [] };
        const own = { life: this.#life, members: this.#hash, replica: 'evil' };
        return { kind: 'mended', ...own, clock, lost, need: undefined, item, aside: [] };
      }
      case 'read': {
        const object = request.key.startsWith('fuzz') ? fields.object().object : UNKNOWN;
        const actor = fields.actor();
        const owners = undefined;
        return { kind: 'object', actor, isComplete: fields.flag(), ...object, owners };
      }
      case 'list':
        return {
          kind: 'keys',
          keys: ['fuzz-1'],
          tags: [fields.number()],
          until: fields.flag() ? undefined : fields.key(),
          incomplete: fields.several(fields.partition),
          otherOwners: fields.several(fields.partition),
        };
      default:
        return undefined;
    }
  }

  /** It claims to have seen all that the asker has, and no more; or anything. */
  #statement(partition?: number): ReturnType<FieldDraw['statement']> {
    const statement = { ...this.#fields.statement(), life: this.#life };
    const clock = this.#clocks.get(partition ?? -1);
    if (clock === undefined || this.#fields.flag()) return statement;
    return { ...statement, clock, lost: NONE, aside: NONE };
  }

  #items(): Extract<Reply, { kind: 'page' }>['items'] {
    const item = (): Extract<Reply, { kind: 'page' }>['items'][number] => ({
      key: this.#fields.key(),
      ...this.#fields.object(),
    });
    return this.#fields.several(item);
  }
}
