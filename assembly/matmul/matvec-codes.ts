// Multiplies a few activation rows by packed panels. Codes are unpacked in registers, and each panel is read from end to end.
import { bitsOf, Fours, isPairs, isWords, valueBytes } from "../common/bits";
import { BYTES_03, BYTES_04, BYTES_0F } from "../common/constants";
import { addBytes, byteMask, halfMask } from "./codes";
import { fold, lessZeros, scalesOf } from "./fold";
import { dotGroupBytes, dotGroupPairs, dotGroupWords } from "./group-dots";
import { groupBytes, headBytes } from "./panel";
import { metaBytes, tileRows } from "./row-tiles";
import { rowAt } from "./table";

/** Masks of fields, as the dot products of W and D need them; at 8 bits what is added to every byte. */
@inline function fieldMask<W, D>(flip: i32): v128 {
  if (isWords<D>()) return halfMask<W>();
  else if (bitsOf<W>() == 8) return i8x16.splat(<i8>flip);
  else return byteMask<W>();
}

/**
 * y[count rows][streams panels] = panels x rows. The panels are read side by side, group by group: several streams keep more reads of
 * memory under way than one (1.6 times the speed). Panels are `panelStep` bytes apart, their results `yStep`; the rows of y `yBytes`.
 */
export function matvecCodes<W, D>(y: usize, yBytes: usize, yStep: usize, panel: usize, panelStep: usize, streams: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  const mask = fieldMask<W, D>(flip);
  const three = v128.load(BYTES_03);
  const four = v128.load(BYTES_04);
  let end = panel + <usize>streams * panelStep;
  for (let to = y, p = panel; p < end; p += panelStep, to += yStep) {
    for (let row: usize = 0; row < <usize>count; row++) memory.fill(to + row * yBytes, 0, 64);
  }
  let meta = record;
  for (let col = 0; col < k; col += groupSize) {
    let codes = headBytes(zero);
    for (let left = groupSize; left > 0; left -= actGroup) {
      const n = min(left, actGroup);
      let to = y;
      for (let p = panel; p < end; p += panelStep) {
        for (let row: i32 = 0; row < count; row++) {
          const at = rowAt(index, start + row) * recordBytes;
          const out = to + <usize>row * yBytes;
          if (isWords<D>()) dotGroupWords<W>(out, p, p + codes, record + valuesOffset + at, meta + at, n, zero, mask);
          else if (isPairs<D>()) dotGroupPairs<W>(out, p, p + codes, record + valuesOffset + at, meta + at, n, zero, mask, three, four);
          else dotGroupBytes<W>(out, p, p + codes, record + valuesOffset + at, meta + at, n, zero, flip, planes, <usize>k, mask, three, four);
        }
        to += yStep;
      }
      meta += 8;
      valuesOffset += <usize>(n * valueBytes<D>());
      codes += <usize>(2 * n * bitsOf<W>());
    }
    panel += codes;
    end += codes;
  }
}

/** A sum of upper bytes becomes the beginning of that of lower bytes. */
@inline function lifted(sum: v128, offset: v128): v128 { return i32x4.add(i32x4.shl(sum, 8), offset); }

/** y[8] += contribution of an activation group with the sums a and b to eight columns of row `r`. */
@inline function foldEight(y: usize, a: v128, b: v128, meta: usize, r: usize, scalesA: v128, scalesB: v128, zeros: usize, zero: i32): void {
  const actScale = v128.load32_splat(meta + 4 * r);
  if (zero < 0) {
    const sum = load<i32>(meta + 4 * (r + <usize>tileRows<Fours>()));
    const begun = i32x4.splat(sum);
    a = lessZeros(i32x4.sub(a, begun), zeros, sum), b = lessZeros(i32x4.sub(b, begun), zeros + 4, sum);
  }
  v128.store(y, fold(v128.load(y), a, scalesA, actScale));
  v128.store(y, fold(v128.load(y, 16), b, scalesB, actScale), 16);
}

/**
 * y[count rows][streams panels] += panels of 4-bit codes x rows of bytes; a code is unpacked once for three or four rows, which are laid out
 * as those of a tile: `cols` of their columns, of which the first is column `from` of the panels. Panels are `panelStep` bytes apart, their
 * results `yStep`; the rows of y `yBytes`.
 */
