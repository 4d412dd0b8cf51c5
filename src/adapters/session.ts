/**
 * `mec-db/session`: a store for express-session.
 *
 * Each session is a register. Of two requests that change one session at the same time, the later
 * one stays, and every server reads the same. `touch` only extends a life: it writes the session
 * that it finds, with the time of its last change. So a request that has only read a session never
 * undoes a change that another request makes meanwhile.
 */
import { systemClock, textToMillis } from '../base/system.ts';
import { valuesOf } from '../client/answers.ts';
import type { MecClient } from '../client/client.ts';
import { json } from '../client/codec.ts';
import { type Register, register } from '../client/merge/register.ts';
import {
  type Cluster,
  clientFor,
  deleteAll,
  keyGroups,
  mapLimited,
  ttlSecondsOf,
} from './key-prefix.ts';
import { DEFAULT_SESSION_SECONDS } from './limits.ts';

/** The options of a store. */
export interface SessionStoreOptions {
  /** The beginning of all its keys in the cluster. Default `session/`. */
  readonly prefix?: string | undefined;
  /** The lifetime of a session whose cookie does not expire, in seconds. Default one day. */
  readonly ttlSeconds?: number | undefined;
}

/** The part of a session that the store reads. */
export interface StoredSession {
  readonly cookie?: { readonly expires?: unknown } | undefined;
}

/** Called with an error, or with null and the result. */
export type SessionCallback<T = void> = (error: unknown, result?: T) => void;

/** The functions that express-session calls. */
export interface SessionFunctions {
  get(id: string, callback: SessionCallback<StoredSession | null>): void;
  set(id: string, session: StoredSession, callback?: SessionCallback): void;
  destroy(id: string, callback?: SessionCallback): void;
  touch(id: string, session: StoredSession, callback?: SessionCallback): void;
  all(callback: SessionCallback<StoredSession[]>): void;
  length(callback: SessionCallback<number>): void;
  clear(callback?: SessionCallback): void;
}

/** The base class of all stores, `Store` of express-session. */
export type StoreClass = abstract new (...args: never[]) => object;

type State = Register<StoredSession>;

/**
 * Makes a store on a cluster. It extends the `Store` of the express-session that it is given, so
 * this module has to find none.
 */
export function sessionStore<S extends StoreClass>(
  host: { readonly Store: S },
  cluster: Cluster,
  options: SessionStoreOptions = {},
): InstanceType<S> & SessionFunctions {
  const sessions = new Sessions(clientFor(cluster, json<State>()), options);
  const Base = host.Store as unknown as new () => object;
  const functions: SessionFunctions = {
    get: (id, callback) => settle(sessions.get(id), callback),
    set: (id, session, callback) => settle(sessions.set(id, session), callback),
    destroy: (id, callback) => settle(sessions.destroy(id), callback),
    touch: (id, session, callback) => settle(sessions.touch(id, session), callback),
    all: (callback) => settle(sessions.all(), callback),
    length: (callback) => settle(sessions.count(), callback),
    clear: (callback) => settle(sessions.clear(), callback),
  };
  return Object.assign(new Base(), functions) as unknown as InstanceType<S> & SessionFunctions;
}

/** The sessions of a cluster. */
class Sessions {
  readonly #client: MecClient<State>;
  readonly #prefix: string;
  readonly #ttlSeconds: number;

  constructor(client: MecClient<State>, options: SessionStoreOptions) {
    const { prefix = 'session/', ttlSeconds = DEFAULT_SESSION_SECONDS } = options;
    this.#client = client;
    this.#prefix = prefix;
    this.#ttlSeconds = ttlSeconds;
  }

  async get(id: string): Promise<StoredSession | null> {
    const states = valuesOf(await this.#client.get(this.#prefix + id));
    return states.length === 0 ? null : states.reduce(register.merge).value;
  }

  async set(id: string, session: StoredSession): Promise<void> {
    const ttlSeconds = this.#lifeOf(session);
    if (ttlSeconds === 0) return this.destroy(id);
    const stored = copyOf(session);
    const options = { merge: register.merge<StoredSession>, ttlSeconds };
    await this.#client.update(
      this.#prefix + id,
      (state, by) => register.set(state, stored, by),
      options,
    );
  }

  async destroy(id: string): Promise<void> {
    await this.#client.delete(this.#prefix + id);
  }

  /** Lets the session live as long as the cookie of `session`. Changes nothing else of it. */
  async touch(id: string, { cookie }: StoredSession): Promise<void> {
    const ttlSeconds = this.#lifeOf({ cookie });
    if (ttlSeconds === 0) return this.destroy(id);
    const kept = copyOf({ cookie });
    const touched = (state: State | undefined): State | undefined =>
      state && { ...state, value: { ...state.value, ...kept } };
    await this.#client.update(this.#prefix + id, touched, { merge: register.merge, ttlSeconds });
  }

  async all(): Promise<StoredSession[]> {
    const sessions: StoredSession[] = [];
    for await (const ids of keyGroups(this.#client, this.#prefix)) {
      const found = await mapLimited(ids, (id) => this.get(id));
      sessions.push(...found.filter((session) => session !== null));
    }
    return sessions;
  }

  async count(): Promise<number> {
    let count = 0;
    for await (const ids of keyGroups(this.#client, this.#prefix)) count += ids.length;
    return count;
  }

  clear(): Promise<void> {
    return deleteAll(this.#client, this.#prefix);
  }

  /** The rest of a session's life in seconds; 0 if it is over. */
  #lifeOf({ cookie }: StoredSession): number {
    const endMs = millisOf(cookie?.expires);
    if (endMs === undefined) return this.#ttlSeconds;
    return ttlSecondsOf(endMs - systemClock.wallMicros() / 1000) ?? 0;
  }
}

/** A session as it is now. Its request may go on to change it. */
const copyOf = (session: StoredSession): StoredSession =>
  JSON.parse(JSON.stringify(session)) as StoredSession;

/** The time in a cookie of express-session, in ms since 1970; undefined if there is none. */
function millisOf(time: unknown): number | undefined {
  if (typeof time === 'string') return textToMillis(time);
  if (typeof time !== 'object' || time === null) return undefined;
  const ms = Number(time.valueOf());
  return Number.isNaN(ms) ? undefined : ms;
}

function settle<T>(result: Promise<T>, callback: SessionCallback<T> = () => {}): void {
  result.then(
    (value) => callback(null, value),
    (error: unknown) => callback(error),
  );
}
