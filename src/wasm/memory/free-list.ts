/** Keeps the free blocks of a memory in the order of their addresses. Adjacent blocks are always joined. */

export class FreeList {
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];

  /** Number of blocks. */
  get length(): number {
    return this.#starts.length;
  }

  /** Takes `bytes` from the first block that is large enough. @returns their address, or undefined if there is none. */
  take(bytes: number): number | undefined {
    const at = this.#sizes.findIndex((size) => size >= bytes);
    if (at < 0) return undefined;
    const start = this.#starts[at];
    if (this.#sizes[at] === bytes) this.#remove(at);
    else {
      this.#starts[at] += bytes;
      this.#sizes[at] -= bytes;
    }
    return start;
  }

  /** Makes the addresses [start, start + bytes) free. @throws RangeError if some of them are already free. */
  give(start: number, bytes: number): void {
    const next = this.#firstFrom(start);
    const previous = next - 1;
    const before = previous >= 0 ? this.#starts[previous] + this.#sizes[previous] : 0;
    const after = next < this.#starts.length ? this.#starts[next] : Number.POSITIVE_INFINITY;
    if (before > start || start + bytes > after) throw new RangeError(`address ${start} is free already`);
    const [joinsPrevious, joinsNext] = [previous >= 0 && before === start, start + bytes === after];
    if (joinsPrevious) {
      this.#sizes[previous] += bytes + (joinsNext ? this.#sizes[next] : 0);
      if (joinsNext) this.#remove(next);
    } else if (joinsNext) {
      this.#starts[next] = start;
      this.#sizes[next] += bytes;
    } else {
      this.#starts.splice(next, 0, start);
      this.#sizes.splice(next, 0, bytes);
    }
  }

  /** Size of the free block that ends at `end`; 0 if there is none. */
  sizeBefore(end: number): number {
    const last = this.#starts.length - 1;
    return last >= 0 && this.#starts[last] + this.#sizes[last] === end ? this.#sizes[last] : 0;
  }

  /** Index of the first block that begins at `address` or later. */
  #firstFrom(address: number): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #remove(at: number): void {
    this.#starts.splice(at, 1);
    this.#sizes.splice(at, 1);
  }
}
