/** Packed panels written code by code from docs/kernels.md: nothing here is shared with the kernels. */
import { type Grid, gridCodes } from "../gptq/grid.ts";

/** Where the bits of column `col` (of a group) and row `row` (of a panel) lie: [byte in the group's codes, lowest bit, bits] pieces, low bits first. */
function bitsAt(bits: number, row: number, col: number): [number, number, number][] {
  const quad = row >> 2;
  const lane = (row & 3) * 4;
  if (bits === 8) return [[(col >> 2) * 64 + quad * 16 + lane + (col & 3), 0, 8]];
  if (bits === 4) return [[(col >> 3) * 64 + quad * 16 + lane + (col & 3), 4 * ((col >> 2) & 1), 4]];
  if (bits === 2) return [[(col >> 4) * 64 + quad * 16 + lane + (col & 3), 2 * ((col >> 2) & 3), 2]];
  const base = (col >> 5) * 192 + quad * 48 + lane + (col & 3);
  const v = (col >> 2) & 7;
  if (v < 6) return [[base + 16 * (v >> 1), 3 * (v & 1), 3]];
  return [
    [base + 16 * (v - 6), 6, 2],
    [base + 32, v, 1],
  ];
}

/** The panels of a grid's codes; `zero` is that of all rows and groups, or -1 if the panels have zeros. */
export function packPanels(grid: Grid, zero = -1): Uint8Array {
  const { bits, n, k, groupSize, scales, zeros } = grid;
  const groups = k / groupSize;
  const headBytes = zero < 0 ? 48 : 32;
  const groupBytes = headBytes + 2 * groupSize * bits;
  const out = new Uint8Array(Math.ceil(n / 16) * groups * groupBytes);
  const view = new DataView(out.buffer);
  for (let row = 0; row < n; row++) {
    for (let g = 0; g < groups; g++) {
      const base = ((row >> 4) * groups + g) * groupBytes;
      view.setUint16(base + 2 * (row & 15), scales[row * groups + g], true);
      if (zero < 0) out[base + 32 + (row & 15)] = zeros[row * groups + g];
      for (let col = 0; col < groupSize; col++) {
        let code = gridCodes(grid, row, g * groupSize + col);
        for (const [byte, low, width] of bitsAt(bits, row & 15, col)) {
          out[base + headBytes + byte] |= (code & ((1 << width) - 1)) << low;
          code >>= width;
        }
      }
    }
  }
  return out;
}

/** The grid with one zero for all rows and groups, and every third scale negative. */
export function withSharedZero(grid: Grid, zero: number): Grid {
  const scales = grid.scales.map((scale, i) => (i % 3 === 1 ? scale | 0x8000 : scale));
  return { ...grid, scales, zeros: grid.zeros.map(() => zero) };
}
