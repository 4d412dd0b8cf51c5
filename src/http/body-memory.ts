/**
 * The memory for request bodies. It is lent as the bytes arrive, not as they are announced.
 *
 * Many bodies that have arrived in part could fill the memory, and none could go on. So the oldest
 * body may always take what is left, and the others leave room for the largest. Then the oldest
 * comes to its end, and the next one is the oldest. The same rule holds for the part of the memory
 * that one address may have.
 */
import type { Clock, Timer } from '../base/env.ts';
import { MecError, nothingWritten } from '../base/errors.ts';
import type { ClientAddress } from './client-addresses.ts';
import { SHARE_OF_ADDRESS } from './limits.ts';

/** The bytes that one body has. */
interface Loan {
  readonly address: ClientAddress;
  /** The most that it will need. */
  readonly mostBytes: number;
  bytes: number;
}

/** A body that cannot go on yet. */
interface Waiter {
  readonly loan: Loan;
  readonly bytes: number;
  readonly admit: () => void;
}

/** A number of bytes, and the loans of them, the oldest first. */
class Pool {
  readonly #capacity: number;
  readonly loans = new Set<Loan>();
  usedBytes = 0;
  /** The largest body so far. */
  #most = 0;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  add(loan: Loan): void {
    this.loans.add(loan);
    this.#most = Math.max(this.#most, loan.mostBytes);
  }

  /** Whether a loan may grow. */
  allows(loan: Loan, bytes: number): boolean {
    const free = this.#capacity - this.usedBytes;
    if (bytes > free) return false;
    if (bytes <= free - this.#most) return true;
    const [oldest] = this.loans;
    if (loan === oldest) return true;
    this.#most = 0;
    for (const { mostBytes } of this.loans) this.#most = Math.max(this.#most, mostBytes);
    return bytes <= free - this.#most;
  }
}

/** A body that takes memory. */
export interface BodyLoan {
  /** Takes memory for more bytes. Rejects with `overloaded` if there is none for too long. */
  grow(bytes: number): Promise<void> | undefined;
  /** Gives all of it back. */
  close(): void;
}

/** The memory of a node for request bodies. */
export class BodyMemory {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #all: Pool;
  readonly #byAddress = new Map<ClientAddress, Pool>();
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock, capacityBytes: number) {
    this.#clock = clock;
    this.#capacity = capacityBytes;
    this.#all = new Pool(capacityBytes);
  }

  get usedBytes(): number {
    return this.#all.usedBytes;
  }

  /** Begins a body of an address, which waits at most `timeoutMs` at a time. */
  lend(address: ClientAddress, mostBytes: number, timeoutMs: number): BodyLoan {
    const loan: Loan = { address, mostBytes, bytes: 0 };
    for (const pool of this.#poolsOf(loan)) pool.add(loan);
    return {
      grow: (bytes) =>
        this.#tryGrow(loan, bytes) ? undefined : this.#wait(loan, bytes, timeoutMs),
      close: () => this.#close(loan),
    };
  }

  /** The memory of the node and, unless it is a proxy, the part for the address. */
  #poolsOf({ address }: Loan): readonly Pool[] {
    if (address.isProxy) return [this.#all];
    let own = this.#byAddress.get(address);
    if (own === undefined) {
      own = new Pool(this.#capacity * SHARE_OF_ADDRESS);
      this.#byAddress.set(address, own);
    }
    return [this.#all, own];
  }

  #tryGrow(loan: Loan, bytes: number): boolean {
    const pools = this.#poolsOf(loan);
    if (!pools.every((pool) => pool.allows(loan, bytes))) return false;
    for (const pool of pools) pool.usedBytes += bytes;
    loan.bytes += bytes;
    return true;
  }

  #wait(loan: Loan, bytes: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const waiter: Waiter = {
        loan,
        bytes,
        admit: () => {
          timer?.cancel();
          resolve();
        },
      };
      this.#waiters.add(waiter);
      timer = this.#clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter);
        reject(
          new MecError('overloaded', {
            ...nothingWritten('The memory for request bodies is full.'),
            retryAfter: 1,
          }),
        );
      });
    });
  }

  #close(loan: Loan): void {
    for (const waiter of this.#waiters)
      if (waiter.loan === loan) {
        this.#waiters.delete(waiter);
        waiter.admit();
      }
    for (const pool of this.#poolsOf(loan)) {
      pool.loans.delete(loan);
      pool.usedBytes -= loan.bytes;
      if (pool !== this.#all && pool.loans.size === 0) this.#byAddress.delete(loan.address);
    }
    this.#admit();
  }

  /** Lets those go on that may, the longest waiting first. A small one may pass a large one. */
  #admit(): void {
    for (const waiter of this.#waiters) {
      if (!this.#tryGrow(waiter.loan, waiter.bytes)) continue;
      this.#waiters.delete(waiter);
      waiter.admit();
    }
  }
}
