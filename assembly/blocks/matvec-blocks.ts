// Multiplies one quantised activation row by a panel of blocks. V is the type of the activations' values: i8 (narrow) or i16 (wide).
import { W4 } from "../common/bits";
import { WORDS_00FF } from "../common/constants";
import { byteMask, dotWords, halfMask } from "../matmul/codes";
import { clearRows } from "../matmul/table";
import { groupOf, unpackCodes } from "./block-codes";
import { actScaleOf, actSumOf, addDot, addGroup, addHead } from "./block-dots";
import { BLOCK_HEAD, blockPanelBytes, codesAt, codeStep, EXPANDED, expandHeads, RUN } from "./block-panel";

/** sum + one vector of 4-bit codes (4 rows x 8 columns) times the int8 activations of its columns. */
@inline function addNibbles(sum: v128, w: v128, mask: v128, x: v128, z: v128): v128 {
  return addDot<i8>(addDot<i8>(sum, x, v128.and(w, mask)), z, v128.and(i16x8.shr_u(w, 4), mask));
}

/** y[16] = panel · record, 4-bit codes and int8 activations; `heads` as for expandHeads. The fastest of these: most files have most weights so. */
export function matvecNibbles(y: usize, heads: usize, panel: usize, x: usize, meta: usize, k: i32, block: i32): void {
  const mask = byteMask<W4>();
  const step = codeStep(4, block);
  let y0 = f32x4.splat(0), y1 = f32x4.splat(0), y2 = f32x4.splat(0), y3 = f32x4.splat(0);
  for (let col = 0; col < k; col += RUN) {
    const cols = min(RUN, k - col);
    if (block != 32) expandHeads(4, heads, panel, cols, block);
    let w = panel + codesAt(4, block);
    let head = heads;
    for (const end = x + cols; x < end; x += 32) {
      const zero = i32x4.splat(0);
      let a = v128.load32_splat(x), b = v128.load32_splat(x, 4);
      let a0 = addNibbles(zero, v128.load(w), mask, a, b), a1 = addNibbles(zero, v128.load(w, 16), mask, a, b);
      let a2 = addNibbles(zero, v128.load(w, 32), mask, a, b), a3 = addNibbles(zero, v128.load(w, 48), mask, a, b);
      a = v128.load32_splat(x, 8), b = v128.load32_splat(x, 12);
      a0 = addNibbles(a0, v128.load(w, 64), mask, a, b), a1 = addNibbles(a1, v128.load(w, 80), mask, a, b);
      a2 = addNibbles(a2, v128.load(w, 96), mask, a, b), a3 = addNibbles(a3, v128.load(w, 112), mask, a, b);
      a = v128.load32_splat(x, 16), b = v128.load32_splat(x, 20);
      a0 = addNibbles(a0, v128.load(w, 128), mask, a, b), a1 = addNibbles(a1, v128.load(w, 144), mask, a, b);
      a2 = addNibbles(a2, v128.load(w, 160), mask, a, b), a3 = addNibbles(a3, v128.load(w, 176), mask, a, b);
      a = v128.load32_splat(x, 24), b = v128.load32_splat(x, 28);
      a0 = addNibbles(a0, v128.load(w, 192), mask, a, b), a1 = addNibbles(a1, v128.load(w, 208), mask, a, b);
      a2 = addNibbles(a2, v128.load(w, 224), mask, a, b), a3 = addNibbles(a3, v128.load(w, 240), mask, a, b);
      const sum = actSumOf(meta);
      if (block == 32) {
        const raw = w - BLOCK_HEAD;
        const scale = v128.load32_splat(meta);
        y0 = addHead(y0, a0, v128.load(raw), scale, sum), y1 = addHead(y1, a1, v128.load(raw, 16), scale, sum);
        y2 = addHead(y2, a2, v128.load(raw, 32), scale, sum), y3 = addHead(y3, a3, v128.load(raw, 48), scale, sum);
      } else {
        const scale = actScaleOf(meta);
        y0 = addGroup(y0, a0, head, scale, sum), y1 = addGroup(y1, a1, head + 16, scale, sum);
        y2 = addGroup(y2, a2, head + 32, scale, sum), y3 = addGroup(y3, a3, head + 48, scale, sum);
        head += EXPANDED;
      }
      meta += 8;
      w += step;
    }
    panel += blockPanelBytes(4, cols, block);
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
}

/** i32 sums of half (0 or 1) of 32 columns x 4 rows of codes, unpacked as bytes, times the activations of these columns at x. */
@inline function dotBytes<V>(bytes: usize, x: usize, low: v128): v128 {
  const next = 4 * sizeof<V>();
  const sum = addField<V>(addField<V>(i32x4.splat(0), bytes, x, low), bytes + 64, x + next, low);
  return addField<V>(addField<V>(sum, bytes + 128, x + 2 * next, low), bytes + 192, x + 3 * next, low);
}

/** sum + four columns x 4 rows of codes as bytes times their activations at x. */
@inline function addField<V>(sum: v128, bytes: usize, x: usize, low: v128): v128 {
  const codes = v128.load(bytes);
  if (sizeof<V>() == 1) return addDot<V>(sum, v128.load32_splat(x), codes);
  return addDot<V>(addDot<V>(sum, v128.load32_splat(x), v128.and(codes, low)), v128.load32_splat(x, 4), i16x8.shr_u(codes, 8));
}

/** The same for 4-bit codes where they lie, times int16 activations. */
@inline function dotPacked(packed: usize, x: usize): v128 {
  const mask = halfMask<W4>();
  const x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, 4), x2 = v128.load32_splat(x, 8), x3 = v128.load32_splat(x, 12);
  const x4 = v128.load32_splat(x, 16), x5 = v128.load32_splat(x, 20), x6 = v128.load32_splat(x, 24), x7 = v128.load32_splat(x, 28);
  const sum = dotWords<W4>(i32x4.splat(0), v128.load(packed), mask, x0, x1, x2, x3);
  return dotWords<W4>(sum, v128.load(packed, 64), mask, x4, x5, x6, x7);
}

