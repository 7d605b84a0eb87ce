// AdamW (Loshchilov and Hutter 2019), one step, all in f32.

/**
 * Parameters are in panels of `rows` vectors of 16: element [p][k][r]. Both moments have the same layout. The gradient has the layout
 * of a matmul's output: [k][16 p + r] at a stride of `ldg`. A unit is a panel.
 * `share1` and `share2` are the weights of a gradient in its moments, 1 - beta. `keep` is the factor of weight decay. `rate` and
 * `correction` include the bias correction of the moments.
 */
export function adamw_f32(
  first: i32, last: i32, scratch: usize,
  parameters: usize, mean: usize, square: usize, gradient: usize, ldg: i32, rows: i32,
  share1: u32, share2: u32, keep: u32, rate: u32, correction: u32, epsilon: u32,
): void {
  const s1 = f32x4.splat(reinterpret<f32>(share1));
  const s2 = f32x4.splat(reinterpret<f32>(share2));
  const kept = f32x4.splat(reinterpret<f32>(keep));
  const step = f32x4.splat(reinterpret<f32>(rate));
  const unbias = f32x4.splat(reinterpret<f32>(correction));
  const tiny = f32x4.splat(reinterpret<f32>(epsilon));
  const bytes = <usize>rows << 6;
  for (let p = first; p < last; p++) {
    const end = <usize>(p + 1) * bytes;
    let from = gradient + (<usize>p << 6);
    for (let line = <usize>p * bytes; line < end; line += 64, from += <usize>ldg << 2)
      for (let lane: usize = 0; lane < 64; lane += 16) {
        const at = line + lane;
        const g = v128.load(from + lane);
        let m = v128.load(mean + at), v = v128.load(square + at);
        m = f32x4.add(m, f32x4.mul(s1, f32x4.sub(g, m)));
        v = f32x4.add(v, f32x4.mul(s2, f32x4.sub(f32x4.mul(g, g), v)));
        v128.store(mean + at, m);
        v128.store(square + at, v);
        const root = f32x4.add(f32x4.sqrt(f32x4.mul(v, unbias)), tiny);
        const down = f32x4.div(f32x4.mul(step, m), root);
        v128.store(parameters + at, f32x4.sub(f32x4.mul(v128.load(parameters + at), kept), down));
      }
  }
}
