/** A source of reference rows: logits and chosen experts of each window, from a running model or from a file. */
import { UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";

export interface ReferenceRows {
  readonly shape: ReferenceShape;
  /** The window at index `place`, whose ids are `ids`. */
  window(place: number, ids: readonly number[], turns: Turns): Promise<ReferenceWindow>;
}

/** The reference's logits and routes of one window; valid until the next window is requested. */
export interface ReferenceWindow {
  /** Copies the logits of the tokens [first, first + rows), up to a constant a row. Rows of `into` are `ld` floats apart. */
  copyLogits(into: Float32Array, ld: number, first: number, rows: number): void;
  /** For each MoE layer, the chosen experts of each token, sorted. */
  readonly routes: readonly Int32Array[];
}

/** What two models must have in common to be compared. */
export interface ReferenceShape {
  readonly vocabSize: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  /** Numbers of the MoE layers. */
  readonly moeLayers: readonly number[];
}

export function shapeOf({ vocabSize, layers, experts, topK, moeLayers }: ModelConfig): ReferenceShape {
  return { vocabSize, layers, experts, topK, moeLayers: moeLayers.flatMap((moe, layer) => (moe ? [layer] : [])) };
}

/** @throws UsageError if the reference's vocabulary size, layers or experts differ from those of the model called `name`. */
export function requireComparable(name: string, model: ReferenceShape, reference: ReferenceShape): void {
  for (const key of ["vocabSize", "layers", "experts", "topK", "moeLayers"] as const)
    if (String(model[key]) !== String(reference[key]))
      throw new UsageError(`reference ${key}`, String(reference[key]), `${model[key]}, as ${name} has`);
}

/** @throws UsageError naming the first difference between the given windows and the file's. */
export function requireSameWindows(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  file: string,
): void {
  const check = (where: string, a: number, b: number, unit: string) => {
    if (a !== b) throw new UsageError(where, `${unit}${a}`, `${b}, as ${file} has`);
  };
  for (let place = 0; place < Math.min(found.length, expected.length); place++) {
    const [a, b] = [found[place], expected[place]];
    for (let token = 0; token < Math.min(a.length, b.length); token++)
      check(`window ${place}, token ${token}`, a[token], b[token], "id ");
    check(`window ${place}`, a.length, b.length, "a length of ");
  }
  check("windows", found.length, expected.length, "");
}
