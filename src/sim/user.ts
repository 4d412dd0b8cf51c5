/**
 * The requests of one user. They go to nodes, and the oracle is told of them. A user has its token
 * together with the writes that the oracle knows the user to have seen.
 */
import { messageOf } from '../base/errors.ts';
import { Batcher } from './batcher.ts';
import type { SimNode } from './cluster.ts';
import { alteredToken, forgedToken } from './forged-token.ts';
import type { MadeOperation } from './history.ts';
import {
  AnswerError,
  listKeys,
  readKey,
  type SimWrite,
  writeKey,
  type WriteOutcome,
} from './http.ts';
import type { Match } from './oracle.ts';
import { keyPolicyOf } from './key-policies.ts';
import type { Quorums, RequestStart } from './promises.ts';
import type { UserOptions, UserToken, UserWrite } from './user-options.ts';
import type { Dice, World } from './world.ts';

const TOKENS_KEPT = 10;
const RETRY_MS = 200;
/**
 * The tries of a write with a name without an answer; and the share that is sent again after one.
 */
const SENDINGS = 4;
const REPEAT_RATE = 0.3;
const LIFETIMES_S = [1, 2, 4, 8];
const LIST_LIMITS = [1, 3, 10, 1_000];
/** Pages of a listing that a client takes. */
const MAX_PAGES = 10;

/** Answers after which nothing was written, and answers that no user should ever see. */
const NOTHING_WRITTEN = new Set(['precondition-failed', 'not-found', 'too-many-siblings']);
const IMPOSSIBLE = new Set([
  'internal',
  'bad-vclock',
  'bad-parameter',
  'bad-key',
  'idempotency-key-reused',
  'unauthenticated',
  'forbidden',
]);

/** One user of the store. */
export class User {
  readonly #options: UserOptions;
  readonly #tokens = new Map<string, UserToken[]>();
  /** The dice of the operation under way. */
  #dice: Dice;
  #node: SimNode;
  /** Sends the requests of this turn as one batch. */
  #batcher: Batcher | undefined;

  constructor(options: UserOptions, dice: Dice) {
    this.#options = options;
    this.#dice = dice;
    this.#node = dice.pick(options.cluster.nodes);
  }

