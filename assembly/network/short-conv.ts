// Short causal convolution along the sequence, one filter for each column (LFM2). Its state is rows of a
// cache, like those of keys, but since only the last few count, rows may share places: row r lies at place r % places.

/** cache[rows[t] % places] = b[t] * x[t], element by element; a unit is a token. cache f32[place][width]. */
export function store_gated_f32(
  first: i32, last: i32, scratch: usize, cache: usize, b: usize, x: usize, ld: i32, rows: usize, width: i32, places: i32,
): void {
  const bytes = <usize>width << 2;
  for (let token = first; token < last; token++) {
    const from = <usize>token * ld << 2;
    const to = cache + <usize>(load<i32>(rows + (<usize>token << 2)) % places) * bytes;
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16)
      v128.store(to + at, f32x4.mul(v128.load(b + from + at), v128.load(x + from + at)));
    for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(b + from + at) * load<f32>(x + from + at));
  }
}

/**
 * Writes the addresses of the last `taps` cache rows that a token sees, in the order of their positions; 0 for rows before the sequence.
 * The token's segments { first row, rows } lie from `begin` to `end`.
 */
function lastRows(list: usize, taps: i32, cache: usize, stride: usize, places: i32, begin: usize, end: usize): void {
  let left = 0;
  let row = 0;
  for (let tap = taps - 1; tap >= 0; tap--) {
    if (left == 0 && end > begin) {
      end -= 8;
      left = load<i32>(end, 4);
      row = load<i32>(end) + left;
    }
    store<u32>(list + (<usize>tap << 2), left > 0 ? <u32>(cache + <usize>(--row % places) * stride) : 0);
    left = max(left - 1, 0);
  }
}

/**
 * y[t] = c[t] * (bias + sum over taps j, ascending, of weight[j] * cache[place of position p - taps + 1 + j]) for token t at position p.
 * A unit is a token. weight f32[taps][width]; bias f32[width] or address 0; a token sees all rows of its segments, as in `attend_f32`.
 * Scratch: 4 bytes for each tap.
 */
export function short_conv_f32(
  first: i32, last: i32, scratch: usize,
  y: usize, ldy: i32, c: usize, ldc: i32, cache: usize, offsets: usize, segments: usize,
  weight: usize, bias: usize, taps: i32, width: i32, places: i32,
): void {
  const bytes = <usize>width << 2;
  for (let token = first; token < last; token++) {
    const begin = segments + (<usize>load<i32>(offsets + (<usize>token << 2)) << 3);
    const end = segments + (<usize>load<i32>(offsets + (<usize>token << 2), 4) << 3);
    lastRows(scratch, taps, cache, bytes, places, begin, end);
    const to = y + (<usize>token * ldy << 2);
    const factor = c + (<usize>token * ldc << 2);
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) {
      let sum = bias ? v128.load(bias + at) : f32x4.splat(0);
      for (let tap = 0; tap < taps; tap++) {
        const row = <usize>load<u32>(scratch + (<usize>tap << 2));
        if (row) sum = f32x4.add(sum, f32x4.mul(v128.load(weight + <usize>tap * bytes + at), v128.load(row + at)));
      }
      v128.store(to + at, f32x4.mul(v128.load(factor + at), sum));
    }
    for (; at < bytes; at += 4) {
      let sum: f32 = bias ? load<f32>(bias + at) : 0;
      for (let tap = 0; tap < taps; tap++) {
        const row = <usize>load<u32>(scratch + (<usize>tap << 2));
        if (row) sum += load<f32>(weight + <usize>tap * bytes + at) * load<f32>(row + at);
      }
      store<f32>(to + at, load<f32>(factor + at) * sum);
    }
  }
}
