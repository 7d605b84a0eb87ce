/** f64 twin of assembly/predictor/adamw.ts: torch's formula, step by step, over one array. */
export interface AdamWSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** @returns the parameters after a step down each of the gradients. */
export function adamw(
  start: ArrayLike<number>,
  gradients: readonly ArrayLike<number>[],
  { learningRate, weightDecay }: AdamWSettings,
): Float64Array {
  const parameters = Float64Array.from(start);
  const mean = new Float64Array(start.length);
  const square = new Float64Array(start.length);
  gradients.forEach((gradient, step) => {
    for (let at = 0; at < parameters.length; at++) {
      parameters[at] -= learningRate * weightDecay * parameters[at];
      mean[at] = 0.9 * mean[at] + 0.1 * gradient[at];
      square[at] = 0.999 * square[at] + 0.001 * gradient[at] ** 2;
      const root = Math.sqrt(square[at] / (1 - 0.999 ** (step + 1)));
      parameters[at] -= (learningRate * mean[at]) / (1 - 0.9 ** (step + 1)) / (root + 1e-8);
    }
  });
  return parameters;
}
