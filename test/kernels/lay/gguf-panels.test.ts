import { describe, expect, it } from "vitest";
import { f16Value } from "../../../src/tensor/float16.ts";
import { panelBytes, panelCount } from "../../../src/tensor/panel.ts";
import { sameBits } from "../../helpers/cuts.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { dequantized, type TwinType, TYPES } from "../../reference/gguf-blocks.ts";

const [ROWS, COLS] = [37, 768];

/** Rows of any bytes whose f16 numbers are finite, of both signs. */
function randomRows(type: TwinType): Uint8Array {
  const { bytes, elements, halves, id } = TYPES[type];
  const random = mulberry32(id);
  const blocks = Uint8Array.from({ length: ((ROWS * COLS) / elements) * bytes }, () => Math.floor(256 * random()));
  for (let from = 0; from < blocks.length; from += bytes)
    for (const half of halves) if ((blocks[from + half + 1] & 0x7c) === 0x7c) blocks[from + half + 1] ^= 0x40;
  return blocks;
}

/** The same numbers; zeros of both signs are the same. */
function expectNumbers(found: Float32Array, expected: Float64Array): void {
  expect(found.length).toBe(expected.length);
  const bad = found.findIndex((value, i) => value !== Math.fround(expected[i]));
  expect(bad < 0 ? "all equal" : `${bad}: ${found[bad]}, not ${expected[bad]}`).toBe("all equal");
}

describe.each([
  ["Q4_0", 4, 32, 8],
  ["Q5_0", 8, 32, 16],
  ["Q8_0", 8, 32, 128],
  ["Q3_K", 8, 256, 124],
] as const)("panels of %s", (type, bits, groupSize, zero) => {
  const blocks = randomRows(type);
  const { id } = TYPES[type];

  it("have the weights of the file, and rows of zeros behind them", () => {
    const ids = Int32Array.from({ length: 16 * panelCount(ROWS) }, (_, row) => row);
    const values = sameBits((bench, call) => {
      const size = panelBytes(`w${bits}`, ROWS, COLS, { groupSize, zero });
      const [panels, guard] = [bench.alloc(size), bench.alloc(64)];
      bench.u8(panels, size).fill(0xaa);
      const faults = bench.put(new Uint32Array(panelCount(ROWS)).fill(7));
      call("lay_gguf_codes", panelCount(ROWS), panels, faults, bench.put(blocks), ROWS, COLS, id);
      expect([...bench.u32(faults, panelCount(ROWS))]).toEqual([0, 0, 0]);
      expect(bench.u8(guard, 64).every((byte) => byte === 0)).toBe(true);
      const y = bench.alloc(4 * ids.length * COLS);
      call(`embed_w${bits}`, ids.length, y, bench.put(ids), panels, COLS, groupSize, COLS, 0, zero);
      return bench.f32(y, ids.length * COLS);
    });
    expectNumbers(values.subarray(0, ROWS * COLS), dequantized(type, blocks));
    expect(values.subarray(ROWS * COLS).every((value) => value === 0)).toBe(true);
  });

  it.each([0x7c00, 0xfc00, 0x7e01])("tell that a scale of bits %i is no number", (half) => {
    const bad = blocks.slice();
    const { elements, bytes, halves } = TYPES[type];
    new DataView(bad.buffer).setUint16(((20 * COLS) / elements + 2) * bytes + halves[0], half, true);
    const found = sameBits((bench, call) => {
      const panels = bench.alloc(panelBytes(`w${bits}`, ROWS, COLS, { groupSize, zero }));
      const faults = bench.alloc(4 * panelCount(ROWS));
      call("lay_gguf_codes", panelCount(ROWS), panels, faults, bench.put(bad), ROWS, COLS, id);
      return bench.i32(faults, panelCount(ROWS));
    });
    expect([...found]).toEqual([0, 1, 0]);
  });
});

describe.each([
  ["Q4_1", 32],
  ["Q5_1", 32],
  ["Q2_K", 16],
  ["Q4_K", 32],
  ["Q5_K", 32],
  ["Q6_K", 16],
] as const)("rows of %s", (type, group) => {
  const blocks = randomRows(type);
  const { id, elements, bytes, halves } = TYPES[type];
  const unpacked = (rows: Uint8Array) => {
    const parts = { codes: ROWS * COLS, heads: (4 * ROWS * COLS) / elements, pairs: (2 * ROWS * COLS) / group };
    const all = sameBits((bench, call) => {
      const sizes = [parts.codes, parts.heads, parts.pairs, 4 * ROWS];
      const at = sizes.map((size) => bench.alloc(size));
      call("unpack_gguf_blocks", ROWS, ...at, bench.put(rows), COLS, id);
      return Int32Array.from(sizes.flatMap((size, i) => [...bench.i32(at[i], size / 4)]));
    });
    const cut = (from: number, length: number) => all.slice(from / 4, (from + length) / 4).buffer;
    return {
      codes: new Int8Array(cut(0, parts.codes)),
      heads: new Uint32Array(cut(parts.codes, parts.heads)),
      pairs: new Int8Array(cut(parts.codes + parts.heads, parts.pairs)),
      faults: [...all.slice(-ROWS)],
    };
  };

  it("have the weights of the file", () => {
    const { codes, heads, pairs, faults } = unpacked(blocks);
    expect(faults.every((fault) => fault === 0)).toBe(true);
    const values = Float32Array.from(codes, (code, i) => {
      const head = heads[Math.floor(i / elements)];
      const pair = 2 * Math.floor(i / group);
      return f16Value(head >>> 16) * pairs[pair] * code - f16Value(head & 0xffff) * pairs[pair + 1];
    });
    expectNumbers(values, dequantized(type, blocks));
  });

  it.each(halves)("tell that the number at byte %i of a block is none", (half) => {
    const bad = blocks.slice();
    new DataView(bad.buffer).setUint16(((20 * COLS) / elements + 2) * bytes + half, 0xfd00, true);
    expect(
      unpacked(bad)
        .faults.map((fault, row) => (fault === 0 ? -1 : row))
        .filter((row) => row >= 0),
    ).toEqual([20]);
  });
});
