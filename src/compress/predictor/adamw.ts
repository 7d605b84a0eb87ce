/** AdamW (Loshchilov and Hutter 2019) on parameters in the engine's memory, with torch's default betas and epsilon. */

import type { Turns } from "../../base/turns.ts";
import { f32Bits } from "../../wasm/constants.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";

export interface AdamWOptions {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** Panels of `rows` vectors of 16, [panels][rows][16], and their gradient [rows, 16 * panels] in the layout of a matmul's output. */
export interface Parameters {
  readonly ptr: number;
  readonly gradient: number;
  readonly panels: number;
  readonly rows: number;
}

/** Addresses of the running moments of one array of parameters. */
interface Moments {
  readonly mean: number;
  readonly square: number;
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export class AdamW implements Disposable {
  readonly #options: AdamWOptions;
  readonly #parameters: readonly (Parameters & Moments)[];
  readonly #memory: Region;
  readonly #tape: Tape;
  /** beta1^steps. */
  #power1 = 1;
  #power2 = 1;

  constructor(machine: Machine, parameters: readonly Parameters[], options: AdamWOptions) {
    this.#options = options;
    this.#tape = machine.tape();
    using taken = machine.arena.region();
    this.#parameters = parameters.map((each) => {
      const size = each.panels * each.rows * 16;
      return { ...each, mean: zeros(machine, taken, size), square: zeros(machine, taken, size) };
    });
    this.#memory = taken.move();
  }

  /** Takes one step down the gradients, in place. Weight decay acts directly on the parameters. */
  async step(turns: Turns): Promise<void> {
    const { learningRate, weightDecay } = this.#options;
    this.#power1 *= BETA_1;
    this.#power2 *= BETA_2;
    const numbers = [
      ...[1 - BETA_1, 1 - BETA_2, 1 - learningRate * weightDecay],
      ...[learningRate / (1 - this.#power1), 1 / (1 - this.#power2), EPSILON],
    ].map(f32Bits);
    this.#tape.clear();
    // A square root and a division cost as much as several multiplications.
    for (const { ptr, mean, square, gradient, panels, rows } of this.#parameters)
      this.#tape.beside("adamw_f32", panels, 64 * rows, ptr, mean, square, gradient, 16 * panels, rows, ...numbers);
    await this.#tape.runInTurns(turns);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

function zeros({ arena }: Machine, memory: Region, count: number): number {
  const ptr = memory.alloc(4 * count);
  arena.f32(ptr, count).fill(0);
  return ptr;
}
