/**
 * Estimates how soon weights are needed again, by which a paged store chooses what it evicts. A pass goes through its places in order, so
 * an expert of the next layer may be needed at once, and one of the layer before only with the next pass. How often an expert is chosen is
 * a mean over the last passes; all other weights are needed in every pass.
 */

/** Passes over which the mean looks back. */
const MEMORY = 32;
/** The least share of passes that an expert is taken to be used in: experts that were never used do not differ. */
const LEAST_SHARE = 1 / 1024;

export interface NextUseOptions {
  /** Number of places in a pass. */
  readonly places: number;
  /** Experts of a layer. */
  readonly experts: number;
  /** The share of passes in which an expert is expected at first. */
  readonly share: number;
}

export class NextUse {
  readonly #options: NextUseOptions;
  /** For each place whose experts were chosen, the share of passes in which each of them was used. */
  readonly #shares: Map<number, Float64Array> = new Map();
  #now = 0;

  constructor(options: NextUseOptions) {
    this.#options = options;
  }

  /** A pass is at this place. */
  visit(place: number): void {
    this.#now = place;
  }

  /** A pass needs these of a place's experts. */
  choose(place: number, chosen: ReadonlySet<number>): void {
    const { experts, share } = this.#options;
    const shares = this.#shares.get(place) ?? new Float64Array(experts).fill(share);
    this.#shares.set(place, shares);
    for (let expert = 0; expert < experts; expert++)
      shares[expert] += ((chosen.has(expert) ? 1 : 0) - shares[expert]) / MEMORY;
  }

  /** Places until an expert is expected to be needed, counted from the place that was visited last. Expert -1 stands for all other weights. */
  stepsUntil(place: number, expert: number): number {
    const { places, share } = this.#options;
    const ahead = place > this.#now ? place - this.#now : place - this.#now + places;
    if (expert < 0) return ahead;
    return ahead + places * (1 / Math.max(LEAST_SHARE, this.#shares.get(place)?.[expert] ?? share) - 1);
  }
}
