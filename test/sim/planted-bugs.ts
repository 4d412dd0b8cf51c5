/** Planted bugs: rules of the design, each broken in the compiled source. */
import { AT_REST } from './planted-at-rest-bugs.ts';
import { CONDITIONS, READERS } from './planted-client-bugs.ts';
import { type Bug, BUSY, MANY_SNAPSHOTS, OFTEN, USUAL } from './planted-draws.ts';
import { LEDGER } from './planted-ledger-bugs.ts';
import { LISTS, MARKS } from './planted-list-bugs.ts';
import { WRITES } from './planted-write-bugs.ts';

const sync = (name: string): string => `src/cluster/sync/${name}.js`;
const storage = (name: string): string => `src/storage/${name}.js`;
const core = (name: string): string => `src/core/${name}.js`;

const CAUSALITY: readonly Bug[] = [
  {
    name: 'a node keeps its actor across a start',
    file: core('causality/actor'),
    good: 'this.#name = nodeName + SEPARATOR + life;',
    bad: "this.#name = nodeName + SEPARATOR + 'kept';",
    also: [
      // Otherwise the member records would make the actor dead, and a run would catch that instead.
      {
        file: core('causality/actor'),
        good: 'if (this.#lifeOf(node) !== life)',
        bad: 'if (this.#lifeOf(node) === undefined)',
      },
      {
        file: core('causality/actor'),
        good: 'if (name.life !== this.#lifeOf(name.node))',
        bad: 'if (false)',
      },
      { file: storage('replica/replica-actor'), good: 'if (claimed <= own)', bad: 'if (true)' },
    ],
    draw: {
      faults: ['wiped disk', 'old copy restored', 'crash in mid-write', 'wiped, and back at once'],
    },
  },
  {
    name: 'a replica that begins again in one life keeps its actor',
    file: core('causality/actor'),
    good: 'return used === 0 ? this.#name : `${this.#name}.${used + 1}`;',
    bad: 'return this.#name;',
    draw: { faults: ['failing disk', 'full disk', 'slow disk', 'one cut off'] },
  },
  {
    name: 'the token of a write covers siblings that its writer has not seen',
    file: core('causality/object'),
    good: 'if (survivors.length === 0 && isBlind !== true)',
    bad: 'if (true)',
  },
  {
    name: 'a replica adds received contexts to its clock',
    file: storage('replica/replica'),
    good: 'const isKnown = added.length === 0',
    bad: 'this.#clock.seen.join(object.context);\n        const isKnown = added.length === 0',
  },
  {
    name: 'a write is acknowledged before it is durable',
    file: storage('commit-queue'),
    good: 'batch.waiting.push(done);',
    bad: 'this.#options.clock.defer(() => done());',
  },
  {
    name: 'an object is stripped of dots that are extras of the clock',
    file: core('causality/object'),
    good: 'residue: filled.context.minus(clock.bases())',
    bad: 'residue: filled.context.minus(clock)',
  },
  {
    name: 'the log entry of a write is not written',
    file: storage('replica/replica-log'),
    good: 'changes.push({ key: row, value: sealRecord(key, row) });',
    bad: '',
  },
  {
    name: 'a duplicate of a forwarded write is carried out',
    file: 'src/cluster/holders/forwarded-writes.js',
    good: 'if (this.#expiryById.has(id))',
    bad: 'if (false)',
    draw: { faults: ['bad weather', 'crash'] },
  },
];

