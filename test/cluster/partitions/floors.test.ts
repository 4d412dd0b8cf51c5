/** Floors between nodes: messages on a floor, and the answer of a peer that does not know it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { FLOORS_KEPT } from '../../../src/cluster/limits.ts';
import { Floors, type Receiver } from '../../../src/cluster/partitions/floors.ts';
import { raiseFloor, type FlooredReplica } from '../../../src/cluster/sync/floor-raising.ts';
import { CurrentActors } from '../../../src/core/causality/actor.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { Floor } from '../../../src/core/causality/floor.ts';
import { packFrame, unpackFrame } from '../../../src/transport/frame.ts';
import type { Message, Reply, StoreRequest } from '../../../src/transport/message.ts';
import { ManualClock } from '../../fixtures/fake-env.ts';

const PARTITION = 7;
const TIMEOUT_MS = 1_000;
const SETTLED = Floor.NONE.with(new Map([['n3~dead', 9]]));

/** A clock on the floor, with a dot of a current actor. */
function storeOn(floor: Floor): StoreRequest {
  const context = CausalContext.ofDots([{ actor: 'n1~alive', counter: 1 }]);
  for (const [actor, base] of floor) context.addRanges(actor, [1, base]);
  context.shareFloor(floor);
  return { kind: 'store', key: 'k', object: { context, versions: [] }, dots: [] };
}

/** A sender, and a peer that reads what comes with floors of its own. */
class Line implements Receiver {
  readonly id = 'n2';
  readonly clock = new ManualClock();
  readonly lives = new Map([['n2', 'first']]);
  readonly floors = new Floors(this.clock, { lifeOf: (name) => this.lives.get(name) });
  readonly peerFloors = new Floors(this.clock, { lifeOf: () => 'l' });
  /** Bytes and time of each request, and what the peer made of it. */
  readonly requests: { bytes: number; timeoutMs: number; read: Message | undefined }[] = [];
  /** Replies that are on their way. */
  readonly #replies: (() => void)[] = [];

  readonly data: Receiver['data'] = {
    requestPacked: (message, timeoutMs, onReply) => {
      const frame = packFrame([{ id: 1, message }]);
      const { items, unknown } = unpackFrame(frame, {
        findFloor: (name) => this.peerFloors.find(name),
      });
      this.requests.push({ bytes: message.length, timeoutMs, read: items[0]?.message });
      const reply: Reply =
        unknown.length > 0
          ? { kind: 'unknown-floor' }
          : { kind: 'stored', actor: 'n2~a', life: 'a', replica: 1, fences: [] };
      this.#replies.push(() => onReply(reply));
    },
  };

  send(message: StoreRequest): string[] {
    const outcomes: string[] = [];
    this.floors.outgoing(PARTITION, message).send(this, TIMEOUT_MS, (reply) => {
      outcomes.push(reply instanceof MecError ? reply.code : reply.kind);
    });
    return outcomes;
  }

