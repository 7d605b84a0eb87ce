/**
 * Estimates how soon experts are needed again, by which a paged store chooses what it evicts. A pass visits the layers one after the other, so
 * an expert of the next layer may be needed at once, and one of the layer before only with the next pass. How often an expert is chosen is
 * a mean over the last passes.
 */

/** Passes over which the mean looks back. */
const MEMORY = 32;
/** The least share of passes that an expert is taken to be used in: experts that were never used do not differ. */
const LEAST_SHARE = 1 / 1024;

export class NextUse {
  /** For each layer that has experts, the share of passes in which each of them was used. */
  readonly #shares: ReadonlyMap<number, Float64Array>;
  /** Places of these layers in a pass. */
  readonly #places: ReadonlyMap<number, number>;
  #now = 0;

  /** @param layers the layers that have experts, ascending. @param share what is expected of each expert at first. */
  constructor(layers: readonly number[], experts: number, share: number) {
    this.#shares = new Map(layers.map((layer) => [layer, new Float64Array(experts).fill(share)]));
    this.#places = new Map(layers.map((layer, place) => [layer, place]));
  }

  /** A pass is at this layer and needs these of its experts. */
  visit(layer: number, experts: ReadonlySet<number>): void {
    const shares = this.#shares.get(layer) as Float64Array;
    for (let expert = 0; expert < shares.length; expert++)
      shares[expert] += ((experts.has(expert) ? 1 : 0) - shares[expert]) / MEMORY;
    this.#now = this.#places.get(layer) as number;
  }

  /** Layers until an expert is expected to be needed, counted from the layer that was visited last. */
  layersUntil(layer: number, expert: number): number {
    const layers = this.#places.size;
    const place = this.#places.get(layer) as number;
    const ahead = place > this.#now ? place - this.#now : place - this.#now + layers;
    const share = Math.max(LEAST_SHARE, (this.#shares.get(layer) as Float64Array)[expert]);
    return ahead + layers * (1 / share - 1);
  }
}
