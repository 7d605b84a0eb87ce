/** Finds static scales of study activations: one per group, from the largest magnitudes over calibration tokens. */

import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { readRows, type StudyActivations, studyLevels } from "../../nn/emit.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";

/** Scales in the memory of the measured model. They stay until disposed. */
export interface StaticScales extends Disposable {
  /** Pass these to `model.withActivations`. */
  readonly activations: StudyActivations;
}

/** The activations that the scales are for, and a progress callback. */
export interface ScalesOptions {
  /** Bits of an input, and columns that share a scale. */
  readonly activations: Pick<StudyActivations, "bits" | "group">;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<ScalesOptions> = { activations: true, signal: true, onProgress: true };

/** One list of scales for each group of linears with a common input. The experts of a layer share theirs. */
export async function staticScales(model: Model, windows: Windows, options: ScalesOptions): Promise<StaticScales> {
  checkKnownOptions<ScalesOptions>("staticScales", options, OPTIONS);
  const { bits, group } = options.activations;
  // Refuses invalid activations before the work.
  model.withActivations({ mode: "study", bits, group });
  return model.job(options.signal, (turns) => measureScales(model, windows, options, turns));
}

async function measureScales(
  model: Model,
  windows: Windows,
  { activations: { bits, group }, onProgress }: ScalesOptions,
  turns: Turns,
): Promise<StaticScales> {
  const { machine, config } = model;
  const found = new Map<string, Float32Array>();
  {
    using batch = new WindowBatch(model, windows);
    await batch.run(turns, (tap: Tap) => {
      if (tap.site === "hidden")
        onProgress?.({ phase: "scales", done: tap.layer + 1, total: config.layers, unit: "blocks" });
      if (tap.linears.length === 0 || tap.site === "router") return;
      const { cols } = tap.input;
      const maxima = columnMaxima(readRows(machine, tap.input), cols);
      const scales = groupScales(maxima, group === "token" ? cols : group, studyLevels(bits));
      for (const { name } of tap.linears) found.set(name, scales);
    });
  }
  using taken = machine.arena.region();
  const addresses = new Map([...new Set(found.values())].map((list) => [list, taken.place(list)]));
  const scales = new ScaleAddresses(taken.move());
  for (const [name, list] of found) scales.set(name, addresses.get(list) as number);
  return { activations: { mode: "study", bits, group, scales }, [Symbol.dispose]: () => scales[Symbol.dispose]() };
}

/** Addresses of scales, by site. Owns the memory and frees it when disposed. */
class ScaleAddresses extends Map<string, number> implements Disposable {
  readonly #memory: Region;

  constructor(memory: Region) {
    super();
    this.#memory = memory;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

function groupScales(maxima: Float32Array, group: number, levels: number): Float32Array {
  return Float32Array.from({ length: Math.ceil(maxima.length / group) }, (_, g) => {
    const members = maxima.subarray(g * group, (g + 1) * group);
    return members.reduce((most, value) => Math.max(most, value), 0) / levels;
  });
}

/** Largest magnitude of each column of rows [T, width]. Updates `into` if it is given. */
export function columnMaxima(
  rows: Float32Array,
  width: number,
  into: Float32Array = new Float32Array(width),
): Float32Array {
  for (let at = 0; at < rows.length; at += width)
    for (let col = 0; col < width; col++) into[col] = Math.max(into[col], Math.abs(rows[at + col]));
  return into;
}
