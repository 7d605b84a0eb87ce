/** Seeded numbers for tests: mulberry32 and Box-Muller. Not the product's generator. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal deviates, with one in a hundred ten times larger, as activations have. */
export function gaussians(count: number, seed: number, outliers: number = 0): Float32Array {
  const random = mulberry32(seed);
  return Float32Array.from({ length: count }, () => {
    const value = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return outliers > 0 && random() < outliers ? 10 * value : value;
  });
}
