/** AdamW (Loshchilov and Hutter 2019) over one array of parameters, with torch's defaults for its moments. */

export interface AdamWOptions {
  readonly learningRate: number;
  readonly weightDecay: number;
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export class AdamW {
  readonly #options: AdamWOptions;
  readonly #mean: Float32Array;
  readonly #square: Float32Array;
  /** beta^steps. */
  #power1 = 1;
  #power2 = 1;

  constructor(size: number, options: AdamWOptions) {
    this.#options = options;
    this.#mean = new Float32Array(size);
    this.#square = new Float32Array(size);
  }

  /** One step down the gradient, in place; the decay acts on the parameters themselves. */
  step(parameters: Float32Array, gradient: Float32Array): void {
    const mean = this.#mean;
    const square = this.#square;
    const { learningRate, weightDecay } = this.#options;
    this.#power1 *= BETA_1;
    this.#power2 *= BETA_2;
    const kept = 1 - learningRate * weightDecay;
    const rate = learningRate / (1 - this.#power1);
    const correction = 1 / (1 - this.#power2);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i];
      const m = BETA_1 * mean[i] + (1 - BETA_1) * g;
      const v = BETA_2 * square[i] + (1 - BETA_2) * g * g;
      mean[i] = m;
      square[i] = v;
      parameters[i] = parameters[i] * kept - (rate * m) / (Math.sqrt(v * correction) + EPSILON);
    }
  }
}
