/** A stranger says that it has all partitions, and that they are empty, on real processes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { Statement } from '../../src/core/causality/evidence.ts';
import type { Reply, Request } from '../../src/transport/message.ts';
import { plantCanaries } from '../fixtures/canaries.ts';
import { eventually, pause, TestCluster } from '../fixtures/cluster.ts';
import { InventedPeer } from '../fixtures/invented-peer.ts';

const NOTHING = CausalContext.ofDots([]);
const FAR = 2 ** 50;
/** Some rounds of comparisons. */
const ROUNDS_MS = 8_000;

/** The clock of the asker, with a long future of all actors but its own. */
function futureOf({ clock, actor }: Statement): CausalContext {
  let future = CausalContext.ofBase(actor, clock.base(actor));
  for (const other of clock.actors())
    if (other !== actor) future = future.join(CausalContext.ofBase(other, FAR));
  return future;
}

/** Answers comparisons and pulls: no key exists, and the clock has all that the asker knows. */
function emptiness(
  clockOf: (asker: Statement) => CausalContext,
): (request: Request) => Reply | undefined {
  const clocks = new Map<string, CausalContext>();
  const statementFor = (asker: string): Statement => ({
    life: 'evilprocess',
    replica: 'evil',
    actor: 'evil~evilprocess',
    isOwner: true,
    isComplete: true,
    isWhole: true,
    clock: clocks.get(asker) ?? NOTHING,
    lost: NOTHING,
    aside: NOTHING,
    memories: undefined,
  });
  return (request) => {
    if (request.kind === 'compare') {
      const differing = request.digests.map(({ partition }) => partition);
      return { kind: 'compared', differing, incomplete: [] };
    }
    if (request.kind !== 'pull' && request.kind !== 'snapshot') return undefined;
    const asker = `${request.from} ${request.partition}`;
    if (request.kind === 'snapshot') {
      const opening = { statement: statementFor(asker), cut: statementFor(asker).clock };
      return { kind: 'snapshot-page', id: asker, opening, items: [], next: undefined };
    }
    clocks.set(asker, clockOf(request.statement));
    return { kind: 'page', statement: statementFor(asker), items: [], rest: 'all' };
  };
}

/** The clock of the asker, and one write of the stranger itself, which its log does not have. */
const ownWriteAfter = ({ clock }: Statement): CausalContext =>
  clock.join(CausalContext.ofBase('evil~evilprocess', 1));

for (const [what, clockOf, refusal] of [
  ['a clock of writes that never were', futureOf, /clock of a peer refused/],
  ['a clock with a write of its own', ownWriteAfter, /snapshot held back/],
] as const) {
  test(`an empty snapshot of a stranger under ${what} removes no key`, async (t) => {
    const cluster = await TestCluster.start(t);
    const readCanaries = await plantCanaries(cluster);
    const peer = await InventedPeer.start(t, { answer: emptiness(clockOf) });
    await peer.learnCluster(cluster.node(0));
    await peer.probe(cluster.node(0), { records: [peer.record({ weight: 0.1 })] });
    await eventually('it is asked for a snapshot', async () => peer.asked.has('snapshot'));
    await pause(ROUNDS_MS);
    await readCanaries();
    assert.ok(cluster.nodes.some(({ log }) => refusal.test(log)));
  });
}
