// Panels of blocks: codes with a scale and a minimum for each group, whose units are those of a block (layout: docs/kernels.md).
//
// A weight is (d * scale) * code - dmin * min. `bits` is 2, 4 or 8, a group 16 or 32 columns, a block a multiple of 32 columns.
import { F16, W2, W4, W8 } from "../common/bits";
import { HIGH_HALF } from "../common/constants";
import { packChunk, unpackChunk } from "../matmul/codes";
import { widened } from "../matmul/float-weights";

/** Bytes of a block's head: 16 words of two f16, d above dmin. */
const BLOCK_HEAD: usize = 64;

/** Bytes of 32 columns: for each group 16 pairs of scale and minimum, then the codes. */
@inline function chunkBytes(bits: i32, group: i32): usize { return <usize>(1024 / group + 64 * bits); }

@inline function blockBytes(bits: i32, group: i32, block: i32): usize {
  return BLOCK_HEAD + <usize>(block / 32) * chunkBytes(bits, group);
}

/** Bytes of a panel of blocks. */
@inline export function blockPanelBytes(k: i32, bits: i32, group: i32, block: i32): usize {
  return <usize>(k / block) * blockBytes(bits, group, block);
}

function unpackCodes(bytes: usize, packed: usize, bits: i32): void {
  if (bits == 8) unpackChunk<W8>(bytes, packed);
  else if (bits == 4) unpackChunk<W4>(bytes, packed);
  else unpackChunk<W2>(bytes, packed);
}

/** out[cols][16] = columns `from` to `from + cols` of a panel of blocks as f32; `spare` has 512 bytes. */
export function widenBlocks(out: usize, spare: usize, panel: usize, from: i32, cols: i32, bits: i32, group: i32, block: i32): void {
  const fields = <usize>(group << 4);
  for (let col = from; col < from + cols; col += 32) {
    const head = panel + <usize>(col / block) * blockBytes(bits, group, block);
    const chunk = head + BLOCK_HEAD + <usize>(col % block / 32) * chunkBytes(bits, group);
    unpackCodes(spare, chunk + <usize>(1024 / group), bits);
    for (let g = 0; g < 32 / group; g++) {
      const codes = spare + <usize>g * fields;
      for (let r: usize = 0; r < 64; r += 16) {
        scaleGroup(out + r, codes + r, fields, v128.load(head + r), v128.load64_zero(chunk + <usize>(g << 5) + (r >> 1)));
      }
      out += fields << 2;
    }
  }
}

/** Weights of one group x 4 rows. `pairs` holds scale and minimum of the rows as bytes. */
function scaleGroup(out: usize, bytes: usize, fields: usize, head: v128, pairs: v128): void {
  const both = i32x4.extend_low_i16x8_s(pairs);
  const scale = f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(both, 24), 24));
  const d = f32x4.mul(widened<F16>(v128.and(head, v128.load(HIGH_HALF))), scale);
  const min = f32x4.mul(widened<F16>(i32x4.shl(head, 16)), f32x4.convert_i32x4_s(i32x4.shr_s(both, 8)));
  for (const end = bytes + fields; bytes < end; bytes += 64) {
    const v = v128.load(bytes);
    v128.store(out, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(v, 24), 24)), d), min));
    v128.store(out, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(v, 16), 24)), d), min), 64);
    v128.store(out, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(v, 8), 24)), d), min), 128);
    v128.store(out, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(v, 24)), d), min), 192);
    out += 256;
  }
}

/**
 * panels[p] from codes i8[N,K], heads u32[N,K/block] (d above dmin) and pairs u16[N,K/group] (scale, then minimum as bytes); a unit is
 * a panel; scratch 512 bytes.
 */
export function pack_blocks(first: i32, last: i32, scratch: usize, out: usize, codes: usize, heads: usize, pairs: usize, n: i32, k: i32, bits: i32, group: i32, block: i32): void {
  const mask: u32 = bits == 8 ? 0xffffffff : bits == 4 ? 0x0f0f0f0f : 0x03030303;
  let to = out + <usize>first * blockPanelBytes(k, bits, group, block);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    for (let col = 0; col < k; col += 32) {
      if (col % block == 0) {
        memory.fill(to, 0, BLOCK_HEAD);
        for (let r = 0; r < rows; r++) store<u32>(to + (<usize>r << 2), load<u32>(heads + (<usize>((row + r) * (k / block) + col / block) << 2)));
        to += BLOCK_HEAD;
      }
      for (let g = col / group; g < (col + 32) / group; g++) {
        memory.fill(to, 0, 32);
        for (let r = 0; r < rows; r++) store<u16>(to + (<usize>r << 1), load<u16>(pairs + (<usize>((row + r) * (k / group) + g) << 1)));
        to += 32;
      }
      memory.fill(scratch, 0, 512);
      for (let r = 0; r < rows; r++) {
        const from = codes + <usize>(row + r) * <usize>k + <usize>col;
        const lane = scratch + (<usize>r << 2);
        for (let i: usize = 0; i < 8; i++) store<u32>(lane + (i << 6), load<u32>(from + (i << 2)) & mask);
      }
      if (bits == 8) packChunk<W8>(to, scratch);
      else if (bits == 4) packChunk<W4>(to, scratch);
      else packChunk<W2>(to, scratch);
      to += <usize>(64 * bits);
    }
  }
}
