/** The memory for request bodies: each comes to its end, and one address cannot take it all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { type BodyLoan, BodyMemory } from '../../src/http/body-memory.ts';
import { ClientAddress, ClientAddresses } from '../../src/http/client-addresses.ts';
import { ManualClock } from '../fixtures/fake-env.ts';

const CAPACITY = 6400;
const WAIT_MS = 5_000;

/** A memory, and the state of promises of more bytes. */
function memoryOf(): { clock: ManualClock; memory: BodyMemory } {
  const clock = new ManualClock();
  return { clock, memory: new BodyMemory(clock, CAPACITY) };
}

/** Asks for bytes. The answer becomes true when they are there, and false when they are refused. */
function grow(loan: BodyLoan, bytes: number): { isThere: boolean | undefined } {
  const asked: { isThere: boolean | undefined } = { isThere: undefined };
  const room = loan.grow(bytes);
  if (room === undefined) asked.isThere = true;
  else
    room.then(
      () => (asked.isThere = true),
      (error: unknown) => (asked.isThere = !(error instanceof MecError)),
    );
  return asked;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the memory for bodies', () => {
  test('bytes count as they arrive, not as they are announced', () => {
    const { memory } = memoryOf();
    const proxy = new ClientAddress(true);
    for (let i = 0; i < 100; i++) memory.lend(proxy, 1000, WAIT_MS);
    assert.equal(memory.usedBytes, 0);
    const loan = memory.lend(proxy, 1000, WAIT_MS);
    assert.equal(grow(loan, 500).isThere, true);
    assert.equal(memory.usedBytes, 500);
    loan.close();
    assert.equal(memory.usedBytes, 0);
  });

  test('an address has a quarter, and leaves the rest to others', async () => {
    const { clock, memory } = memoryOf();
    const [greedy, other] = [new ClientAddress(false), new ClientAddress(false)];
    const loans = Array.from({ length: 20 }, () => memory.lend(greedy, 200, WAIT_MS));
    const asked = loans.map((loan) => grow(loan, 200));
    assert.equal(memory.usedBytes, CAPACITY / 4 - 200, 'room for the oldest is left');
    assert.equal(asked.filter(({ isThere }) => isThere === true).length, 7);
    const mine = memory.lend(other, 1600, WAIT_MS);
    assert.equal(grow(mine, 1600).isThere, true);
    loans[0]?.close();
    await turn();
    assert.equal(asked.filter(({ isThere }) => isThere === true).length, 8);
    clock.advance(WAIT_MS);
    await turn();
    assert.equal(asked.filter(({ isThere }) => isThere === false).length, 12);
    for (const loan of [...loans.slice(1), mine]) loan.close();
    assert.equal(memory.usedBytes, 0);
  });

  test('a small body passes a large one that waits', async () => {
    const { memory } = memoryOf();
    const proxy = new ClientAddress(true);
    const holders = Array.from({ length: 5 }, () => memory.lend(proxy, 1000, WAIT_MS));
    for (const holder of holders) assert.equal(grow(holder, 1000).isThere, true);
    const large = memory.lend(proxy, 1000, WAIT_MS);
    const waits = grow(large, 1000);
    const small = memory.lend(proxy, 100, WAIT_MS);
    assert.equal(grow(small, 100).isThere, true);
    assert.equal(waits.isThere, undefined);
    holders[0]?.close();
    await turn();
    assert.equal(waits.isThere, true);
  });

  test('bodies that all have arrived in part come to their end, one after the other', async () => {
    for (const isProxy of [true, false])
      for (let seed = 1; seed <= 50; seed++) await complete(isProxy, seed);
  });
});

/** Lets bodies of random sizes arrive piece by piece, in a random order, until all are whole. */
async function complete(isProxy: boolean, seed: number): Promise<void> {
  let state = seed;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const { memory } = memoryOf();
  const address = new ClientAddress(isProxy);
  const bodies = Array.from({ length: 30 }, () => {
    const mostBytes = 1 + draw(1000);
    return {
      mostBytes,
      left: mostBytes,
      loan: memory.lend(address, 1000, WAIT_MS),
      isWaiting: false,
    };
  });
  for (let open = bodies; open.length > 0; open = open.filter(({ left }) => left > 0)) {
    const ready = open.filter(({ isWaiting }) => !isWaiting);
    assert.ok(ready.length > 0, `seed ${seed}: ${open.length} bodies wait for each other`);
    const body = ready[draw(ready.length)];
    assert.ok(body !== undefined);
    const piece = Math.min(body.left, 1 + draw(300));
    const arrive = (): void => {
      body.isWaiting = false;
      body.left -= piece;
      if (body.left === 0) body.loan.close();
    };
    const room = body.loan.grow(piece);
    if (room === undefined) arrive();
    else {
      body.isWaiting = true;
      void room.then(arrive);
    }
    await turn();
  }
  assert.equal(memory.usedBytes, 0);
}

test('addresses of one IPv6 network count as one, and so do both forms of IPv4', () => {
  const addresses = new ClientAddresses([]);
  const areOne = (a: string, b: string): boolean => addresses.open(a) === addresses.open(b);
  assert.ok(areOne('10.1.2.3', '::ffff:10.1.2.3'));
  assert.ok(!areOne('10.1.2.3', '10.1.2.4'));
  assert.ok(areOne('2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9'));
  assert.ok(areOne('2001:db8::9', '2001:db8:0:0:8::'));
  assert.ok(!areOne('2001:db8:1:2::9', '2001:db8:1:3::9'));
  assert.ok(!areOne('2001:db8::9', '2001:db8:0:1::9'));
  assert.ok(areOne('fe80::1%eth0', 'fe80::2%eth1'));
});

test('a proxy has no limits, and the others of its network do', () => {
  const addresses = new ClientAddresses(['10.0.0.7', '10.1.0.0/16', '2001:db8::7']);
  for (const proxy of ['10.0.0.7', '::ffff:10.1.9.9', '2001:db8::7'])
    assert.ok(addresses.open(proxy).isProxy, proxy);
  for (const other of ['10.0.0.8', '10.2.0.1', '2001:db8::8', ''])
    assert.ok(!addresses.open(other).isProxy, other);
  const first = addresses.open('1.2.3.4');
  assert.equal(addresses.open('1.2.3.4'), first);
  assert.equal(first.sockets, 2);
  addresses.close('1.2.3.4', first);
  addresses.close('1.2.3.4', first);
  assert.notEqual(addresses.open('1.2.3.4'), first, 'an address without sockets is forgotten');
});
