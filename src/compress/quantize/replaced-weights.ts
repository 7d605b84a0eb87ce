/** Computes with quantised weights in place of a block's own, one site after the other. */
import type { Linear } from "../../model/weights/linears.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { placeQuantized } from "../windows/place-quantized.ts";

/** The packed weights of a site are in the engine's memory until the next one is reached: by then the pass has computed with them. */
export class ReplacedWeights implements Disposable {
  readonly #machine: Machine;
  #packed: Region;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#packed = machine.arena.region();
  }

  /** Gives a linear of the present site these weights. */
  swap(linear: Linear, matrix: QuantizedMatrix): void {
    linear.matrix = placeQuantized(this.#machine, this.#packed, linear.name, matrix);
  }

  /** Frees the weights of the sites before this one. Called at each tap, before its linears are replaced. */
  reach(): void {
    this.#packed[Symbol.dispose]();
    this.#packed = this.#machine.arena.region();
  }

  [Symbol.dispose](): void {
    this.#packed[Symbol.dispose]();
  }
}
