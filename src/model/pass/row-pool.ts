/** Keeps track of free cache rows. Rows are taken in ascending order, so that the rows of a sequence are mostly adjacent. */
export class RowPool {
  readonly #used: Uint8Array;
  #next = 0;

  constructor(rows: number) {
    this.#used = new Uint8Array(rows);
  }

  /** Takes the next free row after the one taken last; after the last row, the search continues at the first. */
  take(): number {
    const rows = this.#used.length;
    for (let step = 0; step < rows; step++) {
      const row = (this.#next + step) % rows;
      if (this.#used[row] === 1) continue;
      this.#used[row] = 1;
      this.#next = (row + 1) % rows;
      return row;
    }
    throw new RangeError(`all ${rows} cache rows are in use`);
  }

  release(row: number): void {
    this.#used[row] = 0;
  }

  /** Frees all rows. */
  clear(): void {
    this.#used.fill(0);
    this.#next = 0;
  }
}
