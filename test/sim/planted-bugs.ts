/** Rules of the design, each broken in the compiled source: what the simulator must see. */

/** A place in a file, and what stands there in its stead. */
export interface Patch {
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

/** One broken rule. */
export interface Bug extends Patch {
  readonly name: string;
  /** If one place is not enough, because lines of defence stand behind each other. */
  readonly also?: readonly Patch[];
  /** A draw of its own, if the mix of everything has too little of what shows it. */
  readonly draw?: Readonly<Record<string, unknown>>;
}

const sync = (name: string): string => `src/cluster/sync/${name}.js`;
const storage = (name: string): string => `src/storage/${name}.js`;
const core = (name: string): string => `src/core/${name}.js`;
const coordinator = (name: string): string => `src/cluster/coordinator/${name}.js`;

const CAUSALITY: readonly Bug[] = [
  {
    name: 'an actor is kept across a start',
    file: 'src/cluster/node.js',
    good: 'const life = drawIncarnation(env.random);',
    bad: "const life = 'kept';",
    draw: { faults: ['wiped disk', 'old copy restored', 'crash in mid-write', 'wiped, and back at once'] },
  },
  {
    name: 'a replica that begins again in one life writes under the same actor',
    file: core('actor'),
    good: 'return used === 0 ? this.#name : `${this.#name}.${used + 1}`;',
    bad: 'return this.#name;',
    draw: { faults: ['failing disk', 'full disk', 'slow disk', 'one cut off'] },
  },
  {
    name: 'the joined context is returned to every writer',
    file: core('object'),
    good: 'if (survivors.length === 0 && isBlind !== true)',
    bad: 'if (true)',
  },
  {
    name: 'received contexts are added to the clock',
    file: storage('replica'),
    good: 'const isKnown = added.length === 0',
    bad: 'this.#clock.join(object.context);\n        const isKnown = added.length === 0',
  },
  {
    name: 'a write is acknowledged before it is durable',
    file: storage('commit-queue'),
    good: 'batch.waiting.push(done);',
    bad: 'this.#options.clock.defer(() => done());',
  },
  {
    name: 'residues are stripped against extras',
    file: core('object'),
    good: 'residual: filled.context.minus(clock.bases())',
    bad: 'residual: filled.context.minus(clock)',
  },
  {
    name: 'the log entry, and with it the counter, is not written',
    file: storage('replica-log'),
    good: 'changes.push({ key: row, value: sealRecord(key, row) });',
    bad: '',
  },
  {
    name: 'a doubled forward is carried out twice',
    file: 'src/cluster/work.js',
    good: 'if (this.#taken.has(id))',
    bad: 'if (false)',
    draw: { faults: ['bad weather', 'crash'] },
  },
];

const EVIDENCE: readonly Bug[] = [
  {
    name: 'a gap is closed on what was said before',
    file: sync('gaps'),
    good: 'const round = await questions.askTwice(partition, questions.everyOther(), isNowhere);',
    bad: 'const round = new Map();',
    draw: { faults: ['stand-ins away', 'owners come and go', 'cut in two'], nodes: 6 },
  },
  {
    name: 'a fallback is dropped before the owners have all of it',
    file: core('evidence'),
    good: 'said.clock.covers(held)',
    bad: 'true',
    also: [{ file: sync('fallbacks'), good: 'clocks?.every((clock) => clock.covers(held)) !== true', bad: 'false' }],
    draw: { faults: ['owners come and go', 'stand-ins away'], nodes: 5 },
  },
  {
    name: 'the log is cut by the own clock alone, and served as if it were whole',
    file: sync('retention'),
    good: 'const all = [replica.durableClock, ...clocks];',
    bad: 'const all = [replica.durableClock];',
    also: [
      { file: sync('serve'), good: 'if (missing.meets(replica.log.cut))', bad: 'if (false)' },
      { file: sync('serve'), good: 'if (!isWhole)', bad: 'if (false)' },
    ],
  },
  {
    name: 'a snapshot does not remove what the sender no longer has',
    file: sync('snapshot'),
    good: 'page.filter(lacks)',
    bad: 'page.filter(() => false)',
    also: [{ file: sync('snapshot'), good: 'watch.take().filter(lacks)', bad: '[]' }],
  },
  {
    name: 'a snapshot is adopted although its sender was replaced',
    file: sync('snapshot'),
    good: 'if (page.id !== id)',
    bad: 'if (false)',
    also: [
      {
        file: sync('conversations'),
        good: 'const name = id ?? (await this.#open(replica));',
        bad: 'const name = this.#byId.has(id) ? id : await this.#open(replica);',
      },
    ],
    draw: { faults: ['wiped between two pages', 'wiped, and back at once', 'crash', 'one cut off'] },
  },
  {
    name: 'a snapshot is told from live pages',
    file: sync('conversations'),
    good: 'const object = view.read(key);',
    bad: 'const object = [...this.#byId.values()].find((each) => each.view === view).replica.read(key);',
    draw: { faults: ['wiped disk', 'wiped, and back at once', 'slow disk', 'crash'] },
  },
  {
    name: 'a wiped replica counts for reads at once',
    file: storage('replica'),
    good: 'return this.#isComplete && this.#isConfirmed && this.salvage.dots.isEmpty;',
    bad: 'return true;',
  },
  {
    name: 'a replica is complete after one owner',
    file: core('evidence'),
    good: 'return count >= enough;',
    bad: 'return count >= 1;',
    draw: { faults: ['wiped while another lags', 'wiped, then alone', 'one cut off'], nodes: 3 },
  },
  {
    name: 'what a disk has silently lost is not put back',
    file: sync('scrub'),
    good: 'restored += Number(replica.restore(',
    bad: 'restored += Number((() => false)(',
  },
];

const CONDITIONS: readonly Bug[] = [
  {
    name: 'a store counts without the number of its grant',
    file: 'src/cluster/dispatch.js',
    good: 'if (grant !== undefined && !scope.grants.take(ground, key, grant))',
    bad: 'if (false)',
    draw: {
      faults: ['links stall one after another', 'stalled node', 'bad weather'],
      habits: ['create', 'match', 'lock and unlock', 'delete'],
    },
  },
  {
    name: 'a key is granted to two writes at once',
    file: 'src/cluster/key-grants.js',
    good: 'if (held !== undefined && held.untilMs > nowMs)',
    bad: 'if (false)',
    also: [
      {
        file: 'src/cluster/key-grants.js',
        good: 'if (byKey.get(key)?.number !== number)',
        bad: 'if (false)',
      },
    ],
    draw: { habits: ['create', 'match', 'lock and unlock'], faults: ['cut in two', 'bad weather', 'stalled link'] },
  },
  {
    name: 'a condition is decided on what this node alone has',
    file: 'src/core/joint-tally.js',
    good: "const majority = quorumSize('quorum', owners.length);",
    bad: 'const majority = 1;',
  },
  {
    name: 'a repeat with a condition is acknowledged although a rival is there',
    file: core('decision'),
    good: 'if (made !== undefined && !isWon(asked, told))',
    bad: 'if (false)',
    draw: { habits: ['idempotent create', 'create', 'delete'], faults: ['cut in two', 'crash', 'bad weather'] },
  },
];

const READERS: readonly Bug[] = [
  {
    name: 'expiry removes all versions, and not only the expired',
    file: 'src/cluster/expiry.js',
    good: 'await removeDots(this.#scope, key, hidden);',
    bad: 'await removeDots(this.#scope, key, replica.read(key).versions);',
  },
  {
    name: 'a node goes by its own clock alone',
    file: 'src/cluster/wall-time.js',
    good: 'return majorityMicros(known, owners.length);',
    bad: 'return this.#clock.wallMicros();',
    draw: { faults: ['clock jumps'], habits: ['write for a while', 'read'] },
  },
  {
    name: 'what has expired is shown',
    file: core('visible'),
    good: 'return shown.every(isLiving) ? shown : shown.filter(isLiving);',
    bad: 'return shown;',
  },
  {
    name: 'a write that was sent twice is shown twice',
    file: core('visible'),
    good: 'return twins.size === 0 ? versions :',
    bad: 'return true ? versions :',
  },
  {
    name: 'X-Mec-Seen is not heeded',
    file: coordinator('get'),
    good: 'return (this.#request.seen ?? []).every(',
    bad: 'return [].every(',
    draw: { habits: ['read on', 'write', 'delete'], faults: ['one cut off', 'cut in two', 'crash'] },
  },
  {
    name: 'a listing goes as far as the answer that reaches farthest',
    file: coordinator('list'),
    good: 'compareUtf8(answer.until, until) < 0)',
    bad: 'compareUtf8(answer.until, until) > 0)',
    draw: { habits: ['list', 'blind'], nodes: 6 },
  },
  {
    name: 'a listing takes what is not agreed upon for gone',
    file: coordinator('list'),
    good: 'if (versions.length === 0)',
    bad: 'if (true)',
  },
  {
    name: 'pw is not heeded',
    file: coordinator('put'),
    good: 'const wantedOwners = pw === undefined ? 0 : quorumSize(pw, length);',
    bad: 'const wantedOwners = 0;',
    draw: { nodes: 5, faults: ['owners come and go', 'cut in two', 'one cut off'] },
  },
];

/** All of them. */
export const BUGS: readonly Bug[] = [...CAUSALITY, ...EVIDENCE, ...CONDITIONS, ...READERS];
