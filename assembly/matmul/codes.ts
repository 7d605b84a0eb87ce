// The order of codes inside a packed chunk; no other file knows it.
//
// A chunk is 32 columns x 16 rows, 64 * bits bytes. Its codes unpack to eight fields of 64 bytes: byte t of lane r of field i
// is the code of row r, column 4i + t (four vectors of four rows: 0-3, 4-7, 8-11, 12-15). How the vectors of rows 0-3 hold
// fields, a digit being the field at the byte's bits (low bits right); the other rows follow in the same way:
//
//   8 bits   0 | 1 | 2 | 3 | 4 | 5 | 6 | 7      a vector a field
//   4 bits   1 0 | 3 2 | 5 4 | 7 6              low nibble, high nibble
//   2 bits   3 2 1 0 | 7 6 5 4                  four fields a byte
//   3 bits   A = 6 1 0 | B = 7 3 2 | C = 7' 6' 5 4, three bits a field; fields 6 and 7 have their two low bits on top of A and B,
//            their high bit (6', 7') is bit 6 or 7 of C. Here A, B, C of rows 0-3 come first, then those of rows 4-7, and so on.
import { bitsOf, isPairs, W2, W3, W4, W8 } from "../common/bits";
import { BYTES_03, BYTES_04, BYTES_07, BYTES_0F, WORDS_00FF } from "../common/constants";

/** Bytes from the vectors of four rows to the vectors of the next four. */
@inline export function rowStep<W>(): usize { return bitsOf<W>() == 3 ? 48 : 16; }

/** Mask of a field's bits in every byte. */
@inline export function byteMask<W>(): v128 {
  if (bitsOf<W>() == 2) return v128.load(BYTES_03);
  else if (bitsOf<W>() == 3) return v128.load(BYTES_07);
  else return v128.load(BYTES_0F);
}

/** Mask of a field's bits in every 16-bit lane. */
@inline export function halfMask<W>(): v128 {
  if (bitsOf<W>() == 8) return v128.load(WORDS_00FF);
  else return v128.and(byteMask<W>(), v128.load(WORDS_00FF));
}

/** Field `i` > 0 of a vector, counted from the low bits. */
@inline function field<W>(w: v128, i: i32, mask: v128): v128 {
  return v128.and(i16x8.shr_u(w, i * bitsOf<W>()), mask);
}

/** Field 6 (of A, shift 4) or 7 (of B, shift 5) at 3 bits: the two low bits are the top bits of `low`, the high bit is in `c`. */
@inline function topField(low: v128, c: v128, shift: i32, three: v128, four: v128): v128 {
  return v128.or(v128.and(i16x8.shr_u(low, 6), three), v128.and(i16x8.shr_u(c, shift), four));
}

/** Writes the eight fields of a packed chunk as bytes: 512 bytes. */
function unpackChunk<W>(bytes: usize, packed: usize): void {
  const mask = byteMask<W>();
  const three = v128.load(BYTES_03);
  const four = v128.load(BYTES_04);
  for (let r: usize = 0; r < 64; r += 16) {
    const to = bytes + r;
    const from = packed + (r >> 4) * rowStep<W>();
    if (bitsOf<W>() == 8) {
      for (let i: usize = 0; i < 512; i += 64) v128.store(to + i, v128.load(from + i));
    } else if (bitsOf<W>() == 4) {
      for (let i: usize = 0; i < 4; i++) {
        const w = v128.load(from + (i << 6));
        v128.store(to + (i << 7), v128.and(w, mask));
        v128.store(to + (i << 7), field<W>(w, 1, mask), 64);
      }
    } else if (bitsOf<W>() == 2) {
      for (let i: usize = 0; i < 2; i++) {
        const w = v128.load(from + (i << 6));
        v128.store(to + (i << 8), v128.and(w, mask));
        v128.store(to + (i << 8), field<W>(w, 1, mask), 64);
        v128.store(to + (i << 8), field<W>(w, 2, mask), 128);
        v128.store(to + (i << 8), field<W>(w, 3, mask), 192);
      }
    } else if (bitsOf<W>() == 3) {
      const a = v128.load(from);
      const b = v128.load(from, 16);
      const c = v128.load(from, 32);
      v128.store(to, v128.and(a, mask));
      v128.store(to, field<W>(a, 1, mask), 64);
      v128.store(to, v128.and(b, mask), 128);
      v128.store(to, field<W>(b, 1, mask), 192);
      v128.store(to, v128.and(c, mask), 256);
      v128.store(to, field<W>(c, 1, mask), 320);
      v128.store(to, topField(a, c, 4, three, four), 384);
      v128.store(to, topField(b, c, 5, three, four), 448);
    } else ERROR("no codec for this bit width");
  }
}

