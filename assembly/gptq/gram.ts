// Gram matrices of calibration inputs: H += X^T X. H is stored as its lower triangle in row panels of 8: panel p starts at element 32 p
// (p + 1) and holds rows 8 p to 8 p + 7 at a stride of 8 (p + 1), zero-padded to a multiple of 8 columns. X is packed by columns: panel
// p is [t][8], so that a tile of H reads two streams.

/** Bytes from the start of H to its row panel p. */
@inline export function gramPanel(p: i32): usize {
  return ((<usize>p * <usize>(p + 1)) << 5) << 3;
}

/** Bytes from the start of H to element (row, col). Either col <= row, or both are in one panel. */
@inline export function gramAt(row: i32, col: i32): usize {
  const p = row >> 3;
  return gramPanel(p) + ((<usize>(row & 7) * <usize>((p + 1) << 3) + <usize>col) << 3);
}

/**
 * panels[K/8][t][8] = columns of x f32 with row stride ldx, as f32. Row i is row index[i], or row i if index is 0.
 * A unit is a panel of 8 columns; columns from k on are zero.
 */
export function gram_pack_f32(
  first: i32, last: i32, scratch: usize, panels: usize, x: usize, index: usize, ldx: i32, t: i32, k: i32,
): void {
  for (let p = first; p < last; p++) pack<f32>(p, panels, x, index, ldx, t, k);
}

/** The same with panels in f64. */
export function gram_pack_f64(
  first: i32, last: i32, scratch: usize, panels: usize, x: usize, index: usize, ldx: i32, t: i32, k: i32,
): void {
  for (let p = first; p < last; p++) pack<f64>(p, panels, x, index, ldx, t, k);
}

@inline function pack<T>(p: i32, panels: usize, x: usize, index: usize, ldx: i32, t: i32, k: i32): void {
  let to = panels + (<usize>(p * t) << 3) * sizeof<T>();
  const width = min(8, k - (p << 3));
  for (let i = 0; i < t; i++) {
    const row = index ? load<i32>(index + (<usize>i << 2)) : i;
    const from = x + ((<usize>row * <usize>ldx + <usize>(p << 3)) << 2);
    for (let c = 0; c < width; c++) store<T>(to + <usize>c * sizeof<T>(), <T>load<f32>(from + (<usize>c << 2)));
    for (let c = width; c < 8; c++) store<T>(to + <usize>c * sizeof<T>(), 0);
    to += 8 * sizeof<T>();
  }
}

/**
 * H[K,K] += X^T X over the t rows of the f32 panels (at most 256, so that f32 sums stay short), added in f64.
 * A unit is two row panels, u and K/8 - 1 - u, so that units have equal work.
 */
export function gram_f32(first: i32, last: i32, scratch: usize, h: usize, panels: usize, t: i32, k: i32): void {
  const count = (k + 7) >> 3;
  for (let u = first; u < last; u++) {
    const other = count - 1 - u;
    rowPanelF32(u, h, panels, t);
    if (other != u) rowPanelF32(other, h, panels, t);
  }
}

function rowPanelF32(p: i32, h: usize, panels: usize, t: i32): void {
  const bytes = <usize>t << 5;
  const ld = <usize>(p + 1) << 6;
  const row = h + gramPanel(p);
  for (let q = 0; q <= p; q++) {
    const at = row + (<usize>q << 6);
    tileF32(at, ld, panels + <usize>p * bytes, panels + <usize>q * bytes, bytes);
    tileF32(at + (ld << 2), ld, panels + <usize>p * bytes + 16, panels + <usize>q * bytes, bytes);
  }
}

