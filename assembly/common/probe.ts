// Measures the ceilings of this machine through WebAssembly SIMD. The benchmark compares kernels with them.
//
// Compilers compute equal products once, so the products of a unit all have different factors: a few that stay, times a few that each unit loads.

/**
 * Reads four streams in turn, 32 bytes of each, with plain vector loads. They begin `apart` bytes from each other at `data`, and a step takes each `step`
 * bytes on. A unit is 4096 bytes, 32 steps: 32 bytes apart with steps of 128 is a single stream. Scratch: 16 bytes for the sum, so that nothing is optimised away.
 */
export function probe_read(first: i32, last: i32, scratch: usize, data: usize, apart: usize, step: usize): void {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  const end = data + 32 * <usize>last * step;
  for (let p = data + 32 * <usize>first * step; p < end; p += step) {
    const q = p + apart, r = q + apart, s = r + apart;
    a = i32x4.add(a, v128.load(p)), a = i32x4.add(a, v128.load(p, 16));
    b = i32x4.add(b, v128.load(q)), b = i32x4.add(b, v128.load(q, 16));
    c = i32x4.add(c, v128.load(r)), c = i32x4.add(c, v128.load(r, 16));
    d = i32x4.add(d, v128.load(s)), d = i32x4.add(d, v128.load(s, 16));
  }
  v128.store(scratch, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

@inline function addProduct(sum: v128, x: v128, y: v128): v128 { return f32x4.add(sum, f32x4.mul(x, y)); }

/** Multiplies and adds with eight independent sums; a unit is 128 floating-point operations: 4 vectors at `data` times 4 after them. Scratch: 16 bytes. */
export function probe_mul_add(first: i32, last: i32, scratch: usize, data: usize): void {
  const k = v128.load(data), l = v128.load(data, 16), m = v128.load(data, 32), n = v128.load(data, 48);
  let a = n, b = n, c = n, d = n, e = n, f = n, g = n, h = n;
  for (let unit = first; unit < last; unit++) {
    let x = v128.load(data, 64), y = v128.load(data, 80);
    a = addProduct(a, x, k), b = addProduct(b, x, l), c = addProduct(c, x, m), d = addProduct(d, x, n);
    e = addProduct(e, y, k), f = addProduct(f, y, l), g = addProduct(g, y, m), h = addProduct(h, y, n);
    x = v128.load(data, 96), y = v128.load(data, 112);
    a = addProduct(a, x, k), b = addProduct(b, x, l), c = addProduct(c, x, m), d = addProduct(d, x, n);
    e = addProduct(e, y, k), f = addProduct(f, y, l), g = addProduct(g, y, m), h = addProduct(h, y, n);
  }
  const low = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  v128.store(scratch, f32x4.add(low, f32x4.add(f32x4.add(e, f), f32x4.add(g, h))));
}

@inline function addDots<Codes>(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD && sizeof<Codes>() == 1) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, y, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, y));
}

/** Twelve sums: the dot of 8-bit integers takes so many cycles that eight would wait for each other. 2 vectors at `data` times 6 after them. */
@inline function sumDots<Codes>(first: i32, last: i32, scratch: usize, data: usize): void {
  const m = v128.load(data), n = v128.load(data, 16);
  let a = n, b = n, c = n, d = n, e = n, f = n, g = n, h = n, i = n, j = n, k = n, l = n;
  for (let unit = first; unit < last; unit++) {
    let x = v128.load(data, 32);
    a = addDots<Codes>(a, x, m), b = addDots<Codes>(b, x, n), x = v128.load(data, 48);
    c = addDots<Codes>(c, x, m), d = addDots<Codes>(d, x, n), x = v128.load(data, 64);
    e = addDots<Codes>(e, x, m), f = addDots<Codes>(f, x, n), x = v128.load(data, 80);
    g = addDots<Codes>(g, x, m), h = addDots<Codes>(h, x, n), x = v128.load(data, 96);
    i = addDots<Codes>(i, x, m), j = addDots<Codes>(j, x, n), x = v128.load(data, 112);
    k = addDots<Codes>(k, x, m), l = addDots<Codes>(l, x, n);
  }
  a = i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), e = i32x4.add(i32x4.add(e, f), i32x4.add(g, h));
  v128.store(scratch, i32x4.add(i32x4.add(a, e), i32x4.add(i32x4.add(i, j), i32x4.add(k, l))));
}

/** Adds dot products of 16-bit integers to twelve independent sums; a unit is 192 operations. Scratch: 16 bytes. */
export function probe_dot_i16(first: i32, last: i32, scratch: usize, data: usize): void { sumDots<i16>(first, last, scratch, data); }

/** The same for 8-bit integers; a unit is 384 operations. The base build has no such instruction and does what probe_dot_i16 does. */
export function probe_dot_i8(first: i32, last: i32, scratch: usize, data: usize): void { sumDots<i8>(first, last, scratch, data); }

/** Writes the sum of four products of 127 and a byte 0xff to scratch, as the dot product of bytes computes it; 0 in the base build. */
export function probe_dot_form(first: i32, last: i32, scratch: usize): void {
  const codes = i8x16.splat(-1);
  const sum = ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(127), codes, i32x4.splat(0)) : i32x4.splat(0);
  store<i32>(scratch, i32x4.extract_lane(sum, 1));
}
