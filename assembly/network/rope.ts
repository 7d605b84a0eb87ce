// Rotary position embedding: `rope_f32` rotates column i with column i + rotaryDim / 2 (half-split, as in `rotate_half`), `rope_pairs_f32`
// rotates column 2i with column 2i + 1 (interleaved).

/** Rotates one head in place. */
function turn(x: usize, cos: usize, sin: usize, halfBytes: usize): void {
  const y = x + halfBytes;
  let at: usize = 0;
  for (; at + 16 <= halfBytes; at += 16) {
    const a = v128.load(x + at);
    const b = v128.load(y + at);
    const c = v128.load(cos + at);
    const s = v128.load(sin + at);
    v128.store(x + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(y + at, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
  for (; at < halfBytes; at += 4) {
    const a = load<f32>(x + at);
    const b = load<f32>(y + at);
    const c = load<f32>(cos + at);
    const s = load<f32>(sin + at);
    store<f32>(x + at, a * c - b * s);
    store<f32>(y + at, b * c + a * s);
  }
}

/**
 * Rotates the first `rotaryDim` columns of every head of x[T, heads * headDim] in place; a unit is a token.
 * positions i32[T]; table f32[positions][2][rotaryDim / 2], cosines then sines.
 */
export function rope_f32(
  first: i32, last: i32, scratch: usize,
  x: usize, ldx: i32, positions: usize, table: usize, heads: i32, headDim: i32, rotaryDim: i32,
): void {
  const halfBytes = <usize>(rotaryDim >> 1) << 2;
  for (let token = first; token < last; token++) {
    const cos = table + <usize>load<i32>(positions + (<usize>token << 2)) * (halfBytes << 1);
    let head = x + (<usize>token * ldx << 2);
    for (let h = 0; h < heads; h++) {
      turn(head, cos, cos + halfBytes, halfBytes);
      head += <usize>headDim << 2;
    }
  }
}

/** Rotates the neighbouring columns of one head in place. */
function turnPairs(x: usize, cos: usize, sin: usize, halfBytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= halfBytes; at += 16) {
    const low = v128.load(x + 2 * at);
    const high = v128.load(x + 2 * at, 16);
    const a = v128.shuffle<f32>(low, high, 0, 2, 4, 6);
    const b = v128.shuffle<f32>(low, high, 1, 3, 5, 7);
    const c = v128.load(cos + at);
    const s = v128.load(sin + at);
    const even = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s));
    const odd = f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s));
    v128.store(x + 2 * at, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
    v128.store(x + 2 * at, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
  }
  for (; at < halfBytes; at += 4) {
    const a = load<f32>(x + 2 * at);
    const b = load<f32>(x + 2 * at, 4);
    const c = load<f32>(cos + at);
    const s = load<f32>(sin + at);
    store<f32>(x + 2 * at, a * c - b * s);
    store<f32>(x + 2 * at, b * c + a * s, 4);
  }
}

/** As `rope_f32`, with pair i in columns 2i and 2i + 1 of a head. */
export function rope_pairs_f32(
  first: i32, last: i32, scratch: usize,
  x: usize, ldx: i32, positions: usize, table: usize, heads: i32, headDim: i32, rotaryDim: i32,
): void {
  const halfBytes = <usize>(rotaryDim >> 1) << 2;
  for (let token = first; token < last; token++) {
    const cos = table + <usize>load<i32>(positions + (<usize>token << 2)) * (halfBytes << 1);
    let head = x + (<usize>token * ldx << 2);
    for (let h = 0; h < heads; h++) {
      turnPairs(head, cos, cos + halfBytes, halfBytes);
      head += <usize>headDim << 2;
    }
  }
}
