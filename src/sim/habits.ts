/** What users do with one key, as a table. Which of it the users of a run do, and how often, is the seed's to say. */
import type { Hand } from './hand.ts';

type Habit = (hand: Hand, key: string) => Promise<unknown>;

const CREATE_ATTEMPTS = 3;

/** All by name. */
export const HABITS = {
  read: (hand, key) => hand.read(key),
  // Names what its last read or write has shown it; the answer must know that.
  'read on': (hand, key) => hand.read(key, { isSession: true }),
  write: (hand, key) => hand.insist(() => hand.write(key, { held: hand.last(key) })),
  stale: (hand, key) => hand.write(key, { held: hand.any(key) }),
  blind: (hand, key) => hand.write(key, {}),
  delete: (hand, key) => hand.write(key, { held: hand.last(key), isDelete: true }),
  'blind delete': (hand, key) => hand.write(key, { isDelete: true }),
  resolve: async (hand, key) => {
    await hand.read(key);
    return hand.write(key, { held: hand.last(key) });
  },
  // A lock, or a name that must be given once.
  create: (hand, key) => hand.write(key, { match: { tag: undefined, ids: [] } }),
  // A counter: what was read is replaced, unless another was faster.
  match: async (hand, key) => {
    const match = await hand.match(key);
    hand.move();
    return hand.write(key, { match });
  },
  'delete if match': async (hand, key) => {
    const match = await hand.match(key);
    hand.move();
    if (match.tag !== undefined) await hand.write(key, { match, isDelete: true });
  },
  // A payment: sent again until there is an answer, and at times after that.
  idempotent: (hand, key) => hand.write(key, { held: hand.last(key), name: 'idempotency-key' }),
  'idempotent create': (hand, key) => {
    return hand.write(key, { match: { tag: undefined, ids: [] }, name: 'idempotency-key' });
  },
  // The same on what was read: a rival may have replaced that between the first try and the next.
  'idempotent match': async (hand, key) => {
    const match = await hand.match(key);
    return hand.write(key, { match, name: 'idempotency-key' });
  },
  'write twice': (hand, key) => hand.write(key, { held: hand.last(key), name: 'x-mec-write-id' }),
  'write for a while': (hand, key) => hand.write(key, { held: hand.last(key), isShortLived: true }),
  // Gives up a lock that it holds, as its owner would: creates, then deletes what it has created.
  'lock and unlock': async (hand, key) => {
    for (let i = 0; i < CREATE_ATTEMPTS; i++) {
      const isMine = await hand.write(key, { match: { tag: undefined, ids: [] } }).then(
        () => true,
        () => false,
      );
      if (isMine) return hand.write(key, { held: hand.last(key), isDelete: true });
    }
    return undefined;
  },
  list: (hand) => hand.list(),
} as const satisfies Readonly<Record<string, Habit>>;

/** One of `HABITS`. */
export type HabitName = keyof typeof HABITS;
