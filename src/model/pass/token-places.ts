/** Writes the tokens of the next pass and their places to memory. Makes no views and no objects, because it runs for every token. */
import type { Places } from "../../nn/attention.ts";
import type { Arena } from "../../wasm/memory/arena.ts";

/** Addresses of i32 lists for a pass of `capacity` tokens. */
export interface PlaceAddresses {
  readonly ids: number;
  readonly places: Places;
  /** Most segments in `places`. */
  readonly segmentRoom: number;
  /** `{ 0, tokens }`: the rows for linears that compute every token of the pass. */
  readonly span: number;
}

export class TokenPlaces {
  readonly #arena: Arena;
  readonly #at: PlaceAddresses;
  readonly #window: number;
  #tokens = 0;
  #segments = 0;
  /** Rows of the last token's path that are before its window and have not been skipped yet. */
  #hidden = 0;

  /** @param window number of tokens that a token sees, including itself; undefined: all earlier ones. */
  constructor(arena: Arena, at: PlaceAddresses, window: number | undefined) {
    this.#arena = arena;
    this.#at = at;
    this.#window = window ?? Number.POSITIVE_INFINITY;
  }

  /** Begins a pass. */
  begin(): void {
    this.#tokens = 0;
    this.#segments = 0;
  }

  /**
   * Adds the next token of the pass; calls of `segment` then add its path.
   * @param position in its sequence, for RoPE.
   * @param row cache row of the token's key and value.
   */
  token(id: number, position: number, row: number): void {
    const { words } = this.#arena;
    const { ids, places } = this.#at;
    const token = this.#tokens++;
    words[(ids >>> 2) + token] = id;
    words[(places.positions >>> 2) + token] = position;
    words[(places.rows >>> 2) + token] = row;
    words[(places.offsets >>> 2) + token] = this.#segments;
    this.#hidden = Math.max(0, position + 1 - this.#window);
  }

  /** Adds cache rows [first, first + count) to the token's path. The path has the rows of all positions up to the token itself, in order. */
  segment(first: number, count: number): void {
    const skipped = Math.min(this.#hidden, count);
    this.#hidden -= skipped;
    if (skipped === count) return;
    const { segmentRoom, places } = this.#at;
    if (this.#segments === segmentRoom) throw new RangeError(`places of ${segmentRoom} segments are full`);
    const { words } = this.#arena;
    const at = (places.segments >>> 2) + 2 * this.#segments++;
    words[at] = first + skipped;
    words[at + 1] = count - skipped;
  }

  /** Ends the pass. */
  end(): void {
    const { words } = this.#arena;
    const { places, span } = this.#at;
    words[(places.offsets >>> 2) + this.#tokens] = this.#segments;
    words[span >>> 2] = 0;
    words[(span >>> 2) + 1] = this.#tokens;
  }
}
