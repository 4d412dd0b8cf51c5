/**
 * The lock of a server with `security.mode = "on"`: door, rates and audit, in the order in which a
 * request meets them.
 */
import type { Clock } from '../base/env.ts';
import { toMecError } from '../base/errors.ts';
import type { Access, Trail } from './access.ts';
import { Audit, type AuditSink } from './audit.ts';
import { type Credentials, Door, type DoorOptions } from './door.ts';
import { type RateLimits, Rates } from './rates.ts';
import { SignedRequests } from './signed-request.ts';

/** The parts of a lock. */
export interface LockOptions extends DoorOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMicros'>;
  /** The name of the node, for the audit. */
  readonly node: string;
  readonly sink: AuditSink;
  /** The limits on one identity, as they are at the moment. */
  readonly limits: () => RateLimits;
}

/** A request before its body. */
export interface LockedRequest extends Credentials {
  readonly method: string;
  readonly path: string;
  readonly address: string;
  /** The bytes of the body, as far as the head announces them. */
  readonly announcedBytes?: number | undefined;
}

/** Admits requests. */
export class Lock {
  readonly #door: Door;
  readonly #rates: Rates;
  readonly #audit: Audit;
  readonly #node: string;

  constructor({ clock, node, sink, limits, ...door }: LockOptions) {
    this.#door = new Door({ ...door, signatures: new SignedRequests(door.security, clock) });
    this.#rates = new Rates(clock, limits);
    this.#audit = new Audit(sink, clock);
    this.#node = node;
  }

  /**
   * Counts a request, and returns the rights of its sender; later, if its proof takes time. The
   * caller must call `end` when the request is over. Throws a `MecError`, or rejects with one, if
   * the request is refused before its route is known.
   */
  begin(request: LockedRequest): Access | Promise<Access> {
    const refuse = (error: unknown): never => {
      this.#trailOf(request).refused(undefined, toMecError(error).code);
      throw error;
    };
    try {
      const access = this.#door.accessOf(request, this.#trailOf(request));
      if (access instanceof Promise)
        return access.then((known) => this.#count(known, request)).catch(refuse);
      return this.#count(access, request);
    } catch (error) {
      return refuse(error);
    }
  }

  #count(access: Access, { announcedBytes }: LockedRequest): Access {
    if (access.name !== undefined) this.#rates.begin(access.name, announcedBytes);
    return access;
  }

  /** Whether `end` must know the bytes of a request. */
  get areBytesCounted(): boolean {
    return this.#rates.areBytesCounted;
  }

  /** Counts the end of a request, and the bytes that it has moved beyond those announced. */
  end({ name }: Access, bytes: number): void {
    if (name !== undefined) this.#rates.end(name, bytes);
  }

  #trailOf({ method, path, address }: LockedRequest): Trail {
    const about = { node: this.#node, method, path, address };
    return {
      refused: (identity, outcome) => this.#audit.noteRefusal({ ...about, identity, outcome }),
      changes: (identity) => this.#audit.noteChange({ ...about, identity, outcome: 'accepted' }),
    };
  }
}
