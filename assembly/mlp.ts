// Element-wise steps of the residual stream and of the experts' MLPs.

/** y[T,D] += x[T,D]; a unit is a row. */
export function add_f32(first: i32, last: i32, scratch: usize, y: usize, ldy: i32, x: usize, ldx: i32, width: i32): void {
  for (let row = first; row < last; row++) {
    const to = y + (<usize>(row * ldy) << 2);
    const from = x + (<usize>(row * ldx) << 2);
    let col = 0;
    for (; col + 4 <= width; col += 4) {
      const at = <usize>col << 2;
      v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
    }
    for (; col < width; col++) {
      const at = <usize>col << 2;
      store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
    }
  }
}
