/**
 * Conditional writes in the simulator. Nodes hang, crash and cannot hear each other, and frames are
 * late, lost and doubled. No two acknowledged writes are made on one state of a key, even if
 * clients repeat them with an Idempotency-Key.
 */
import assert from 'node:assert/strict';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import { test } from 'node:test';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { SimCluster, type SimNode } from '../../src/sim/cluster.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { IDEAL_CONDITIONS } from '../../src/sim/network.ts';
import { World } from '../../src/sim/world.ts';

const SEEDS = Number(process.env['MEC_SEEDS'] ?? 12);
const FIRST_SEED = 1;
const KEYS = ['a', 'b', 'c'];
const CLIENTS = 8;
const ROUNDS = 20;
const FAULTS = 80;

/** Longer than an owner keeps a key: a store may come after another write has had the key. */
const TIMEOUT_MS = 5_000;
/** The tries of a write with an Idempotency-Key until an answer tells its outcome. */
const TRIES = 3;
/** The time for which clients race for one lock. */
const LOCK_MS = 3_000;
const LOCKS = 0.4;

/** An acknowledged write. */
interface Told {
  readonly key: string;
  /** The tag of the matched state; `none` for a create. */
  readonly matched: string;
  readonly by: string;
}

class Scene {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly told: Told[] = [];
  #busy = 0;

  constructor(seed: number) {
    this.world = new World(seed);
    const count = this.world.dice.pick([3, 3, 4, 5]);
    this.cluster = new SimCluster(this.world, { count, limits: SYNC_LIMITS });
    for (const node of this.cluster.nodes) node.start();
  }

  get isBusy(): boolean {
    return this.#busy > 0;
  }

  async send(
    node: SimNode,
    {
      method,
      key,
      headers = {},
    }: { method: string; key: string; headers?: Record<string, string> },
  ): Promise<HttpAnswer> {
    const request = {
      method,
      path: `/mec/${key}`,
      query: `timeout=${TIMEOUT_MS}`,
      headers,
      ...bodyInMemory(Buffer.from('x')),
    };
    return node.send(request);
  }

  /** Reads a key at one node, and writes if its state is the same, perhaps at another node. */
  async #attempt(name: string): Promise<void> {
    const { dice } = this.world;
    const key = dice.pick(KEYS);
    const read = await this.send(dice.pick(this.cluster.nodes), { method: 'GET', key });
    if (![200, 300, 404].includes(read.status)) return;
    const matched = read.headers['ETag'] ?? 'none';
    const headers: Record<string, string> =
      matched === 'none' ? { 'if-none-match': '*' } : { 'if-match': matched };
    const written = await this.send(dice.pick(this.cluster.nodes), { method: 'PUT', key, headers });
    this.world.trace(`${name} ${key} ${matched}: ${written.status}`);
    if (written.status === 200) this.told.push({ key, matched, by: name });
  }

  /**
   * Creates a lock with an Idempotency-Key. Repeats that at any node while the outcome is not
   * known, and sometimes after that.
   */
  async #lock(name: string): Promise<void> {
    const { dice, nowMs } = this.world;
    const key = `lock-${Math.floor(nowMs / LOCK_MS)}`;
    const headers = { 'if-none-match': '*', 'idempotency-key': name };
    for (let i = 0; i < TRIES; i++) {
      const made = await this.send(dice.pick(this.cluster.nodes), {
        method: 'PUT',
        key,
        headers,
      }).catch(() => undefined);
      this.world.trace(`${name} ${key} try ${i}: ${made?.status ?? 'no answer'}`);
      if (made?.status === 200) this.told.push({ key, matched: 'none', by: name });
      if (made?.status === 412) return;
    }
  }

  client(name: string): void {
    this.#busy += 1;
    let left = ROUNDS;
    const next = (): void => {
      left -= 1;
      if (left < 0) {
        this.#busy -= 1;
        return;
      }
      let isOver = false;
      const goOn = (): void => {
        if (!isOver) this.world.after(this.world.dice.fraction() * 200, next);
        isOver = true;
      };
      // A node that dies does not answer.
      this.world.after(TIMEOUT_MS + 2_000, goOn);
      const isLock = this.world.dice.chance(LOCKS);
      const attempt = isLock ? this.#lock(`${name}-${left}`) : this.#attempt(`${name}-${left}`);
      attempt.then(goOn, goOn);
    };
    this.world.after(this.world.dice.fraction() * 100, next);
  }

  /** Runs one fault after the other. Most are too short for the nodes to notice. */
  trouble(): void {
    const { world, cluster } = this;
    const { dice } = world;
    for (let i = 0; i < FAULTS; i++) {
      world.after(dice.fraction() * 60_000, () => {
        const [one, other] = [dice.pick(cluster.nodes), dice.pick(cluster.nodes)];
        const forMs = dice.pick([50, 300, 1_000, 2_500, 5_000]);
        const kind = dice.below(6);
        if (kind === 0) {
          const { life } = one;
          life?.pause();
          world.after(forMs, () => life?.resume());
        } else if (kind === 1) {
          one.crash();
          world.after(forMs, () => one.start());
        } else if (kind >= 4) {
          // All messages come late and in order, as with TCP after a stall.
          world.after(forMs, cluster.network.stall(`${one.name}>${other.name}`));
        } else {
          const pairs =
            kind === 2
              ? [`${one.name}>${other.name}`]
              : [`${one.name}>${other.name}`, `${other.name}>${one.name}`];
          for (const pair of pairs) cluster.network.cuts.add(pair);
          world.after(forMs, () => pairs.forEach((pair) => cluster.network.cuts.delete(pair)));
        }
      });
    }
  }
}

async function race(seed: number): Promise<Scene> {
  const scene = new Scene(seed);
  const { world, cluster } = scene;
  await world.run(30_000, () => cluster.isAtRest());
  assert.ok(cluster.isAtRest(), cluster.describeUnrest());
  Object.assign(cluster.network.conditions, {
    delayMs: 3,
    lossRate: 0.01,
    doubleRate: 0.02,
    lateRate: 0.05,
    lateMs: 4_000,
  });
  for (let i = 0; i < CLIENTS; i++) scene.client(`c${i}`);
  scene.trouble();
  await world.run(world.nowMs + 240_000, () => !scene.isBusy);
  Object.assign(cluster.network.conditions, IDEAL_CONDITIONS);
  return scene;
}

test(`${SEEDS} seeds: of the conditional writes on one state of a key, at most one is acknowledged`, async () => {
  let acknowledged = 0;
  let locked = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { told, world } = await race(seed);
    acknowledged += told.length;
    locked += told.filter(({ key }) => key.startsWith('lock')).length;
    const first = new Map<string, Told>();
    for (const one of told) {
      const state = `${one.key} ${one.matched}`;
      const other = first.get(state);
      // A write may be acknowledged again; another one may not.
      if (other?.by === one.by) continue;
      const lines = world.lines.join('\n');
      assert.equal(
        other,
        undefined,
        `seed ${seed}: ${one.by} and ${other?.by} on ${state}\n${lines}`,
      );
      first.set(state, one);
    }
  }
  assert.ok(locked > SEEDS, `only ${locked} locks were taken at all`);
  assert.ok(acknowledged > 5 * SEEDS, `only ${acknowledged} were acknowledged at all`);
});
