/** Reads small ranges by blocks and keeps the last ones, so that parsing a header does not make a request for each field. */

const BLOCK_BYTES: number = 256 * 1024;
/** Blocks that are kept of one file: 8 MiB. */
const MOST_BLOCKS = 32;
/** Blocks that are read ahead of a reader that goes front to back. */
const MOST_AHEAD = 8;

export interface RangedFile {
  readonly size: number;
  read(offset: number, into: Uint8Array): Promise<void>;
}

export class BlockCache {
  readonly #file: RangedFile;
  /** The last used block is the last one. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();
  #next = -1;
  #ahead = 0;

  constructor(file: RangedFile, start?: Uint8Array) {
    this.#file = file;
    // The first answer's bytes, where they are a whole block or the whole file.
    if (start !== undefined && start.byteLength === Math.min(BLOCK_BYTES, file.size))
      this.#blocks.set(0, Promise.resolve(start));
  }

  /** Whether a range is small enough to be read by blocks. */
  static serves(bytes: number): boolean {
    return bytes <= (MOST_BLOCKS / 4) * BLOCK_BYTES;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    if (into.byteLength === 0) return;
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + into.byteLength - 1) / BLOCK_BYTES);
    this.#request(first, last);
    const wanted = Array.from({ length: last - first + 1 }, (_, i) => this.#use(first + i));
    this.#evict();
    const blocks = await Promise.all(wanted);
    for (const [i, block] of blocks.entries()) {
      const start = (first + i) * BLOCK_BYTES;
      const from = Math.max(0, offset - start);
      const to = Math.min(block.byteLength, offset + into.byteLength - start);
      into.set(block.subarray(from, to), start + from - offset);
    }
  }

  /** Asks for the blocks that are not there; those side by side are one request. */
  #request(first: number, last: number): void {
    let start = first;
    while (start <= last && this.#blocks.has(start)) start++;
    if (start <= last) {
      this.#ahead = start === this.#next ? Math.min(MOST_AHEAD, 2 * this.#ahead + 1) : 0;
      const end = Math.min(last + this.#ahead, Math.ceil(this.#file.size / BLOCK_BYTES) - 1);
      for (let at = start; at <= end; ) {
        let count = 0;
        while (at + count <= end && !this.#blocks.has(at + count)) count++;
        if (count > 0) this.#fetch(at, count);
        at += count + 1;
      }
      this.#next = end + 1;
    }
  }

  #fetch(first: number, count: number): void {
    const offset = first * BLOCK_BYTES;
    const bytes = new Uint8Array(Math.min(count * BLOCK_BYTES, this.#file.size - offset));
    const run = this.#file.read(offset, bytes);
    for (let i = 0; i < count; i++) {
      // A copy: a part of the run would keep all of it.
      const block = run.then(() => bytes.slice(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
      this.#blocks.set(first + i, block);
      block.catch(() => {
        if (this.#blocks.get(first + i) === block) this.#blocks.delete(first + i);
      });
    }
  }

  #use(at: number): Promise<Uint8Array> {
    const block = this.#blocks.get(at) as Promise<Uint8Array>;
    this.#blocks.delete(at);
    this.#blocks.set(at, block);
    return block;
  }

  #evict(): void {
    for (const at of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) return;
      this.#blocks.delete(at);
    }
  }
}
