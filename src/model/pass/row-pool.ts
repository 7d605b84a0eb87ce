/** Cache rows in use and free. Rows are handed out one after the other, so that a sequence's rows mostly lie side by side. */
export class RowPool {
  readonly #used: Uint8Array;
  #next = 0;

  constructor(rows: number) {
    this.#used = new Uint8Array(rows);
  }

  /** The next free row after the one handed out last, from the start again at the end. */
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

  /** Frees all. */
  clear(): void {
    this.#used.fill(0);
    this.#next = 0;
  }
}
