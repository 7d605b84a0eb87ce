/** Means with their standard errors, and percentiles. */

/** Collects numbers one by one. */
export class RunningMean {
  #count = 0;
  #sum = 0;
  #squares = 0;

  add(value: number): void {
    this.#count++;
    this.#sum += value;
    this.#squares += value * value;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Root of the mean square. */
  get rms(): number {
    return this.#count === 0 ? 0 : Math.sqrt(this.#squares / this.#count);
  }

  /** sqrt((mean of squares - square of mean) / (n - 1)), as llama-perplexity and the evaluation fixtures define it. */
  get stdErr(): number {
    if (this.#count < 2) return 0;
    const variance = this.#squares / this.#count - this.mean * this.mean;
    return Math.sqrt(Math.max(0, variance) / (this.#count - 1));
  }
}

/** Linear between the two nearest ranks; `sorted` ascending, `share` from 0 to 1. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
