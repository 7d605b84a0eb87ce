import { expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import { rtn } from "../../src/quant/rtn.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

it("names the matrix whose weights are not finite", async () => {
  await using machine = await createMachine({ threads: 1 });
  const weights = new Float32Array(64).fill(1).with(17, Number.NaN);
  const grid = { bits: 4, groupSize: 16, symmetric: true, clip: "mse", scaleRounding: "f16" } as const;
  const rounded = rtn(machine, { weights, rows: 4, cols: 16 }, { ...grid, name: "model: q_proj", turns: new Turns() });
  await expect(rounded).rejects.toThrow("model: q_proj: found NaN at row 1, column 1");
});
