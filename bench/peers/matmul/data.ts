/** The matrix and the inputs that both engines multiply: 4-bit codes with a zero of 8, and a scale for each group of columns. */

/** Rows and columns of the matrix. */
export const SIZE: number = 4096;

/** Words that look random, the same everywhere. */
function hash(index: number): number {
  let word = Math.imul(index + 1, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 15), 0x85ebca6b);
  return (word ^ (word >>> 13)) >>> 0;
}

/** @returns codes Uint8Array [SIZE, SIZE] from 0 to 15, and scales Float32Array [SIZE, SIZE / groupSize], exact in float16. */
export function makeMatrix(groupSize: number): { codes: Uint8Array; scales: Float32Array } {
  const codes = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => hash(i) & 15);
  const scales = Float32Array.from({ length: (SIZE * SIZE) / groupSize }, (_, i) => (1 + (hash(i) % 64) / 64) / 256);
  return { codes, scales };
}

/** Inputs Float32Array [rows, SIZE] from -1 to 1. */
export const makeInputs = (rows: number): Float32Array =>
  Float32Array.from({ length: rows * SIZE }, (_, i) => hash(i + 7) / 2 ** 31 - 1);

const SAMPLE_MS = 200;

/** Milliseconds of a call that is repeated for 200 ms. */
export async function timeCall(call: () => unknown): Promise<number> {
  const begin = performance.now();
  let calls = 0;
  do {
    await call();
    calls++;
  } while (performance.now() - begin < SAMPLE_MS);
  return (performance.now() - begin) / calls;
}
