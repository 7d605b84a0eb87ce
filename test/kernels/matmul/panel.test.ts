import { describe, expect, it } from "vitest";
import { panelBytes, type WeightType } from "../../../src/tensor/panel.ts";
import type { KernelName } from "../../../src/wasm/generated/kernels.ts";
import { Bench, BUILDS } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { f16ToNumber, randomGrid } from "../../reference/gptq/grid.ts";
import { packPanels, withSharedZero } from "../../reference/matmul/pack.ts";

const SHAPES = [
  [16, 32, 32],
  [1, 64, 32],
  [17, 96, 96],
  [40, 256, 64],
  [33, 384, 128],
  [16, 4096, 4096],
];

describe.each(BUILDS)("pack and unpack, %s", (build) => {
  describe.each([2, 3, 4, 8])("%i bits", (bits) => {
    const cases = SHAPES.flatMap(([n, k, groupSize]) => [-1, 2 ** (bits - 1)].map((zero) => [n, k, groupSize, zero]));
    it.each(cases)(
      "[%i, %i] in groups of %i with the zero %i equals the drawn layout and comes back",
      (n, k, groupSize, zero) => {
        const bench = new Bench(build);
        const own = randomGrid(bits, n, k, groupSize, n + k);
        const grid = zero < 0 ? own : withSharedZero(own, zero);
        const panels = Math.ceil(n / 16);
        const size = panelBytes(`w${bits}` as WeightType, n, k, { groupSize, zero });
        const expected = packPanels(grid, zero);
        expect(size).toBe(expected.length);
        const packed = bench.alloc(size);
        const [codes, scales, zeros] = [bench.put(grid.codes), bench.put(grid.scales), bench.put(grid.zeros)];
        for (const [first, last] of [
          [0, 1],
          [1, panels],
        ]) // prettier-ignore
          bench.kernels[`pack_w${bits}` as KernelName](
            first,
            last,
            bench.scratch,
            packed,
            codes,
            scales,
            zeros,
            n,
            k,
            groupSize,
            zero,
          );
        expect(Buffer.compare(bench.u8(packed, size), expected)).toBe(0);

        const back = [
          bench.alloc(n * k + 64),
          bench.alloc(grid.scales.byteLength + 64),
          bench.alloc(grid.zeros.length + 64),
        ];
        bench.u8(back[0] + n * k, 64).fill(0xaa);
        bench.kernels[`unpack_w${bits}` as KernelName](
          0,
          panels,
          bench.scratch,
          back[0],
          back[1],
          back[2],
          packed,
          n,
          k,
          groupSize,
          zero,
        );
        expect(Buffer.compare(bench.u8(back[0], n * k), grid.codes)).toBe(0);
        expect(bench.u16(back[1], grid.scales.length)).toEqual(grid.scales);
        expect(bench.u8(back[2], grid.zeros.length)).toEqual(grid.zeros);
        expect(bench.u8(back[0] + n * k, 64).every((byte) => byte === 0xaa)).toBe(true);
      },
    );
  });
});

describe("panel_16 and panel_32", () => {
  it.each([
    [16, 1],
    [1, 7],
    [35, 33],
    [48, 64],
  ])("[%i, %i] puts element [k][r] of a panel in its place and zeroes missing rows", (n, k) => {
    const bench = new Bench("base");
    const panels = Math.ceil(n / 16);
    const words = Uint32Array.from({ length: n * k }, (_, i) => i + 1);
    const halves = Uint16Array.from(words);
    const out32 = bench.alloc(panels * k * 64);
    const out16 = bench.alloc(panels * k * 32);
    bench.kernels.panel_32(0, panels, bench.scratch, out32, bench.put(words), n, k);
    bench.kernels.panel_16(0, panels, bench.scratch, out16, bench.put(halves), n, k);
    const expected = Array.from({ length: panels * 16 * k }, (_, i) => {
      const row = Math.floor(i / (16 * k)) * 16 + (i % 16);
      return row < n ? words[row * k + (Math.floor(i / 16) % k)] : 0;
    });
    expect(Array.from(bench.u32(out32, expected.length))).toEqual(expected);
    expect(Array.from(bench.u16(out16, expected.length))).toEqual(expected);
  });

  it.each([
    ["panel_16", 0x7c00, 0xfc00, 0xfbff],
    ["panel_16", 0x7f80, 0x7fc1, 0xff7f],
    ["panel_32", 0x7f800000, 0xff800001, 0xff7fffff],
  ] as const)("%s tells panels with elements whose bits %i are all set", (kernel, exponent, bad, good) => {
    const [n, k] = [40, 21];
    for (const element of [0, 17, 16 * k + 3, 33 * k + 20, n * k - 1]) {
      const bench = new Bench("base");
      const rows = (kernel === "panel_16" ? new Uint16Array(n * k) : new Uint32Array(n * k)).fill(good);
      rows[element] = bad;
      const [out, input, faults] = [bench.alloc(3 * 16 * k * 4), bench.put(rows), bench.alloc(12)];
      bench.kernels[kernel](0, 1, bench.scratch, out, input, n, k, faults, exponent);
      bench.kernels[kernel](1, 3, bench.scratch, out, input, n, k, faults, exponent);
      const found = [0, 1, 2].map((panel) => Number(panel === Math.floor(element / (16 * k))));
      expect([...bench.u32(faults, 3)]).toEqual(found);
    }
  });
});

describe("embed", () => {
  const [n, k, ldy] = [37, 19, 24];
  const ids = Int32Array.of(0, 36, 5, 16, 5);
  const bits16 = Uint16Array.from(
    { length: n * k },
    (_, i) => [0x0001, 0x83ff, 0x0000, 0x8000, 0x3c00, 0xfbff, 0x2e66][i % 7] ^ (i & 0x3f),
  );
  const cases: [KernelName, KernelName, Uint16Array | Float32Array, (i: number) => number][] = [
    ["embed_f32", "panel_32", gaussians(n * k, 3), (i) => gaussians(n * k, 3)[i]],
    ["embed_f16", "panel_16", bits16, (i) => f16ToNumber(bits16[i])],
    ["embed_bf16", "panel_16", bits16, (i) => new Float32Array(Uint32Array.of(bits16[i] << 16).buffer)[0]],
  ];
  it.each(cases)("%s copies rows out of the panels, exactly", (kernel, arrange, weights, value) => {
    const bench = new Bench("base");
    const panels = bench.alloc(3 * 16 * k * 4);
    bench.kernels[arrange](0, 3, bench.scratch, panels, bench.put(weights), n, k);
    const y = bench.alloc(ids.length * ldy * 4);
    bench.f32(y, ids.length * ldy).fill(-1);
    const at = bench.put(ids);
    bench.kernels[kernel](0, 2, bench.scratch, y, at, panels, k, ldy);
    bench.kernels[kernel](2, 5, bench.scratch, y, at, panels, k, ldy);
    for (const [t, id] of ids.entries()) {
      const row = Array.from(bench.f32(y + t * ldy * 4, ldy));
      expect(row).toEqual(Array.from({ length: ldy }, (_, col) => (col < k ? value(id * k + col) : -1)));
    }
  });
});
