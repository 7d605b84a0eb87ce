/** Where the checkpoints of other tools are, and what their dequantised weights must be. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const OWN = ["mixtral-b4-g64", "mixtral-hub-names-b8-row-no-gidx", "mixtral-b3-g128-sharded"];
const SHARED = ["qwen2moe-mixed", "qwen3moe-b4-asym-act-v2"];

export const CHECKPOINTS: readonly { name: string; path: string; missing: boolean }[] = [
  ...OWN.map((name) => ({ name, path: `${ROOT}test/fixtures/gptq-checkpoints/${name}`, missing: false })),
  ...SHARED.map((name) => {
    const path = `${process.env["QUERN_SHARED"] ?? `${ROOT}../shared`}/fixtures/gptq-checkpoints/${name}`;
    return { name, path, missing: !existsSync(path) };
  }),
];

/** The file's own spelling of a module of `expected.safetensors`. */
export function hubName(module: string): string {
  const names = { gate_proj: "w1", up_proj: "w3", down_proj: "w2" } as Readonly<Record<string, string>>;
  return module.replace(
    /mlp\.experts\.(\d+)\.(\w+)$/,
    (_, expert, projection) => `block_sparse_moe.experts.${expert}.${names[projection]}`,
  );
}

/** f32 [N,K]: scale * (code - zero), one at a time. */
export function dequantise({ rows, cols, groups, codes, scales, zeros, gIdx }: QuantizedMatrix): Float32Array {
  const weights = new Float32Array(rows * cols);
  for (let n = 0; n < rows; n++)
    for (let k = 0; k < cols; k++) {
      const at = n * groups + gIdx[k];
      weights[n * cols + k] = scales[at] * (codes[n * cols + k] - zeros[at]);
    }
  return weights;
}
