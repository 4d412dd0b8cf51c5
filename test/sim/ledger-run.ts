/**
 * Runs of the simulator with identities: an operator makes random changes, while the network is cut
 * and nodes crash. Unlike the mix of all faults, nodes also keep to a time limit, and the two sides
 * of a cut change the same record.
 */
import { Dice } from '../../src/sim/world.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { firstAdministrator } from '../../src/sim/identities.ts';
import { LedgerOperator } from '../../src/sim/ledger-operator.ts';
import { Lab, settled } from '../fixtures/lab.ts';

const STEPS = 30;
const STEP_MS = 250;
/** The most changes that one side of a cut makes while the other one revokes. */
const RIVAL_CHANGES = 3;
/** The most steps for which such a cut lasts: longer than a node may take to obey. */
const MOST_WAITS = 16;
/** A node that reaches a majority for this long obeys all revocations that were acknowledged. */
const OBEYED_MS = 2_000;

export { firstAdministrator };

/** One run. */
class LedgerRun {
  readonly #lab: Lab;
  readonly #dice: Dice;
  readonly #operator: LedgerOperator;
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
    this.#operator = new LedgerOperator(this.#lab.cluster, this.#dice, this.violations);
  }

  get #nodes(): readonly SimNode[] {
    return this.#lab.cluster.nodes;
  }

  async run(): Promise<void> {
    await this.#lab.born();
    await this.#answered(this.#operator.found());
    for (let step = 0; step < STEPS; step++) {
      await this.#act();
      for (let waits = this.#dice.below(6); waits >= 0; waits--) await this.#tick();
    }
    this.#lab.heal();
    for (const node of this.#nodes) node.start();
    await this.#lab.rest(120_000);
    for (let i = 0; i < 20; i++) await this.#tick();
    this.#operator.judgeEnd();
    await this.#judgeLostLine();
  }

  async #tick(): Promise<void> {
    await this.#lab.wait(STEP_MS);
    const nowMs = this.#lab.world.nowMs;
    for (const node of this.#nodes) {
      if (!this.#reachesMajority(node)) this.#sinceMs.delete(node);
      else if (!this.#sinceMs.has(node)) this.#sinceMs.set(node, nowMs);
      const since = this.#sinceMs.get(node) ?? Infinity;
      if (nowMs - since >= OBEYED_MS) this.#operator.judgeRevocations(node, nowMs - OBEYED_MS);
    }
    if (this.#operator.doAgree()) this.#operator.judgeRights();
  }

  #reachesMajority({ node }: SimNode): boolean {
    if (node === undefined) return false;
    const there = node.status().peers.filter(({ reach }) => reach === 'reachable').length + 1;
    return there > this.#nodes.length / 2;
  }

  /** Waits for an answer, or until it comes no more. */
  async #answered(change: Promise<void>): Promise<void> {
    await settled(this.#lab, change).catch(() => {});
  }

  async #act(): Promise<void> {
    const node = this.#dice.pick(this.#nodes);
    switch (this.#dice.below(14)) {
      case 0:
        this.#cut();
        return;
      case 1:
        return this.#lab.heal();
      case 2:
        return node.crash();
      case 3:
        for (const one of this.#nodes) one.start();
        return;
      case 4:
        return this.#rivals();
      case 5:
        return this.#crashAllAfter(this.#operator.revoke(node));
      default:
        return this.#answered(this.#operator.act(node));
    }
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
    const sides = [left, right].map((side) => side.find(({ node }) => node));
    if (this.#dice.chance(0.5)) sides.reverse();
    const [revoker, rival] = sides;
    const operator = this.#operator;
    const identity = operator.pickIdentity();
    const isRevoked = this.#dice.chance(0.5);
    if (revoker !== undefined && isRevoked)
      await this.#answered(operator.revokeIdentity(revoker, identity));
    for (let n = this.#dice.below(RIVAL_CHANGES); n >= 0; n--) {
      if (revoker !== undefined && !isRevoked)
        await this.#answered(operator.grant(revoker, identity));
      if (rival !== undefined) await this.#answered(operator.grant(rival, identity));
    }
    // A side that is no majority must not answer, so the other one obeys what was answered.
    for (let waits = this.#dice.below(MOST_WAITS); waits >= 0; waits--) await this.#tick();
    this.#lab.heal();
    await this.#answered(operator.found());
  }

  /** All nodes lose what is not on their disks as soon as a change has been answered. */
  async #crashAllAfter(change: Promise<void>): Promise<void> {
    await this.#answered(change);
    for (const node of this.#nodes) node.crash();
    for (const node of this.#nodes) node.start();
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
}

/** Runs a seed. Resolves with all breaches of the rules. */
export async function runLedger(seed: number): Promise<string[]> {
  const run = new LedgerRun(seed);
  await run.run();
  return run.violations;
}
