/**
 * The operator of a run with identities: random grants, tokens, keys of nodes and revocations, at
 * random nodes. It judges what each node would let a client do, and which nodes it would serve.
 */
import type { MecNode } from '../cluster/node.ts';
import type { Security } from '../cluster/security.ts';
import { parseBearer } from '../core/security/bearer.ts';
import { type LedgerRecord, userId } from '../core/security/ledger-record.ts';
import { type Right, RightsTable } from '../core/security/rights.ts';
import { ALL_VERBS, VERBS } from '../core/security/verb.ts';
import type { SimCluster, SimNode } from './cluster.ts';
import type { Dice, Life } from './world.ts';

/** The identities at first. Each one that is revoked has a successor. */
const IDENTITIES = ['ann', 'bob'];
/** The names of nodes that join. No such node runs: only their keys matter here. */
const NEWCOMERS = ['n8', 'n9'];
const PREFIXES = ['', 'a/', 'a/b'];
const DAY_MICROS = 86_400 * 1e6;

/** A proof that counts until it is revoked. */
interface Revocable {
  /** The time at which its revocation was acknowledged; undefined if it was not. */
  revokedMs?: number;
  /** Whether the run has tried to revoke it. */
  isUnsure: boolean;
}

interface KnownToken extends Revocable {
  readonly text: string;
  readonly id: string;
  readonly holder: string;
}

/** A key of a node that has joined. */
interface JoinedKey extends Revocable {
  readonly node: string;
  readonly publicKey: string;
}

/** The rights that an operator has given an identity, in one version of its record. */
interface GivenRights {
  readonly identity: string;
  readonly version: number;
  readonly rights: readonly Right[];
  /** The node that took the change, and its process. */
  readonly at: SimNode;
  readonly life: Life | undefined;
  isAcknowledged: boolean;
}

/** The longest time from one change to the next in a run of all faults. */
const CHANGE_MS = 1_500;

/** The share of changes there that revoke an identity, and give its successor a token. */
const SUCCESSION_RATE = 0.1;

/** The operator of one run. */
export class LedgerOperator {
  readonly #cluster: SimCluster;
  readonly #dice: Dice;
  readonly #violations: string[];
  readonly #tokens: KnownToken[] = [];
  readonly #given: GivenRights[] = [];
  readonly #keys: JoinedKey[] = [];
  /** The identities that no operator has tried to revoke, and those before them. */
  #identities: readonly string[] = IDENTITIES;
  readonly #old: string[] = [];
  /** The keys that the run has tried to revoke. The answer about one may still be under way. */
  readonly #doubted = new Set<string>();
  /** The identities whose revocation was acknowledged. */
  readonly #gone: string[] = [];

  constructor(cluster: SimCluster, dice: Dice, violations: string[]) {
    this.#cluster = cluster;
    this.#dice = dice;
    this.#violations = violations;
  }

