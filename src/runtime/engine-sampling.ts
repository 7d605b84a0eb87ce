/** Finds the largest logit and weighs all tokens with kernels, for vocabularies whose exponentials would take as long as a layer. */
import type { Model } from "../model/model.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { SampleEngine } from "./sampler.ts";

/** Columns that are one unit of the kernel `weigh_f32`. */
const UNIT_COLUMNS = 256;

/** Dispose it to free its memory. */
export class EngineSampling implements SampleEngine, Disposable {
  readonly #machine: Machine;
  readonly #vocabSize: number;
  readonly #memory: Region;
  /** Where scores from outside the engine's memory are copied to, and where those lie that `largest` got last. */
  readonly #copy: number;
  #scores: number;
  readonly #weights: number;
  readonly #best: number;
  /** f64 { most, temperature }, and the same bits as words. */
  readonly #scalars: number;
  readonly #given: Float64Array = new Float64Array(2);
  readonly #givenWords: Int32Array = new Int32Array(this.#given.buffer);
  /** The weights in memory; a new view after the memory has grown. */
  #view: Float64Array | undefined;

  /** @throws MemoryError if it does not fit. */
  constructor(machine: Machine, vocabSize: number) {
    using taken = machine.arena.region();
    this.#machine = machine;
    this.#vocabSize = vocabSize;
    this.#copy = taken.alloc(4 * vocabSize);
    this.#scores = this.#copy;
    this.#weights = taken.alloc(8 * vocabSize);
    this.#best = taken.alloc(4);
    this.#scalars = taken.alloc(16);
    this.#memory = taken.move();
  }

  largest(scores: Float32Array): number {
    const { arena } = this.#machine;
    this.#scores = scores.buffer === arena.words.buffer ? scores.byteOffset : this.#copy;
    if (this.#scores === this.#copy) arena.floats.set(scores, this.#copy >>> 2);
    this.#machine.call("argmax_rows", 1, this.#best, this.#scores, this.#vocabSize, this.#vocabSize);
    return arena.words[this.#best >>> 2];
  }

  weigh(most: number, temperature: number): Float64Array {
    const { arena } = this.#machine;
    this.#given[0] = most;
    this.#given[1] = temperature;
    arena.words.set(this.#givenWords, this.#scalars >>> 2);
    const units = Math.ceil(this.#vocabSize / UNIT_COLUMNS);
    this.#machine.call("weigh_f32", units, this.#weights, this.#scores, this.#vocabSize, this.#scalars);
    if (this.#view?.buffer !== arena.words.buffer) this.#view = arena.f64(this.#weights, this.#vocabSize);
    return this.#view;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

/**
 * The room of each model that generates, and how many generations use it. Sampling never pauses, so one room serves all of them.
 * It is held weakly here: when the last generation that uses it was forgotten and not ended, it is collected with that generation.
 */
const rooms = new WeakMap<Model, { readonly engine: WeakRef<EngineSampling>; users: number }>();

/** Sampling for a generation of `model`. Dispose it when the generation ends; the last one frees the memory. @throws MemoryError if it does not fit. */
export function borrowSampling(model: Model): { readonly engine: EngineSampling } & Disposable {
  const known = rooms.get(model);
  const engine = known?.engine.deref() ?? new EngineSampling(model.machine, model.config.vocabSize);
  const room = known?.engine.deref() === engine ? known : { engine: new WeakRef(engine), users: 0 };
  rooms.set(model, room);
  room.users++;
  let isReturned = false;
  return {
    engine,
    [Symbol.dispose]() {
      if (isReturned) return;
      isReturned = true;
      if (--room.users > 0) return;
      if (rooms.get(model) === room) rooms.delete(model);
      engine[Symbol.dispose]();
    },
  };
}
