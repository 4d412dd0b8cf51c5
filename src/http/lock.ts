/**
 * The lock of a server with `security.mode = "on"`: door, rates and audit, in the order in which a
 * request meets them.
 */
import type { Clock } from '../base/env.ts';
import { toMecError } from '../base/errors.ts';
import type { Access, Trail } from './access.ts';
import { Audit, type AuditSink } from './audit.ts';
import { type Credentials, Door, type DoorOptions } from './door.ts';
import { Rates } from './rates.ts';
import { SignedRequests } from './signed-request.ts';

/** The parts of a lock. */
export interface LockOptions extends DoorOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMicros'>;
  /** The name of the node, for the audit. */
  readonly node: string;
  readonly sink: AuditSink;
  readonly ratePerSecond: () => number;
}

/** A request before its body. */
export interface LockedRequest extends Credentials {
  readonly method: string;
  readonly path: string;
  readonly address: string;
}

/** Admits requests. */
export class Lock {
  readonly #door: Door;
  readonly #rates: Rates;
  readonly #audit: Audit;
  readonly #node: string;

  constructor({ clock, node, sink, ratePerSecond, ...door }: LockOptions) {
    this.#door = new Door({ ...door, signatures: new SignedRequests(door.security, clock) });
    this.#rates = new Rates(clock, ratePerSecond);
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
        return access.then((known) => this.#count(known)).catch(refuse);
      return this.#count(access);
    } catch (error) {
      return refuse(error);
    }
  }

  #count(access: Access): Access {
    if (access.name !== undefined) this.#rates.begin(access.name);
    return access;
  }

  /** Counts the end of a request. */
  end({ name }: Access): void {
    if (name !== undefined) this.#rates.end(name);
  }

  #trailOf({ method, path, address }: LockedRequest): Trail {
    const about = { node: this.#node, method, path, address };
    return {
      refused: (identity, outcome) => this.#audit.noteRefusal({ ...about, identity, outcome }),
      changes: (identity) => this.#audit.noteChange({ ...about, identity, outcome: 'accepted' }),
    };
  }
}
