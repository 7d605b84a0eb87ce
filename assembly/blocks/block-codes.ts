// Codes of blocks with 2, 4, 5 or 6 bits: 32 columns x 16 rows, 64 * bits bytes; no other file knows their order.
//
// 2 and 4 bits are the chunks of matmul/codes.ts. Codes of 5 and 6 bits are a chunk of their 4 low bits, then their high bits: at 5 bits a
// vector for four rows, in which bit f of byte t is the high bit of field f; at 6 bits two such vectors, of which the first has the bits
// of fields 0 to 3 and the second those of fields 4 to 7, two a field. The vectors of rows 0-3 come first, then those of rows 4-7, and so on.
import { BYTES_01, BYTES_03, BYTES_0F, BYTES_10, BYTES_30 } from "../common/constants";
import { packChunkOf, unpackChunkOf } from "../matmul/codes";

/** Bytes of the chunk of low bits, where there are high ones. */
const LOW_BYTES: usize = 256;

/** Columns that share a scale. */
@inline export function groupOf(bits: i32): i32 { return bits == 2 || bits == 6 ? 16 : 32; }

/** Bytes of 32 columns. */
@inline export function codeBytes(bits: i32): usize { return <usize>(64 * bits); }

/** Writes fields 0 to 3 of a half as bytes: their low bits are in two vectors from `lows` on, their high bits in `plane`, which has those of field 0 lowest. */
@inline function unpackHalf(six: bool, bytes: usize, lows: usize, plane: v128, low: v128, top: v128): void {
  const w = v128.load(lows), v = v128.load(lows, 64);
  const second = six ? i16x8.shl(plane, 2) : i16x8.shl(plane, 3);
  const third = six ? plane : i16x8.shl(plane, 2);
  const fourth = six ? i16x8.shr_u(plane, 2) : i16x8.shl(plane, 1);
  v128.store(bytes, v128.or(v128.and(w, low), v128.and(i16x8.shl(plane, 4), top)));
  v128.store(bytes, v128.or(v128.and(i16x8.shr_u(w, 4), low), v128.and(second, top)), 64);
  v128.store(bytes, v128.or(v128.and(v, low), v128.and(third, top)), 128);
  v128.store(bytes, v128.or(v128.and(i16x8.shr_u(v, 4), low), v128.and(fourth, top)), 192);
}

/** Writes the eight fields of 32 columns as bytes: 512 bytes. */
export function unpackCodes(bits: i32, bytes: usize, packed: usize): void {
  if (bits <= 4) return unpackChunkOf(bits, bytes, packed);
  const low = v128.load(BYTES_0F);
  const top = v128.load(bits == 6 ? BYTES_30 : BYTES_10);
  for (const end = bytes + 64; bytes < end; bytes += 16) {
    const plane = v128.load(packed, LOW_BYTES);
    if (bits == 6) {
      unpackHalf(true, bytes, packed, plane, low, top);
      unpackHalf(true, bytes + 256, packed + 128, v128.load(packed, LOW_BYTES + 64), low, top);
    } else {
      unpackHalf(false, bytes, packed, plane, low, top);
      unpackHalf(false, bytes + 256, packed + 128, i16x8.shr_u(plane, 4), low, top);
    }
    packed += 16;
  }
}

/** Inverse of `unpackCodes`; every byte must be below 2^bits. Leaves only low bits in `bytes`. */
export function packCodes(bits: i32, packed: usize, bytes: usize): void {
  if (bits > 4) packTops(bits - 4, packed + LOW_BYTES, bytes);
  packChunkOf(min(bits, 4), packed, bytes);
}

/** Moves the bits above the lowest four, `width` for each code, from `bytes` to their planes. */
function packTops(width: i32, planes: usize, bytes: usize): void {
  const low = v128.load(BYTES_0F);
  const one = v128.load(width == 1 ? BYTES_01 : BYTES_03);
  const perVector = 8 / width;
  for (let r: usize = 0; r < 64; r += 16) {
    let plane = i32x4.splat(0);
    for (let f = 0; f < 8; f++) {
      const at = bytes + (<usize>f << 6) + r;
      const codes = v128.load(at);
      const tops = v128.and(i16x8.shr_u(codes, 4), one);
      plane = v128.or(f % perVector == 0 ? i32x4.splat(0) : plane, i16x8.shl(tops, width * (f % perVector)));
      v128.store(at, v128.and(codes, low));
      v128.store(planes + <usize>(f / perVector << 6) + r, plane);
    }
  }
}
