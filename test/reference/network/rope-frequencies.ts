/**
 * Twins of src/nn/rope-frequencies.ts, written from the published descriptions with the functions of Math: by wavelengths (Llama 3.1)
 * and by numbers of rotations (YaRN, arXiv:2309.00071, section 3.2), pair by pair.
 */
interface Base {
  readonly dim: number;
  readonly theta: number;
}

function plainFrequency({ dim, theta }: Base, pair: number): number {
  return 1 / theta ** ((2 * pair) / dim);
}

export interface Llama3 {
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly context: number;
}

export function llama3Frequency(base: Base, { factor, low, high, context }: Llama3, pair: number): number {
  const frequency = plainFrequency(base, pair);
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < context / high) return frequency;
  if (wavelength > context / low) return frequency / factor;
  const smooth = (context / wavelength - low) / (high - low);
  return ((1 - smooth) / factor + smooth) * frequency;
}

export interface Yarn {
  readonly factor: number;
  readonly fast: number;
  readonly slow: number;
  readonly context: number;
  readonly truncate: boolean;
}

export function yarnFrequency(base: Base, { factor, fast, slow, context, truncate }: Yarn, pair: number): number {
  const { dim, theta } = base;
  const pairWith = (rotations: number) =>
    (dim * (Math.log(context) - Math.log(rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  let [first, last] = [pairWith(fast), pairWith(slow)];
  if (truncate) [first, last] = [Math.floor(first), Math.ceil(last)];
  first = Math.max(0, first);
  last = Math.min(dim - 1, last);
  if (first === last) last += 0.001;
  const ramp = Math.min(1, Math.max(0, (pair - first) / (last - first)));
  const frequency = plainFrequency(base, pair);
  return ramp * (frequency / factor) + (1 - ramp) * frequency;
}
