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

/** Row panels that share one pass over the columns: with 256 rows of inputs they fill 16 kB, and stay in the L1 cache. */
const GROUP: i32 = 2;

/**
 * panels[K/8][t][8] = columns of x f32 with row stride ldx. Row i is row index[i], or row i if index is 0.
 * A unit is a panel of 8 columns; columns from k on are zero.
 */
export function gram_pack(
  first: i32, last: i32, scratch: usize, panels: usize, x: usize, index: usize, ldx: i32, t: i32, k: i32,
): void {
  const full = min(last, k >> 3);
  const bytes = <usize>t << 5;
  for (let i = 0; i < t; i++) {
    const row = index ? load<i32>(index + (<usize>i << 2)) : i;
    const from = x + (<usize>row * <usize>ldx << 2);
    let to = panels + <usize>first * bytes + (<usize>i << 5);
    for (let p = first; p < full; p++) {
      const at = from + (<usize>p << 5);
      v128.store(to, v128.load(at));
      v128.store(to, v128.load(at, 16), 16);
      to += bytes;
    }
    if (full == last) continue;
    for (let c = 0; c < 8; c++) {
      const at = from + (<usize>((full << 3) + c) << 2);
      store<f32>(to + (<usize>c << 2), (full << 3) + c < k ? load<f32>(at) : 0);
    }
  }
}

/**
 * H[K,K] += X^T X over the t rows of the panels (at most 256, so that f32 sums stay short), added in f64.
 * A unit is two groups of row panels, u and the last but u, so that units have equal work.
 */
export function gram_f32(first: i32, last: i32, scratch: usize, h: usize, panels: usize, t: i32, k: i32): void {
  gram(first, last, h, panels, <usize>t << 5, k, false);
}

/** The same with products and sums in f64 (products of two f32 are exact). */
export function gram_f64(first: i32, last: i32, scratch: usize, h: usize, panels: usize, t: i32, k: i32): void {
  gram(first, last, h, panels, <usize>t << 5, k, true);
}

function gram(first: i32, last: i32, h: usize, panels: usize, bytes: usize, k: i32, exact: bool): void {
  const count = (k + 7) >> 3;
  const groups = (count + GROUP - 1) / GROUP;
  for (let u = first; u < last; u++) {
    const other = groups - 1 - u;
    for (let g = u; ; g = other) {
      const p1 = min((g + 1) * GROUP, count);
      for (let q = 0; q < p1; q++) {
        for (let p = max(g * GROUP, q); p < p1; p++) square(h, panels, bytes, p, q, exact);
      }
      if (g == other) break;
    }
  }
}

/** Rows of panel p and columns of panel q: 8 x 8 of H. */
@inline function square(h: usize, panels: usize, bytes: usize, p: i32, q: i32, exact: bool): void {
  const ld = <usize>(p + 1) << 6;
  const a = panels + <usize>p * bytes, b = panels + <usize>q * bytes;
  let at = h + gramPanel(p) + (<usize>q << 6);
  const rows: usize = exact ? 2 : 4;
  for (let row: usize = 0; row < 8; row += rows) {
    if (exact) {
      for (let col: usize = 0; col < 32; col += 16) tileF64(at + 2 * col, ld, a + 4 * row, b + col, bytes);
    } else tileF32(at, ld, a + 4 * row, b, bytes);
    at += ld * rows;
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

/** h[8] += eight f32. */
function fold(h: usize, s0: v128, s1: v128): void {
  addPair(h, f64x2.promote_low_f32x4(s0), f64x2.promote_low_f32x4(high(s0)));
  addPair(h + 32, f64x2.promote_low_f32x4(s1), f64x2.promote_low_f32x4(high(s1)));
}

@inline function high(v: v128): v128 {
  return v128.shuffle<i64>(v, v, 1, 1);
}

/** 2 x 4 of H in f64. */
function tileF64(h: usize, ld: usize, a: usize, b: usize, bytes: usize): void {
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00;
  const end = a + bytes;
  while (a < end) {
    const b0 = f64x2.promote_low_f32x4(v128.load64_zero(b)), b1 = f64x2.promote_low_f32x4(v128.load64_zero(b, 8));
    let x = f64x2.promote_low_f32x4(v128.load32_splat(a));
    s00 = f64x2.add(s00, f64x2.mul(x, b0));
    s01 = f64x2.add(s01, f64x2.mul(x, b1));
    x = f64x2.promote_low_f32x4(v128.load32_splat(a, 4));
    s10 = f64x2.add(s10, f64x2.mul(x, b0));
    s11 = f64x2.add(s11, f64x2.mul(x, b1));
    a += 32;
    b += 32;
  }
  addPair(h, s00, s01);
  addPair(h + ld, s10, s11);
}

@inline function addPair(h: usize, s0: v128, s1: v128): void {
  v128.store(h, f64x2.add(v128.load(h), s0));
  v128.store(h, f64x2.add(v128.load(h, 16), s1), 16);
}