  reply(): void {
    for (const reply of this.#replies.splice(0)) reply();
  }

  /** The contexts that the peer has read in the requests. */
  get read(): string[] {
    return this.requests.map(({ read }) =>
      read?.kind === 'store' ? String(read.object.context) : 'nothing',
    );
  }
}

const named = (floor: Floor): { partition: number; name: string }[] => [
  { partition: PARTITION, name: floor.hash },
];

test('a context is sent on the floor that the peer has named, and whole if it has named none', () => {
  const line = new Line();
  line.floors.keep(PARTITION, SETTLED);
  line.peerFloors.keep(PARTITION, SETTLED);
  line.send(storeOn(SETTLED));
  line.floors.noteKnown('n2', named(SETTLED));
  line.send(storeOn(SETTLED));
  const whole = '{n1~alive:1 n3~dead:1-9}';
  assert.deepEqual(line.read, [whole, whole]);
  // The peer has named no floor of another partition.
  assert.equal(line.floors.knownTo('n2', PARTITION + 1), undefined);
});

test('a peer that does not know the floor gets the message again with whole contexts', () => {
  const line = new Line();
  line.floors.keep(PARTITION, SETTLED);
  line.floors.noteKnown('n2', named(SETTLED));
  const outcomes = line.send(storeOn(SETTLED));
  line.clock.advance(400);
  line.reply();
  assert.deepEqual(line.read, ['nothing', '{n1~alive:1 n3~dead:1-9}']);
  assert.deepEqual(outcomes, []);
  line.reply();
  assert.deepEqual(outcomes, ['stored']);
  // The second message has the rest of the timeout. Later messages are whole at once.
  assert.equal(line.requests[1]?.timeoutMs, TIMEOUT_MS - 400);
  line.send(storeOn(SETTLED));
  assert.equal(line.read[2], '{n1~alive:1 n3~dead:1-9}');
});

test('floors that a peer has named or was told in another life do not count', () => {
  const line = new Line();
  line.floors.keep(PARTITION, SETTLED);
  line.floors.noteKnown('n2', named(SETTLED));
  const telling = line.floors.unsentTo('n2', [PARTITION, 8]);
  assert.deepEqual(telling.unsent, named(SETTLED));
  telling.noteSent();
  assert.deepEqual(line.floors.unsentTo('n2', [PARTITION, 8]).unsent, []);
  assert.equal(line.floors.knownTo('n2', PARTITION), SETTLED);
  line.lives.set('n2', 'second');
  assert.equal(line.floors.knownTo('n2', PARTITION), undefined);
  assert.deepEqual(line.floors.unsentTo('n2', [PARTITION, 8]).unsent, named(SETTLED));
});

test('a node keeps the latest floors of each partition', () => {
  const { floors } = new Line();
  const all = Array.from({ length: FLOORS_KEPT + 2 }, (_, i) =>
    Floor.NONE.with(new Map([['n3~dead', i + 1]])),
  );
  const [oldest] = all as [Floor];
  floors.keep(PARTITION + 1, oldest);
  for (const floor of all) floors.keep(PARTITION, floor);
  assert.deepEqual(
    all.map(({ hash }) => floors.find(hash) !== undefined),
    // The oldest is still the newest of another partition.
    [true, false, true, true, true],
  );
  assert.deepEqual(floors.names(PARTITION), [all.at(-1)?.hash]);
});

test('a floor has the dead actors of which all holders have the same dots', () => {
  const { floors } = new Line();
  const actors = new CurrentActors((name) => (name === 'n1' ? 'alive' : 'other'));
  const partitions = { of: () => actors };
  const clockOf = (...counters: number[]): CausalContext =>
    CausalContext.ofDots(counters.map((counter) => ({ actor: 'n3~dead', counter })));
  const replicaOf = (clock: CausalContext): FlooredReplica => {
    return {
      partition: PARTITION,
      durableClock: clock,
      shareFloor: (floor) => void clock.shareFloor(floor),
    };
  };
  const floorAfter = (own: CausalContext, ...others: CausalContext[]): string => {
    raiseFloor({ floors, partitions }, replicaOf(own), others);
    return floors.newest(PARTITION).hash;
  };
  assert.equal(floorAfter(clockOf(1, 2), clockOf(1)), '');
  assert.equal(floorAfter(clockOf(1), clockOf(1, 2)), '');
  assert.equal(floorAfter(clockOf(1, 3), clockOf(1, 3)), '');
  assert.equal(floorAfter(clockOf(1, 2), clockOf(1, 2), clockOf(1, 3)), '');
  const alive = CausalContext.ofDots([{ actor: 'n1~alive', counter: 1 }]);
  assert.equal(floorAfter(alive.clone(), alive), '');
  const own = clockOf(1, 2).join(alive);
  assert.notEqual(floorAfter(own, clockOf(1, 2)), '');
  assert.deepEqual([...own.actorsAboveFloor()], ['n1~alive']);
  assert.equal(String(own), '{n1~alive:1 n3~dead:1-2}');
  // Replicas that have seen the same arrive at the same floor.
  const other = new Line().floors;
  raiseFloor({ floors: other, partitions }, replicaOf(clockOf(1, 2)), [clockOf(1, 2)]);
  assert.equal(other.newest(PARTITION).hash, floors.newest(PARTITION).hash);
});