  get #running(): MecNode[] {
    return this.#cluster.nodes.flatMap(({ node }) => (node === undefined ? [] : [node]));
  }

  /** Makes changes from now on, one after the other or several at a time. Returns how to stop. */
  start(): () => void {
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      const at = this.#dice.pick(this.#cluster.nodes);
      void (this.#dice.chance(SUCCESSION_RATE) ? this.#succeed(at) : this.act(at));
      this.#cluster.world.after(this.#dice.fraction() * CHANGE_MS, next);
    };
    void this.found();
    next();
    return () => (isOver = true);
  }

  async #succeed(at: SimNode): Promise<void> {
    await this.revokeIdentity(at, this.pickIdentity());
    await this.found();
  }

  /** An identity that no operator has tried to revoke. */
  pickIdentity(): string {
    return this.#dice.pick(this.#identities);
  }

  /** Makes a random change at a node. Resolves when it is answered. Never rejects. */
  async act(at: SimNode): Promise<void> {
    const changes = [
      () => this.issue(at),
      () => this.revoke(at),
      () => this.revoke(at),
      () => this.#admit(at),
      () => this.#revokeNode(at),
      () => this.grant(at),
      () => this.grant(at),
      () => this.grant(at),
    ];
    await this.#dice.pick(changes)();
  }

  /** Gives each identity without a token a right and a token. */
  async found(): Promise<void> {
    for (const identity of this.#identities) {
      const at = this.#dice.pick(this.#cluster.nodes);
      if (this.#tokens.some(({ holder }) => holder === identity)) continue;
      await this.grant(at, identity);
      await this.issue(at, identity);
    }
  }

  /** Makes a change at a node. Resolves with whether it was acknowledged. */
  async #isAcknowledged(at: SimNode, change: (security: Security) => unknown): Promise<boolean> {
    const security = at.node?.security;
    if (security === undefined) return false;
    try {
      await change(security);
      return true;
    } catch {
      // It has no majority, or knows a revocation that this operator does not know.
      return false;
    }
  }

  async grant(at: SimNode, identity = this.pickIdentity()): Promise<void> {
    const change = { identity, prefix: this.#dice.pick(PREFIXES) };
    const verbs = this.#dice.below(ALL_VERBS + 1);
    let given: GivenRights | undefined;
    const isAcknowledged = await this.#isAcknowledged(at, (security) => {
      const answer = security.grant({ ...change, verbs });
      const made = security.records.find(({ id }) => id === userId(identity));
      const { version, rights } = made ?? { version: 0, rights: [] };
      given = { identity, version, rights, at, life: at.life, isAcknowledged: false };
      this.#given.push(given);
      return answer;
    });
    if (given !== undefined) given.isAcknowledged = isAcknowledged;
  }

  async issue(at: SimNode, holder = this.pickIdentity()): Promise<void> {
    await this.#isAcknowledged(at, async (security) => {
      const { id, text } = await security.issue(holder, DAY_MICROS);
      const isUnsure = this.#old.includes(holder);
      this.#tokens.push({ id, text: text.reveal(), holder, isUnsure });
    });
  }

  async revoke(at: SimNode): Promise<void> {
    if (this.#tokens.length === 0) return;
    const token = this.#dice.pick(this.#tokens);
    await this.#end([token], at, (security) => security.revoke(token.id));
  }

  /** Revokes an identity, whose name no operator uses any more. */
  async revokeIdentity(at: SimNode, identity: string): Promise<void> {
    this.#identities = this.#identities.map((one) => (one === identity ? `${one}-next` : one));
    this.#old.push(identity);
    const tokens = this.#tokens.filter(({ holder }) => holder === identity);
    const isDone = await this.#end(tokens, at, (security) => security.revoke(userId(identity)));
    if (isDone) this.#gone.push(identity);
  }

  async #end(
    proofs: readonly Revocable[],
    at: SimNode,
    revoke: (security: Security) => unknown,
  ): Promise<boolean> {
    for (const proof of proofs) proof.isUnsure = true;
    const isDone = await this.#isAcknowledged(at, revoke);
    if (isDone) for (const proof of proofs) proof.revokedMs ??= this.#cluster.world.nowMs;
    return isDone;
  }

  async #admit(at: SimNode): Promise<void> {
    const node = this.#dice.pick(NEWCOMERS);
    const words = Array.from({ length: 8 }, () => this.#dice.uint32());
    const publicKey = words.map((word) => word.toString(16).padStart(8, '0')).join('');
    if (await this.#isAcknowledged(at, (security) => security.admitNode(node, publicKey)))
      this.#keys.push({ node, publicKey, isUnsure: this.#doubted.has(publicKey) });
  }

  async #revokeNode(at: SimNode): Promise<void> {
    const node = this.#dice.pick(NEWCOMERS);
    const known = at.node?.security?.nodeRecords.filter(({ holder }) => holder === node) ?? [];
    if (known.length === 0) return;
    for (const { hash } of known) this.#doubted.add(hash);
    const keys = this.#keys.filter(({ publicKey }) => known.some(({ hash }) => hash === publicKey));
    await this.#end(keys, at, (security) => security.revoke(`node/${node}`));
  }

  /** A node must obey the revocations that were acknowledged until this time. */
  judgeRevocations({ name, node }: SimNode, untilMs: number): void {
    if (node === undefined) return;
    const isOver = ({ revokedMs = Infinity }: Revocable): boolean => revokedMs <= untilMs;
    for (const { text, id } of this.#tokens.filter(isOver))
      if (accepts(node, text)) this.#violations.push(`${name} takes ${id}, which was revoked`);
    for (const { node: of, publicKey } of this.#keys.filter(isOver))
      if (serves(node, publicKey)) this.#violations.push(`${name} serves ${of}, a revoked node`);
  }

  /** Whether all nodes that run have the same records. */
  doAgree(): boolean {
    return new Set(this.#running.map(({ security }) => JSON.stringify(security?.records))).size < 2;
  }

  /** A right counts only if all changes of its version have given it. All nodes must agree. */
  judgeRights(): void {
    for (const { security } of this.#running)
      for (const identity of [...this.#identities, ...this.#old]) {
        const record = security?.records.find(({ id }) => id === userId(identity));
        if (record !== undefined && !record.isRevoked) this.#judgeRecord(identity, record);
      }
  }

  #judgeRecord(identity: string, { version, rights }: LedgerRecord): void {
    // A crash may lose a change that was not acknowledged. Its rights then need not count.
    const given = this.#given
      .filter((one) => one.identity === identity && one.version === version)
      .filter(({ isAcknowledged, at, life }) => isAcknowledged || at.life === life)
      .map((one) => new RightsTable(one.rights));
    const table = new RightsTable(rights);
    for (const prefix of PREFIXES)
      for (const verb of VERBS)
        if (table.allows(verb, prefix) && !given.every((one) => one.allows(verb, prefix)))
          this.#violations.push(`${identity} has ${verb} on "${prefix}", which one side had not`);
  }

  /** All nodes are there again, and have heard all. */
  judgeEnd(): void {
    const nodes = this.#running;
    if (!this.doAgree()) this.#violations.push('the ledgers differ at the end');
    for (const { text, id, isUnsure } of this.#tokens)
      if (!isUnsure && nodes.some((node) => !accepts(node, text)))
        this.#violations.push(`${id} was issued, never revoked, and does not count`);
    for (const { node, publicKey, isUnsure } of this.#keys)
      if (!isUnsure && nodes.some((one) => !serves(one, publicKey)))
        this.#violations.push(`${node} has joined, was never revoked, and is not served`);
    this.judgeRights();
    const { nodes: machines, world } = this.#cluster;
    for (const machine of machines) this.judgeRevocations(machine, world.nowMs);
    for (const identity of this.#gone)
      for (const { security } of nodes)
        if (security?.records.find(({ id }) => id === userId(identity))?.isRevoked !== true)
          this.#violations.push(`${identity} was revoked, and counts again`);
  }
}

function accepts({ security }: MecNode, text: string): boolean {
  const bearer = parseBearer(text);
  return bearer !== undefined && security?.identityOfBearer(bearer) !== undefined;
}

function serves({ security }: MecNode, publicKey: string): boolean {
  const records = security?.nodeRecords ?? [];
  return records.some(({ hash, isRevoked }) => hash === publicKey && !isRevoked);
}
