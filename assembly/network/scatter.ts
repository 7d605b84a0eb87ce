// Moves rows between tokens and experts, and columns into the order in which a linear was quantised.

/**
 * Sorts T * topK expert choices by expert, then token. One unit (only unit 0 does anything).
 * spans {start, count}[E]: the compact rows of each expert; index i32[T * topK]: token of each compact row; place i32[T, topK]: compact
 * row of each choice.
 */
export function group_tokens(
  first: i32, last: i32, scratch: usize,
  spans: usize, index: usize, place: usize, experts: usize, tokens: i32, topK: i32, expertCount: i32,
): void {
  if (first > 0 || last <= 0) return;
  memory.fill(spans, 0, <usize>expertCount << 3);
  const choices = tokens * topK;
  for (let i = 0; i < choices; i++) {
    const span = spans + (<usize>load<i32>(experts + (<usize>i << 2)) << 3);
    store<i32>(span, load<i32>(span, 4) + 1, 4);
  }
  let start = 0;
  for (let expert = 0; expert < expertCount; expert++) {
    const span = spans + (<usize>expert << 3);
    store<i32>(span, start);
    start += load<i32>(span, 4);
    store<i32>(span, 0, 4);
  }
  for (let token = 0, i = 0; token < tokens; token++) {
    for (let slot = 0; slot < topK; slot++, i++) {
      const span = spans + (<usize>load<i32>(experts + (<usize>i << 2)) << 3);
      const count = load<i32>(span, 4);
      const row = load<i32>(span) + count;
      store<i32>(span, count + 1, 4);
      store<i32>(index + (<usize>row << 2), token);
      store<i32>(place + (<usize>i << 2), row);
    }
  }
}

/**
 * h[t] += factor * ((sum over slots, in slot order, of weights[t, slot] * y[place[t, slot]]) + extra[t]); a unit is a token.
 * The experts' outputs are summed before they are added to h. `extra` 0: there is none.
 */
export function combine_f32(
  first: i32, last: i32, scratch: usize,
  h: usize, ldh: i32, y: usize, ldy: i32, weights: usize, place: usize, topK: i32, width: i32, extra: usize, ldextra: i32, factor: u32,
): void {
  const scalar = reinterpret<f32>(factor);
  const vector = f32x4.splat(scalar);
  const bytes = <usize>width << 2;
  for (let token = first; token < last; token++) {
    const choice = <usize>(token * topK) << 2;
    const to = h + (<usize>token * ldh << 2);
    const more = extra + (<usize>token * ldextra << 2);
    let at: usize = 0;
    for (; at + 64 <= bytes; at += 64) {
      let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
      for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4) {
        const row = y + (<usize>load<i32>(place + choice + slot) * ldy << 2) + at;
        const weight = v128.load32_splat(weights + choice + slot);
        a = f32x4.add(a, f32x4.mul(weight, v128.load(row))), b = f32x4.add(b, f32x4.mul(weight, v128.load(row, 16)));
        c = f32x4.add(c, f32x4.mul(weight, v128.load(row, 32))), d = f32x4.add(d, f32x4.mul(weight, v128.load(row, 48)));
      }
      if (extra) {
        a = f32x4.add(a, v128.load(more + at)), b = f32x4.add(b, v128.load(more + at, 16));
        c = f32x4.add(c, v128.load(more + at, 32)), d = f32x4.add(d, v128.load(more + at, 48));
      }
      v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(a, vector)));
      v128.store(to + at, f32x4.add(v128.load(to + at, 16), f32x4.mul(b, vector)), 16);
      v128.store(to + at, f32x4.add(v128.load(to + at, 32), f32x4.mul(c, vector)), 32);
      v128.store(to + at, f32x4.add(v128.load(to + at, 48), f32x4.mul(d, vector)), 48);
    }
    for (; at + 16 <= bytes; at += 16) {
      let sum = f32x4.splat(0);
      for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4) {
        const row = y + (<usize>load<i32>(place + choice + slot) * ldy << 2);
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(weights + choice + slot), v128.load(row + at)));
      }
      if (extra) sum = f32x4.add(sum, v128.load(more + at));
      v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(sum, vector)));
    }
    for (; at < bytes; at += 4) {
      let sum: f32 = 0;
      for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4) {
        const row = y + (<usize>load<i32>(place + choice + slot) * ldy << 2);
        sum += load<f32>(weights + choice + slot) * load<f32>(row + at);
      }
      if (extra) sum += load<f32>(more + at);
      store<f32>(to + at, load<f32>(to + at) + sum * scalar);
    }
  }
}

/** y[t, j] = x[t, perm[j]], j < width; a unit is a row. y must not overlap x. */
export function gather_columns_f32(
  first: i32, last: i32, scratch: usize, y: usize, ldy: i32, x: usize, ldx: i32, perm: usize, width: i32,
): void {
  for (let row = first; row < last; row++) {
    const from = x + (<usize>row * ldx << 2);
    const to = y + (<usize>row * ldy << 2);
    for (let at: usize = 0; at < <usize>width << 2; at += 4)
      store<f32>(to + at, load<f32>(from + (<usize>load<i32>(perm + at) << 2)));
  }
}
