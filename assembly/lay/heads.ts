// Writes the heads of packed groups. Panels have no negative scales: s (c - z) = -s ((top - c) - (top - z)), so the codes of such rows
// are inverted, bit by bit.

/** 1 for f16 bits that are no number. */
@inline export function notFinite(half: u32): u32 { return <u32>((half & 0x7c00) == 0x7c00); }

/** Writes the head of a row, and to `sign` the mask that inverts its codes if the scale is negative. Returns that mask. */
@inline export function storeHead(bits: i32, head: usize, sign: usize, scale: u32, zero: u32): u32 {
  const mask = <u32>(-(<i32>(scale >> 15)));
  const top: u32 = (1 << bits) - 1;
  store<u32>(head, ((scale & 0x7fff) << 16) | (zero ^ (mask & top)));
  store<u32>(sign, mask);
  return mask;
}

/** Inverts the codes of a packed chunk under the masks of its 16 rows. */
export function invertRows(bits: i32, packed: usize, signs: usize): void {
  // At 3 bits the three vectors of four rows lie together; at other widths they are 64 bytes apart (matmul/codes.ts).
  const step: usize = bits == 3 ? 16 : 64;
  const count = bits == 3 ? 3 : bits;
  for (let four: usize = 0; four < 4; four++) {
    const mask = v128.load(signs + (four << 4));
    let at = packed + four * (bits == 3 ? 48 : 16);
    for (let i = 0; i < count; i++) {
      v128.store(at, v128.xor(v128.load(at), mask));
      at += step;
    }
  }
}
