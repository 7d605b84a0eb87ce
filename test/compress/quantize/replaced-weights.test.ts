import { describe, expect, it } from "vitest";
import { ReplacedWeights } from "../../../src/compress/quantize/replaced-weights.ts";
import type { Linear } from "../../../src/model/weights/linears.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";

const [ROWS, COLS, GROUP] = [32, 64, 32];
const MATRIX: QuantizedMatrix = {
  ...{ rows: ROWS, cols: COLS, bits: 3, groupSize: GROUP, groups: 2, codes: new Uint8Array(ROWS * COLS) },
  ...{ scales: new Float32Array(2 * ROWS), zeros: new Uint8Array(2 * ROWS).fill(4) },
  ...{ gIdx: naturalGroups(COLS, GROUP), perm: naturalOrder(COLS) },
};

describe("weights that a block is computed with while it is quantised", () => {
  it("are in memory until the pass reaches the next site, and after the last site until the block is done", async () => {
    const machine = await createMachine();
    const { arena } = machine;
    const before = arena.used;
    const linear = { name: "gate", rows: ROWS, cols: COLS } as Linear;
    {
      using replaced = new ReplacedWeights(machine);
      replaced.swap(linear, MATRIX);
      replaced.swap({ ...linear, name: "up" }, MATRIX);
      expect(linear.matrix).toMatchObject({ kind: "packed", bits: 3, groupSize: GROUP });
      const ofTwo = arena.used - before;
      expect(ofTwo).toBeGreaterThan((2 * 3 * ROWS * COLS) / 8);
      replaced.reach();
      expect(arena.used).toBe(before);
      replaced.swap({ ...linear, name: "down" }, MATRIX);
      expect(arena.used - before).toBe(ofTwo / 2);
    }
    expect(arena.used).toBe(before);
  });
});
