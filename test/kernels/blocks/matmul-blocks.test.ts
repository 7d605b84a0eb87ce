import { describe, expect, it } from "vitest";
import { blockPanelBytes, panelCount } from "../../../src/tensor/panel.ts";
import { sameBits } from "../../helpers/cuts.ts";
import type { Bench } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { BLOCK_FORMS, type BlockRows, blockWeights, randomBlockRows } from "../../reference/blocks/block-values.ts";

const [ROWS, COLS] = [37, 512];

/** Packs the rows with the kernel; returns the address of the panels. */
function pack(bench: Bench, part: BlockRows): number {
  const { rows, cols, bits, blockSize, codes, heads, pairs } = part;
  const bytes = blockPanelBytes(part, rows, cols);
  const panels = bench.alloc(bytes);
  const guard = bench.alloc(64);
  bench.u8(panels, bytes).fill(0xaa);
  const from = [bench.put(codes), bench.put(heads), bench.put(pairs)];
  const [middle, end] = [1, panelCount(rows)];
  for (const [first, last] of [
    [middle, end],
    [0, middle],
  ]) // prettier-ignore
    bench.kernels.pack_blocks(first, last, bench.scratch, panels, ...from, rows, cols, bits, blockSize);
  expect(bench.u8(guard, 64).every((byte) => byte === 0)).toBe(true);
  return panels;
}

describe.each(BLOCK_FORMS)("blocks of %i bits, groups of %i in blocks of %i", (bits, groupSize, blockSize) => {
  const part = randomBlockRows({ bits, groupSize, blockSize, rows: ROWS, cols: COLS });
  const weights = blockWeights(part);

  it("are read as rows, exactly", () => {
    const ids = Int32Array.of(0, 36, 17, 16, 15);
    const read = sameBits((bench, call) => {
      const [panels, at] = [pack(bench, part), bench.put(ids)];
      const y = bench.alloc(4 * ids.length * COLS);
      call("embed_blocks", ids.length, y, at, panels, COLS, COLS, bits, blockSize);
      return bench.f32(y, ids.length * COLS);
    });
    ids.forEach((id, t) => {
      expect(read.subarray(t * COLS, (t + 1) * COLS)).toEqual(weights.subarray(id * COLS, (id + 1) * COLS));
    });
  });

  it.each([1, 3, 9])("are multiplied with %i rows as f32 panels of their values are", (tokens) => {
    const x = gaussians(tokens * COLS, tokens);
    const ldy = 16 * panelCount(ROWS);
    const run = (kernel: "blocks" | "f32") => (bench: Bench, call: Parameters<Parameters<typeof sameBits>[0]>[1]) => {
      const y = bench.alloc(4 * tokens * ldy);
      const span = bench.put(Int32Array.of(0, tokens));
      const at = bench.put(x);
      if (kernel === "blocks") {
        const table = bench.put(Int32Array.of(pack(bench, part), span, y, 0));
        call("matmul_blocks", panelCount(ROWS), table, 1, at, 0, COLS, ldy, COLS, bits, blockSize);
      } else {
        const panels = bench.alloc(4 * ldy * COLS);
        call("panel_32", panelCount(ROWS), panels, bench.put(weights), ROWS, COLS);
        const table = bench.put(Int32Array.of(panels, span, y, 0));
        call("matmul_f32", panelCount(ROWS), table, 1, at, 0, COLS, 0, ldy, COLS);
      }
      return bench.f32(y, tokens * ldy);
    };
    expect(sameBits(run("blocks"))).toEqual(sameBits(run("f32")));
  });
});