export function quadCodes(y: usize, yBytes: usize, yStep: usize, panel: usize, panelStep: usize, streams: i32, x: usize, count: i32, from: i32, cols: i32, groupSize: i32, actGroup: i32, zero: i32, planes: i32): void {
  const mask = v128.load(BYTES_0F);
  const c = <usize>(4 * tileRows<Fours>());
  panel += <usize>(from / groupSize) * groupBytes(4, groupSize, zero);
  from %= groupSize;
  for (let col = 0; col < cols; col += groupSize) {
    let codes = headBytes(zero) + <usize>(from << 3);
    for (let left = min(groupSize, cols - col); left > 0; left -= actGroup) {
      const n = min(left, actGroup);
      const bytes = <usize>(n << 3);
      let next = x, to = y;
      const end = panel + <usize>streams * panelStep;
      for (let p = panel; p < end; p += panelStep) {
        for (let half: usize = 0; half < 64; half += 32) {
          const head = p + (half >> 1), zeros = p + 32 + (half >> 2);
          let w = p + codes + half, at = x, meta = x;
          let a0 = v128.load32_splat(at, c), b0 = a0, a1 = v128.load32_splat(at, c + 4), b1 = a1, a2 = v128.load32_splat(at, c + 8), b2 = a2, a3 = v128.load32_splat(at, c + 12), b3 = a3;
          for (let plane = planes; ; ) {
            at += metaBytes<Fours>();
            const stop = w + bytes;
            do {
              const v = v128.load(w), u = v128.load(w, 16);
              let r = v128.and(v, mask), s = v128.and(u, mask), z = v128.load32_splat(at);
              a0 = addBytes<Fours>(a0, z, r), b0 = addBytes<Fours>(b0, z, s), z = v128.load32_splat(at, 4);
              a1 = addBytes<Fours>(a1, z, r), b1 = addBytes<Fours>(b1, z, s), z = v128.load32_splat(at, 8);
              a2 = addBytes<Fours>(a2, z, r), b2 = addBytes<Fours>(b2, z, s), z = v128.load32_splat(at, 12);
              a3 = addBytes<Fours>(a3, z, r), b3 = addBytes<Fours>(b3, z, s), z = v128.load32_splat(at, c);
              r = v128.and(i16x8.shr_u(v, 4), mask), s = v128.and(i16x8.shr_u(u, 4), mask);
              a0 = addBytes<Fours>(a0, z, r), b0 = addBytes<Fours>(b0, z, s), z = v128.load32_splat(at, c + 4);
              a1 = addBytes<Fours>(a1, z, r), b1 = addBytes<Fours>(b1, z, s), z = v128.load32_splat(at, c + 8);
              a2 = addBytes<Fours>(a2, z, r), b2 = addBytes<Fours>(b2, z, s), z = v128.load32_splat(at, c + 12);
              a3 = addBytes<Fours>(a3, z, r), b3 = addBytes<Fours>(b3, z, s);
              w += 64, at += 2 * c;
            } while (w < stop);
            if (--plane == 0) break;
            w -= bytes, meta = at;
            let o = v128.load32_splat(at, c);
            a0 = lifted(a0, o), b0 = lifted(b0, o), o = v128.load32_splat(at, c + 4);
            a1 = lifted(a1, o), b1 = lifted(b1, o), o = v128.load32_splat(at, c + 8);
            a2 = lifted(a2, o), b2 = lifted(b2, o), o = v128.load32_splat(at, c + 12);
            a3 = lifted(a3, o), b3 = lifted(b3, o);
          }
          const scalesA = scalesOf(head), scalesB = scalesOf(head + 8);
          foldEight(to, a0, b0, meta, 0, scalesA, scalesB, zeros, zero);
          foldEight(to + yBytes, a1, b1, meta, 1, scalesA, scalesB, zeros, zero);
          foldEight(to + 2 * yBytes, a2, b2, meta, 2, scalesA, scalesB, zeros, zero);
          if (count > 3) foldEight(to + 3 * yBytes, a3, b3, meta, 3, scalesA, scalesB, zeros, zero);
          next = at, to += 32;
        }
        to += yStep - 64;
      }
      x = next, codes += bytes;
    }
    panel += groupBytes(4, groupSize, zero);
  }
}