/** Splits the 512 bytes of an unpacked chunk into 16-bit words, even columns before odd ones: 1024 bytes. */
export function splitChunk(words: usize, bytes: usize): void {
  const low = v128.load(WORDS_00FF);
  for (let i: usize = 0; i < 512; i += 64) {
    for (let r: usize = 0; r < 64; r += 16) {
      const v = v128.load(bytes + i + r);
      v128.store(words + r, v128.and(v, low));
      v128.store(words + r, i16x8.shr_u(v, 8), 64);
    }
    words += 128;
  }
}

/** Inverse of `unpackChunk`; every byte must be below 2^bits. */
export function packChunk<W>(packed: usize, bytes: usize): void {
  for (let r: usize = 0; r < 64; r += 16) {
    const from = bytes + r;
    const to = packed + (r >> 4) * rowStep<W>();
    if (bitsOf<W>() == 8) {
      for (let i: usize = 0; i < 512; i += 64) v128.store(to + i, v128.load(from + i));
    } else if (bitsOf<W>() == 4) {
      for (let i: usize = 0; i < 4; i++) v128.store(to + (i << 6), joined<W>(from + (i << 7)));
    } else if (bitsOf<W>() == 2) {
      for (let i: usize = 0; i < 2; i++) {
        const low = joined<W>(from + (i << 8));
        const high = joined<W>(from + (i << 8) + 128);
        v128.store(to + (i << 6), v128.or(low, i16x8.shl(high, 4)));
      }
    } else if (bitsOf<W>() == 3) {
      const six = v128.load(from, 384);
      const seven = v128.load(from, 448);
      const three = v128.load(BYTES_03);
      const four = v128.load(BYTES_04);
      const tops = v128.or(i16x8.shl(v128.and(six, four), 4), i16x8.shl(v128.and(seven, four), 5));
      v128.store(to, v128.or(joined<W>(from), i16x8.shl(v128.and(six, three), 6)));
      v128.store(to, v128.or(joined<W>(from + 128), i16x8.shl(v128.and(seven, three), 6)), 16);
      v128.store(to, v128.or(joined<W>(from + 256), tops), 32);
    } else ERROR("no codec for this bit width");
  }
}

/** `unpackChunk` for a width that is known at run time only: cold kernels share one copy of their code. */
export function unpackChunkOf(bits: i32, bytes: usize, packed: usize): void {
  if (bits == 2) unpackChunk<W2>(bytes, packed);
  else if (bits == 3) unpackChunk<W3>(bytes, packed);
  else if (bits == 4) unpackChunk<W4>(bytes, packed);
  else unpackChunk<W8>(bytes, packed);
}

/** `packChunk` for a width that is known at run time only. */
export function packChunkOf(bits: i32, packed: usize, bytes: usize): void {
  if (bits == 2) packChunk<W2>(packed, bytes);
  else if (bits == 3) packChunk<W3>(packed, bytes);
  else if (bits == 4) packChunk<W4>(packed, bytes);
  else packChunk<W8>(packed, bytes);
}

/** Two neighbouring fields in one vector. */
@inline function joined<W>(bytes: usize): v128 {
  return v128.or(v128.load(bytes), i16x8.shl(v128.load(bytes, 64), bitsOf<W>()));
}

/**
 * sum + x · codes of four rows, in 8 bits, exact for x in -127..127: two i16 sums a row (Pairs), or one i32 sum (Fours). Where a
 * machine multiplies codes above 127 exactly, as unsigned or as signed bytes, Fours takes those of 8 bits too (docs/kernels.md).
 */
