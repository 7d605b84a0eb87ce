// A checksum of weights as they lie in memory, fast enough to be taken whenever they are read.

const CHUNK: usize = 65536;

/** A step of the checksum: for each value of h it maps x one to one, and the other way round. */
@inline
function mixed(h: v128, x: v128, prime: v128): v128 {
  const product = i32x4.mul(v128.xor(h, x), prime);
  return v128.or(i32x4.shl(product, 15), i32x4.shr_u(product, 17));
}

/**
 * sums[i] (u32) of the i-th 64 KiB from `from` on; the last chunk may be shorter, and `bytes` is a multiple of 64. A unit is a
 * chunk; no scratch.
 */
export function checksum_chunks(first: i32, last: i32, scratch: usize, sums: usize, from: usize, bytes: usize, factor: i32): void {
  const prime = i32x4.splat(factor);
  for (let chunk = first; chunk < last; chunk++) {
    let at = from + <usize>chunk * CHUNK;
    const end = min(at + CHUNK, from + bytes);
    // Eight sums, since one would wait for each of its products.
    let a = prime;
    let b = prime;
    let c = prime;
    let d = prime;
    let e = prime;
    let f = prime;
    let g = prime;
    let h = prime;
    for (; at < end; at += 128) {
      a = mixed(a, v128.load(at), prime);
      b = mixed(b, v128.load(at, 16), prime);
      c = mixed(c, v128.load(at, 32), prime);
      d = mixed(d, v128.load(at, 48), prime);
      if (at + 64 == end) break;
      e = mixed(e, v128.load(at, 64), prime);
      f = mixed(f, v128.load(at, 80), prime);
      g = mixed(g, v128.load(at, 96), prime);
      h = mixed(h, v128.load(at, 112), prime);
    }
    a = mixed(mixed(mixed(mixed(a, b, prime), c, prime), d, prime), e, prime);
    a = mixed(mixed(mixed(a, f, prime), g, prime), h, prime);
    // Lane by lane, into lane 0.
    let sum = i32x4.extract_lane(a, 0);
    sum = rotl((sum ^ i32x4.extract_lane(a, 1)) * factor, 15);
    sum = rotl((sum ^ i32x4.extract_lane(a, 2)) * factor, 15);
    sum = rotl((sum ^ i32x4.extract_lane(a, 3)) * factor, 15);
    store<u32>(sums + (<usize>chunk << 2), sum);
  }
}
