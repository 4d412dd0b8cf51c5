/** A heap of the numbers from 0 up to a size, whose scores fall. */

/** Gives the number with the highest score. Of equal scores, the lowest number is first. */
export class MaxHeap {
  readonly #scoreOf: (item: number) => number;
  readonly #items: number[];

  constructor(size: number, scoreOf: (item: number) => number) {
    this.#scoreOf = scoreOf;
    const items = Array.from({ length: size }, (_, i) => i);
    // A sorted list is a heap.
    this.#items = items.sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
  }

  /** The number with the highest score. */
  get top(): number {
    return this.#items[0] as number;
  }

  /** Moves the top to its new place, because its score has fallen. */
  sink(): void {
    const items = this.#items;
    const item = items[0] as number;
    const score = this.#scoreOf(item);
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && this.#isFirst(child + 1, child)) child += 1;
      const other = items[child] as number;
      const otherScore = this.#scoreOf(other);
      if (score > otherScore || (score === otherScore && item < other)) break;
      items[at] = other;
      at = child;
    }
    items[at] = item;
  }

  #isFirst(a: number, b: number): boolean {
    const [one, two] = [this.#items[a] as number, this.#items[b] as number];
    const ahead = this.#scoreOf(one) - this.#scoreOf(two);
    return ahead === 0 ? one < two : ahead > 0;
  }
}