/** y[16] = panel · record, codes of any width; `heads` as for expandHeads, `bytes` 512 bytes. */
export function matvecBlocks<V>(y: usize, heads: usize, bytes: usize, panel: usize, x: usize, meta: usize, k: i32, bits: i32, block: i32): void {
  const low = v128.load(WORDS_00FF);
  const isPacked = sizeof<V>() == 2 && bits == 4;
  const half = 16 * sizeof<V>();
  clearRows(y, 1, 0);
  for (let col = 0; col < k; col += RUN) {
    const cols = min(RUN, k - col);
    expandHeads(bits, heads, panel, cols, block);
    let w = panel + codesAt(bits, block);
    let head = heads;
    for (const end = x + <usize>cols * sizeof<V>(); x < end; x += 2 * half) {
      if (!isPacked) unpackCodes(bits, bytes, w);
      for (let r: usize = 0; r < 64; r += 16) {
        const a = isPacked ? dotPacked(w + r, x) : dotBytes<V>(bytes + r, x, low);
        const b = isPacked ? dotPacked(w + r + 128, x + half) : dotBytes<V>(bytes + r + 256, x + half, low);
        if (groupOf(bits) == 16) {
          const sums = addGroup(v128.load(y + r), a, head + r, actScaleOf(meta), actSumOf(meta));
          v128.store(y + r, addGroup(sums, b, head + EXPANDED + r, actScaleOf(meta + 8), actSumOf(meta + 8)));
        } else v128.store(y + r, addGroup(v128.load(y + r), i32x4.add(a, b), head + r, actScaleOf(meta), actSumOf(meta)));
      }
      const groups = <usize>(32 / groupOf(bits));
      head += groups * EXPANDED;
      meta += groups * 8;
      w += codeStep(bits, block);
    }
    panel += blockPanelBytes(bits, cols, block);
  }
}
