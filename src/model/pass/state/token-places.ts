/** Writes the tokens of the next pass and their places to memory. Makes no views and no objects, because it runs for every token. */
import type { Places } from "../../../nn/attention.ts";
import type { Arena } from "../../../wasm/memory/arena.ts";

/** Addresses of i32 lists for a pass of `capacity` tokens. */
export interface PlaceAddresses {
  readonly ids: number;
  /** The places of tokens in layers of each window. Only their segments differ. */
  readonly views: readonly WindowView[];
  /** Most segments of a view. */
  readonly segmentRoom: number;
  /** `{ 0, tokens }`: the rows for linears that compute every token of the pass. */
  readonly span: number;
}

/** The cache rows that tokens see in layers that have the same window. */
export interface WindowView {
  /** Number of tokens that a token sees, including itself; null: all earlier ones. */
  readonly window: number | null;
  readonly places: Places;
}

/** A view while a pass is written. */
interface RunningView extends Pick<Places, "offsets" | "segments"> {
  readonly window: number;
  /** Segments written so far. */
  used: number;
  /** Rows of the last token's path that are before its window and have not been skipped yet. */
  hidden: number;
}

export class TokenPlaces {
  readonly #arena: Arena;
  readonly #at: PlaceAddresses;
  readonly #views: readonly RunningView[];
  #tokens = 0;

  constructor(arena: Arena, at: PlaceAddresses) {
    this.#arena = arena;
    this.#at = at;
    this.#views = at.views.map(({ window, places: { offsets, segments } }) => {
      return { offsets, segments, window: window ?? Number.POSITIVE_INFINITY, used: 0, hidden: 0 };
    });
  }

  /** Begins a pass. */
  begin(): void {
    this.#tokens = 0;
    for (const view of this.#views) view.used = 0;
  }

  /**
   * Adds the next token of the pass; calls of `segment` then add its path.
   * @param position in its sequence, for RoPE.
   * @param row cache row of the token's key and value.
   */
  token(id: number, position: number, row: number): void {
    const { words } = this.#arena;
    const { ids, views } = this.#at;
    const { positions, rows } = views[0].places;
    const token = this.#tokens++;
    words[(ids >>> 2) + token] = id;
    words[(positions >>> 2) + token] = position;
    words[(rows >>> 2) + token] = row;
    for (const view of this.#views) {
      words[(view.offsets >>> 2) + token] = view.used;
      view.hidden = Math.max(0, position + 1 - view.window);
    }
  }

  /** Adds cache rows [first, first + count) to the token's path. The path has the rows of all positions up to the token itself, in order. */
  segment(first: number, count: number): void {
    for (const view of this.#views) this.#segment(view, first, count);
  }

  #segment(view: RunningView, first: number, count: number): void {
    const skipped = Math.min(view.hidden, count);
    view.hidden -= skipped;
    if (skipped === count) return;
    const { segmentRoom } = this.#at;
    if (view.used === segmentRoom) throw new RangeError(`places of ${segmentRoom} segments are full`);
    const { words } = this.#arena;
    const at = (view.segments >>> 2) + 2 * view.used++;
    words[at] = first + skipped;
    words[at + 1] = count - skipped;
  }

  /** Ends the pass. */
  end(): void {
    const { words } = this.#arena;
    const { span } = this.#at;
    for (const { offsets, used } of this.#views) words[(offsets >>> 2) + this.#tokens] = used;
    words[span >>> 2] = 0;
    words[(span >>> 2) + 1] = this.#tokens;
  }
}
