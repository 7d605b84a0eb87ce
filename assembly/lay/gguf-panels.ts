// Packs rows of GGUF's block types, as they lie in the file, into panels of codes; unpacks those that become panels of blocks.
import { headBytes, panelBytes } from "../matmul/panel";
import { gatherFields, packNibbles } from "./fields";
import { notFinite } from "./gptq-panels";
import { unpackCodes } from "./gguf-codes";
import { blockBytes, blockColumns, Q2_K, Q4_0, Q6_K, unitOffset } from "./gguf-types";

/**
 * Panels of codes from rows [n, k] of Q4_0 (4 bits), Q5_0, Q8_0 or Q3_K (8 bits), whose number in the file is `type`. All rows of a type have
 * the same zero, so the panels have none. faults[p] is 0 if all scales of panel p are finite. Up to 16
 * bytes behind the rows are read. A unit is a panel; scratch 512 bytes.
 */
export function lay_gguf_codes(first: i32, last: i32, scratch: usize, out: usize, faults: usize, input: usize, n: i32, k: i32, type: i32): void {
  const bits = type == Q4_0 ? 4 : 8;
  const columns = blockColumns(type);
  const bytes = blockBytes(type);
  const unit = unitOffset(type);
  const blocks = k / columns;
  const rowBytes = <usize>blocks * bytes;
  let to = out + <usize>first * panelBytes(bits, k, columns, 0);
  for (let panel = first; panel < last; panel++) {
    const rows = min(16, n - panel * 16);
    let from = input + <usize>panel * 16 * rowBytes;
    let fault: u32 = 0;
    for (let block = 0; block < blocks; block++) {
      memory.fill(to, 0, headBytes(0));
      for (let r = 0; r < rows; r++) {
        const d = <u32>load<u16>(from + <usize>r * rowBytes + unit);
        fault |= notFinite(d);
        store<u16>(to + (<usize>r << 1), d);
      }
      to += headBytes(0);
      if (bits == 4) {
        gatherFields(scratch, from + 2, rowBytes, rows);
        packNibbles(to, scratch);
      } else for (let part = 0; part < columns / 32; part++) {
        unpackCodes(type, scratch, from, rowBytes, part, rows);
        gatherFields(to + <usize>(part << 9), scratch, 32, rows);
      }
      to += <usize>(2 * bits * columns);
      from += bytes;
    }
    store<u32>(faults + (<usize>panel << 2), fault);
  }
}

/** The head of a row of a block: d above dmin. The file adds the minimums of Q4_1 and Q5_1; panels subtract them. */
@inline function blockHead(type: i32, from: usize): u32 {
  const d = <u32>load<u16>(from + unitOffset(type)) << 16;
  if (type == Q6_K) return d;
  if (type == Q2_K) return d | load<u16>(from, 82);
  return d | (load<u16>(from, 2) ^ (type < Q2_K ? 0x8000 : 0));
}

/** Scale and minimum, as bytes, of group `group` of a block. */
@inline function groupPair(type: i32, from: usize, group: usize): u32 {
  if (type < Q2_K) return 0x0101;
  if (type == Q6_K) return load<u8>(from + 192 + group);
  if (type == Q2_K) {
    const both = <u32>load<u8>(from + group);
    return (both & 15) | ((both >> 4) << 8);
  }
  // Q4_K and Q5_K: eight scales and minimums of 6 bits in 12 bytes. The last four have their high bits in the first eight bytes.
  const s = <u32>load<u8>(from + 4 + (group & 3));
  const m = <u32>load<u8>(from + 8 + (group & 3));
  if (group < 4) return (s & 63) | ((m & 63) << 8);
  const both = <u32>load<u8>(from + 8 + group);
  return (both & 15) | ((s >> 6) << 4) | (((both >> 4) | ((m >> 6) << 4)) << 8);
}

/**
 * codes i8[N,K], heads u32[N,K/block] and pairs u16[N,K/group], as `pack_blocks` takes them, from rows [n, k] of Q2_K, Q4_1, Q4_K, Q5_1, Q5_K or
 * Q6_K. faults[row] is 0 if all units of the row are finite. A unit is a row; no scratch.
 */
export function unpack_gguf_blocks(first: i32, last: i32, scratch: usize, codes: usize, heads: usize, pairs: usize, faults: usize, input: usize, k: i32, type: i32): void {
  const columns = blockColumns(type);
  const bytes = blockBytes(type);
  const blocks = k / columns;
  const groups = type == Q2_K || type == Q6_K ? 16 : columns / 32;
  let from = input + <usize>(first * blocks) * bytes;
  let head = heads + (<usize>(first * blocks) << 2);
  let pair = pairs + (<usize>(first * blocks * groups) << 1);
  let to = codes + <usize>first * <usize>k;
  for (let row = first; row < last; row++) {
    let fault: u32 = 0;
    for (let block = 0; block < blocks; block++) {
      const units = blockHead(type, from);
      fault |= notFinite(units) | notFinite(units >> 16);
      store<u32>(head, units);
      head += 4;
      for (let g = 0; g < groups; g++) {
        store<u16>(pair, groupPair(type, from, g));
        pair += 2;
      }
      for (let part = 0; part < columns / 32; part++) {
        unpackCodes(type, to, from, 0, part, 1);
        to += 32;
      }
      from += bytes;
    }
    store<u32>(faults + (<usize>row << 2), fault);
  }
}
