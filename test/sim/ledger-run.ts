/**
 * Runs of the simulator with identities: random grants, tokens, keys of nodes and revocations at
 * random nodes, while the network is cut and nodes crash. It judges what each node would let a
 * client do, and which nodes it would serve.
 */
import type { MecNode } from '../../src/cluster/node.ts';
import type { Security } from '../../src/cluster/security.ts';
import { Ledger } from '../../src/core/security/ledger.ts';
import { granted, issued } from '../../src/core/security/ledger-change.ts';
import { type LedgerRecord, userId } from '../../src/core/security/ledger-record.ts';
import { parseBearer } from '../../src/core/security/bearer.ts';
import { type Right, RightsTable } from '../../src/core/security/rights.ts';
import { ALL_VERBS, VERBS } from '../../src/core/security/verb.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { wallMicrosAt } from '../../src/sim/world.ts';
import { Dice } from '../../src/sim/world.ts';
import { Lab, settled } from '../fixtures/lab.ts';

/** The identities at first. Each one that is revoked has a successor. */
const IDENTITIES = ['ann', 'bob'];
/** The names of nodes that join. No such node runs: only their keys matter here. */
const NEWCOMERS = ['n8', 'n9'];
const PREFIXES = ['', 'a/', 'a/b'];
const STEPS = 30;
const STEP_MS = 250;
/** The most changes that one side of a cut makes while the other one revokes. */
const RIVAL_CHANGES = 3;
/** The most steps for which such a cut lasts: longer than a node may take to obey. */
const MOST_WAITS = 16;
/** A node that reaches a majority for this long obeys all revocations that were acknowledged. */
const OBEYED_MS = 2_000;
const LIFE_MICROS = 86_400 * 1e6;

/** A first administrator, who can never be revoked by a run. */
export function firstAdministrator(): { readonly records: LedgerRecord[]; readonly token: string } {
  const ledger = new Ledger();
  const nowMicros = wallMicrosAt(0);
  ledger.merge([granted(ledger, { identity: 'root', prefix: '', verbs: ALL_VERBS })], nowMicros);
  const life = { holder: 'root', expiresMicros: nowMicros + 365 * LIFE_MICROS };
  const { record, text } = issued(ledger, life, new Dice(7));
  return { records: [...ledger.all, record], token: text.reveal() };
}

interface KnownToken {
  readonly text: string;
  readonly id: string;
  readonly holder: string;
  /** The time at which its revocation was acknowledged; undefined if it was not. */
  revokedMs?: number;
  /** Whether anybody has tried to revoke it, or whether its own issue may be unknown. */
  isUnsure: boolean;
}

/** A key of a node that has joined. */
interface KnownKey {
  readonly node: string;
  readonly publicKey: string;
  /** The time at which its revocation was acknowledged; undefined if it was not. */
  revokedMs?: number;
  /** Whether the run has tried to revoke it. */
  isUnsure: boolean;
}

/** The rights that an operator has given an identity, in one version of its record. */
interface GivenRights {
  readonly identity: string;
  readonly version: number;
  readonly rights: readonly Right[];
  isAcknowledged: boolean;
}

/** One run. */
class LedgerRun {
  readonly #lab: Lab;
  readonly #dice: Dice;
  readonly #tokens: KnownToken[] = [];
  #given: GivenRights[] = [];
  readonly #keys: KnownKey[] = [];
  /** The identities that no operator has tried to revoke, and those before them. */
  #identities: readonly string[] = IDENTITIES;
  readonly #old: string[] = [];
  /** The identities whose revocation was acknowledged. */
  readonly #gone: string[] = [];
  /** The time since which each node has reached a majority. */
  readonly #sinceMs = new Map<SimNode, number>();
  readonly violations: string[] = [];

  constructor(seed: number) {
    this.#dice = new Dice(seed).fork();
    const { records } = firstAdministrator();
    const config = {
      security: { mode: 'on', maxAgeMs: 3_600_000, requestsPerSecond: 1e6 },
    } as const;
    this.#lab = new Lab(3 + 2 * (seed % 2), { seed, config, firstRecords: records });
  }