const FLOORS: readonly Bug[] = [
  {
    name: 'a replica adopts a floor that it has not seen',
    file: core('causality/causal-context'),
    good: 'return true;\n        for (const [actor, base] of floor.beyond(this.#floor))',
    bad: 'return true;\n        for (const [actor, base] of [])',
    also: [
      {
        file: core('causality/causal-context'),
        good: 'this.#floor = floor;',
        bad: `this.#floor = floor;
        for (const [actor, base] of floor.entries()) if (this.base(actor) < base) this.#ranges.delete(actor);`,
      },
      {
        file: sync('floor-raising'),
        good: 'agreed.set(actor, base);',
        bad: `agreed.set(actor, base);
        else agreed.set(actor, Math.max(base, ...others.map((other) => other.base(actor))));`,
      },
    ],
    draw: {
      faults: ['crash', 'one cut off'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, ...OFTEN },
    },
  },
  {
    name: 'the hash of an unknown floor is taken for the empty floor',
    file: 'src/transport/causal-fields.js',
    good: 'throw new UnknownFloorError();',
    bad: 'return wholeContext.unpack(packed.slice(1), find);',
    // A node that has started again knows no floor.
    also: [
      {
        file: 'src/cluster/partitions/floors.js',
        good: 'known?.life !== this.#members.lifeOf(peer)',
        bad: 'false',
      },
    ],
    draw: {
      faults: ['crash and start at once'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, limits: { intervalMs: 300, restMs: 50 } },
    },
  },
  {
    name: 'closed dots are forgotten when their actor enters the floor',
    file: storage('replica/replica-clock'),
    good: 'this.durable.shareFloor(floor);',
    bad: `this.durable.shareFloor(floor);
        this.lost = this.lost.filter((actor) => floor.base(actor) === 0);
        this.durableLost = this.durableLost.filter((actor) => floor.base(actor) === 0);
        this.#hash = undefined;`,
    draw: {
      faults: ['wiped, and much later put back'],
      operationNames: ['write', 'blind', 'read'],
      nodes: 3,
      set: { ...BUSY, chaosMs: 27_000, limits: { intervalMs: 300, restMs: 50, scrubMs: 1e9 } },
    },
  },
];

const EVIDENCE: readonly Bug[] = [
  {
    name: 'a gap is closed on earlier statements, without a question',
    file: sync('gaps'),
    good: 'const round = await questions.askTwice(partition, questions.allOtherMembers(), isNowhere);',
    bad: 'const round = new Map();',
    draw: {
      faults: ['fallbacks are back, and the owners cannot ask them'],
      operationNames: ['write', 'blind', 'read'],
      nodes: 6,
      operations: 250,
      set: { chaosMs: 26_000 },
    },
  },
  {
    name: 'a fallback drops its replica before every owner has all of it',
    file: core('causality/evidence'),
    good: 'said.clock.covers(held)',
    bad: 'true',
    also: [
      {
        file: sync('fallbacks'),
        good: 'evidence.clocks([owner])?.[0]?.covers(held) !== true',
        bad: 'false',
      },
    ],
    // The owners have much to take in, and the fallback asks often.
    draw: {
      faults: ['owners out of reach, and back'],
      operationNames: ['write', 'blind'],
      nodes: 4,
      operations: 300,
      set: {
        ...BUSY,
        chaosMs: 20_000,
        networkMs: 20,
        quorum: { n: 3, r: 'quorum', w: 'one' },
        limits: { pageDots: 1, maxPages: 1, intervalMs: 300, concurrency: 1 },
      },
    },
  },
  {
    name: 'a node cuts its log by its own clock alone, and serves it as whole',
    file: sync('retention'),
    good: 'const all = [replica.durableClock, ...clocks];',
    bad: 'const all = [replica.durableClock];',
    also: [
      {
        file: sync('pull-server'),
        good: 'if (missing.intersects(replica.log.cut))',
        bad: 'if (false)',
      },
      { file: sync('pull-server'), good: 'if (!isWhole)', bad: 'if (false)' },
    ],
  },
  {
    name: 'a snapshot does not remove keys that its sender no longer has',
    file: sync('snapshot'),
    good: 'page.filter(lacks)',
    bad: 'page.filter(() => false)',
    also: [{ file: sync('snapshot'), good: 'const left = [', bad: 'const left = []; [' }],
    draw: {
      faults: ['one cut off', 'crash'],
      operationNames: ['write', 'delete', 'delete'],
      nodes: 3,
      set: { ...BUSY, limits: MANY_SNAPSHOTS },
    },
  },
  {
    name: 'a snapshot is adopted although its sender was replaced',
    file: sync('snapshot'),
    good: 'if (page.id !== id)',
    bad: 'if (false)',
    also: [
      {
        file: sync('conversations'),
        good: 'const name = id ?? (await this.#open(replica, from));',
        bad: 'const name = this.#byId.has(id) ? id : await this.#open(replica, from);',
      },
    ],
    draw: {
      faults: ['sender wiped between two pages of a snapshot'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, networkMs: 20, limits: MANY_SNAPSHOTS },
    },
  },
  {
    // Pages of the present state alone do harm in one of 12 000 histories of a model: each is true.
    name: 'the pages of a snapshot are older than its clock',
    file: sync('conversations'),
    good: 'const opening = id === undefined ? { statement, cut: view.cut } : undefined;',
    bad: `const now = { ...statement, clock: replica.durableClock.clone() };
        const opening = { statement: now, cut: view.cut };`,
    also: [
      { file: sync('snapshot'), good: 'return opening;', bad: 'return page.opening ?? opening;' },
    ],
    draw: {
      faults: ['one cut off', 'crash', 'links stall one after another'],
      operationNames: ['write', 'read'],
      nodes: 3,
      set: { ...BUSY, limits: MANY_SNAPSHOTS },
    },
  },
  {
    name: 'a wiped replica counts for reads at once',
    file: storage('replica/replica-status'),
    good: 'return this.#isComplete && this.#isConfirmed && this.#setAside.dots.isEmpty;',
    bad: 'return true;',
    draw: {
      faults: ['wiped, and back at once'],
      operationNames: ['read', 'read', 'write'],
      nodes: 3,
      set: {
        ...BUSY,
        networkMs: 20,
        diskMs: 60,
        quorum: { n: 3 },
        queries: [{ r: 1, w: 'all' }],
        limits: MANY_SNAPSHOTS,
      },
    },
  },
  {
    name: 'a replica is complete after it has caught up with one owner',
    file: core('causality/evidence'),
    good: 'return count >= enough;',
    bad: 'return count >= 1;',
    draw: {
      faults: ['wiped while another lags'],
      operationNames: ['read', 'write'],
      nodes: 3,
      set: { ...BUSY, quorum: USUAL, queries: [{}] },
    },
  },
  {
    name: 'a record that a disk has silently lost is not restored',
    file: sync('scrub'),
    good: 'restored += Number(replica.repair.restore(',
    bad: 'restored += Number((() => false)(',
    draw: {
      faults: ['crash'],
      operationNames: ['write'],
      nodes: 3,
      operations: 60,
      set: { chaosMs: 3_000, quorum: USUAL, silent: 'lose', limits: { scrubMs: 300 } },
    },
  },
];

