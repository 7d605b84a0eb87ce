import { describe, expect, it } from "vitest";
import type { KernelName } from "../../../src/wasm/generated/kernels.ts";
import { Bench, BUILDS } from "../../helpers/kernels.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { embedCodes } from "../../reference/embed/embed.ts";
import { randomGrid } from "../../reference/gptq/grid.ts";
import { packPanels, withSharedZero } from "../../reference/matmul/pack.ts";

const SHAPES = [
  [37, 96, 96],
  [17, 256, 64],
  [40, 128, 32],
  [33, 384, 128],
] as const;

/** Scratch has exactly the promised 512 bytes, with guard bytes behind. */
function guardedBench(build: (typeof BUILDS)[number]): Bench {
  const bench = new Bench(build, 8 << 20, 512);
  bench.u8(bench.alloc(64), 64).fill(0xaa);
  return bench;
}

function shuffled(count: number): Int32Array {
  const random = mulberry32(count);
  return Int32Array.from({ length: count }, (_, at) => at).sort(() => random() - 0.5);
}

describe.each(BUILDS)("embed from packed panels, %s", (build) => {
  describe.each([2, 3, 4, 8])("%i bits", (bits) => {
    const cases = SHAPES.flatMap(([n, k, groupSize]) => [-1, 2 ** (bits - 1)].map((zero) => [n, k, groupSize, zero]));
    it.each(cases)(
      "[%i, %i] in groups of %i with the zero %i reads the dequantised rows, whatever the cut",
      (n, k, groupSize, zero) => {
        const bench = guardedBench(build);
        const own = randomGrid(bits, n, k, groupSize, n + k + bits);
        const grid = zero < 0 ? own : withSharedZero(own, zero);
        grid.scales[0] = 1; // The smallest subnormal f16.
        const weights = bench.put(packPanels(grid, zero));
        const ids = Int32Array.of(0, n - 1, 5, 16, 5, 15);
        const ldy = k + 8;
        for (const perm of [undefined, shuffled(k)]) {
          const y = bench.alloc(ids.length * ldy * 4);
          bench.f32(y, ids.length * ldy).fill(-7);
          const [at, order] = [bench.put(ids), perm === undefined ? 0 : bench.put(perm)];
          for (const [first, last] of [
            [0, 2],
            [2, 2],
            [2, 6],
          ]) // prettier-ignore
            bench.kernels[`embed_w${bits}` as KernelName](
              first,
              last,
              bench.scratch,
              y,
              at,
              weights,
              k,
              groupSize,
              ldy,
              order,
              zero,
            ); // prettier-ignore
          const expected = embedCodes(grid, ids, perm);
          for (let t = 0; t < ids.length; t++) {
            expect(bench.f32(y + t * ldy * 4, k)).toEqual(expected.subarray(t * k, (t + 1) * k));
            expect(bench.f32(y + (t * ldy + k) * 4, 8).every((value) => value === -7)).toBe(true);
          }
        }
        expect(bench.u8(bench.scratch + 512, 64).every((byte) => byte === 0xaa)).toBe(true);
      },
    );
  });
});
