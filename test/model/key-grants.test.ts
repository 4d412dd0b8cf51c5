/**
 * The product's numbers behave like those of the model: one is current per key, the last that was
 * issued, until an event ends it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GRANT_MS } from '../../src/cluster/limits.ts';
import { type Ground, KeyGrants } from '../../src/cluster/holders/key-grants.ts';
import { ManualClock } from '../fixtures/fake-env.ts';

const KEYS = ['k0', 'k1'];

/** One event at an owner. `n` selects the key, the ballot or the number. */
const EVENTS = [
  'grant',
  'store',
  'store of another life',
  'release',
  'time',
  'fence',
  'replica',
  'owners',
] as const;

interface Happening {
  readonly what: (typeof EVENTS)[number];
  readonly key: string;
  readonly n: number;
}

class Owner {
  readonly clock = new ManualClock();
  readonly grants = new KeyGrants(this.clock, 'life1');
  ground: Ground = { replica: { partition: 0 }, view: {} };
  /**
   * The current number of each key by the model, with its ballot and the time until which the key
   * is taken.
   */
  readonly current = new Map<string, { number: string; ballot: string; untilMs: number }>();
  readonly issued: string[] = [];

  happen({ what, key, n }: Happening): void {
    if (what === 'grant') this.#grant(key, `b/${n % 3}`);
    else if (what === 'store')
      this.#store(key, this.issued[n % Math.max(1, this.issued.length)] ?? '');
    else if (what === 'store of another life') this.#store(key, `life0/${n}`);
    else if (what === 'release') this.#release(key, `b/${n % 3}`);
    else if (what === 'time') this.clock.advance(n % 2 === 0 ? GRANT_MS : 1);
    else this.#endAll(what);
  }

  #grant(key: string, ballot: string): void {
    const held = this.current.get(key);
    const isFree = held === undefined || held.untilMs <= this.clock.nowMs;
    const number = this.grants.grant(this.ground, key, ballot);
    assert.equal(number !== undefined, isFree);
    if (number === undefined) return;
    assert.ok(!this.issued.includes(number), 'never used again');
    this.issued.push(number);
    this.current.set(key, { number, ballot, untilMs: this.clock.nowMs + GRANT_MS });
  }

  #store(key: string, number: string): void {
    const isCurrent = this.current.get(key)?.number === number;
    assert.equal(this.grants.take(this.ground, key, number), isCurrent);
    if (isCurrent) this.current.delete(key);
  }

  #release(key: string, ballot: string): void {
    this.grants.release(0, key, ballot);
    if (this.current.get(key)?.ballot === ballot) this.current.delete(key);
  }

  #endAll(what: string): void {
    if (what === 'fence') this.grants.endAll(0);
    else if (what === 'replica') this.ground = { ...this.ground, replica: { partition: 0 } };
    else this.ground = { ...this.ground, view: {} };
    this.current.clear();
  }
}

test('a number is current if it is the last of its key and no event has ended it', () => {
  const happening = fc.record({
    what: fc.constantFrom(...EVENTS),
    key: fc.constantFrom(...KEYS),
    n: fc.nat(12),
  });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const owner = new Owner();
      for (const one of happenings) owner.happen(one);
    }),
    { numRuns: 2_000 },
  );
});
