/** f64 twins of assembly/network/norm.ts. Rows are dense here. */
export function rmsnorm_f32(x: ArrayLike<number>, weight: ArrayLike<number>, width: number, eps: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let row = 0; row * width < x.length; row++) {
    let sum = 0;
    for (let col = 0; col < width; col++) sum += x[row * width + col] ** 2;
    const inverse = 1 / Math.sqrt(sum / width + eps);
    for (let col = 0; col < width; col++) y[row * width + col] = x[row * width + col] * inverse * weight[col];
  }
  return y;
}

/** One token: its heads one after the other, each normalised by itself. */
export function rmsnorm_heads_f32(x: ArrayLike<number>, weight: ArrayLike<number>, eps: number): Float64Array {
  return rmsnorm_f32(x, weight, weight.length, eps);
}
