/** Converts IEEE half precision and bfloat16 bits, the formats of scales in files. */

const f32 = new Float32Array(1);
const bits32 = new Uint32Array(f32.buffer);

/** The value of f16 bits; exact. */
export function f16Value(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The value of bfloat16 bits; exact. */
export function bf16Value(bits: number): number {
  bits32[0] = bits << 16;
  return f32[0];
}

/** The values of all bits of each type, made at the first use: looking them up is much faster than computing each. */
const tables: { f16?: Float32Array; bf16?: Float32Array } = {};

/** to[i] = the value of words[i], which are bits of f16 or of bfloat16. */
export function widenFloats(to: Float32Array, words: Uint16Array, dtype: "f16" | "bf16"): void {
  const decode = dtype === "f16" ? f16Value : bf16Value;
  tables[dtype] ??= Float32Array.from({ length: 0x10000 }, (_, bits) => decode(bits));
  const table = tables[dtype];
  for (let i = 0; i < words.length; i++) to[i] = table[words[i]];
}

/** The f16 value that is nearest to a magnitude up to 65504, ties to even. */
export function nearestF16(value: number): number {
  const step = 2 ** Math.max(-24, exponentOf(value) - 10);
  const steps = Math.abs(value) / step;
  const below = Math.floor(steps);
  const up = steps - below > 0.5 || (steps - below === 0.5 && below % 2 === 1);
  return Math.sign(value) * (below + (up ? 1 : 0)) * step;
}

/** The exponent of the largest power of two that is not above the magnitude; f32 values only. */
function exponentOf(value: number): number {
  f32[0] = Math.abs(value);
  return (bits32[0] >>> 23) - 127;
}

/** The f16 bits nearest to a number in f32, ties to even; undefined for numbers that are too large or no numbers. */
export function roundedF16(value: number): number | undefined {
  // From 65520 on, the nearest would be 65536, which f16 does not have.
  return Math.abs(value) < 65520 ? exactF16(nearestF16(value)) : undefined;
}

/** The f16 bits that have exactly this value, or `undefined` if there are none. */
export function exactF16(value: number): number | undefined {
  const magnitude = Math.abs(value);
  if (!(magnitude <= 65504)) return undefined;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (magnitude < 2 ** -14) {
    const fraction = magnitude * 2 ** 24;
    return Number.isInteger(fraction) ? sign | fraction : undefined;
  }
  f32[0] = magnitude;
  if (f32[0] !== magnitude || (bits32[0] & 0x1fff) !== 0) return undefined;
  // Rebias the exponent from 127 to 15; the upper ten bits of the fraction follow it.
  return sign | ((bits32[0] >>> 13) - (112 << 10));
}
