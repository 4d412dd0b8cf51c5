/**
 * The table of operations of users on one key. The seed decides which of them occur, and how often.
 */
import type { Hand } from './user.ts';

type Habit = (hand: Hand, key: string) => Promise<unknown>;

const CREATE_ATTEMPTS = 3;

/** The operations by name. */
export const HABITS = {
  read: (hand, key) => hand.read(key),
  // The read names the dots of the user's last read or write, which the answer must know.
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
  // A lock that ends by itself, also if clocks jump.
  'create for a while': (hand, key) =>
    hand.write(key, { match: { tag: undefined, ids: [] }, isShortLived: true }),
  // A counter: the write replaces the value that was read, unless another write was faster.
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
  // A payment: it is sent again until there is an answer, and sometimes after that.
  idempotent: (hand, key) => hand.write(key, { held: hand.last(key), name: 'idempotency-key' }),
  'idempotent create': (hand, key) => {
    return hand.write(key, { match: { tag: undefined, ids: [] }, name: 'idempotency-key' });
  },
  // A payment on the value that was read. Another write may replace that between two tries.
  'idempotent match': async (hand, key) => {
    const match = await hand.match(key);
    return hand.write(key, { match, name: 'idempotency-key' });
  },
  'write twice': (hand, key) => hand.write(key, { held: hand.last(key), name: 'x-mec-write-id' }),
  'write for a while': (hand, key) => hand.write(key, { held: hand.last(key), isShortLived: true }),
  // A user takes a lock and gives it up: it creates the key, and deletes its own version.
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
