import { describe, expect, it } from "vitest";

import { blockPanelBytes, panelCount, recordLayout } from "../../../src/tensor/panel.ts";
import { sameBits } from "../../helpers/cuts.ts";
import { BLOCK_FORMS, type BlockRows, blockWeights, randomBlockRows } from "../../reference/blocks/block-values.ts";
import { matmulBlocks } from "../../reference/blocks/matmul-blocks.ts";
import { activations } from "../../reference/gptq/grid.ts";
import { type Mode, roundRow } from "../../reference/matmul/activations.ts";
import { matmul } from "../../reference/matmul/matmul.ts";

const ROWS = 37;
/** Rows enough for tiles in both builds, and some that are left over. */
const TOKENS = 15;

/** y[tokens, rows] of both kernels of a mode: the one for int8 reads the narrow part in the relaxed build. */
function run(part: BlockRows, x: Float32Array, mode: Mode): Float32Array {
  const { rows, cols, bits, groupSize, blockSize } = part;
  const tokens = x.length / cols;
  const units = panelCount(rows);
  const ldy = 16 * units;
  return sameBits((bench, call, build) => {
    const panels = bench.alloc(blockPanelBytes(part, rows, cols));
    const from = [bench.put(part.codes), bench.put(part.heads), bench.put(part.pairs)];
    call("pack_blocks", units, panels, ...from, rows, cols, bits, blockSize);
    const isNarrow = mode === 0 && build === "relaxed";
    const { recordBytes, narrowOffset, wideOffset } = recordLayout(cols, groupSize, isNarrow ? 1 : 0);
    const record = bench.alloc(tokens * recordBytes);
    call("quantize_act", tokens, record, bench.put(x), cols, cols, groupSize, recordBytes, narrowOffset, mode);
    const y = bench.alloc(4 * tokens * ldy);
    const table = bench.put(Int32Array.of(panels, bench.put(Int32Array.of(0, tokens)), y, 0));
    const kernel = mode === 0 ? "matmul_blocks_a8" : "matmul_blocks_a16";
    const values = isNarrow ? narrowOffset : wideOffset;
    call(kernel, units, table, 1, record, 0, cols, ldy, recordBytes, values, bits, blockSize);
    const all = bench.f32(y, tokens * ldy);
    return all.filter((_, i) => i % ldy < rows);
  });
}

function expected(part: BlockRows, x: Float32Array, mode: Mode): Float32Array {
  const { cols, groupSize } = part;
  const rows = Array.from({ length: x.length / cols }, (_, t) =>
    matmulBlocks(part, roundRow(x.subarray(t * cols, (t + 1) * cols), groupSize, mode)),
  );
  return Float32Array.from(rows.flatMap((row) => Array.from(row)));
}

describe.each(BLOCK_FORMS)(
  "blocks of %i bits, groups of %i in blocks of %i, times rounded rows",
  (bits, groupSize, blockSize) => {
    const cols = blockSize === 32 ? 288 : 512;
    const part = randomBlockRows({ bits, groupSize, blockSize, rows: ROWS, cols });

    it.each([
      [1, 0],
      [1, 1],
      [3, 0],
      [TOKENS, 0],
      [TOKENS, 1],
    ] as const)("%i rows in mode %i equal the integer reference", (tokens, mode) => {
      const x = activations(TOKENS, cols, bits).subarray(0, tokens * cols);
      expect(run(part, x, mode)).toEqual(expected(part, x, mode));
    });

    it("stay exact at the ends: all codes and factors at one end, all activations at one end", () => {
      const top = bits === 6 ? 31 : 2 ** bits - 1;
      for (const value of [1, -1])
        for (const [code, factor] of [
          [top, 127],
          [bits === 6 ? -32 : top, -128],
        ]) {
          const pairs = blockSize === groupSize ? part.pairs : new Int8Array(part.pairs.length).fill(factor);
          const ends = { ...part, codes: new Int8Array(part.codes.length).fill(code), pairs };
          const x = new Float32Array(TOKENS * cols).fill(value);
          for (const mode of [0, 1] as const) expect(run(ends, x, mode)).toEqual(expected(ends, x, mode));
        }
    });

    it("round inputs only: int16 is within half a step of each input, and f32 sums, of the weights' product in f64", () => {
      const x = activations(2, cols, 5);
      const weights = blockWeights(part);
      const exact = matmul(x, weights, 2, ROWS, cols);
      const groupOf = (at: number) => x.subarray(at - (at % groupSize), at - (at % groupSize) + groupSize);
      const halfSteps = x.map((_, at) => Math.max(...groupOf(at).map(Math.abs)) / 32639 / 2);
      const bounds = matmul(halfSteps, weights.map(Math.abs), 2, ROWS, cols);
      const sizes = matmul(x.map(Math.abs), weights.map(Math.abs), 2, ROWS, cols);
      const y = run(part, x, 1);
      expect(Math.max(...y.map((value, i) => Math.abs(value - exact[i]) - bounds[i] - 1e-6 * sizes[i]))).toBeLessThan(
        0,
      );
    });
  },
);
