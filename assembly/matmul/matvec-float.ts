// Multiplies one activation row by a float panel, in the order of docs/kernels.md: sums of 32 columns, each from zero, added to y.
import { bytesOf } from "../common/bits";
import { rows0, rows12, rows4, rows8 } from "./float-weights";

@inline function addProduct(sum: v128, x: v128, w: v128): v128 { return f32x4.add(sum, f32x4.mul(x, w)); }

/** y[16] += one row times `cols` columns of a float panel. y is in memory, so that a panel can be processed in pieces. */
export function vectorFloat<S>(y: usize, x: usize, w: usize, cols: i32): void {
  const step = <usize>(16 * bytesOf<S>());
  let y0 = v128.load(y), y1 = v128.load(y, 16), y2 = v128.load(y, 32), y3 = v128.load(y, 48);
  const end = x + (<usize>cols << 2);
  while (x < end) {
    const stop = min(x + 128, end);
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
    for (; x + 16 <= stop; x += 16) {
      let v = v128.load32_splat(x);
      s0 = addProduct(s0, v, rows0<S>(w)), s1 = addProduct(s1, v, rows4<S>(w)), s2 = addProduct(s2, v, rows8<S>(w)), s3 = addProduct(s3, v, rows12<S>(w));
      w += step;
      v = v128.load32_splat(x, 4);
      s0 = addProduct(s0, v, rows0<S>(w)), s1 = addProduct(s1, v, rows4<S>(w)), s2 = addProduct(s2, v, rows8<S>(w)), s3 = addProduct(s3, v, rows12<S>(w));
      w += step;
      v = v128.load32_splat(x, 8);
      s0 = addProduct(s0, v, rows0<S>(w)), s1 = addProduct(s1, v, rows4<S>(w)), s2 = addProduct(s2, v, rows8<S>(w)), s3 = addProduct(s3, v, rows12<S>(w));
      w += step;
      v = v128.load32_splat(x, 12);
      s0 = addProduct(s0, v, rows0<S>(w)), s1 = addProduct(s1, v, rows4<S>(w)), s2 = addProduct(s2, v, rows8<S>(w)), s3 = addProduct(s3, v, rows12<S>(w));
      w += step;
    }
    for (; x < stop; x += 4) {
      const v = v128.load32_splat(x);
      s0 = addProduct(s0, v, rows0<S>(w)), s1 = addProduct(s1, v, rows4<S>(w)), s2 = addProduct(s2, v, rows8<S>(w)), s3 = addProduct(s3, v, rows12<S>(w));
      w += step;
    }
    y0 = f32x4.add(y0, s0), y1 = f32x4.add(y1, s1), y2 = f32x4.add(y2, s2), y3 = f32x4.add(y3, s3);
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
}