@inline export function addBytes<D>(sum: v128, x: v128, codes: v128): v128 {
  return isPairs<D>() ? i16x8.add(sum, v128.relaxed_dot<i16>(x, codes)) : v128.relaxed_dot_add<i32>(x, codes, sum);
}

/**
 * sum + codes of one vector (4 rows of a k-block; 8 bits: 4 columns, 4 bits: 8, 2 bits: 16) times the int8 activations of its columns,
 * four in every lane of x0, (4 bits) x1 and (2 bits) x2, x3. i16 sums over a chunk are at most 16 * 15 * 127, so nothing overflows.
 * `mask` selects the bits of a field; at 8 bits it is added to the codes.
 */
@inline export function dotVector<W, D>(sum: v128, w: v128, mask: v128, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  if (bitsOf<W>() == 8) return addBytes<D>(sum, x0, v128.xor(w, mask));
  const low = addBytes<D>(addBytes<D>(sum, x0, v128.and(w, mask)), x1, field<W>(w, 1, mask));
  if (bitsOf<W>() != 2) return low;
  return addBytes<D>(addBytes<D>(low, x2, field<W>(w, 2, mask)), x3, field<W>(w, 3, mask));
}

/** The same for the three vectors A, B, C of a chunk of 3-bit codes at w. `mask`, `three` and `four` hold 7, 3 and 4 in every byte. */
@inline export function dotThree<D>(sum: v128, w: usize, mask: v128, three: v128, four: v128, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128): v128 {
  const a = v128.load(w), b = v128.load(w, 16), c = v128.load(w, 32);
  sum = dotVector<W3, D>(dotVector<W3, D>(sum, a, mask, x0, x1, x0, x1), b, mask, x2, x3, x2, x3);
  sum = addBytes<D>(dotVector<W3, D>(sum, c, mask, x4, x5, x4, x5), x6, topField(a, c, 4, three, four));
  return addBytes<D>(sum, x7, topField(b, c, 5, three, four));
}

@inline function addDot(sum: v128, x: v128, codes: v128): v128 { return i32x4.add(sum, i32x4.dot_i16x8_s(x, codes)); }

/** sum + the first four 16-bit fields of a vector (8 bits: both) times their int16 activation pairs, which are repeated in every lane; 4 bits: x1 and x2 are those of fields 2 and 1. */
@inline export function dotWords<W>(sum: v128, w: v128, mask: v128, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  if (bitsOf<W>() == 8) return addDot(addDot(sum, x0, v128.and(w, mask)), x1, i16x8.shr_u(w, 8));
  sum = addDot(sum, x0, v128.and(w, mask));
  if (bitsOf<W>() == 2) return addDot(addDot(addDot(sum, x1, field<W>(w, 1, mask)), x2, field<W>(w, 2, mask)), x3, field<W>(w, 3, mask));
  return addDot(addDot(addDot(sum, x2, field<W>(w, 1, mask)), x1, field<W>(w, 2, mask)), x3, i16x8.shr_u(w, 12));
}

/** sum + half a chunk of 3-bit codes (the vectors A, B, C of four rows, 16 columns in the lower bytes of 16-bit lanes) times the activation pairs at x. */
@inline export function dotThreeWords(sum: v128, a: v128, b: v128, c: v128, x: usize, mask: v128, three: v128, four: v128): v128 {
  sum = addDot(addDot(sum, v128.load32_splat(x), v128.and(a, mask)), v128.load32_splat(x, 8), field<W3>(a, 1, mask));
  sum = addDot(addDot(sum, v128.load32_splat(x, 16), v128.and(b, mask)), v128.load32_splat(x, 24), field<W3>(b, 1, mask));
  sum = addDot(addDot(sum, v128.load32_splat(x, 32), v128.and(c, mask)), v128.load32_splat(x, 40), field<W3>(c, 1, mask));
  return addDot(addDot(sum, v128.load32_splat(x, 48), topField(a, c, 4, three, four)), v128.load32_splat(x, 56), topField(b, c, 5, three, four));
}
