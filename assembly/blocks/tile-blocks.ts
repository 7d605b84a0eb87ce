// The tile of 4 activation rows x 8 weight rows of unpacked block codes. It has the order of matvec-blocks.ts, group by group.
import { actScaleOf, actSumOf, addDot, addGroup } from "./block-dots";
import { EXPANDED } from "./block-panel";

/** y += contribution of one group to 8 columns of a row, with the sums a and b. */
@inline function addRow(y: usize, a: v128, b: v128, meta: usize, heads: usize): void {
  const scale = actScaleOf(meta), sum = actSumOf(meta);
  v128.store(y, addGroup(v128.load(y), a, heads, scale, sum));
  v128.store(y, addGroup(v128.load(y, 16), b, heads + 16, scale, sum), 16);
}

/**
 * y[4][8] += 4 rows of activations times `cols` columns x 8 rows of codes: bytes (V = i8), or 16-bit words with even columns first (i16).
 * x0 to x3 point at the values, m0 to m3 at the meta entries of their records, `heads` at the expanded scales of the first group. The loop
 * is short: Node 20's compiler keeps the sums of a long one in memory.
 */
export function tileBlocks<V>(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, m0: usize, m1: usize, m2: usize, m3: usize, codes: usize, heads: usize, cols: i32, group: i32): void {
  const zero = i32x4.splat(0);
  for (const last = x0 + <usize>cols * sizeof<V>(); x0 < last; heads += EXPANDED) {
    let a00 = zero, a01 = zero, a10 = zero, a11 = zero, a20 = zero, a21 = zero, a30 = zero, a31 = zero;
    for (const end = x0 + <usize>group * sizeof<V>(); x0 < end; x0 += 4, x1 += 4, x2 += 4, x3 += 4, codes += 64) {
      const w = v128.load(codes), v = v128.load(codes, 16);
      let x = v128.load32_splat(x0);
      a00 = addDot<V>(a00, x, w), a01 = addDot<V>(a01, x, v), x = v128.load32_splat(x1);
      a10 = addDot<V>(a10, x, w), a11 = addDot<V>(a11, x, v), x = v128.load32_splat(x2);
      a20 = addDot<V>(a20, x, w), a21 = addDot<V>(a21, x, v), x = v128.load32_splat(x3);
      a30 = addDot<V>(a30, x, w), a31 = addDot<V>(a31, x, v);
    }
    addRow(y, a00, a01, m0, heads);
    addRow(y + yBytes, a10, a11, m1, heads);
    addRow(y + 2 * yBytes, a20, a21, m2, heads);
    addRow(y + 3 * yBytes, a30, a31, m3, heads);
    m0 += 8, m1 += 8, m2 += 8, m3 += 8;
  }
}