const MEMBERSHIP: readonly Bug[] = [
  {
    name: 'a node on an empty disk ends because an earlier one of its name is gone',
    file: core('placement/own-record'),
    good: 'return hasMetOthers || lives.includes(received.life);',
    bad: 'return true;',
    draw: { faults: ['a node is declared gone'], nodes: 5 },
  },
  {
    name: 'a node that is gone ends before another member knows',
    file: 'src/cluster/membership/lifecycle.js',
    good: ' || !this.#isGoneKnown()',
    bad: '',
    draw: { faults: ['cut off as it leaves'], nodes: 5 },
  },
  {
    name: 'a node that starts with another weight or zone announces it at once',
    file: 'src/cluster/membership/members.js',
    good: 'placementFieldsOf(isMember ? before : config)',
    bad: 'placementFieldsOf(config)',
  },
  {
    name: 'a node on an empty disk takes the place of an owner with another weight or zone',
    file: core('placement/own-record'),
    good: 'placementFieldsOf(isOwner ? received : configured)',
    bad: 'placementFieldsOf(configured)',
    draw: { faults: ['wiped disk', 'wiped, and back at once'], nodes: 5 },
  },
];

/** All planted bugs. */
export const BUGS: readonly Bug[] = [
  ...CAUSALITY,
  ...FLOORS,
  ...EVIDENCE,
  ...CONDITIONS,
  ...READERS,
  ...MEMBERSHIP,
  ...LISTS,
  ...MARKS,
  ...WRITES,
  ...LEDGER,
  ...AT_REST,
];