  /** Begins an operation with its own dice. */
  beginOperation(dice: Dice): void {
    this.#dice = dice;
    if (!dice.chance(this.#options.plan.stayRate)) this.changeNode();
  }

  /** The node that the user asks. */
  get nodeName(): string {
    return this.#node.name;
  }

  /** Goes to a random node, perhaps the same one. */
  changeNode(): void {
    this.#node = this.#dice.pick(this.#options.cluster.nodes);
  }

  /** Returns the token of the last answer about a key. */
  lastToken(key: string): UserToken | undefined {
    return this.#tokens.get(key)?.slice(-1)[0];
  }

  /** Returns the token of an earlier answer about a key. */
  anyToken(key: string): UserToken | undefined {
    const tokens = this.#tokens.get(key) ?? [];
    return tokens.length === 0 ? undefined : this.#dice.pick(tokens);
  }

  get #world(): World {
    return this.#options.cluster.world;
  }

  /**
   * Tries once more after an error, perhaps at another node. To the store this is another write.
   */
  async retryOnce(write: () => Promise<void>): Promise<void> {
    await write().catch((error: unknown) => {
      this.#world.trace(`${this.#options.name} ${messageOf(error)}; tries again`);
      if (this.#dice.chance(0.5)) this.changeNode();
      return write();
    });
  }

  /** Draws the parameters of a request, as a query and as quorums. */
  #drawQuery(
    key: string,
    parameters: readonly (keyof Quorums)[],
  ): { query: string; quorums: Quorums } {
    const { plan } = this.#options;
    const { timeoutMs, ...asked } = this.#dice.pick(plan.queries);
    const own = parameters.flatMap((name) =>
      asked[name] === undefined ? [] : [`${name}=${asked[name]}`],
    );
    if (timeoutMs !== undefined) own.push(`timeout=${timeoutMs}`);
    const policy = plan.policies.find(({ prefix }) => key.startsWith(prefix));
    const { r, w } = plan.quorum;
    return {
      query: own.join('&'),
      quorums: { ...asked, r: asked.r ?? policy?.r ?? r, w: asked.w ?? policy?.w ?? w },
    };
  }

  /** Reads a key. */
  async read(key: string, { isSession = false }: { isSession?: boolean } = {}): Promise<Match> {
    const { oracle, plan, promises, name } = this.#options;
    const { history } = oracle;
    const at = this.#node;
    const { query, quorums } = this.#drawQuery(key, ['r', 'pr']);
    const known = isSession ? this.lastToken(key) : undefined;
    const since = promises.now();
    const found = await this.#reportImpossible(key, () =>
      readKey(this.#batcher ?? at, key, {
        query,
        seen: known?.dots ?? [],
        gone: known?.isGone === true ? known.text : undefined,
      }),
    );
    const ids = found.siblings.map(({ text, etag, dot, expiresMicros }) => {
      const id = Number.parseInt(text, 10);
      if (text !== valueOf(id, plan.valueBytes))
        history.violate(`${key} was read as ${JSON.stringify(text)}`);
      history.recordName(key, { kind: 'tag', name: etag }, id);
      history.recordName(key, { kind: 'dot', name: dot }, id);
      if (expiresMicros !== undefined) history.recordExpirySecond({ id }, expiresMicros);
      return id;
    });
    this.#world.trace(`${name} read ${key} at ${at.name} ${query}: ${ids.join(' ') || 'nothing'}`);
    const strength = promises.strength(quorums.r ?? 1, quorums.pr);
    oracle.checkRead({ key, ids, since, strength, session: [...(known?.direct ?? [])] });
    if (known?.isGone === true) oracle.checkStillGone(key, ids, known.direct);
    const dots = found.siblings.map(({ dot }) => dot);
    this.#keepToken(key, {
      text: found.token,
      seen: history.seenWith(ids),
      direct: new Set(ids),
      dots,
    });
    return { tag: found.etag, ids };
  }

  /** Reads a key for a write that depends on its state. */
  match(key: string): Promise<Match> {
    return this.read(key);
  }

  /** Writes a key. A write with a name is sent until there is an answer. */
  async write(key: string, options: UserWrite): Promise<void> {
    if (this.#node.node === undefined) throw new Error('connection refused');
    const { promises } = this.#options;
    const made = this.#begin(key, options);
    const since = promises.now();
    const { query, quorums } = this.#drawQuery(
      key,
      options.isDelete === true || options.replaces === true ? ['r', 'w', 'pr', 'pw'] : ['w', 'pw'],
    );
    const sent = this.#requestOf(made, options, query);
    let isUnsure = false;
    for (let left = options.name === undefined ? 1 : SENDINGS; ;) {
      left -= 1;
      made.overMs = Infinity;
      try {
        const written = await this.#send(made, sent, {
          isFirst: left === SENDINGS - 1 || options.name === undefined,
          isForged: options.isForged,
        });
        this.#acknowledged(made, written, { options, since, quorums });
        if (!isUnsure) made.overMs = this.#world.nowMs;
        if (left <= 0 || !this.#dice.chance(REPEAT_RATE)) return;
      } catch (error) {
        isUnsure = true;
        made.isFirstTryUnknown ||= made.endedMs === undefined;
        if (
          left <= 0 ||
          made.isRefused ||
          (error instanceof AnswerError && NOTHING_WRITTEN.has(error.code))
        )
          throw error;
      }
      await this.#pause();
      if (this.#dice.chance(0.5)) this.changeNode();
    }
  }

  #pause(): Promise<void> {
    const ms = this.#dice.fraction() * RETRY_MS;
    return new Promise((resolve) => void this.#world.after(ms, resolve));
  }

  #begin(key: string, options: UserWrite): MadeOperation {
    const { token, isDelete = false, replaces = false, match, name } = options;
    const { oracle } = this.#options;
    const { history } = oracle;
    // A write whose condition holds counts as having seen the matched versions, whatever its token.
    const matched = match?.ids ?? [];
    return history.begin({
      key,
      isDelete,
      removesAll: replaces || (isDelete && token?.text === undefined && match === undefined),
      seen: new Set([...(token?.seen ?? []), ...history.seenWith(matched)]),
      direct: new Set([...(token?.direct ?? []), ...matched]),
      isNamed: name !== undefined,
      isLastWriteWins: keyPolicyOf(key).siblings === 'last-write-wins',
      beganMs: this.#world.nowMs,
    });
  }

  #requestOf(
    made: MadeOperation,
    { token, match, name, replaces = false, isShortLived = false, isForged = false }: UserWrite,
    query: string,
  ): SimWrite {
    const headers: Record<string, string> = {};
    if (match?.tag !== undefined) headers['if-match'] = match.tag;
    else if (match !== undefined) headers['if-none-match'] = '*';
    if (name !== undefined) headers[name] = `w-${made.id}`;
    if (isShortLived) headers['x-mec-ttl'] = String(this.#dice.pick(LIFETIMES_S));
    const value = made.isDelete ? undefined : valueOf(made.id, this.#options.plan.valueBytes);
    const asked = replaces ? `${query}${query === '' ? '' : '&'}replace=true` : query;
    const forged = isForged ? this.#forge(made.key) : { token: token?.text };
    return { value, ...forged, headers, query: asked };
  }

  #forge(key: string): Pick<SimWrite, 'token' | 'isAltered'> {
    const last = this.lastToken(key);
    const token = last?.text === undefined ? undefined : alteredToken(last.text, key, this.#dice);
    if (token !== undefined && this.#dice.chance(0.5)) return { token, isAltered: true };
    this.#options.oracle.history.forgedKeys.add(key);
    const node = this.#dice.pick(this.#options.cluster.nodes).name;
    return { token: forgedToken({ key, node, dot: last?.dots[0] }, this.#dice) };
  }

  async #send(
    made: MadeOperation,
    sent: SimWrite,
    { isFirst, isForged }: { readonly isFirst: boolean; readonly isForged: boolean | undefined },
  ): Promise<WriteOutcome> {
    const at = this.#node;
    const { id, key, seen, isDelete } = made;
    const { name } = this.#options;
    const what = Object.entries(sent.headers ?? {}).map((header) => header.join(' '));
    const line = `${name} ${isDelete ? 'delete' : 'write'} ${id} of ${key} at ${at.name}`;
    this.#world.trace(
      `${line} having seen ${[...seen].join(' ') || 'nothing'} ${[...what, sent.query].join(' ')}`,
    );
    try {
      const write = (): Promise<WriteOutcome> => writeKey(this.#batcher ?? at, key, sent);
      const written = await (isForged === true ? write() : this.#reportImpossible(key, write));
      this.#world.trace(`${line}: acknowledged as ${written.dot ?? ''}`);
      if (sent.isAltered === true)
        this.#options.oracle.history.violate(`${line} with a changed token was acknowledged`);
      return written;
    } catch (error) {
      this.#world.trace(`${line}: not acknowledged, ${messageOf(error)}`);
      const isRefused =
        error instanceof AnswerError &&
        (made.isNamed ? isFirst && NOTHING_WRITTEN.has(error.code) : error.mayTakeEffect === false);
      if (isRefused) this.#options.oracle.history.refuse(made);
      throw error;
    }
  }

  #acknowledged(
    made: MadeOperation,
    { token, dot }: WriteOutcome,
    {
      options,
      since,
      quorums,
    }: { readonly options: UserWrite; readonly since: RequestStart; readonly quorums: Quorums },
  ): void {
    const { oracle, promises } = this.#options;
    const { history } = oracle;
    const { id, key } = made;
    const isDecided = options.match !== undefined || options.name === 'idempotency-key';
    const asked = promises.strength(quorums.w ?? 1, quorums.pw);
    const least = promises.majority();
    const most = (one: number, other: number): number => Math.max(one, other);
    const strength = isDecided
      ? { disks: most(asked.disks, least.disks), owners: most(asked.owners, least.owners) }
      : asked;
    history.acknowledge(made, { nowMs: this.#world.nowMs, strength });
    if (dot !== undefined) {
      history.recordName(key, { kind: 'dot', name: dot }, id);
      // A node that takes itself for the whole cluster does not know the writes of the others.
      const isOnce = options.name === 'idempotency-key' && promises.doDecisionsHold;
      if (isOnce) history.recordName(key, { kind: 'acknowledged', name: dot }, id);
    }
    if (options.match !== undefined) oracle.checkWinner(made, options.match, since);
    const direct = new Set(isDecided || made.removesAll ? [id] : [...made.direct, id]);
    if (made.removesAll) {
      const read = promises.strength(quorums.r ?? 1, quorums.pr);
      oracle.recordReplaced(made, { since, strength: read });
    }
    const dots = dot === undefined ? [] : [dot];
    // A new token has all dots of the writer's token. The token of a repeat is made from a memory.
    const seen = new Set([...made.seen, id]);
    this.#keepToken(key, { text: token, seen, direct, dots, isGone: made.isDelete });
  }

  /** Writes two keys and reads one, in one batch. */
  async batch(key: string): Promise<void> {
    const { keys } = this.#options;
    const [other, third] = [this.#dice.pick(keys), this.#dice.pick(keys)];
    this.#batcher = new Batcher(this.#node);
    const work = [
      this.write(key, { token: this.lastToken(key) }),
      this.write(other, { replaces: true }),
      this.read(third),
    ];
    this.#batcher = undefined;
    const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** Lists the keys of the run page by page, all or those of one kind. */
  async list(): Promise<void> {
    const { oracle, promises, keys, name, plan } = this.#options;
    const at = this.#node;
    const one = this.#dice.chance(0.5) ? '' : this.#dice.pick(keys);
    // The keys of a kind, or those of a kind with one hash tag.
    const prefix = one.slice(0, Math.max(1, one.indexOf('}') + 1));
    const limit = this.#dice.pick(LIST_LIMITS);
    const since = promises.now();
    const listed: string[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const start = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
      const query = `prefix=${encodeURIComponent(prefix)}&limit=${limit}${start}`;
      const { keys: found, next } = await this.#reportImpossible('', () => listKeys(at, query));
      listed.push(...found);
      after = next;
      if (next === undefined) break;
    }
    this.#world.trace(`${name} listed ${prefix} at ${at.name}: ${listed.join(' ')}`);
    const end = after;
    const used = keys.filter((key) => key.startsWith(prefix) && (end === undefined || key <= end));
    oracle.checkListing(listed, {
      since,
      strength: promises.strength(plan.quorum.r, plan.quorum.r),
      used,
    });
  }

  /** Reports answers that no user should see. */
  async #reportImpossible<T>(key: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const { history } = this.#options.oracle;
      if (error instanceof AnswerError && IMPOSSIBLE.has(error.code)) {
        // Made-up dots that were taken while their node was away are in honest tokens of the key.
        if (error.code === 'bad-vclock' && history.forgedKeys.has(key)) throw error;
        history.violate(`a request for ${key} at ${this.nodeName} was answered ${error.message}`);
      }
      throw error;
    }
  }

  #keepToken(key: string, token: UserToken): void {
    const list = this.#tokens.get(key) ?? [];
    list.push(token);
    this.#tokens.set(key, list.slice(-TOKENS_KEPT));
  }
}

/** The value of a write: its number, and filling whose length depends on the number. */
function valueOf(id: number, mostBytes: number): string {
  return `${id}${mostBytes === 0 ? '' : ` ${'.'.repeat((id * 7919) % mostBytes)}`}`;
}
