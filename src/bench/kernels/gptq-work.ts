/** Prepares GPTQ of one matrix [n, n] with n rows of inputs: the whole, and its parts. */
import { createRandom } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import { clipSearchOf, DEFAULT_GRID } from "../../compress/recipe/settings.ts";
import { factorize } from "../../quant/factor.ts";
import { type GptqOptions, gptq } from "../../quant/gptq.ts";
import { Hessian } from "../../quant/hessian.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";

const { method: _, ...GRID } = DEFAULT_GRID;
const clip = clipSearchOf(GRID, 4, "gptq");
const OPTIONS: GptqOptions = { ...GRID, clip, bits: 4, groupSize: 128, scaleRounding: "f16" };

/** A matrix to quantise, again and again. Dispose it to free its inputs. */
export class GptqWork implements Disposable {
  readonly size: number;
  readonly #machine: Machine;
  readonly #memory: Region;
  readonly #hessian: Hessian;
  readonly #inputs: number;
  readonly #weights: Float32Array;

  /** @param size rows and columns of the matrix, and rows of its inputs; a multiple of 128. */
  constructor(machine: Machine, size: number) {
    using taken = machine.arena.region();
    const random = createRandom(1);
    const draw = () => Float32Array.from({ length: size * size }, () => random.next() - 0.5);
    this.size = size;
    this.#machine = machine;
    this.#inputs = taken.place(draw());
    this.#weights = draw();
    this.#hessian = new Hessian(machine, size);
    this.#memory = taken.move();
  }

  /** Adds the inputs to the Hessian. */
  gram(precision: "f32" | "f64"): void {
    const { size } = this;
    this.#hessian.accumulate({ ptr: this.#inputs, ld: size, index: 0, count: size }, precision);
  }

  /** Factors the Hessian; `gram` must have run. */
  async factor(turns: Turns): Promise<void> {
    using factor = await factorize(this.#machine, this.#hessian, OPTIONS, turns);
    void factor;
  }

  /** The whole: Hessian, factor, clip search and column loop, to 4 bits in groups of 128 with the default grid. */
  async quantize(turns: Turns): Promise<void> {
    const { size } = this;
    using hessian = new Hessian(this.#machine, size);
    hessian.accumulate({ ptr: this.#inputs, ld: size, index: 0, count: size }, "f32");
    using factor = await factorize(this.#machine, hessian, OPTIONS, turns);
    const matrix = { weights: this.#weights, rows: size, cols: size, factor };
    await gptq(this.#machine, matrix, { ...OPTIONS, turns });
  }

  [Symbol.dispose](): void {
    this.#hessian[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
