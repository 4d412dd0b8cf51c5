/** The size of a page of rows for work in the background. */
import type { Row } from './engine.ts';
import { FIRST_PAGE_ROWS } from './limits.ts';

/**
 * Finds the number of rows whose bytes are few enough. Pages of large records have fewer rows, or a
 * page would delay the requests of clients.
 */
export class PageSize {
  readonly #mostRows: number;
  readonly #mostBytes: number;
  #rows: number;

  constructor(mostRows: number, mostBytes: number) {
    this.#mostRows = mostRows;
    this.#mostBytes = mostBytes;
    this.#rows = Math.min(mostRows, FIRST_PAGE_ROWS);
  }

  /** The rows of the next page. */
  get rows(): number {
    return this.#rows;
  }

  /** Notes a page that was read. */
  note(page: readonly Row[]): void {
    const bytes = page.reduce((sum, [, record]) => sum + record.length, 0);
    const fitting = bytes > this.#mostBytes ? this.#rows >> 1 : 2 * this.#rows;
    this.#rows = Math.min(this.#mostRows, Math.max(1, fitting));
  }
}
