/** Seeded choices: every input follows from the area's name, the seed and its number. */
import { createRandom, type Random } from "../../src/base/random.ts";

export class Dice {
  readonly #random: Random;

  constructor(area: string, seed: number, index: number) {
    let mixed = seed;
    for (const character of area) mixed = (mixed * 31 + character.charCodeAt(0)) % 2 ** 31;
    this.#random = createRandom((mixed * 2 ** 21 + index) % 2 ** 53);
  }

  /** Uniform among 0 to n - 1. */
  below(n: number): number {
    return this.#random.integer(n);
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
}
