// Inner loops of float matmuls, in the one order of docs/kernels.md: sums of 32 columns, each from zero, added to y.
import { bytesOf } from "./bits";
import { rows0, rows12, rows4, rows8 } from "./float-weights";

@inline function addProduct(sum: v128, x: v128, w: v128): v128 { return f32x4.add(sum, f32x4.mul(x, w)); }

/** y[16] += one row times `cols` columns of a float panel; y comes and goes by address so that pieces can follow each other. */
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

@inline function addRow(y: usize, a: v128, b: v128): void {
  v128.store(y, f32x4.add(v128.load(y), a));
  v128.store(y, f32x4.add(v128.load(y, 16), b), 16);
}

/** y[4][8] += 4 rows times `cols` columns x 8 rows of f32 weights w[cols][16]. */
export function tileFloat(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, w: usize, cols: i32): void {
  const end = x0 + (<usize>cols << 2);
  while (x0 < end) {
    const stop = min(x0 + 128, end);
    let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s10 = f32x4.splat(0), s11 = f32x4.splat(0);
    let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s30 = f32x4.splat(0), s31 = f32x4.splat(0);
    for (; x0 + 8 <= stop; x0 += 8) {
      let w0 = v128.load(w), w1 = v128.load(w, 16), x = v128.load32_splat(x0);
      s00 = addProduct(s00, x, w0), s01 = addProduct(s01, x, w1), x = v128.load32_splat(x1);
      s10 = addProduct(s10, x, w0), s11 = addProduct(s11, x, w1), x = v128.load32_splat(x2);
      s20 = addProduct(s20, x, w0), s21 = addProduct(s21, x, w1), x = v128.load32_splat(x3);
      s30 = addProduct(s30, x, w0), s31 = addProduct(s31, x, w1);
      w0 = v128.load(w, 64), w1 = v128.load(w, 80), x = v128.load32_splat(x0, 4);
      s00 = addProduct(s00, x, w0), s01 = addProduct(s01, x, w1), x = v128.load32_splat(x1, 4);
      s10 = addProduct(s10, x, w0), s11 = addProduct(s11, x, w1), x = v128.load32_splat(x2, 4);
      s20 = addProduct(s20, x, w0), s21 = addProduct(s21, x, w1), x = v128.load32_splat(x3, 4);
      s30 = addProduct(s30, x, w0), s31 = addProduct(s31, x, w1);
      w += 128, x1 += 8, x2 += 8, x3 += 8;
    }
    if (x0 < stop) {
      const w0 = v128.load(w), w1 = v128.load(w, 16);
      let x = v128.load32_splat(x0);
      s00 = addProduct(s00, x, w0), s01 = addProduct(s01, x, w1), x = v128.load32_splat(x1);
      s10 = addProduct(s10, x, w0), s11 = addProduct(s11, x, w1), x = v128.load32_splat(x2);
      s20 = addProduct(s20, x, w0), s21 = addProduct(s21, x, w1), x = v128.load32_splat(x3);
      s30 = addProduct(s30, x, w0), s31 = addProduct(s31, x, w1);
      x0 += 4;
    }
    addRow(y, s00, s01);
    addRow(y + yBytes, s10, s11);
    addRow(y + 2 * yBytes, s20, s21);
    addRow(y + 3 * yBytes, s30, s31);
  }
}