  get #nodes(): readonly SimNode[] {
    return this.#lab.cluster.nodes;
  }

  async run(): Promise<void> {
    await this.#lab.born();
    await this.#found();
    for (let step = 0; step < STEPS; step++) {
      await this.#act();
      for (let waits = this.#dice.below(6); waits >= 0; waits--) await this.#tick();
    }
    this.#lab.heal();
    for (const node of this.#nodes) node.start();
    await this.#lab.rest(120_000);
    for (let i = 0; i < 20; i++) await this.#tick();
    this.#judgeEnd();
    await this.#judgeLostLine();
  }

  async #tick(): Promise<void> {
    await this.#lab.wait(STEP_MS);
    const nowMs = this.#lab.world.nowMs;
    for (const node of this.#nodes) {
      if (!this.#reachesMajority(node)) this.#sinceMs.delete(node);
      else if (!this.#sinceMs.has(node)) this.#sinceMs.set(node, nowMs);
    }
    this.#judgeRevocations(nowMs);
    if (this.#doAgree()) for (const { node } of this.#nodes) if (node) this.#judgeRights(node);
  }

  /** Whether all nodes that run have the same records. */
  #doAgree(): boolean {
    const running = this.#nodes.flatMap(({ node }) => (node === undefined ? [] : [node]));
    return new Set(running.map(({ security }) => JSON.stringify(security?.records))).size === 1;
  }

  #reachesMajority({ node }: SimNode): boolean {
    if (node === undefined) return false;
    const there = node.status().peers.filter(({ reach }) => reach === 'reachable').length + 1;
    return there > this.#nodes.length / 2;
  }

  #judgeRevocations(nowMs: number): void {
    for (const at of this.#nodes) {
      const since = this.#sinceMs.get(at);
      if (since === undefined || at.node === undefined) continue;
      for (const { text, id, revokedMs } of this.#tokens) {
        if (revokedMs === undefined || nowMs - Math.max(since, revokedMs) < OBEYED_MS) continue;
        if (this.#accepts(at.node, text))
          this.violations.push(`${at.name} takes ${id}, revoked at ${revokedMs}, at ${nowMs}`);
      }
      for (const { node, publicKey, revokedMs } of this.#keys) {
        if (revokedMs === undefined || nowMs - Math.max(since, revokedMs) < OBEYED_MS) continue;
        if (this.#serves(at.node, publicKey))
          this.violations.push(`${at.name} serves ${node}, revoked at ${revokedMs}, at ${nowMs}`);
      }
    }
  }

  #accepts({ security }: MecNode, text: string): boolean {
    const bearer = parseBearer(text);
    return bearer !== undefined && security?.identityOfBearer(bearer) !== undefined;
  }

  #serves({ security }: MecNode, publicKey: string): boolean {
    const records = security?.nodeRecords ?? [];
    return records.some(({ hash, isRevoked }) => hash === publicKey && !isRevoked);
  }

  async #act(): Promise<void> {
    const node = this.#dice.pick(this.#nodes);
    const security = node.node?.security;
    switch (this.#dice.below(14)) {
      case 0:
        this.#cut();
        return;
      case 1:
        return this.#lab.heal();
      case 2:
        return this.#crash(node);
      case 3:
        for (const one of this.#nodes) one.start();
        return;
      case 4:
        return security && this.#issue(security);
      case 5:
      case 6:
        return security && this.#revoke(security);
      case 7:
        return security && this.#admit(security);
      case 8:
        return security && this.#revokeNode(security);
      case 9:
        return this.#rivals();
      case 10:
        return security && this.#crashAllAfter(this.#revoke(security));
      default:
        return security && this.#grant(security);
    }
  }

  /** A crash may lose a change that was not acknowledged. Its rights then need not count. */
  #crash(node: SimNode): void {
    node.crash();
    this.#given = this.#given.filter(({ isAcknowledged }) => isAcknowledged);
  }

  /** Cuts the cluster into two parts. Returns one of them. */
  #cut(): readonly SimNode[] {
    this.#lab.heal();
    const left = this.#nodes.filter(() => this.#dice.chance(0.5));
    for (const one of left)
      for (const other of this.#nodes) if (!left.includes(other)) this.#lab.cut(one, other);
    return left;
  }

  /**
   * One side of a cut revokes an identity or changes it, and the other one changes it at the same
   * time. After the cut, a revocation must win, and of two changes the rights that both have.
   */
  async #rivals(): Promise<void> {
    for (const node of this.#nodes) node.start();
    const left = this.#cut();
    const right = this.#nodes.filter((node) => !left.includes(node));
    const sides = [left, right].map((side) => side.find(({ node }) => node)?.node?.security);
    if (this.#dice.chance(0.5)) sides.reverse();
    const [revoker, rival] = sides;
    const identity = this.#dice.pick(this.#identities);
    const isRevoked = this.#dice.chance(0.5);
    if (revoker !== undefined && isRevoked) await this.#revokeIdentity(revoker, identity);
    for (let n = this.#dice.below(RIVAL_CHANGES); n >= 0; n--) {
      if (revoker !== undefined && !isRevoked) await this.#grant(revoker, identity);
      if (rival !== undefined) await this.#grant(rival, identity);
    }
    // A side that is no majority must not answer, so the other one obeys what was answered.
    for (let waits = this.#dice.below(MOST_WAITS); waits >= 0; waits--) await this.#tick();
    this.#lab.heal();
    await this.#found();
  }

  /** Gives each identity without a token a right and a token. */
  async #found(): Promise<void> {
    for (const identity of this.#identities) {
      const security = this.#dice.pick(this.#nodes).node?.security;
      if (security === undefined || this.#tokens.some(({ holder }) => holder === identity))
        continue;
      await this.#grant(security, identity);
      await this.#issue(security, identity);
    }
  }

  /** All nodes lose what is not on their disks as soon as a change has been answered. */
  async #crashAllAfter(change: Promise<void>): Promise<void> {
    await change;
    for (const node of this.#nodes) this.#crash(node);
    for (const node of this.#nodes) node.start();
  }

  /** Waits for a change. Returns whether it was acknowledged. */
  async #isAcknowledged(change: Promise<unknown>): Promise<boolean> {
    return settled(
      this.#lab,
      change.then(
        () => true,
        () => false,
      ),
    ).catch(() => false);
  }

  async #grant(security: Security, identity = this.#dice.pick(this.#identities)): Promise<void> {
    try {
      await this.#give(security, identity);
    } catch {
      // This node knows that the identity was revoked.
    }
  }

  async #give(security: Security, identity: string): Promise<void> {
    const prefix = this.#dice.pick(PREFIXES);
    const change = security.grant({ identity, prefix, verbs: this.#dice.below(ALL_VERBS + 1) });
    const made = security.records.find(({ id }) => id === userId(identity));
    const { version, rights } = made ?? { version: 0, rights: [] };
    const given = { identity, version, rights, isAcknowledged: false };
    this.#given.push(given);
    given.isAcknowledged = await this.#isAcknowledged(change);
  }

  async #issue(security: Security, holder = this.#dice.pick(this.#identities)): Promise<void> {
    const issue = security.issue(holder, LIFE_MICROS);
    let made: { readonly id: string; readonly text: string } | undefined;
    const noted = issue.then(({ id, text }) => (made = { id, text: text.reveal() }));
    await this.#isAcknowledged(noted);
    if (made !== undefined) this.#tokens.push({ ...made, holder, isUnsure: false });
  }

  async #revoke(security: Security): Promise<void> {
    if (this.#tokens.length === 0) return;
    const token = this.#dice.pick(this.#tokens);
    token.isUnsure = true;
    const isDone = await this.#isAcknowledged(security.revoke(token.id));
    if (isDone) token.revokedMs ??= this.#lab.world.nowMs;
  }

  async #admit(security: Security): Promise<void> {
    const node = this.#dice.pick(NEWCOMERS);
    const words = Array.from({ length: 8 }, () => this.#dice.uint32());
    const publicKey = words.map((word) => word.toString(16).padStart(8, '0')).join('');
    if (await this.#isAcknowledged(security.admitNode(node, publicKey)))
      this.#keys.push({ node, publicKey, isUnsure: false });
  }

  async #revokeNode(security: Security): Promise<void> {
    const node = this.#dice.pick(NEWCOMERS);
    const known = security.nodeRecords.filter(({ holder }) => holder === node);
    if (known.length === 0) return;
    const keys = this.#keys.filter(({ publicKey }) => known.some(({ hash }) => hash === publicKey));
    for (const key of keys) key.isUnsure = true;
    if (await this.#isAcknowledged(security.revoke(`node/${node}`)))
      for (const key of keys) key.revokedMs ??= this.#lab.world.nowMs;
  }

  async #revokeIdentity(security: Security, identity: string): Promise<void> {
    this.#identities = this.#identities.map((one) => (one === identity ? `${one}-next` : one));
    this.#old.push(identity);
    const tokens = this.#tokens.filter(({ holder }) => holder === identity);
    for (const token of tokens) token.isUnsure = true;
    // The node may not know the identity.
    const revoked = Promise.resolve().then(() => security.revoke(userId(identity)));
    const isDone = await this.#isAcknowledged(revoked);
    if (isDone) this.#gone.push(identity);
    for (const token of tokens) if (isDone) token.revokedMs ??= this.#lab.world.nowMs;
  }

  /** All nodes are there again, and have heard all. */
  #judgeEnd(): void {
    const nodes = this.#nodes.flatMap(({ node }) => (node === undefined ? [] : [node]));
    if (!this.#doAgree()) this.violations.push('the ledgers differ at the end');
    for (const { text, id, isUnsure } of this.#tokens)
      if (!isUnsure && nodes.some((node) => !this.#accepts(node, text)))
        this.violations.push(`${id} was issued, never revoked, and does not count`);
    for (const { node, publicKey, isUnsure } of this.#keys)
      if (!isUnsure && nodes.some((one) => !this.#serves(one, publicKey)))
        this.violations.push(`${node} has joined, was never revoked, and is not served`);
    for (const node of nodes) this.#judgeRights(node);
    for (const identity of this.#gone)
      for (const { security } of nodes)
        if (security?.records.find(({ id }) => id === userId(identity))?.isRevoked !== true)
          this.violations.push(`${identity} was revoked, and counts again`);
  }

  /** The configuration of a node has lost its line about security. */
  async #judgeLostLine(): Promise<void> {
    const node = this.#dice.pick(this.#nodes);
    node.crash();
    node.configured = { security: { mode: 'open', maxAgeMs: 1, requestsPerSecond: 1 } };
    node.start();
    await this.#lab.wait(OBEYED_MS);
    if (node.node !== undefined) this.violations.push(`${node.name} is open since it lost a line`);
  }

  /** A right counts only if all changes of its version have given it. */
  #judgeRights({ security }: MecNode): void {
    for (const identity of [...this.#identities, ...this.#old]) {
      const record = security?.records.find(({ id }) => id === userId(identity));
      if (record === undefined || record.isRevoked) continue;
      const given = this.#given
        .filter((one) => one.identity === identity && one.version === record.version)
        .map(({ rights }) => new RightsTable(rights));
      const table = new RightsTable(record.rights);
      for (const prefix of PREFIXES)
        for (const verb of VERBS)
          if (table.allows(verb, prefix) && !given.every((one) => one.allows(verb, prefix)))
            this.violations.push(`${identity} has ${verb} on "${prefix}", which one side had not`);
    }
  }
}

/** Runs a seed. Resolves with all breaches of the rules. */
export async function runLedger(seed: number): Promise<string[]> {
  const run = new LedgerRun(seed);
  await run.run();
  return run.violations;
}
