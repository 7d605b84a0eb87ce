/** Reads the fields of sliding windows: which layers have one, and how long it is. */

import type { ConfigFields } from "./config-fields.ts";
import type { ModelConfig } from "./model-config.ts";

/** `sliding_window` holds for every layer; there is none if the field is missing, null or 0. */
export function windowEverywhere(fields: ConfigFields, layers: number): ModelConfig["windows"] {
  return layersWith(fields, layers, () => true);
}

/** A family's own rule for the layers with a window. `layer_types`, which transformers 5 writes, takes precedence. */
export function layersWith(
  fields: ConfigFields,
  layers: number,
  hasWindow: (layer: number) => boolean,
): ModelConfig["windows"] {
  const window = fields.indexOr(0, "sliding_window");
  if (window === 0) return Array<null>(layers).fill(null);
  return Array.from({ length: layers }, (_, layer) => (hasWindow(layer) ? window : null));
}