/** 4 x 8 of H: sum over t in f32, mul and add rounded separately, then one addition in f64. */
function tileF32(h: usize, ld: usize, a: usize, b: usize, bytes: usize): void {
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const end = a + bytes;
  while (a < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    s00 = f32x4.add(s00, f32x4.mul(x, b0));
    s01 = f32x4.add(s01, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 4);
    s10 = f32x4.add(s10, f32x4.mul(x, b0));
    s11 = f32x4.add(s11, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 8);
    s20 = f32x4.add(s20, f32x4.mul(x, b0));
    s21 = f32x4.add(s21, f32x4.mul(x, b1));
    x = v128.load32_splat(a, 12);
    s30 = f32x4.add(s30, f32x4.mul(x, b0));
    s31 = f32x4.add(s31, f32x4.mul(x, b1));
    a += 32;
    b += 32;
  }
  fold(h, s00, s01);
  fold(h + ld, s10, s11);
  fold(h + 2 * ld, s20, s21);
  fold(h + 3 * ld, s30, s31);
}

@inline function fold(h: usize, s0: v128, s1: v128): void {
  v128.store(h, f64x2.add(v128.load(h), f64x2.promote_low_f32x4(s0)));
  v128.store(h, f64x2.add(v128.load(h, 16), f64x2.promote_low_f32x4(high(s0))), 16);
  v128.store(h, f64x2.add(v128.load(h, 32), f64x2.promote_low_f32x4(s1)), 32);
  v128.store(h, f64x2.add(v128.load(h, 48), f64x2.promote_low_f32x4(high(s1))), 48);
}

@inline function high(v: v128): v128 {
  return v128.shuffle<i64>(v, v, 1, 1);
}

/** Like gram_f32, with products and sums in f64 (products of two f32 are exact); panels in f64, t at most 256. */
export function gram_f64(first: i32, last: i32, scratch: usize, h: usize, panels: usize, t: i32, k: i32): void {
  const count = (k + 7) >> 3;
  for (let u = first; u < last; u++) {
    const other = count - 1 - u;
    rowPanelF64(u, h, panels, t);
    if (other != u) rowPanelF64(other, h, panels, t);
  }
}

function rowPanelF64(p: i32, h: usize, panels: usize, t: i32): void {
  const bytes = <usize>t << 6;
  const ld = <usize>(p + 1) << 6;
  const row = h + gramPanel(p);
  const a = panels + <usize>p * bytes;
  for (let q = 0; q <= p; q++) {
    const at = row + (<usize>q << 6);
    const b = panels + <usize>q * bytes;
    tileF64(at, ld, a, b, bytes);
    tileF64(at + 32, ld, a, b + 32, bytes);
    tileF64(at + (ld << 2), ld, a + 32, b, bytes);
    tileF64(at + (ld << 2) + 32, ld, a + 32, b + 32, bytes);
  }
}

/** 4 x 4 of H in f64. */
function tileF64(h: usize, ld: usize, a: usize, b: usize, bytes: usize): void {
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const end = a + bytes;
  while (a < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load64_splat(a);
    s00 = f64x2.add(s00, f64x2.mul(x, b0));
    s01 = f64x2.add(s01, f64x2.mul(x, b1));
    x = v128.load64_splat(a, 8);
    s10 = f64x2.add(s10, f64x2.mul(x, b0));
    s11 = f64x2.add(s11, f64x2.mul(x, b1));
    x = v128.load64_splat(a, 16);
    s20 = f64x2.add(s20, f64x2.mul(x, b0));
    s21 = f64x2.add(s21, f64x2.mul(x, b1));
    x = v128.load64_splat(a, 24);
    s30 = f64x2.add(s30, f64x2.mul(x, b0));
    s31 = f64x2.add(s31, f64x2.mul(x, b1));
    a += 64;
    b += 64;
  }
  addPair(h, s00, s01);
  addPair(h + ld, s10, s11);
  addPair(h + 2 * ld, s20, s21);
  addPair(h + 3 * ld, s30, s31);
}

@inline function addPair(h: usize, s0: v128, s1: v128): void {
  v128.store(h, f64x2.add(v128.load(h), s0));
  v128.store(h, f64x2.add(v128.load(h, 16), s1), 16);
}
