/** Reads a whole GPTQ linear, in all dialects of the format. Loading lays it in panels without this step (codecs/gptq-panels). */

import { f16Value } from "../../tensor/float16.ts";
import { naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { readTensor, requireTensor, type TensorIndex } from "../tensor-index.ts";
import type { GptqConfig } from "./gptq-config.ts";
import { type GptqGrid, readGptqGrid, requireScales } from "./gptq-grid.ts";
import type { GptqModule } from "./gptq-header.ts";
import { unpackColumns, unpackZeros } from "./gptq-packing.ts";

/**
 * Reads the linear, with warnings about oddities. @throws FormatError or UnsupportedError naming the tensor that is missing or wrong.
 */
export async function readGptq(
  index: TensorIndex,
  module: GptqModule,
  config?: GptqConfig,
): Promise<QuantizedMatrix & Pick<GptqGrid, "warnings">> {
  const { name, rows, cols } = module;
  const { bits, groups, gIdx, warnings, ...grid } = await readGptqGrid(index, module, config);
  requireScales(index, module, grid.scales);
  const scales = new Float32Array(rows * groups);
  for (let n = 0; n < rows; n++)
    for (let g = 0; g < groups; g++) scales[n * groups + g] = f16Value(grid.scales[g * rows + n]);
  const qweight = requireTensor(index, `${name}.qweight`);
  const words = new Int32Array(qweight.byteLength / 4);
  await readTensor(qweight, new Uint8Array(words.buffer));
  const matrix = {
    ...{ rows, cols, bits, groups, gIdx, scales, groupSize: groups === 1 ? -1 : Math.ceil(cols / groups) },
    perm: naturalOrder(cols),
    codes: unpackColumns(words, cols, rows, bits),
    zeros: unpackZeros(grid.zeros, rows, groups, bits, "gptq_v2"),
  };
  flipNegativeScales(matrix);
  return { ...matrix, warnings };
}

/** Makes scales positive by s (c - z) = -s ((max - c) - (max - z)). Files of other writers may have negative scales, which other readers do not accept. */
function flipNegativeScales(matrix: QuantizedMatrix): void {
  const { rows, cols, groups, codes, scales, zeros, gIdx } = matrix;
  const max = 2 ** matrix.bits - 1;
  const isNegative = (scale: number) => scale < 0 || Object.is(scale, -0);
  for (let n = 0; n < rows; n++) {
    const row = scales.subarray(n * groups, n * groups + groups);
    if (!row.some(isNegative)) continue;
    for (let k = 0; k < cols; k++) if (isNegative(row[gIdx[k]])) codes[n * cols + k] = max - codes[n * cols + k];
    for (let g = 0; g < groups; g++)
      if (isNegative(row[g])) {
        zeros[n * groups + g] = max - zeros[n * groups + g];
        row[g] = -row[g];
      }
  }
}
