// Random weights and their rounding to GGUF's block types. The floats of a tensor depend on its name and sizes only.

/** Columns of a block of Q4_0 and Q8_0. */
export const BLOCK = 32;

function seedOf(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0 || 1;
}

/** Sums of four uniform numbers, which are nearly normal: `fill(out)` writes the next ones. */
export function normalNumbers(seed, deviation, mean = 0) {
  let state = seedOf(seed);
  const draw = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state & 0xffff) + (state >>> 16);
  };
  for (let i = 0; i < 8; i++) draw();
  // Each of the four has the variance 65536^2 / 12.
  const unit = (deviation * Math.sqrt(3)) / 65536;
  return (out) => {
    for (let i = 0; i < out.length; i++) out[i] = (draw() + draw() - 131070) * unit + mean;
  };
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** Bits of the float16 nearest to a normal number; smaller ones become 0. */
export function halfBits(value) {
  float[0] = value;
  const bits = word[0];
  const sign = (bits >>> 16) & 0x8000;
  const rounded = bits + 0xfff + ((bits >>> 13) & 1);
  const exponent = ((rounded >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7c00;
  return sign | (exponent << 10) | ((rounded >>> 13) & 0x3ff);
}

/** The value of largest magnitude of a block, with its sign. */
function extreme(values, from) {
  let most = values[from];
  for (let i = from + 1; i < from + BLOCK; i++) if (Math.abs(values[i]) > Math.abs(most)) most = values[i];
  return most;
}

function putScale(out, at, scale) {
  const bits = halfBits(scale);
  out[at] = bits & 255;
  out[at + 1] = bits >>> 8;
  return scale === 0 ? 0 : 1 / scale;
}

/** A scale and 32 codes of 4 bits from -8: the low halves are the first 16 columns. */
function roundQ4(values, out) {
  for (let from = 0, at = 0; from < values.length; from += BLOCK, at += 18) {
    const inverse = putScale(out, at, extreme(values, from) / -8);
    const code = (i) => Math.min(15, Math.floor(values[from + i] * inverse + 8.5));
    for (let i = 0; i < 16; i++) out[at + 2 + i] = code(i) | (code(i + 16) << 4);
  }
}

/** A scale and 32 codes of 8 bits. */
function roundQ8(values, out) {
  for (let from = 0, at = 0; from < values.length; from += BLOCK, at += 34) {
    const inverse = putScale(out, at, Math.abs(extreme(values, from)) / 127);
    for (let i = 0; i < BLOCK; i++) out[at + 2 + i] = Math.round(values[from + i] * inverse);
  }
}

/** Types of tensors: their number in the file, that of the whole file, the bytes of 32 values, and their rounding. */
export const TYPES = {
  f32: {
    id: 0,
    fileType: 0,
    bytes: 128,
    round: (values, out) => new Float32Array(out.buffer, out.byteOffset).set(values),
  },
  q4_0: { id: 2, fileType: 2, bytes: 18, round: roundQ4 },
  q8_0: { id: 8, fileType: 7, bytes: 34, round: roundQ8 },
};
