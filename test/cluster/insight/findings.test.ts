/** The findings of a node as a table: facts, and the reasons that follow from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  findingsOf,
  type HealthFacts,
  type PeerFacts,
} from '../../../src/cluster/insight/findings.ts';
import { HEALTH_KINDS } from '../../../src/cluster/insight/health-codes.ts';

const peer = (name: string, facts: Partial<PeerFacts> = {}): PeerFacts => ({
  name,
  reach: 'reachable',
  refusal: undefined,
  skewMs: 3,
  hasSameMembers: true,
  hasSamePolicies: true,
  ...facts,
});

const damage = { marks: 0, marked: [], wounded: 0, aside: 0, unreadable: [] };

const WELL: HealthFacts = {
  self: 'n1',
  ownersUnknown: undefined,
  notReady: undefined,
  peers: [peer('n2'), peer('n3')],
  partitions: { all: 256, withoutQuorum: 0, underReplicated: 0 },
  replication: { replicas: 3, wanted: 3, members: 4 },
  store: { state: 'ok', damage },
  damage: { found: 0, lastAgoMs: undefined },
  disk: { freeBytes: 50e9, totalBytes: 100e9 },
  stalledPull: undefined,
  mostSiblings: 2,
  waitsFor: undefined,
};

const job = { partition: 7, peer: 'n2' };
const GIB = 1024 ** 3;

/** Facts, and the findings that follow: code, node and detail. */
const TABLE: readonly (readonly [Partial<HealthFacts>, readonly string[]])[] = [
  [{}, []],
  [
    { partitions: { all: 256, withoutQuorum: 9, underReplicated: 200 } },
    ['quorum-lost n1 9 of 256 partitions', 'under-replicated n1 200 of 256 partitions'],
  ],
  [{ partitions: undefined, ownersUnknown: 'It waits.' }, ['owners-unknown n1 It waits.']],
  [
    { replication: { replicas: 2, wanted: 3, members: 2 } },
    ['too-few-nodes n1 keys have 2 of 3 replicas'],
  ],
  [{ replication: { replicas: 1, wanted: 3, members: 1 } }, []],
  [{ replication: undefined }, []],
  [{ notReady: 'It is joining' }, ['not-ready n1 n1: It is joining']],
  [{ peers: [peer('n2', { reach: 'suspect' })] }, []],
  [{ peers: [peer('n2', { reach: 'unreachable' }), peer('n3')] }, ['node-unreachable n2 n2']],
  [
    { peers: [peer('n2', { reach: 'unreachable', refusal: 'its quorum.n is 2' }), peer('n3')] },
    ['node-refused n2 n2: its quorum.n is 2'],
  ],
  [{ store: { state: 'disk-full' } }, ['disk-full n1 n1']],
  [{ store: { state: 'disk-failed' } }, ['disk-failed n1 n1: disk-failed']],
  [{ store: { state: 'damaged' } }, ['disk-failed n1 n1: damaged']],
  [
    { store: { state: 'ok', damage: { ...damage, marks: 1, wounded: 2, aside: 3 } } },
    ['store-damaged n1 n1: 1 key and 3 partitions'],
  ],
  [
    { store: { state: 'ok', damage: { ...damage, unreadable: ['a', 'b'] } } },
    ['keys-unreadable n1 2 keys'],
  ],
  [{ damage: { found: 2, lastAgoMs: 3_600_000 } }, ['damage-found n1 n1: 2 in all']],
  [{ damage: { found: 2, lastAgoMs: 3_600_001 } }, []],
  [{ disk: { freeBytes: 9, totalBytes: 100 } }, ['disk-nearly-full n1 n1: 9 % free']],
  [{ disk: { freeBytes: 0.1 * GIB, totalBytes: 0.19 * GIB } }, []],
  [{ disk: { freeBytes: 0.9 * GIB, totalBytes: 5 * GIB } }, ['disk-nearly-full n1 n1: 18 % free']],
  [{ disk: { freeBytes: 11e9, totalBytes: 100e9 } }, []],
  [{ disk: undefined }, []],
  [{ stalledPull: { ...job, ageMs: 3_999 } }, []],
  [{ stalledPull: { ...job, ageMs: 4_000 } }, ['sync-stuck n1 n1 pulls partition 7 from n2']],
  [{ mostSiblings: 49 }, []],
  [{ mostSiblings: 50 }, ['many-siblings n1 n1: 50']],
  [{ peers: [peer('n2', { skewMs: 1_000 }), peer('n3')] }, []],
  [{ peers: [peer('n2', { skewMs: 1_004 }), peer('n3')] }, ['clock-skew n2 n2 is 1.0 s ahead']],
  [
    { peers: [peer('n2', { skewMs: -3_600_000 }), peer('n3', { skewMs: -3_600_002 })] },
    ['clock-skew n1 n1 is 60.0 min ahead'],
  ],
  [{ peers: [peer('n2', { skewMs: 9e7 })] }, ['clock-skew n2 n2 is 25.0 h ahead']],
  [{ peers: [peer('n2', { skewMs: 5_000 })] }, ['clock-skew n2 n2 is 5.0 s ahead']],
  [{ peers: [peer('n2', { skewMs: -5_000 })] }, ['clock-skew n1 n1 is 5.0 s ahead']],
  [{ peers: [peer('n2', { skewMs: undefined }), peer('n3')] }, []],
  [
    { peers: [peer('n2', { hasSameMembers: false, hasSamePolicies: false }), peer('n3')] },
    ['members-disagree n2 n1 and n2', 'policies-differ n2 n1 and n2'],
  ],
  [{ peers: [peer('n2', { hasSameMembers: undefined, hasSamePolicies: undefined })] }, []],
  [
    { waitsFor: { reason: 'unsettled', members: ['n1', 'n3'] } },
    ['handoff-waits n1 n1: unsettled n3'],
  ],
  [{ waitsFor: { reason: 'unsettled', members: ['n1'] } }, []],
  [{ waitsFor: { reason: 'no-successor', members: [] } }, ['handoff-waits n1 n1: no-successor']],
];

for (const [facts, expected] of TABLE) {
  test(`findings of ${JSON.stringify(facts)}`, () => {
    const found = findingsOf({ ...WELL, ...facts });
    assert.deepEqual(
      found.map(({ code, node, detail }) => `${code} ${node} ${detail}`),
      expected,
    );
  });
}

test('the table of cases has every code', () => {
  const codes = TABLE.flatMap(([, expected]) => expected).map((line) => line.split(' ')[0] ?? '');
  assert.deepEqual([...new Set(codes)].sort(), Object.keys(HEALTH_KINDS).sort());
});
