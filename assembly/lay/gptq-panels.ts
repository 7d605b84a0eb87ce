// Packs GPTQ's words, as they lie in the file, into panels of codes.
import { packChunkOf } from "../matmul/codes";
import { groupBytes, headBytes, panelBytes } from "../matmul/panel";

/** 1 for f16 bits that are no number. */
@inline export function notFinite(half: u32): u32 { return <u32>((half & 0x7c00) == 0x7c00); }

/** The code of `bits` bits at bit `at` of a stream. */
@inline function codeAt(stream: usize, at: i32, top: u32): u32 {
  return (<u32>load<u16>(stream + <usize>(at >> 3)) >> (at & 7)) & top;
}

/** fields[8][16 rows][4] = 32 columns in the order of the file: word j of a row is at words + j * line. */
function spreadWords(bits: i32, fields: usize, words: usize, line: usize): void {
  const four = i32x4.splat(bits == 8 ? -1 : (1 << (4 * bits)) - 1);
  const pairs = i32x4.splat(bits == 8 ? -1 : ((1 << (2 * bits)) - 1) * 0x00010001);
  const ones = i32x4.splat(((1 << bits) - 1) * 0x01010101);
  for (let i = 0; i < 8; i++) {
    const at = 4 * bits * i;
    const shift = at & 31;
    const isCut = shift + 4 * bits > 32;
    let from = words + <usize>(at >> 5) * line;
    for (let r: usize = 0; r < 64; r += 16) {
      let x = i32x4.shr_u(v128.load(from + r), shift);
      if (isCut) x = v128.or(x, i32x4.shl(v128.load(from + line + r), 32 - shift));
      x = v128.and(x, four);
      x = v128.and(v128.or(x, i32x4.shl(x, 16 - 2 * bits)), pairs);
      v128.store(fields + r, v128.and(v128.or(x, i32x4.shl(x, 8 - bits)), ones));
    }
    fields += 64;
  }
}

/** The same for 32 columns in the order `perm`; `words` has all columns. */
function gatherWords(bits: i32, fields: usize, words: usize, line: usize, perm: usize): void {
  const top = i32x4.splat((1 << bits) - 1);
  for (let i = 0; i < 32; i++) {
    const at = load<i32>(perm + (<usize>i << 2)) * bits;
    const shift = at & 31;
    const isCut = shift + bits > 32;
    const from = words + <usize>(at >> 5) * line;
    const to = fields + (<usize>(i >> 2) << 6);
    for (let r: usize = 0; r < 64; r += 16) {
      let x = i32x4.shr_u(v128.load(from + r), shift);
      if (isCut) x = v128.or(x, i32x4.shl(v128.load(from + line + r), 32 - shift));
      x = i32x4.shl(v128.and(x, top), (i & 3) << 3);
      v128.store(to + r, (i & 3) == 0 ? x : v128.or(x, v128.load(to + r)));
    }
  }
}

function layWords(bits: i32, first: i32, last: i32, scratch: usize, out: usize, faults: usize, words: usize, zeros: usize, scales: usize, groups: usize, perm: usize, n: i32, k: i32, groupSize: i32, from: i32, cols: i32): void {
  const line = <usize>n << 2;
  const zeroLine = <usize>(bits == 3 ? (n + 31) / 32 * 3 : (n * bits + 31) / 32) << 2;
  const zero = load<i32>(groups);
  const panelSize = panelBytes(bits, k, groupSize, zero);
  const top: u32 = (1 << bits) - 1;
  for (let panel = first; panel < last; panel++) {
    const rows = min(16, n - panel * 16);
    const column = words + (<usize>panel << 6);
    let fault: u32 = 0;
    for (let col = from; col < from + cols; col += 32) {
      const group = col / groupSize;
      const head = out + <usize>panel * panelSize + <usize>group * groupBytes(bits, groupSize, zero);
      if (col == from || col % groupSize == 0) {
        const source = load<i32>(groups + (<usize>group << 2), 4);
        const zeroRow = zeros + <usize>source * zeroLine;
        const scaleRow = scales + (<usize>(source * n + panel * 16) << 1);
        memory.fill(head, 0, headBytes(zero));
        for (let r = 0; r < rows; r++) {
          const scale = <u32>load<u16>(scaleRow + (<usize>r << 1));
          fault |= notFinite(scale);
          store<u16>(head + (<usize>r << 1), scale);
          if (zero < 0) store<u8>(head + <usize>r, codeAt(zeroRow, (panel * 16 + r) * bits, top), 32);
        }
      }
      if (perm) gatherWords(bits, scratch, column, line, perm + (<usize>col << 2));
      else spreadWords(bits, scratch, column + <usize>((col - from) / 32 * bits) * line, line);
      for (let r = rows; r < 16; r++) {
        for (let i: usize = 0; i < 512; i += 64) store<u32>(scratch + i + (<usize>r << 2), 0);
      }
      const to = head + headBytes(zero) + <usize>(2 * (col - group * groupSize) * bits);
      packChunkOf(bits, to, scratch);
    }
    store<u32>(faults + (<usize>panel << 2), fault);
  }
}

/**
 * Columns [from, from + cols) of panels of 2-bit codes in groups of `groupSize` columns of k. words: the lines of qweight [32 cols / bits, n] for
 * these columns, or all lines if `perm` [k] (or 0) says which column of the file is a stored column. zeros and scales: qzeros and scales [G, n]
 * of the file, true zero points and f16. groups [1 + k / groupSize]: the zero of all (negative: each has
 * its own), then the groups of the file. faults[p] is 0 if all scales of panel p are finite. Up to 60 bytes behind the words are read. A unit is a panel; scratch 512 bytes.
 */
export function lay_gptq_w2(first: i32, last: i32, scratch: usize, out: usize, faults: usize, words: usize, zeros: usize, scales: usize, groups: usize, perm: usize, n: i32, k: i32, groupSize: i32, from: i32, cols: i32): void {
  layWords(2, first, last, scratch, out, faults, words, zeros, scales, groups, perm, n, k, groupSize, from, cols);
}
/** The same for 3-bit codes. */
export function lay_gptq_w3(first: i32, last: i32, scratch: usize, out: usize, faults: usize, words: usize, zeros: usize, scales: usize, groups: usize, perm: usize, n: i32, k: i32, groupSize: i32, from: i32, cols: i32): void {
  layWords(3, first, last, scratch, out, faults, words, zeros, scales, groups, perm, n, k, groupSize, from, cols);
}
/** The same for 4-bit codes. */
export function lay_gptq_w4(first: i32, last: i32, scratch: usize, out: usize, faults: usize, words: usize, zeros: usize, scales: usize, groups: usize, perm: usize, n: i32, k: i32, groupSize: i32, from: i32, cols: i32): void {
  layWords(4, first, last, scratch, out, faults, words, zeros, scales, groups, perm, n, k, groupSize, from, cols);
}
/** The same for 8-bit codes. */
export function lay_gptq_w8(first: i32, last: i32, scratch: usize, out: usize, faults: usize, words: usize, zeros: usize, scales: usize, groups: usize, perm: usize, n: i32, k: i32, groupSize: i32, from: i32, cols: i32): void {
  layWords(8, first, last, scratch, out, faults, words, zeros, scales, groups, perm, n, k, groupSize, from, cols);
}
