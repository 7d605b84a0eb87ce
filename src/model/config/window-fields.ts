/** Reads the fields of sliding windows: which layers have one, and how long it is. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import type { ConfigFields } from "./config-fields.ts";
import type { ModelConfig } from "./model-config.ts";

/** `sliding_window` holds for every layer; there is none if the field is missing, null or 0. */
export function windowEverywhere(fields: ConfigFields, layers: number): ModelConfig["windows"] {
  const window = fields.indexOr(0, "sliding_window");
  const types = readTypes(fields, layers);
  const expected = window > 0 ? SLIDING : FULL;
  const other = types?.find((type) => type !== expected);
  if (other !== undefined)
    throw new UnsupportedError(`${fields.where}: layer_types`, other, [`${expected} in all layers`]);
  return Array<number | null>(layers).fill(window > 0 ? window : null);
}

/**
 * `sliding_window` holds for some layers: those of `layer_types`, which transformers 5 writes, or else those that the family's rule
 * tells from older fields.
 */
export function layersWith(
  fields: ConfigFields,
  layers: number,
  hasWindow: (layer: number) => boolean,
): ModelConfig["windows"] {
  const window = fields.indexOr(0, "sliding_window");
  const types = readTypes(fields, layers);
  const isWindowed = (layer: number) => (types === undefined ? hasWindow(layer) : types[layer] === SLIDING);
  return Array.from({ length: layers }, (_, layer) => (window > 0 && isWindowed(layer) ? window : null));
}

/** No windows, whatever `sliding_window` is: the file has turned them off. */
export function noWindows(fields: ConfigFields, layers: number): ModelConfig["windows"] {
  fields.ignore("sliding_window", "max_window_layers");
  readTypes(fields, layers);
  return Array<null>(layers).fill(null);
}

const FULL = "full_attention";
const SLIDING = "sliding_attention";

/** The kind of attention of each layer, if the file has a list of them. */
function readTypes(fields: ConfigFields, layers: number): readonly string[] | undefined {
  const types = fields.texts("layer_types");
  if (types === undefined) return undefined;
  const where = `${fields.where}: layer_types`;
  if (types.length !== layers) throw new FormatError(where, `found ${types.length} entries, expected ${layers}`);
  const other = types.find((type) => type !== FULL && type !== SLIDING);
  if (other !== undefined) throw new UnsupportedError(where, other, [FULL, SLIDING]);
  return types;
}
