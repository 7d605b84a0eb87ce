// Element-wise steps of the residual stream and of the experts' MLPs.

/** y[T,D] += x[T,D]; a unit is a row. */
export function add_f32(first: i32, last: i32, scratch: usize, y: usize, x: usize, width: i32): void {
  let at = <usize>(first * width) << 2;
  const end = <usize>(last * width) << 2;
  for (; at + 16 <= end; at += 16) v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
  for (; at < end; at += 4) store<f32>(y + at, load<f32>(y + at) + load<f32>(x + at));
}
