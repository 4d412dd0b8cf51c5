/**
 * The table of operations of users on one key. The seed decides which of them occur, and how often.
 */
import type { User } from './user.ts';

type UserOperation = (user: User, key: string) => Promise<unknown>;

const CREATE_ATTEMPTS = 3;

/** The operations by name. */
export const OPERATIONS = {
  read: (user, key) => user.read(key),
  // The read names the dots of the user's last read or write, which the answer must know.
  'read on': (user, key) => user.read(key, { isSession: true }),
  write: (user, key) => user.retryOnce(() => user.write(key, { token: user.lastToken(key) })),
  stale: (user, key) => user.write(key, { token: user.anyToken(key) }),
  blind: (user, key) => user.write(key, {}),
  // The `set` of other stores: the write replaces whatever is there.
  set: (user, key) => user.write(key, { replaces: true }),
  'set twice': (user, key) => user.write(key, { replaces: true, name: 'x-mec-write-id' }),
  delete: (user, key) => user.write(key, { token: user.lastToken(key), isDelete: true }),
  'blind delete': (user, key) => user.write(key, { isDelete: true }),
  resolve: async (user, key) => {
    await user.read(key);
    return user.write(key, { token: user.lastToken(key) });
  },
  // A lock, or a name that must be given once.
  create: (user, key) => user.write(key, { match: { tag: undefined, ids: [] } }),
  // A lock that ends by itself, also if clocks jump.
  'create for a while': (user, key) =>
    user.write(key, { match: { tag: undefined, ids: [] }, isShortLived: true }),
  // A counter: the write replaces the value that was read, unless another write was faster.
  match: async (user, key) => {
    const match = await user.match(key);
    user.changeNode();
    return user.write(key, { match });
  },
  'delete if match': async (user, key) => {
    const match = await user.match(key);
    user.changeNode();
    if (match.tag !== undefined) await user.write(key, { match, isDelete: true });
  },
  // A payment: it is sent again until there is an answer, and sometimes after that.
  idempotent: (user, key) =>
    user.write(key, { token: user.lastToken(key), name: 'idempotency-key' }),
  'idempotent create': (user, key) => {
    return user.write(key, { match: { tag: undefined, ids: [] }, name: 'idempotency-key' });
  },
  // A payment on the value that was read. Another write may replace that between two tries.
  'idempotent match': async (user, key) => {
    const match = await user.match(key);
    return user.write(key, { match, name: 'idempotency-key' });
  },
  'write twice': (user, key) =>
    user.write(key, { token: user.lastToken(key), name: 'x-mec-write-id' }),
  'write for a while': (user, key) =>
    user.write(key, { token: user.lastToken(key), isShortLived: true }),
  // A user takes a lock and gives it up: it creates the key, and deletes its own version.
  'lock and unlock': async (user, key) => {
    for (let i = 0; i < CREATE_ATTEMPTS; i++) {
      const isMine = await user.write(key, { match: { tag: undefined, ids: [] } }).then(
        () => true,
        () => false,
      );
      if (isMine) return user.write(key, { token: user.lastToken(key), isDelete: true });
    }
    return undefined;
  },
  list: (user) => user.list(),
  batch: (user, key) => user.batch(key),
  // A client that makes up tokens must do no harm to the others.
  forge: (user, key) => user.write(key, { isForged: true }),
} as const satisfies Readonly<Record<string, UserOperation>>;

/** One of `OPERATIONS`. */
export type OperationName = keyof typeof OPERATIONS;
